/* SPDX-License-Identifier: MIT
 * likelihood_continuous_bernoulli.c - values in [0, 1] by the density whose logarithm is a line; the decoder gives its slope a, the logit
 * of a Bernoulli distribution. Bernoulli's cross-entropy lacks the constant that makes this a density of grey values:
 *
 *     p(x) = e^(a x) a / (e^a - 1)        nll = sum A(a) - a x        A(a) = ln((e^a - 1) / a)
 *     E[x] = A'(a) = 1 / (1 - e^-a) - 1 / a        d nll / d a = E[x] - x        d E[x] / d a = A''(a) = 1 / a^2 - e^-a / (1 - e^-a)^2
 *
 * All are found from b = |a|, by A(-b) = A(b) - b, A'(-b) = 1 - A'(b), A''(-b) = A''(b), and for b < 1, where differences would cancel,
 * from the series of A(b) - b / 2 = ln(sinh(b/2) / (b/2)) = b^2/24 - b^4/2880 + b^6/181440 - ...
 *
 *     x ~ -ln(1 - u (1 - e^-b)) / b for a = -b, one minus that for a = b, u for a = 0        u uniform in [0, 1)
 *
 * The densities of pictures that are nearly black or white are large, so the nll may be negative. Loaiza-Ganem, Cunningham 2019
 * (arXiv:1907.06845); their parameter is lambda = sigmoid(a), and they need no series but a cut around lambda = 1/2. */
#include "vae/likelihood.h"

#include <math.h>

#include "vae/likelihoods/natural_log.h"

/* A run of values: b and 1 - e^-b. */
typedef struct values {
    int64_t n;
    float b[VAEI_VALUES], rest[VAEI_VALUES];
} values;

static void read_values(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t first, values *v) {
    v->n = p->size - first < VAEI_VALUES ? p->size - first : VAEI_VALUES;
    for (int64_t i = 0; i < v->n; i++) {
        v->b[i] = fabsf(theta[first + i]);
        v->rest[i] = -v->b[i];
    }
    r->k->map[VAEI_MAP_ELU](v->n, 1, v->rest, v->rest); /* e^-b - 1 */
    for (int64_t i = 0; i < v->n; i++) v->rest[i] = -v->rest[i];
}

/* sum of term[i] y^i */
static double series(const double *term, int32_t count, double y) {
    double sum = 0;
    for (int32_t i = count - 1; i >= 0; i--) sum = sum * y + term[i];
    return sum;
}

/* A(b) */
static double normaliser(const values *v, int64_t i) {
    static const double term[] = {1.0 / 24, -1.0 / 2880, 1.0 / 181440, -1.0 / 9676800, 1.0 / 479001600};
    const double b = (double)v->b[i];
    if (b < 1) return 0.5 * b + b * b * series(term, VAEI_COUNT(term), b * b);
    return b + vaei_natural_log((double)v->rest[i]) - vaei_natural_log(b);
}

/* A'(a) */
static double expected(const values *v, int64_t i, float a) {
    static const double term[] = {1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160};
    const double b = (double)v->b[i];
    const double of_b = b < 1 ? 0.5 + b * series(term, VAEI_COUNT(term), b * b) : 1 / (double)v->rest[i] - 1 / b;
    return a < 0 ? 1 - of_b : of_b;
}

/* A''(a) */
static double spread(const values *v, int64_t i) {
    static const double term[] = {1.0 / 12, -1.0 / 240, 1.0 / 6048, -1.0 / 172800, 1.0 / 5322240};
    const double b = (double)v->b[i], rest = (double)v->rest[i];
    return b < 1 ? series(term, VAEI_COUNT(term), b * b) : 1 / (b * b) - (1 - rest) / (rest * rest);
}

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_likelihood_takes(p, 1, "logits", -1, 1);
    return VAE_OK;
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    double sum = 0;
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            const double a = (double)theta[at + i];
            sum += normaliser(&v, i) - (a < 0 ? v.b[i] : 0) - a * (double)x[at + i];
        }
    }
    return sum;
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    (void)facts;
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) dtheta[at + i] = weight * (float)(expected(&v, i, theta[at + i]) - (double)x[at + i]);
    }
}

static void x_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                       float *dx) {
    (void)r, (void)facts, (void)x;
    for (int64_t i = 0; i < p->size; i++) dx[i] = -weight * theta[i];
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) x[at + i] = (float)expected(&v, i, theta[at + i]);
    }
}

static void mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) dtheta[at + i] += (float)(spread(&v, i) * (double)dx[at + i]);
    }
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    values v;
    vaei_noise_uniform(key, item, p->size, x);
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            const double b = (double)v.b[i], u = (double)x[at + i];
            const double low = b > 0 ? -vaei_natural_log(1 - u * (double)v.rest[i]) / b : u;
            const double value = theta[at + i] > 0 ? 1 - low : low;
            x[at + i] = (float)(value > 1 ? 1 : value); /* it is above 1 only by rounding; a NaN is kept */
        }
    }
}

const vaei_likelihood_ops vaei_likelihood_continuous_bernoulli = {
    .module = {.name = "continuous_bernoulli",
               .summary = "values in [0, 1] by a density of grey values; the decoder gives logits",
               .examples = "continuous_bernoulli",
               .paper = "Loaiza-Ganem, Cunningham 2019 (arXiv:1907.06845)"},
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
