/* SPDX-License-Identifier: MIT
 * training_task.h - a task, the part of a model that a training trains: the network (task_network.c), the prior of a frozen network
 * (task_prior.c), or the critic (task_critic.c). The objective decides which tasks run. The training (training.h) knows a task only by
 * this table. */
#ifndef VAEI_TRAINING_TASK_H
#define VAEI_TRAINING_TASK_H

#include "vae/network.h"
#include "vae/training/recipe.h"

enum { VAEI_TASK_LABEL = 1, VAEI_TASK_CODES = 2 }; /* members of a batch that a task reads, besides x, noise and weight */

/* The measures of a batch or a step: means over the examples of each part, then over the parts. */
typedef struct vaei_measures {
    double loss, recon, rate, aux, beta; /* beta of the last part */
    double level_rate[VAEI_LEVELS_MAX];  /* the rate of each latent */
    vaei_critic_facts critic;
    double lr, grad_norm;  /* set by apply */
    vaei_code_stats codes; /* of the last part */
} vaei_measures;

typedef struct vaei_training_task {
    int32_t reads;  /* VAEI_TASK_ */
    int32_t trains; /* VAEI_PARAM_OF_ flags of the trained parameters; the others are frozen */
    /* VAE_E_SPEC if the model cannot be trained in this way. */
    vae_status_t (*check)(const vaei_network *net, const vaei_recipe *recipe);
    /* VAE_E_UNSUPPORTED if something learns from the whole batch without weights. NULL: nothing does. */
    vae_status_t (*check_weight)(const vaei_network *net);
    int64_t (*least)(const vaei_network *net); /* the least number of examples of a batch */
    void (*carve)(const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w);
    /* Fills the packs after parameters have changed; `others`: not only parameters that the task trains have changed. */
    void (*pack)(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t others);
    /* The optimizer's steps before step `step` of the training; below 0: the task does not train yet. */
    int64_t (*steps)(const vaei_objective *o, int64_t step);
    /* Runs forward and backward over the batch: adds to r->grads and to *m. It fails if a part cannot start from the batch, or with
     * VAE_E_NUMERIC if the loss is not finite. If the run is cancelled, it returns early, and its results must not be used. */
    vae_status_t (*pass)(const vaei_network *net, const vaei_run *r, const vaei_work *w, const vaei_objective *o, vaei_measures *m);
    /* Updates without gradients (running averages): whether there are any; the updates; the metrics of codes before them. NULL: there
     * are none. */
    int32_t (*commits)(const vaei_network *net);
    void (*commit)(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);
    void (*measure)(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_code_stats *codes);
} vaei_training_task;

extern const vaei_training_task vaei_task_network, vaei_task_prior, vaei_task_critic;

enum { VAEI_TASKS_MOST = 2 };
/* The tasks of the recipe's objective, in the order of their passes: task[0] exists, the others may be NULL. */
void vaei_tasks_of(const vaei_recipe *recipe, const vaei_training_task *task[VAEI_TASKS_MOST]);

/* ---- for tasks ------------------------------------------------------------------------------------------------------ */

/* Evaluates the objective of the results of forward in *t, whose step and batch are set here, and then sets *m. */
vae_status_t vaei_task_evaluate(const vaei_run *r, const vaei_objective *o, vaei_terms *t, vaei_measures *m);

/* VAE_E_NUMERIC unless `loss` is finite. */
vae_status_t vaei_task_check_loss(const vaei_run *r, double loss);

int64_t vaei_task_every_step(const vaei_objective *o, int64_t step);

#endif
