/* SPDX-License-Identifier: MIT
 * likelihood_beta.c - the beta distribution of values in [0, 1]; the decoder gives the logarithms s and t of its two shapes.
 *
 *     p(x) = x^(a-1) (1-x)^(b-1) G(a + b) / (G(a) G(b))        a = e^s, b = e^t, s and t within [-6, 6]
 *
 *     nll = sum ln G(a) + ln G(b) - ln G(a + b) - (a - 1) ln x - (b - 1) ln(1 - x)        E[x] = a / (a + b) = sigmoid(s - t)
 *     d nll / d s = a (digamma(a) - digamma(a + b) - ln x), d nll / d t likewise with b and 1 - x; 0 outside of [-6, 6]
 *
 *     x ~ sigmoid(ln y - ln w), y and w gamma-distributed of the shapes a and b (gamma_draw.h)
 *
 * At 0 and 1 the density is 0 or infinite, so x is clamped to [2^-24, 1 - 2^-24]. For pictures with black and white pixels it is better to
 * scale x into the interior, or to use continuous_bernoulli or logistic_mixture. */
#include "vae/likelihood.h"

#include "vae/likelihoods/gamma_draw.h"
#include "vae/likelihoods/log_gamma.h"

#define MOST   6.0f
#define MARGIN 0x1p-24

/* For a run of values: the logarithms of both shapes, clamped to their bounds, and the shapes. */
typedef struct values {
    int64_t n;
    float log_shape[2][VAEI_VALUES], shape[2][VAEI_VALUES], moves[2][VAEI_VALUES];
} values;

static void read_values(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t first, values *v) {
    v->n = p->size - first < VAEI_VALUES ? p->size - first : VAEI_VALUES;
    for (int32_t j = 0; j < 2; j++) {
        float *const s = v->log_shape[j];
        vaei_likelihood_get(p, theta, j, first, v->n, s);
        for (int64_t i = 0; i < v->n; i++) {
            v->moves[j][i] = s[i] > MOST || s[i] < -MOST ? 0.0f : 1.0f;
            s[i] = s[i] > MOST ? MOST : s[i] < -MOST ? -MOST : s[i];
        }
        r->k->map[VAEI_MAP_EXP](v->n, 0, s, v->shape[j]);
    }
}

/* ln x for j = 0, ln(1 - x) for j = 1 */
static double log_of(float x, int32_t j) {
    const double y = j == 0 ? (double)x : 1 - (double)x;
    return vaei_natural_log(y < MARGIN ? MARGIN : y > 1 - MARGIN ? 1 - MARGIN : y);
}

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_likelihood_takes(p, 2, "the logarithms of two shapes", -1, 1);
    return VAE_OK;
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    double sum = 0;
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            const double a = (double)v.shape[0][i], b = (double)v.shape[1][i];
            sum += vaei_log_gamma(a) + vaei_log_gamma(b) - vaei_log_gamma(a + b);
            sum -= (a - 1) * log_of(x[at + i], 0) + (b - 1) * log_of(x[at + i], 1);
        }
    }
    return sum;
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    float d[VAEI_VALUES];
    values v;
    (void)facts;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int32_t j = 0; j < 2; j++) {
            for (int64_t i = 0; i < v.n; i++) {
                const double shape = (double)v.shape[j][i], both = (double)v.shape[0][i] + (double)v.shape[1][i];
                const double slope = shape * (vaei_digamma(shape) - vaei_digamma(both) - log_of(x[at + i], j));
                d[i] = vaei_flushed(v.moves[j][i] * (float)((double)weight * slope));
            }
            vaei_likelihood_put(p, dtheta, j, at, v.n, d);
        }
    }
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) x[at + i] = v.log_shape[0][i] - v.log_shape[1][i];
        r->k->map[VAEI_MAP_SIGMOID](v.n, 0, x + at, x + at);
    }
}

static void mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    float d[VAEI_VALUES], m[VAEI_VALUES];
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) m[i] = v.log_shape[0][i] - v.log_shape[1][i];
        r->k->map[VAEI_MAP_SIGMOID](v.n, 0, m, m);
        for (int32_t j = 0; j < 2; j++) {
            for (int64_t i = 0; i < v.n; i++) d[i] = (j == 0 ? 1.0f : -1.0f) * v.moves[j][i] * dx[at + i] * m[i] * (1 - m[i]);
            vaei_likelihood_add(p, dtheta, j, at, v.n, d);
        }
    }
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            double log_y[2];
            for (int32_t j = 0; j < 2; j++) log_y[j] = vaei_log_gamma_draw(r->k, key, item, 2 * (at + i) + j, (double)v.shape[j][i]);
            x[at + i] = (float)(log_y[0] - log_y[1]);
        }
        r->k->map[VAEI_MAP_SIGMOID](v.n, 0, x + at, x + at);
    }
}

const vaei_likelihood_ops vaei_likelihood_beta = {
    .module = {.name = "beta",
               .summary = "the beta distribution of values between 0 and 1; the decoder gives the logarithms of its two shapes",
               .examples = "beta",
               .paper = ""},
    .lo = 0,
    .hi = 1,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .mean = mean,
    .mean_backward = mean_backward,
    .sample = sample,
};
