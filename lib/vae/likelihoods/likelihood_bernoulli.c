/* SPDX-License-Identifier: MIT
 * likelihood_bernoulli.c - each value is a probability in [0, 1]; the decoder gives its logit a.
 *
 *     nll = sum softplus(a) - x a        d nll / d a = sigmoid(a) - x        E[x] = sigmoid(a) = s, d E[x] / d a = s (1 - s)
 *     x ~ 1 where u < sigmoid(a), else 0        u uniform in [0, 1)
 *
 * For x strictly between 0 and 1 this is the cross-entropy, which is not the log of a density; grey pixels are commonly
 * scored so.
 * Kingma, Welling 2013 (arXiv:1312.6114). */
#include "vae/likelihood.h"

#include <math.h>

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_likelihood_takes(p, 1, "logits", -INFINITY, INFINITY);
    return VAE_OK;
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    return r->k->bernoulli_nll(p->size, theta, x);
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    (void)facts;
    r->k->bernoulli_grad(p->size, weight, theta, x, dtheta);
}

static void x_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                       float *dx) {
    (void)r, (void)facts, (void)x;
    for (int64_t i = 0; i < p->size; i++) dx[i] = -weight * theta[i];
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    r->k->map[VAEI_MAP_SIGMOID](p->size, 0, theta, x);
}

static void mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    float probability[VAEI_VALUES], d[VAEI_VALUES];
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        r->k->map[VAEI_MAP_SIGMOID](n, 0, theta + at, probability);
        r->k->map_grad[VAEI_MAP_SIGMOID](n, 0, probability, dx + at, d);
        r->k->add(n, d, dtheta + at);
    }
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    float probability[VAEI_VALUES];
    vaei_noise_uniform(key, item, p->size, x);
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        r->k->map[VAEI_MAP_SIGMOID](n, 0, theta + at, probability);
        for (int64_t i = 0; i < n; i++) x[at + i] = x[at + i] < probability[i] ? 1.0f : 0.0f;
    }
}

const vaei_likelihood_ops vaei_likelihood_bernoulli = {
    .module = {.name = "bernoulli",
               .summary = "values in [0, 1] as probabilities; the decoder gives logits",
               .examples = "bernoulli",
               .paper = "Kingma, Welling 2013 (arXiv:1312.6114)"},
    .lo = 0,
    .hi = 1,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .x_backward = x_backward,
    .mean = mean,
    .mean_backward = mean_backward,
    .sample = sample,
};
