/* SPDX-License-Identifier: MIT
 * training_task.c - what the tasks share. */
#include "vae/training/training_task.h"

const vaei_training_task *vaei_task_of(const vaei_recipe *recipe) {
    return recipe->objective.flags & VAEI_OBJECTIVE_OF_PRIOR ? &vaei_task_prior : &vaei_task_network;
}

typedef struct noise_job {
    const vaei_run *r;
    int64_t D;
    float *noise;
} noise_job;

static void noise_task(void *arg, int32_t i) {
    const noise_job *const job = arg;
    vaei_noise_normal(job->r->k, job->r->noise, job->r->first_item + (uint32_t)i, job->D, job->noise + i * job->D);
}

void vaei_task_noise(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const int64_t D = vaei_shape_size(&net->latent.z);
    if (r->batch.noise) {
        memcpy(w->noise, r->batch.noise, (size_t)(r->n * D) * sizeof(float));
    } else if (!(net->latent.ops->flags & VAEI_LATENT_CODES)) {
        noise_job job = {r, D, w->noise};
        vaei_parallel(r->pool, (int32_t)r->n, noise_task, &job);
    }
}
