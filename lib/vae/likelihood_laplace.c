/* SPDX-License-Identifier: MIT
 * likelihood_laplace.c - real values around the decoder's output, all with one scale b: the absolute error.
 *
 *     nll = E / b + S ln(2 b)        E = sum |x - theta| over the S values of an example
 *     d nll / d theta = sign(theta - x) / b, 0 where they are equal        E[x] = theta
 *
 * With b = 1 its gradient is that of the L1 loss summed over an example. Outliers pull no harder than any other value, so edges stay
 * sharper than under a Gaussian. Laplace 1774. Not here: a learned scale. */
#include "vae/likelihood.h"

#include <float.h>
#include <math.h>

#include "vae/batch_groups.h"

typedef struct conf {
    float scale;
} conf;

static const vaei_option options[] = {
    {"scale", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, scale), 1, 0, 100, NULL,
     "b, the mean absolute error expected"},
    {0},
};

typedef struct job {
    const vaei_run *r;
    int64_t size;
    double scale;
    const float *theta, *x, *weight;
    double *nll;
    float *dtheta;
} job;

static job job_of(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    const conf *c = p->conf;
    return (job){.r = r, .size = p->size, .scale = (double)c->scale, .theta = theta, .x = x};
}

static void nll_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const double constant = (double)j->size * log(2 * j->scale);
    for (int64_t i = range.first; i < range.end; i++) {
        double sum = 0;
        for (int64_t k = i * j->size; k < (i + 1) * j->size; k++) sum += fabs((double)j->x[k] - (double)j->theta[k]);
        j->nll[i] = sum / j->scale + constant;
    }
}

static void nll(const vaei_likelihood *p, const vaei_run *r, void *cache, const float *theta, const float *x,
                double *out) {
    job j = job_of(p, r, theta, x);
    (void)cache;
    j.nll = out;
    vaei_parallel(r->pool, vaei_batch_groups(r->n), nll_task, &j);
}

static void backward_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) {
        const float slope = (float)((double)j->weight[i] / j->scale);
        for (int64_t k = i * j->size; k < (i + 1) * j->size; k++) {
            const int32_t sign = (j->theta[k] > j->x[k]) - (j->theta[k] < j->x[k]);
            j->dtheta[k] = (float)sign * slope;
        }
    }
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *cache, const float *theta, const float *x,
                     const float *weight, float *dtheta) {
    job j = job_of(p, r, theta, x);
    (void)cache;
    j.weight = weight;
    j.dtheta = dtheta;
    vaei_parallel(r->pool, vaei_batch_groups(r->n), backward_task, &j);
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    if (x != theta) memcpy(x, theta, (size_t)(r->n * p->size) * sizeof *x);
}

const vaei_likelihood_ops vaei_likelihood_laplace = {
    .module = {.name = "laplace",
               .summary = "real values around the decoder's output, by absolute error",
               .examples = "laplace\n"
                           "laplace scale=0.4",
               .conf_size = sizeof(conf),
               .options = options},
    .lo = -FLT_MAX,
    .hi = FLT_MAX,
    .nll = nll,
    .backward = backward,
    .mean = mean,
};
