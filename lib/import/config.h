/* SPDX-License-Identifier: MIT
 * config.h - what config.json beside a checkpoint says, as diffusers writes it. */
#ifndef VAEI_CONFIG_H
#define VAEI_CONFIG_H

#include "base/base.h"

typedef struct vaei_config {
    int32_t found;        /* there is such a file */
    char class_name[64];  /* _class_name; "": it has none */
    int64_t groups;       /* norm_num_groups; 0: not there */
    double factor, shift; /* scaling_factor, shift_factor; factor 0: not there */
} vaei_config;

/* config.json in the folder of `path`; without one, all is zero. VAE_E_IO; VAE_E_FORMAT if it is not JSON, or a value is of another kind;
 * VAE_E_LIMIT; VAE_E_NOMEM. */
vae_status_t vaei_config_read(vaei_config *c, vaei_heap *heap, const char *path);

#endif
