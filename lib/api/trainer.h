/* SPDX-License-Identifier: MIT
 * trainer.h - the trainer's parts, shared by trainer.c (steps), trainer_settings.c and trainer_file.c (checkpoints). */
#ifndef VAEI_TRAINER_H
#define VAEI_TRAINER_H

#include "api/given_batch.h"

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
    uint64_t packed;       /* the model's generation in the packs */
    uint64_t moves, still; /* objective prior: how often this trainer moved the prior; generations by others, in the packs */
    _Atomic int32_t cancel;
    uint64_t seed;
    int64_t step;                        /* steps applied */
    int64_t parts;                       /* calls of backward since */
    int64_t items;                       /* examples in them */
    double lr;                           /* base learning rate */
    double loss, recon, rate, aux, beta; /* sums over the parts; beta of the last */
    vaei_code_stats codes;               /* of the last part */
    int32_t n_slots;
    float *slot[VAEI_OPTIMIZER_SLOTS]; /* [n_trainable] each */
    float *grads;                      /* [n_floats] */
    double *norms;                     /* partial sums of squares */
    vaei_work work;
    vae_tensor_t *tensor; /* [params.count] over grads */
};

/* The slots of the host's optimizer, if there are any. */
void vaei_trainer_free_host_memory(vae_trainer_t *t);

vae_status_t vaei_check_trainer(const vae_trainer_t *trainer);

/* "adam", or the host optimizer's name. */
const char *vaei_trainer_optimizer_name(const vae_trainer_t *t);

#endif
