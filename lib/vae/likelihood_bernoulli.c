/* SPDX-License-Identifier: MIT
 * likelihood_bernoulli.c - each value is a probability in [0, 1]; the decoder gives its logit a.
 *
 *     nll = sum softplus(a) - x a        d nll / d a = sigmoid(a) - x        E[x] = sigmoid(a)
 *
 * For x strictly between 0 and 1 this is the cross-entropy, which is not the log of a density; grey pixels are commonly
 * scored so.
 * Kingma, Welling 2013 (arXiv:1312.6114). */
#include "vae/likelihood.h"

#include <math.h>

#include "vae/batch_groups.h"

typedef struct job {
    const vaei_run *r;
    int64_t size;
    const float *theta, *x, *weight;
    double *nll;
    float *out;
} job;

static void nll_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) {
        j->nll[i] = j->r->k->bernoulli_nll(j->size, j->theta + i * j->size, j->x + i * j->size);
    }
}

static void nll(const vaei_likelihood *p, const vaei_run *r, void *cache, const float *theta, const float *x,
                double *out) {
    job j = { .r = r, .size = p->size, .theta = theta, .x = x, .nll = out };
    (void)cache;
    vaei_parallel(r->pool, vaei_batch_groups(r->n), nll_task, &j);
}

static void backward_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) {
        const int64_t at = i * j->size;
        j->r->k->bernoulli_grad(j->size, j->weight[i], j->theta + at, j->x + at, j->out + at);
    }
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *cache, const float *theta, const float *x,
                     const float *weight, float *dtheta) {
    job j = { .r = r, .size = p->size, .theta = theta, .x = x, .weight = weight, .out = dtheta };
    (void)cache;
    vaei_parallel(r->pool, vaei_batch_groups(r->n), backward_task, &j);
}

static void mean_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const int64_t at = range.first * j->size, count = (range.end - range.first) * j->size;
    j->r->k->map[VAEI_MAP_SIGMOID](count, 0, j->theta + at, j->out + at);
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    job j = { .r = r, .size = p->size, .theta = theta, .out = x };
    vaei_parallel(r->pool, vaei_batch_groups(r->n), mean_task, &j);
}

const vaei_likelihood_ops vaei_likelihood_bernoulli = {
    .module = { .name = "bernoulli",
                .summary = "values in [0, 1] as probabilities; the decoder gives logits",
                .examples = "bernoulli",
                .paper = "Kingma, Welling 2013 (arXiv:1312.6114)" },
    .lo = 0,
    .hi = 1,
    .theta = "logits",
    .reach = {-INFINITY, INFINITY},
    .nll = nll,
    .backward = backward,
    .mean = mean,
};
