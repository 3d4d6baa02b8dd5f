/* SPDX-License-Identifier: MIT
 * training.h - a training at work: backward adds the gradients of batches, apply turns them into an update.
 *
 *     g = 1/parts sum_j grad loss_j        loss_j: mean over the examples of part j
 *     g = g * clip(|g|)                    |g| in double, over chunks of a fixed length joined in order
 *     w = optimizer(w, g, lr * schedule(step))
 *
 * Bits do not depend on threads: work is cut by the parameters' sizes. Nothing is applied unless loss and |g| are finite. */
#ifndef VAEI_TRAINING_H
#define VAEI_TRAINING_H

#include "vae/training/training_task.h"

/* What a batch or a step tells: means over the examples of each part, and then over parts. */
typedef struct vaei_measures {
    double loss, recon, rate, aux, beta; /* beta of the last part */
    double lr, grad_norm;                /* of apply */
    vaei_code_stats codes;               /* of the last part */
    double level_rate[VAEI_LEVELS_MAX];  /* of each latent, as rate */
} vaei_measures;

typedef struct vaei_training {
    const vaei_network *net;
    const vaei_recipe *recipe;
    const vaei_training_task *task;
    const vaei_kernels *k;
    const vaei_pool *pool;
    float *params;                /* of the model */
    _Atomic uint64_t *generation; /* of the parameters: counts their changes */
    uint64_t packed;              /* the generation in the packs */
    uint64_t moves, still;        /* changes by this training; generations by others, in the packs */
    /* A host's optimizer in place of the recipe's; NULL: none. It sees whole parameters, in order, on the calling thread. */
    void (*host_step)(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot);
    void *host;
    uint64_t seed;
    int64_t step;         /* steps applied */
    int64_t parts, items; /* calls of backward since, and examples in them */
    double lr;            /* base learning rate */
    vaei_measures sums;   /* over the parts */
    int32_t n_slots;
    float *slot[VAEI_OPTIMIZER_SLOTS]; /* [n_trainable] each */
    float *grads;                      /* [n_floats] */
    double *norms;                     /* partial sums of squares */
    vaei_work work;
} vaei_training;

/* Its memory: in the zeroed block behind what the owner carved. */
void vaei_training_carve(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t max_batch,
                         vaei_carve *c);

/* Step 0 of a carved training, whose owner sets k, pool, params and generation. */
void vaei_training_begin(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe);

/* Adds the gradients of r->n examples. VAE_E_NUMERIC and VAE_E_CANCELLED (the flag, which the caller takes down, was set) forget all
 * gradients; other failures change nothing. */
vae_status_t vaei_training_backward(vaei_training *t, int64_t n, const vaei_batch *batch, const _Atomic int32_t *cancel,
                                    vaei_measures *out);

/* One step by the gradients that were added, t->parts > 0. VAE_E_NUMERIC forgets them. */
vae_status_t vaei_training_apply(vaei_training *t, vaei_measures *out);

/* ---- gradients.c -------------------------------------------------------------------------------------------------- */

/* Doubles of t->norms. */
int64_t vaei_gradient_chunks(const vaei_params *p);
/* Of all gradients, as they have been added up. */
double vaei_gradient_norm(const vaei_training *t);
/* The parameters that the task moves: one step by gradients times `scale`. The gradients become 0. */
void vaei_gradients_apply(vaei_training *t, double lr, double scale);

#endif
