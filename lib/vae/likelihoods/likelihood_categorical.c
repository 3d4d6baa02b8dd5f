/* SPDX-License-Identifier: MIT
 * likelihood_categorical.c - tokens: at each place one of K, whose logits a[0..K-1] the decoder gives
 *
 *     nll = sum_t ln sum_k e^a[t][k] - a[t][x[t]]        d nll / d a[t][k] = p[t][k] - (k = x[t])        p = softmax(a)
 *
 *     x[t] = k where p[0] + ... + p[k-1] <= u < p[0] + ... + p[k]        u uniform in [0, 1)
 *
 * The "mean" is the most likely token, the first of the largest a, because a mean of tokens would not be a token. It has no derivative. */
#include "vae/likelihood.h"

#include <float.h>
#include <math.h>

#include "nn/softmax.h"
#include "vae/likelihoods/natural_log.h"

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_likelihood_takes(p, (int32_t)p->tokens, "the logits of the tokens", -INFINITY, INFINITY);
    return VAE_OK;
}

/* e[n] = e^(a - top) of some logits; returns their sum. */
static double exponentials(const vaei_kernels *k, int64_t n, float top, const float *a, float *e) {
    for (int64_t i = 0; i < n; i++) e[i] = a[i] - top;
    k->map[VAEI_MAP_EXP](n, 0, e, e);
    return k->sum(n, e);
}

static int64_t run_of(int64_t K, int64_t at) {
    return K - at < VAEI_VALUES ? K - at : VAEI_VALUES;
}

/* Finds the largest logit of a place and sum e^(a - top), run after run. */
static double sum_of(const vaei_kernels *k, int64_t K, const float *a, float *top) {
    float e[VAEI_VALUES];
    double sum = 0;
    *top = a[vaei_largest(K, a)];
    for (int64_t at = 0; at < K; at += VAEI_VALUES) sum += exponentials(k, run_of(K, at), *top, a + at, e);
    return sum;
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    const int64_t K = p->tokens;
    double sum = 0;
    for (int64_t t = 0; t < p->size; t++) {
        float top;
        const float *const a = theta + t * K;
        const double of_place = sum_of(r->k, K, a, &top);
        sum += vaei_natural_log(of_place) + ((double)top - (double)a[(int64_t)x[t]]);
    }
    return sum;
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    const int64_t K = p->tokens;
    (void)facts;
    for (int64_t t = 0; t < p->size; t++) {
        float top, *const d = dtheta + t * K;
        const float *const a = theta + t * K;
        const float share = (float)((double)weight / sum_of(r->k, K, a, &top));
        for (int64_t at = 0; at < K; at += VAEI_VALUES) (void)exponentials(r->k, run_of(K, at), top, a + at, d + at);
        r->k->scale(K, share, d);
        d[(int64_t)x[t]] -= weight;
    }
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    (void)r;
    for (int64_t t = 0; t < p->size; t++) x[t] = (float)vaei_largest(p->tokens, theta + t * p->tokens);
}

/* Returns the token at which the sum passes u times the total; by rounding it may be the last one. */
static int64_t drawn(const vaei_kernels *k, int64_t K, const float *a, double u) {
    float e[VAEI_VALUES], top;
    double left = u * sum_of(k, K, a, &top);
    int64_t best = vaei_largest(K, a);
    for (int64_t at = 0; at < K; at += VAEI_VALUES) {
        const int64_t n = run_of(K, at);
        (void)exponentials(k, n, top, a + at, e);
        for (int64_t i = 0; i < n; i++) {
            if (e[i] <= 0) continue;
            best = at + i;
            if ((left -= (double)e[i]) < 0) return best;
        }
    }
    return best;
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    vaei_noise_uniform(key, item, p->size, x);
    for (int64_t t = 0; t < p->size; t++) x[t] = (float)drawn(r->k, p->tokens, theta + t * p->tokens, (double)x[t]);
}

const vaei_likelihood_ops vaei_likelihood_categorical = {
    .module = {"categorical", "tokens, by the decoder's logits of each", "categorical", "", 0, NULL},
    .lo = 0,
    .hi = FLT_MAX,
    .of_tokens = 1,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .mean = mean,
    .sample = sample,
};
