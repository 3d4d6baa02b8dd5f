/* SPDX-License-Identifier: MIT
 * likelihood.c - the frame of all likelihoods: the loop over the examples of a batch, and the functions that all of them share.
 *
 * The number of examples alone decides their groups; a sum over the batch is the sum of each group, then of the groups in order. */
#include "vae/likelihood.h"

#include <math.h>

#include "vae/codes/batch_groups.h"
#include "vae/prior.h"

/* ---- theta -------------------------------------------------------------------------------------------------------- */

static void set_theta(vaei_likelihood *p, int32_t numbers) {
    p->theta = p->x;
    if (p->tokens > 0) p->theta.d[p->theta.n++] = numbers;
    else p->theta.d[p->x.n - 1] *= numbers;
    p->theta_size = p->size * numbers;
}

void vaei_likelihood_takes(vaei_likelihood *p, int32_t numbers, const char *what, float lo, float hi) {
    set_theta(p, numbers);
    p->takes = what;
    p->reach = (vaei_interval){lo, hi};
}

vae_status_t vaei_likelihood_plan(vaei_likelihood *p, vaei_build *b, const vaei_shape *x) {
    const char *const name = p->ops->module.name;
    char text[96];
    if (p->tokens > 0 && !p->ops->of_tokens)
        return vaei_fail(VAE_E_SPEC, "likelihood %s: is of numbers, the input has tokens=%lld: wanted categorical", name,
                         (long long)p->tokens);
    if (p->tokens == 0 && p->ops->of_tokens)
        return vaei_fail(VAE_E_SPEC, "likelihood %s: is of tokens: wanted 'input %s tokens=...'", name, vaei_shape_text(x, text));
    if (p->tokens > 0 && x->n == 4)
        return vaei_fail(VAE_E_SHAPE, "likelihood %s: adds a size to %s, wanted at most three", name, vaei_shape_text(x, text));
    p->x = *x;
    p->size = vaei_shape_size(x);
    p->n_params = p->of_batch = 0;
    set_theta(p, 1);
    return p->ops->plan ? p->ops->plan(p, b) : VAE_OK;
}

/* Visits number j of the values, from pixel to pixel. */
typedef struct walk {
    int64_t at, left, channels, step; /* left: values left in this pixel; step: the distance from its last value to the next pixel */
} walk;

static walk walk_from(const vaei_likelihood *p, int32_t j, int64_t first) {
    const int64_t C = p->x.d[p->x.n - 1], k = p->theta_size / p->size, c = first % C;
    return (walk){(first / C * k + j) * C + c, C - c, C, (k - 1) * C};
}

VAEI_INLINE int64_t next_of(walk *w) {
    const int64_t at = w->at++;
    if (--w->left == 0) {
        w->left = w->channels;
        w->at += w->step;
    }
    return at;
}

void vaei_likelihood_get(const vaei_likelihood *p, const float *theta, int32_t j, int64_t first, int64_t n, float *out) {
    walk w = walk_from(p, j, first);
    if (w.step == 0) {
        memcpy(out, theta + first, (size_t)n * sizeof(*out));
        return;
    }
    for (int64_t i = 0; i < n; i++) out[i] = theta[next_of(&w)];
}

void vaei_likelihood_put(const vaei_likelihood *p, float *theta, int32_t j, int64_t first, int64_t n, const float *in) {
    walk w = walk_from(p, j, first);
    for (int64_t i = 0; i < n; i++) theta[next_of(&w)] = in[i];
}

void vaei_likelihood_add(const vaei_likelihood *p, float *theta, int32_t j, int64_t first, int64_t n, const float *in) {
    walk w = walk_from(p, j, first);
    for (int64_t i = 0; i < n; i++) theta[next_of(&w)] += in[i];
}

/* ---- lengths ------------------------------------------------------------------------------------------------------ */

int64_t vaei_likelihood_values(const vaei_likelihood *p, const vaei_run *r, int64_t i) {
    return p->size / p->x.d[0] * vaei_run_length(r, i, p->x.d[0]);
}

int64_t vaei_likelihood_all_values(const vaei_likelihood *p, const vaei_run *r) {
    int64_t all = 0;
    for (int64_t i = 0; i < r->n; i++) all += vaei_likelihood_values(p, r, i);
    return all;
}

/* The likelihood of the existing steps of example i. */
static const vaei_likelihood *within(const vaei_likelihood *p, const vaei_run *r, int64_t i, vaei_likelihood *part) {
    const int64_t steps = p->x.d[0], length = vaei_run_length(r, i, steps);
    if (length == steps) return p;
    *part = *p;
    part->x.d[0] = part->theta.d[0] = length;
    part->size = p->size / steps * length;
    part->theta_size = p->theta_size / steps * length;
    return part;
}

static void clear_past(float *values, int64_t count, int64_t size) {
    memset(values + count, 0, (size_t)(size - count) * sizeof(*values));
}

/* ---- the batch ---------------------------------------------------------------------------------------------------- */

typedef struct job {
    const vaei_likelihood *p;
    const vaei_run *r;
    const void *facts;
    const float *theta, *x, *weight; /* x: or dx */
    double *nll;                     /* [n] */
    double *partial;                 /* [groups] */
    float *out;                      /* dtheta or x */
    uint64_t first;                  /* the first item of sample */
} job;

static void over_groups(job *j, vaei_task task) {
    vaei_parallel(j->r->pool, vaei_batch_groups(j->r->n), task, j);
}

static void nll_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const int64_t S = j->p->size, T = j->p->theta_size;
    vaei_likelihood part;
    for (int64_t i = range.first; i < range.end; i++)
        j->nll[i] = j->p->ops->nll(within(j->p, j->r, i, &part), j->r, j->theta + i * T, j->x + i * S);
}

void vaei_likelihood_nll(const vaei_likelihood *p, const vaei_run *r, void *facts, const float *theta, const float *x, double *nll) {
    job j = {.p = p, .r = r, .theta = theta, .x = x, .nll = nll};
    over_groups(&j, nll_task);
    if (p->ops->settle) p->ops->settle(p, r, facts, nll);
}

static void slope_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const int64_t S = j->p->size, T = j->p->theta_size;
    vaei_likelihood part;
    double sum = 0;
    for (int64_t i = range.first; i < range.end; i++)
        sum += (double)j->weight[i] * j->p->ops->slope(within(j->p, j->r, i, &part), j->r, j->facts, j->theta + i * T, j->x + i * S);
    j->partial[group] = sum;
}

static void backward_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const int64_t S = j->p->size, T = j->p->theta_size;
    for (int64_t i = range.first; i < range.end; i++) {
        vaei_likelihood part;
        const vaei_likelihood *const p = within(j->p, j->r, i, &part);
        p->ops->backward(p, j->r, j->facts, j->theta + i * T, j->x + i * S, j->weight[i], j->out + i * T);
        clear_past(j->out + i * T, p->theta_size, T);
    }
}

void vaei_likelihood_backward(const vaei_likelihood *p, const vaei_run *r, void *facts, const float *theta, const float *x,
                              const float *weight, float *dtheta) {
    double partial[VAEI_BATCH_GROUPS] = {0}, slope = 0;
    job j = {.p = p, .r = r, .facts = facts, .theta = theta, .x = x, .weight = weight, .partial = partial, .out = dtheta};
    if (p->of_batch) {
        over_groups(&j, slope_task);
        for (int32_t g = 0; g < vaei_batch_groups(r->n); g++) slope += partial[g];
        p->ops->carry(p, r, facts, slope);
    }
    over_groups(&j, backward_task);
}

static void x_backward_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const int64_t S = j->p->size, T = j->p->theta_size;
    for (int64_t i = range.first; i < range.end; i++) {
        vaei_likelihood part;
        const vaei_likelihood *const p = within(j->p, j->r, i, &part);
        p->ops->x_backward(p, j->r, j->facts, j->theta + i * T, j->x + i * S, j->weight[i], j->out + i * S);
        clear_past(j->out + i * S, p->size, S);
    }
}

void vaei_likelihood_x_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x,
                                const float *weight, float *dx) {
    job j = {.p = p, .r = r, .facts = facts, .theta = theta, .x = x, .weight = weight, .out = dx};
    over_groups(&j, x_backward_task);
}

static void mean_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) {
        vaei_likelihood part;
        const vaei_likelihood *const p = within(j->p, j->r, i, &part);
        p->ops->mean(p, j->r, j->theta + i * j->p->theta_size, j->out + i * j->p->size);
        clear_past(j->out + i * j->p->size, p->size, j->p->size);
    }
}

void vaei_likelihood_mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    job j = {.p = p, .r = r, .theta = theta, .out = x};
    over_groups(&j, mean_task);
}

static void mean_backward_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    const int64_t S = j->p->size, T = j->p->theta_size;
    for (int64_t i = range.first; i < range.end; i++) j->p->ops->mean_backward(j->p, j->r, j->theta + i * T, j->x + i * S, j->out + i * T);
}

void vaei_likelihood_mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    job j = {.p = p, .r = r, .theta = theta, .x = dx, .out = dtheta};
    if (p->ops->mean_backward) over_groups(&j, mean_backward_task);
}

static void sample_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) {
        const uint64_t position = j->first + (uint64_t)i;
        vaei_noise_key key = vaei_prior_key(j->r->noise.seed, position);
        key.stream = VAEI_STREAM_VALUES;
        vaei_likelihood part;
        const vaei_likelihood *const p = within(j->p, j->r, i, &part);
        p->ops->sample(p, j->r, key, (uint32_t)position, j->theta + i * j->p->theta_size, j->out + i * j->p->size);
        clear_past(j->out + i * j->p->size, p->size, j->p->size);
    }
}

void vaei_likelihood_sample(const vaei_likelihood *p, const vaei_run *r, uint64_t first, const float *theta, float *x) {
    job j = {.p = p, .r = r, .theta = theta, .out = x, .first = first};
    over_groups(&j, sample_task);
}
