/* SPDX-License-Identifier: MIT
 * likelihood_split_laplace.c - real values around m, with a scale below it and another one above
 *
 *     theta, for each value: m, t1, t2        b1 = e^t1 for x < m, b2 = e^t2 for x >= m, t within [-6, 6]
 *
 *     nll = sum |x - m| / b + ln(b1 + b2)     b: the one of the side where x is; E[x] = m + b2 - b1
 *
 *     d / dm = sign(m - x) / b                d / dt = b_t / (b1 + b2) - |x - m| / b_t on its own side, 0 where t is outside of [-6, 6]
 *
 *     x ~ m + b1 ln(u (b1 + b2) / b1) below u = b1 / (b1 + b2), else m - b2 ln((1 - u) (b1 + b2) / b2)        u uniform in (0, 1) */
#include "vae/likelihood.h"

#include <float.h>
#include <math.h>

#include "vae/likelihoods/natural_log.h"

#define MOST 6.0f

/* A run of values: theta, and what is made of it. */
typedef struct values {
    int64_t n;
    float m[VAEI_VALUES], t[2][VAEI_VALUES], b[2][VAEI_VALUES];
} values;

static void read_values(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t first, values *v) {
    v->n = p->size - first < VAEI_VALUES ? p->size - first : VAEI_VALUES;
    vaei_likelihood_get(p, theta, 0, first, v->n, v->m);
    for (int32_t side = 0; side < 2; side++) {
        vaei_likelihood_get(p, theta, 1 + side, first, v->n, v->t[side]);
        for (int64_t i = 0; i < v->n; i++) v->b[side][i] = fminf(fmaxf(v->t[side][i], -MOST), MOST);
        r->k->map[VAEI_MAP_EXP](v->n, 0, v->b[side], v->b[side]);
    }
}

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_likelihood_takes(p, 3, "a median and the logarithms of the scales below and above it", -1, 1);
    return VAE_OK;
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    double sum = 0;
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            const double e = (double)x[at + i] - (double)v.m[i];
            sum += fabs(e) / (double)v.b[e >= 0][i] + vaei_natural_log((double)v.b[0][i] + (double)v.b[1][i]);
        }
    }
    return sum;
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    (void)facts;
    float dm[VAEI_VALUES], dt[2][VAEI_VALUES];
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            const float e = x[at + i] - v.m[i];
            dm[i] = weight * (float)((e < 0) - (e > 0)) / v.b[e >= 0][i];
            for (int32_t side = 0; side < 2; side++) {
                const float b = v.b[side][i], own = side == (e >= 0) ? fabsf(e) / b : 0;
                dt[side][i] = fabsf(v.t[side][i]) > MOST ? 0 : weight * (b / (v.b[0][i] + v.b[1][i]) - own);
            }
        }
        vaei_likelihood_put(p, dtheta, 0, at, v.n, dm);
        for (int32_t side = 0; side < 2; side++) vaei_likelihood_put(p, dtheta, 1 + side, at, v.n, dt[side]);
    }
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) x[at + i] = v.m[i] + v.b[1][i] - v.b[0][i];
    }
}

static void mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    float db[VAEI_VALUES];
    values v;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        vaei_likelihood_add(p, dtheta, 0, at, v.n, dx + at);
        for (int32_t side = 0; side < 2; side++) {
            for (int64_t i = 0; i < v.n; i++) {
                const float d = fabsf(v.t[side][i]) > MOST ? 0 : dx[at + i] * v.b[side][i];
                db[i] = side ? d : -d;
            }
            vaei_likelihood_add(p, dtheta, 1 + side, at, v.n, db);
        }
    }
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    values v;
    vaei_noise_uniform(key, item, p->size, x);
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        read_values(p, r, theta, at, &v);
        for (int64_t i = 0; i < v.n; i++) {
            const double below = (double)v.b[0][i], above = (double)v.b[1][i], u = (double)x[at + i] + 0x1p-25;
            const double e = u * (below + above) < below ? below * vaei_natural_log(u * (below + above) / below)
                                                         : -above * vaei_natural_log((1 - u) * (below + above) / above);
            x[at + i] = (float)((double)v.m[i] + e);
        }
    }
}

const vaei_likelihood_ops vaei_likelihood_split_laplace = {
    .module = {.name = "split_laplace",
               .summary = "real values with an error of another size below and above the decoder's median",
               .examples = "split_laplace",
               .paper = ""},
    .lo = -FLT_MAX,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .mean = mean,
    .mean_backward = mean_backward,
    .sample = sample,
};
