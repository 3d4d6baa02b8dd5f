/* SPDX-License-Identifier: MIT
 * training.h - a training: backward adds the gradients of batches, apply updates the parameters.
 *
 *     g = 1/parts sum_j grad loss_j        loss_j: mean over the examples of part j
 *     g = g * clip(|g|)                    |g| in double, over chunks of a fixed length, added in order
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
    vaei_learner learner[VAEI_TASKS_MOST]; /* the first is that of the network, or of the prior */
    const vaei_kernels *k;
    const vaei_pool *pool;
    float *params;                /* of the model */
    _Atomic uint64_t *generation; /* of the parameters: the number of their changes */
    uint64_t packed;              /* the generation of the weights in the packs */
    uint64_t own_changes, others; /* changes by this training; those by others when the weights were packed */
    /* A host's optimizer in place of the first learner's; NULL: none. It gets whole parameters, in order, in the calling thread. */
    void (*host_step)(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot);
    void *host;
    uint64_t seed;
    int64_t step;         /* steps made */
    int64_t parts, items; /* calls of backward since the last step, and examples in them */
    vaei_measures sums;   /* sums over the parts */
    float *grads;         /* [n_floats] */
    double *norms;        /* partial sums of squares */
    vaei_samples samples;
    vaei_work work;
} vaei_training;

/* VAE_E_SPEC if the model cannot be trained by this recipe; and the least number of examples of a batch. */
vae_status_t vaei_training_check(const vaei_network *net, const vaei_recipe *recipe);
int64_t vaei_training_least(const vaei_network *net, const vaei_recipe *recipe);

/* Carves the learners and the memory of a training, in the zeroed block behind the memory that the owner has carved. The owner then sets
 * net, recipe, k, pool, params and generation. */
void vaei_training_carve(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t max_batch,
                         vaei_carve *c);

/* Sets the base learning rate, also that of a critic without its own optimizer. */
void vaei_training_set_lr(vaei_training *t, double lr);

/* Returns the optimizer's array number `slot` of a trained parameter, or NULL if there is none. */
float *vaei_training_slot(const vaei_training *t, const vaei_param *p, int32_t slot);

/* Adds the gradients of r->n examples. After VAE_E_NUMERIC and VAE_E_CANCELLED (the flag was set; the caller clears it) all gradients
 * are lost; other failures change nothing. */
vae_status_t vaei_training_backward(vaei_training *t, int64_t n, const vaei_batch *batch, const _Atomic int32_t *cancel,
                                    vaei_measures *out);

/* Makes one step by the gradients that were added, t->parts > 0. After VAE_E_NUMERIC the gradients are lost. */
vae_status_t vaei_training_apply(vaei_training *t, vaei_measures *out);

/* ---- gradients.c -------------------------------------------------------------------------------------------------- */

/* The number of doubles in t->norms. */
int64_t vaei_gradient_chunks(const vaei_params *p);
/* The 2-norm of all gradients of a learner, as they were added up. */
double vaei_gradient_norm(const vaei_training *t, const vaei_learner *m);
/* The update of a learner's parameters. */
typedef struct vaei_update {
    int32_t rests; /* 1: the learner does not change its parameters */
    double lr, scale;
} vaei_update;
/* Makes one step of all parameters by their gradients times the scale of the learner's update. The gradients become 0. */
void vaei_gradients_apply(vaei_training *t, const vaei_update *updates);

#endif
