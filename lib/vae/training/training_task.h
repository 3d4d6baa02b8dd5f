/* SPDX-License-Identifier: MIT
 * training_task.h - what a training trains: the network (task_network.c), or the model's prior beside a network that stands still
 * (task_prior.c). The objective decides which. The training (training.h) knows nothing else about the two. */
#ifndef VAEI_TRAINING_TASK_H
#define VAEI_TRAINING_TASK_H

#include "vae/network.h"
#include "vae/training/recipe.h"

enum { VAEI_TASK_LABEL = 1, VAEI_TASK_CODES = 2 }; /* members of a batch, beside x, noise and weight, that a task reads */

typedef struct vaei_training_task {
    int32_t reads; /* VAEI_TASK_ */
    int32_t moves; /* VAEI_PARAM_OF_ flags of the parameters that move; the others keep their values */
    /* VAE_E_SPEC if the model can't be trained thus. */
    vae_status_t (*check)(const vaei_network *net, const vaei_recipe *recipe);
    /* VAE_E_UNSUPPORTED if something learns from the batch as a whole, with no place for weights. */
    vae_status_t (*check_weight)(const vaei_network *net);
    int64_t (*least)(const vaei_network *net); /* examples of a batch */
    void (*carve)(const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w);
    /* Fills the packs after parameters changed; `others`: not only those that the task moves itself. */
    void (*pack)(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t others);
    /* Forward: tells what the objective sees of the batch. Fails if a part can't start from it. Backward, when the objective has been
     * evaluated, adds to r->grads. Both return early when the run is cancelled. */
    vae_status_t (*forward)(const vaei_network *net, const vaei_run *r, const vaei_work *w, const vaei_objective *o, vaei_terms *terms);
    void (*backward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* What moves without gradients: is there any; it moves; and what codes were like before (measure may be NULL). */
    int32_t (*commits)(const vaei_network *net);
    void (*commit)(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);
    void (*measure)(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_code_stats *codes);
} vaei_training_task;

extern const vaei_training_task vaei_task_network, vaei_task_prior;

/* The task of the recipe's objective. */
const vaei_training_task *vaei_task_of(const vaei_recipe *recipe);

#endif
