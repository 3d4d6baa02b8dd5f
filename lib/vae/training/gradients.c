/* SPDX-License-Identifier: MIT
 * gradients.c - the norm of the gradients, and the step that they become: slices of parameters over threads, or whole parameters through
 * the host's optimizer. */
#include "vae/training/training.h"

#include <math.h>

#define NORM_CHUNK ((int64_t)1 << 16) /* floats of one partial sum */
#define SLICE      ((int64_t)1 << 14) /* floats of one optimizer task */

static int64_t pieces(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

int64_t vaei_gradient_chunks(const vaei_params *p) {
    return pieces(p->n_floats, NORM_CHUNK) + 1;
}

typedef struct norm_job {
    const vaei_training *t;
} norm_job;

static void norm_task(void *arg, int32_t i) {
    const norm_job *const job = arg;
    const vaei_training *const t = job->t;
    const int64_t first = i * NORM_CHUNK, rest = t->net->params.n_trainable - first;
    t->norms[i] = t->k->sum_squares(rest < NORM_CHUNK ? rest : NORM_CHUNK, t->grads + first);
}

double vaei_gradient_norm(const vaei_training *t) {
    const int32_t tasks = (int32_t)pieces(t->net->params.n_trainable, NORM_CHUNK);
    norm_job job = {t};
    double sum = 0.0;
    vaei_parallel(t->pool, tasks, norm_task, &job);
    for (int32_t i = 0; i < tasks; i++) sum += t->norms[i];
    return sqrt(sum);
}

typedef struct update_job {
    vaei_training *t;
    const vaei_param *p;
    float lr, decay, scale;
} update_job;

static void slots_at(const vaei_training *t, int64_t at, float **slot) {
    for (int32_t j = 0; j < t->n_slots; j++) slot[j] = t->slot[j] + at;
}

static void update_task(void *arg, int32_t i) {
    const update_job *const job = arg;
    const vaei_training *const t = job->t;
    const vaei_recipe *const recipe = t->recipe;
    const int64_t first = i * SLICE, n = job->p->count - first < SLICE ? job->p->count - first : SLICE;
    const int64_t at = job->p->offset + first;
    float *slot[VAEI_OPTIMIZER_SLOTS] = {NULL};
    slots_at(t, at, slot);
    if (job->scale != 1.0f) t->k->scale(n, job->scale, t->grads + at);
    if (t->host_step) return;
    recipe->optimizer->step(recipe->optimizer_conf, t->k, n, t->step + 1, job->lr, job->decay, t->grads + at, t->params + at, slot);
    memset(t->grads + at, 0, (size_t)n * sizeof(float)); /* while it is in the cache */
}

static void update_by_host(const update_job *job) {
    const vaei_training *const t = job->t;
    const int64_t at = job->p->offset;
    float *slot[VAEI_OPTIMIZER_SLOTS] = {NULL};
    slots_at(t, at, slot);
    t->host_step(t->host, job->p->count, t->step + 1, job->lr, job->decay, t->grads + at, t->params + at, slot);
    memset(t->grads + at, 0, (size_t)job->p->count * sizeof(float));
}

void vaei_gradients_apply(vaei_training *t, double lr, double scale) {
    const vaei_params *const p = &t->net->params;
    const float decay = (float)t->recipe->optimizer->decay(t->recipe->optimizer_conf);
    const int32_t wanted = VAEI_PARAM_TRAINED | t->task->moves;
    update_job job = {.t = t, .lr = (float)lr, .scale = (float)scale};
    for (int64_t i = 0; i < p->count; i++) {
        job.p = p->at[i];
        if ((job.p->flags & (VAEI_PARAM_TRAINED | VAEI_PARAM_OF_PRIOR)) != wanted) {
            memset(t->grads + job.p->offset, 0, (size_t)job.p->count * sizeof(float));
            continue;
        }
        job.decay = job.p->flags & VAEI_PARAM_DECAYED ? decay : 0.0f;
        vaei_parallel(t->pool, (int32_t)pieces(job.p->count, SLICE), update_task, &job);
        if (t->host_step) update_by_host(&job);
    }
}
