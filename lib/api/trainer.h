/* SPDX-License-Identifier: MIT
 * trainer.h - the members of a trainer, which trainer.c (steps), trainer_settings.c and trainer_file.c (checkpoints) share. */
#ifndef VAEI_TRAINER_H
#define VAEI_TRAINER_H

#include "api/given_batch.h"
#include "vae/training/training.h"

struct vae_trainer {
    uint32_t magic;
    vae_model_t *model;
    vaei_arena arena; /* holds the recipe */
    vaei_recipe recipe;
    vae_optimizer_t host; /* the host's optimizer; if its step is NULL, the recipe's optimizer is used */
    char host_name[64];
    float *host_memory; /* the slots of the host's optimizer */
    size_t bytes;       /* the size of the block that begins with this struct */
    int64_t max_batch;
    _Atomic int32_t cancel;
    vaei_training training;
    vae_tensor_t *tensor; /* [params.count], over the gradients */
};

/* Frees the slots of the host's optimizer, if there are any. */
void vaei_trainer_free_host_memory(vae_trainer_t *t);

vae_status_t vaei_check_trainer(const vae_trainer_t *trainer);

/* Returns "adam", or the name of the host's optimizer. */
const char *vaei_trainer_optimizer_name(const vae_trainer_t *t);

#endif
