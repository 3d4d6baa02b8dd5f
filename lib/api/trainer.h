/* SPDX-License-Identifier: MIT
 * trainer.h - the trainer's parts, shared by trainer.c (steps), trainer_settings.c and trainer_file.c (checkpoints). */
#ifndef VAEI_TRAINER_H
#define VAEI_TRAINER_H

#include "api/given_batch.h"
#include "vae/training/training.h"

struct vae_trainer {
    uint32_t magic;
    vae_model_t *model;
    vaei_arena arena; /* the recipe */
    vaei_recipe recipe;
    vae_optimizer_t host; /* the host's optimizer; step NULL: the recipe's */
    char host_name[64];
    float *host_memory; /* slots of the host's optimizer */
    size_t bytes;       /* of the block that begins here */
    int64_t max_batch;
    _Atomic int32_t cancel;
    vaei_training training;
    vae_tensor_t *tensor; /* [params.count] over grads */
};

/* The slots of the host's optimizer, if there are any. */
void vaei_trainer_free_host_memory(vae_trainer_t *t);

vae_status_t vaei_check_trainer(const vae_trainer_t *trainer);

/* "adam", or the host optimizer's name. */
const char *vaei_trainer_optimizer_name(const vae_trainer_t *t);

#endif
