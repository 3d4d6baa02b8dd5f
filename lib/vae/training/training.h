/* SPDX-License-Identifier: MIT
 * training.h - a training: backward adds the gradients of batches, apply updates the parameters.
 *
 *     g = 1/parts sum_j grad loss_j        loss_j: mean over the examples of part j
 *     g = g * clip(|g|)                    |g| in double, over chunks of a fixed length joined in order
 *     w = optimizer(w, g, lr * schedule(step))
 *
 * Bits do not depend on threads: the sizes of the parameters alone divide the work. No update happens unless loss and |g| are finite. */
#ifndef VAEI_TRAINING_H
#define VAEI_TRAINING_H

#include "vae/training/samples.h"
#include "vae/training/training_task.h"

/* A task with its optimizer. Its parameters are in floats [first, first + count). */
typedef struct vaei_learner {
    const vaei_training_task *task;
    const vaei_optimizer_ops *optimizer;
    const void *conf;
    int64_t first, count;
    double lr, decay; /* base learning rate; weight decay of the parameters that are decayed */
    int32_t n_slots;
    float *slot[VAEI_OPTIMIZER_SLOTS]; /* [count] each */
} vaei_learner;

typedef struct vaei_training {
    const vaei_network *net;
    const vaei_recipe *recipe;
    int32_t n_learners;
    vaei_learner learner[VAEI_TASKS_MOST]; /* the first is the network's, or the prior's */
    const vaei_kernels *k;
    const vaei_pool *pool;
    float *params;                /* of the model */
    _Atomic uint64_t *generation; /* of the parameters: counts their changes */
    uint64_t packed;              /* the generation in the packs */
    uint64_t own_changes, others; /* changes by this training; generations by others, in the packs */
    /* A host's optimizer in place of that of the first learner; NULL: none. It sees whole parameters, in order, on the calling thread. */
    void (*host_step)(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot);
    void *host;
    uint64_t seed;
    int64_t step;         /* steps applied */
    int64_t parts, items; /* calls of backward since, and examples in them */
    vaei_measures sums;   /* over the parts */
    float *grads;         /* [n_floats] */
    double *norms;        /* partial sums of squares */
    vaei_samples samples;
    vaei_work work;
} vaei_training;

/* VAE_E_SPEC if the model can't be trained by this recipe; and the examples that a batch has at least. */
vae_status_t vaei_training_check(const vaei_network *net, const vaei_recipe *recipe);
int64_t vaei_training_least(const vaei_network *net, const vaei_recipe *recipe);

/* Its learners and its memory, in the zeroed block behind what the owner carved. The owner then sets net, recipe, k, pool, params and
 * generation. */
void vaei_training_carve(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t max_batch,
                         vaei_carve *c);

/* The base learning rate, also of a critic that has no optimizer of its own. */
void vaei_training_set_lr(vaei_training *t, double lr);

/* The optimizer's memory of a trained parameter, or NULL: it has no array number `slot`. */
float *vaei_training_slot(const vaei_training *t, const vaei_param *p, int32_t slot);

/* Adds the gradients of r->n examples. VAE_E_NUMERIC and VAE_E_CANCELLED (the flag, which the caller takes down, was set) forget all
 * gradients; other failures change nothing. */
vae_status_t vaei_training_backward(vaei_training *t, int64_t n, const vaei_batch *batch, const _Atomic int32_t *cancel,
                                    vaei_measures *out);

/* One step by the gradients that were added, t->parts > 0. VAE_E_NUMERIC forgets them. */
vae_status_t vaei_training_apply(vaei_training *t, vaei_measures *out);

/* ---- gradients.c -------------------------------------------------------------------------------------------------- */

/* Doubles of t->norms. */
int64_t vaei_gradient_chunks(const vaei_params *p);
/* The 2-norm of all gradients of a learner, as they have been added up. */
double vaei_gradient_norm(const vaei_training *t, const vaei_learner *m);
/* How a learner updates its parameters. */
typedef struct vaei_update {
    int32_t rests; /* nothing */
    double lr, scale;
} vaei_update;
/* One step of all parameters by gradients times the scale of their learner's update. The gradients become 0. */
void vaei_gradients_apply(vaei_training *t, const vaei_update *updates);

#endif
