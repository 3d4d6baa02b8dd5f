/* SPDX-License-Identifier: MIT
 * training_task.h - a task, the part of a model that a training trains: the network (task_network.c), the prior of a frozen network
 * (task_prior.c), or the critic (task_critic.c). The objective decides which tasks run. The training (training.h) knows a task only by
 * this table. */
#ifndef VAEI_TRAINING_TASK_H
#define VAEI_TRAINING_TASK_H

#include "vae/network.h"
#include "vae/training/recipe.h"

enum { VAEI_TASK_LABEL = 1, VAEI_TASK_CODES = 2 }; /* members of a batch, beside x, noise and weight, that a task reads */

/* What a batch or a step tells: means over the examples of each part, and then over parts. */
typedef struct vaei_measures {
    double loss, recon, rate, aux, beta; /* beta of the last part */
    double level_rate[VAEI_LEVELS_MAX];  /* of each latent, as rate */
    vaei_critic_facts critic;
    double lr, grad_norm;  /* of apply */
    vaei_code_stats codes; /* of the last part */
} vaei_measures;

typedef struct vaei_training_task {
    int32_t reads;  /* VAEI_TASK_ */
    int32_t trains; /* VAEI_PARAM_OF_ flags of the trained parameters; the others are frozen */
    /* VAE_E_SPEC if the model can't be trained thus. */
    vae_status_t (*check)(const vaei_network *net, const vaei_recipe *recipe);
    /* VAE_E_UNSUPPORTED if something learns from the batch as a whole, with no place for weights. NULL: nothing does. */
    vae_status_t (*check_weight)(const vaei_network *net);
    int64_t (*least)(const vaei_network *net); /* examples of a batch */
    void (*carve)(const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w);
    /* Fills the packs after parameters changed; `others`: not only those that the task trains. */
    void (*pack)(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t others);
    /* Steps of the optimizer before step `step` of the training; below 0: it does not train yet. */
    int64_t (*steps)(const vaei_objective *o, int64_t step);
    /* Forward and back over the batch: adds to r->grads, and to what *m tells. Fails if a part can't start from the batch, or by
     * VAE_E_NUMERIC if the loss is not finite. Returns early, and with nothing of use, when the run is cancelled. */
    vae_status_t (*pass)(const vaei_network *net, const vaei_run *r, const vaei_work *w, const vaei_objective *o, vaei_measures *m);
    /* Updates without gradients (running averages): whether there are any; the updates; metrics of codes before them. NULL: none. */
    int32_t (*commits)(const vaei_network *net);
    void (*commit)(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);
    void (*measure)(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_code_stats *codes);
} vaei_training_task;

extern const vaei_training_task vaei_task_network, vaei_task_prior, vaei_task_critic;

enum { VAEI_TASKS_MOST = 2 };
/* The tasks of the recipe's objective, in the order of their passes: task[0] is there, the others may be NULL. */
void vaei_tasks_of(const vaei_recipe *recipe, const vaei_training_task *task[VAEI_TASKS_MOST]);

/* ---- for tasks ------------------------------------------------------------------------------------------------------ */

/* The objective of what forward has left in *t, whose step and batch are set here; then *m. */
vae_status_t vaei_task_evaluate(const vaei_run *r, const vaei_objective *o, vaei_terms *t, vaei_measures *m);

/* VAE_E_NUMERIC unless `loss` is finite. */
vae_status_t vaei_task_check_loss(const vaei_run *r, double loss);

int64_t vaei_task_every_step(const vaei_objective *o, int64_t step);

#endif
