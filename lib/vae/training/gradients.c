/* SPDX-License-Identifier: MIT
 * gradients.c - computes the norm of the gradients, and updates the parameters: slices of them on several threads, or whole parameters by
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
    const vaei_learner *m;
} norm_job;

static void norm_task(void *arg, int32_t i) {
    const norm_job *const job = arg;
    const int64_t first = i * NORM_CHUNK, rest = job->m->count - first;
    job->t->norms[i] = job->t->k->sum_squares(rest < NORM_CHUNK ? rest : NORM_CHUNK, job->t->grads + job->m->first + first);
}

double vaei_gradient_norm(const vaei_training *t, const vaei_learner *m) {
    const int32_t tasks = (int32_t)pieces(m->count, NORM_CHUNK);
    norm_job job = {t, m};
    double sum = 0.0;
    vaei_parallel(t->pool, tasks, norm_task, &job);
    for (int32_t i = 0; i < tasks; i++) sum += t->norms[i];
    return sqrt(sum);
}

typedef struct update_job {
    const vaei_training *t;
    const vaei_learner *m;
    const vaei_param *p;
    int64_t step; /* steps of this optimizer, from 1 */
    float lr, decay, scale;
    int32_t by_host;
} update_job;

static void slots_at(const vaei_learner *m, int64_t at, float **slot) {
    for (int32_t j = 0; j < m->n_slots; j++) slot[j] = m->slot[j] + (at - m->first);
}

static void update_task(void *arg, int32_t i) {
    const update_job *const job = arg;
    const vaei_training *const t = job->t;
    const int64_t first = i * SLICE, n = job->p->count - first < SLICE ? job->p->count - first : SLICE;
    const int64_t at = job->p->offset + first;
    float *slot[VAEI_OPTIMIZER_SLOTS] = {NULL};
    slots_at(job->m, at, slot);
    if (job->scale != 1.0f) t->k->scale(n, job->scale, t->grads + at);
    if (job->by_host) return;
    job->m->optimizer->step(job->m->conf, t->k, n, job->step, job->lr, job->decay, t->grads + at, t->params + at, slot);
}

static void update_by_host(const update_job *job) {
    const vaei_training *const t = job->t;
    const int64_t at = job->p->offset;
    float *slot[VAEI_OPTIMIZER_SLOTS] = {NULL};
    slots_at(job->m, at, slot);
    t->host_step(t->host, job->p->count, job->step, job->lr, job->decay, t->grads + at, t->params + at, slot);
    memset(t->grads + at, 0, (size_t)job->p->count * sizeof(float));
}

/* Scales the gradients of a parameter and then changes them as the clip wants it, on the calling thread; the tasks do not scale again. */
static void limit(update_job *job) {
    const vaei_training *const t = job->t;
    const vaei_recipe *const recipe = t->recipe;
    const vaei_param *const p = job->p;
    float *const g = t->grads + p->offset;
    if (!recipe->clip->limit) return;
    const int64_t rows = p->ndim > 1 ? p->shape[0] : 1;
    t->k->scale(p->count, job->scale, g);
    recipe->clip->limit(recipe->clip_conf, t->k, rows, p->count / rows, t->params + p->offset, g);
    job->scale = 1;
}

/* Returns the index of the learner whose task trains the parameter, or -1. */
static int32_t learner_of(const vaei_training *t, const vaei_param *p) {
    const int32_t kinds = VAEI_PARAM_TRAINED | VAEI_PARAM_OF_PRIOR | VAEI_PARAM_OF_CRITIC;
    for (int32_t i = 0; i < t->n_learners; i++)
        if ((p->flags & kinds) == (VAEI_PARAM_TRAINED | t->learner[i].task->trains)) return i;
    return -1;
}

void vaei_gradients_apply(vaei_training *t, const vaei_update *updates) {
    const vaei_params *const all = &t->net->params;
    for (int64_t i = 0; i < all->count; i++) {
        const vaei_param *const p = all->at[i];
        const int32_t number = learner_of(t, p);
        if (number < 0 || updates[number].rests) {
            memset(t->grads + p->offset, 0, (size_t)p->count * sizeof(float));
            continue;
        }
        const vaei_learner *const m = &t->learner[number];
        update_job job = {.t = t, .m = m, .p = p, .lr = (float)updates[number].lr, .scale = (float)updates[number].scale};
        job.step = m->task->steps(&t->recipe->objective, t->step) + 1;
        job.decay = p->flags & VAEI_PARAM_DECAYED ? (float)m->decay : 0.0f;
        job.by_host = number == 0 && t->host_step;
        limit(&job);
        vaei_parallel(t->pool, (int32_t)pieces(p->count, SLICE), update_task, &job);
        if (job.by_host) update_by_host(&job);
    }
}
