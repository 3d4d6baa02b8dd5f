/* SPDX-License-Identifier: MIT
 * config.h - reads config.json beside a checkpoint, in the form that diffusers writes. */
#ifndef VAEI_CONFIG_H
#define VAEI_CONFIG_H

#include "base/base.h"

typedef struct vaei_config {
    int32_t found;        /* 1: the file exists */
    char class_name[64];  /* _class_name; "": the file does not give it */
    int64_t groups;       /* norm_num_groups; 0: the file does not give it */
    double factor, shift; /* scaling_factor, shift_factor; factor 0: the file does not give it */
} vaei_config;

/* Reads config.json in the folder of `path`. If there is no such file, all members are zero. VAE_E_IO; VAE_E_FORMAT if the file is not
 * JSON or a value has a wrong kind; VAE_E_LIMIT; VAE_E_NOMEM. */
vae_status_t vaei_config_read(vaei_config *c, vaei_heap *heap, const char *path);

#endif
