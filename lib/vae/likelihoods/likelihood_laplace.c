/* SPDX-License-Identifier: MIT
 * likelihood_laplace.c - real values around the decoder's output, all with one scale b: the absolute error.
 *
 *     nll = E / b + S ln(2 b)        E = sum |x - theta| over the S values of an example
 *     d nll / d theta = sign(theta - x) / b, 0 where they are equal        E[x] = theta
 *     x ~ theta + b ln 2u below u = 1/2, else theta - b ln 2(1 - u)        u uniform in [0, 1); 2^-24 keeps the logarithm's argument from 0
 *
 * With b = 1 its gradient is that of the L1 loss summed over an example. An outlier has no larger gradient than any other value, so edges
 * are sharper than with a Gaussian. Laplace 1774. Not here: a learned scale. */
#include "vae/likelihoods/location_scale.h"

#include <float.h>
#include <math.h>

typedef struct conf {
    float scale;
} conf;

static const vaei_option options[] = {
    {"scale", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, scale), 1, 0, 100, NULL,
     "scale b of the distribution, the expected absolute error"},
    {0},
};

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    const conf *c = p->conf;
    const double scale = (double)c->scale;
    double sum = 0;
    (void)r;
    for (int64_t i = 0; i < p->size; i++) sum += fabs((double)x[i] - (double)theta[i]);
    return sum / scale + (double)p->size * log(2 * scale);
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    const conf *c = p->conf;
    const float slope = (float)((double)weight / (double)c->scale);
    (void)r, (void)facts;
    for (int64_t i = 0; i < p->size; i++) {
        const int32_t sign = (theta[i] > x[i]) - (theta[i] < x[i]);
        dtheta[i] = (float)sign * slope;
    }
}

static void x_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                       float *dx) {
    backward(p, r, facts, theta, x, -weight, dx);
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    const conf *c = p->conf;
    float logs[VAEI_VALUES];
    vaei_noise_uniform(key, item, p->size, x);
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        for (int64_t i = 0; i < n; i++) logs[i] = 2 * (x[at + i] < 0.5f ? x[at + i] : 1 - x[at + i]) + 0x1p-24f;
        r->k->map[VAEI_MAP_LOG](n, 0, logs, logs);
        for (int64_t i = 0; i < n; i++) x[at + i] = theta[at + i] + (x[at + i] < 0.5f ? c->scale : -c->scale) * logs[i];
    }
}

const vaei_likelihood_ops vaei_likelihood_laplace = {
    .module = {.name = "laplace",
               .summary = "real values around the decoder's output, scored by absolute error",
               .examples = "laplace\n"
                           "laplace scale=0.4",
               .conf_size = sizeof(conf),
               .options = options},
    .lo = -FLT_MAX,
    .hi = FLT_MAX,
    .nll = nll,
    .backward = backward,
    .x_backward = x_backward,
    .mean = vaei_scaled_location,
    .mean_backward = vaei_scaled_location_backward,
    .sample = sample,
};
