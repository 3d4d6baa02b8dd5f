/* SPDX-License-Identifier: MIT
 * likelihood_zero_inflated.c - counts with added zeros: x is 0 with probability q = sigmoid(g), otherwise x has the distribution `of`
 * (counts.h), P. theta is g, then the parameters of P.
 *
 *     p(0) = q + (1 - q) P(0)        p(x) = (1 - q) P(x)        E[x] = (1 - q) e^a
 *
 *     nll = softplus(g) - ln(e^g + P(0)) for x = 0, else softplus(g) - ln P(x)
 *     d nll / d g = q - s, d nll / d theta of P = (s - 1) d ln P / d theta        s = sigmoid(g - ln P(0)) for x = 0, else 0
 *
 *     x ~ 0 if u < q, else drawn from P
 *
 * Lambert 1992 (Technometrics 34). */
#include "vae/likelihoods/counts.h"

#include <float.h>

#include "vae/likelihoods/gamma_draw.h"
#include "vae/likelihoods/natural_log.h"

typedef struct conf {
    int32_t of;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(conf, of, VAEI_NEGATIVE_BINOMIAL, "poisson|negative_binomial", "distribution of counts that are not added zeros"),
    {0},
};

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    const conf *const c = p->conf;
    (void)b;
    vaei_counts_keep(p, c->of);
    vaei_likelihood_takes(p, 1 + vaei_counts_numbers(c->of),
                          "the logit of an added zero, and the logarithms of the distribution's parameters", -1, 1);
    return VAE_OK;
}

/* For a run of values: the parameters of P, g and softplus(g). */
typedef struct inflated {
    vaei_counts counts;
    float g[VAEI_COUNTS], softplus[VAEI_COUNTS];
    double log_p[VAEI_COUNTS];
} inflated;

static void read_values(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, int64_t at, inflated *v) {
    vaei_counts_read(p, r, 1, theta, at, &v->counts);
    vaei_counts_log_p(&v->counts, r, x + at, v->log_p);
    vaei_likelihood_get(p, theta, 0, at, v->counts.n, v->g);
    r->k->map[VAEI_MAP_SOFTPLUS](v->counts.n, 0, v->g, v->softplus);
}

/* Computes ln(e^g + P) with P = e^log_p, without overflow. */
static double log_sum(const vaei_run *r, double g, double log_p) {
    const double more = g > log_p ? g : log_p, less = g > log_p ? log_p : g;
    float e = (float)(less - more);
    r->k->map[VAEI_MAP_EXP](1, 0, &e, &e);
    return more + vaei_natural_log(1 + (double)e);
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    inflated v;
    double sum = 0;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        read_values(p, r, theta, x, at, &v);
        for (int64_t i = 0; i < v.counts.n; i++)
            sum += (double)v.softplus[i] - (x[at + i] > 0 ? v.log_p[i] : log_sum(r, (double)v.g[i], v.log_p[i]));
    }
    return sum;
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    inflated v;
    float d[2][VAEI_COUNTS], q[VAEI_COUNTS], share[VAEI_COUNTS];
    (void)facts;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        read_values(p, r, theta, x, at, &v);
        const int64_t n = v.counts.n;
        r->k->map[VAEI_MAP_SIGMOID](n, 0, v.g, q);
        for (int64_t i = 0; i < n; i++) share[i] = (float)((double)v.g[i] - v.log_p[i]);
        r->k->map[VAEI_MAP_SIGMOID](n, 0, share, share);
        for (int64_t i = 0; i < n; i++) {
            if (x[at + i] > 0) share[i] = 0;
            q[i] = vaei_flushed(weight * (q[i] - share[i]));
        }
        vaei_likelihood_put(p, dtheta, 0, at, n, q);
        vaei_counts_slopes(&v.counts, r, x + at, d[0], d[1]);
        for (int32_t j = 0; j < vaei_counts_numbers(v.counts.distribution); j++) {
            for (int64_t i = 0; i < n; i++) d[j][i] = vaei_flushed(weight * (share[i] - 1) * d[j][i]);
            vaei_likelihood_put(p, dtheta, 1 + j, at, n, d[j]);
        }
    }
}

/* Computes 1 - q of the run that starts at `at`, and the parameters of P. */
static void read_rest(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t at, vaei_counts *counts, float *rest) {
    vaei_counts_read(p, r, 1, theta, at, counts);
    vaei_likelihood_get(p, theta, 0, at, counts->n, rest);
    for (int64_t i = 0; i < counts->n; i++) rest[i] = -rest[i];
    r->k->map[VAEI_MAP_SIGMOID](counts->n, 0, rest, rest);
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    vaei_counts counts;
    float rest[VAEI_COUNTS];
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        read_rest(p, r, theta, at, &counts, rest);
        for (int64_t i = 0; i < counts.n; i++) x[at + i] = rest[i] * counts.mean[i];
    }
}

static void mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    vaei_counts counts;
    float rest[VAEI_COUNTS], d[2][VAEI_COUNTS];
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        read_rest(p, r, theta, at, &counts, rest);
        for (int64_t i = 0; i < counts.n; i++) {
            const float slope = dx[at + i] * counts.mean[i] * rest[i];
            d[0][i] = -slope * (1 - rest[i]);
            d[1][i] = slope * counts.a_moves[i];
        }
        for (int32_t j = 0; j < 2; j++) vaei_likelihood_add(p, dtheta, j, at, counts.n, d[j]);
    }
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    vaei_counts counts;
    float rest[VAEI_COUNTS];
    double u[4];
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        read_rest(p, r, theta, at, &counts, rest);
        vaei_counts_draw(&counts, r, key, item, at, x + at);
        for (int64_t i = 0; i < counts.n; i++) {
            vaei_draw_uniforms(key, item, at + i, u);
            if (u[1] >= (double)rest[i]) x[at + i] = 0;
        }
    }
}

const vaei_likelihood_ops vaei_likelihood_zero_inflated = {
    .module = {.name = "zero_inflated",
               .summary = "counts with added zeros; the decoder gives the logit of an added zero and the parameters of `of`",
               .examples = "zero_inflated\n"
                           "zero_inflated of=poisson",
               .paper = "Lambert 1992 (Technometrics 34)",
               .conf_size = sizeof(conf),
               .options = options},
    .lo = 0,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .mean = mean,
    .mean_backward = mean_backward,
    .sample = sample,
};
