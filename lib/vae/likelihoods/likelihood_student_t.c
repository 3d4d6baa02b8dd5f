/* SPDX-License-Identifier: MIT
 * likelihood_student_t.c - real values with outliers: Student's t with v degrees of freedom, around a location m, with a scale e^s, both
 * the decoder's for each value (location_scale.h).
 *
 *     nll = sum (v + 1)/2 ln(1 + u^2 / v) + s - c        u = (x - m) e^-s        E[x] = m, for v > 1
 *     f'(u) = (v + 1) u / (v + u^2)
 *
 *     c = ln G((v + 1)/2) - ln G(v/2) - ln(pi v)/2 = ln q(v/2) - ln(2 pi)/2        q(y) = G(y + 1/2) / (G(y) sqrt y)
 *     q(y) = 1 - 1/(8 y) + 1/(128 y^2) + 5/(1024 y^3) - ...  for large y, else  q(y) = q(y + 1) sqrt((y + 1) / y) y / (y + 1/2)
 *
 *     u ~ a sqrt(v (e^(R/v) - 1) / R), R = a^2 + b^2, a and b standard normal
 *
 * v from 1 on is a compromise between the Cauchy (1) and the normal distribution; the gradient of a large error falls as (v + 1) / u.
 * The variance is e^2s v / (v - 2), for v > 2. Below v = 1/2 samples would pass the range of floats. Gosset 1908; the samples are those
 * of Bailey 1994 (Math. Comp. 62), by the radius of Box and Muller. Not here: v for each value. */
#include "vae/likelihoods/location_scale.h"

#include <float.h>
#include <math.h>

#include "vae/likelihoods/natural_log.h"

#define HALF_LN_2PI 0.91893853320467274178

typedef struct conf {
    float df;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, df, 4, 0.5, 1000, "degrees of freedom; the fewer, the less an outlier counts"),
    {0},
};

/* ln q(y), by terms whose next one is below 1e-16 from y = 64 on */
static double log_of_quotient(double y) {
    static const double term[] = {39325.0 / 33554432, 869.0 / 4194304, -399.0 / 262144, -21.0 / 32768, 5.0 / 1024, 1.0 / 128, -1.0 / 8};
    double far = y, product = 1, series = 0;
    for (; far < 64; far += 1) product *= far / (far + 0.5);
    for (size_t i = 0; i < VAEI_COUNT(term); i++) series = (series + term[i]) / far;
    return vaei_natural_log((1 + series) * product * sqrt(far / y));
}

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    const conf *c = p->conf;
    double *constant = vaei_arena_alloc(b->arena, sizeof(*constant));
    if (!constant) return VAE_E_NOMEM;
    *constant = log_of_quotient(0.5 * (double)c->df) - HALF_LN_2PI;
    p->state = constant;
    vaei_scaled_takes(p, "a location and the logarithm of a scale");
    return VAE_OK;
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    const conf *c = p->conf;
    const double df = (double)c->df, *constant = p->state;
    double u[VAEI_VALUES], logs = 0, log_scales = 0;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        log_scales += vaei_scaled_errors(p, r, theta, x, at, n, u);
        for (int64_t i = 0; i < n; i++) logs += vaei_natural_log(1 + u[i] * u[i] / df);
    }
    return 0.5 * (df + 1) * logs + log_scales - (double)p->size * *constant;
}

static void slope(const vaei_likelihood *p, int64_t n, const double *u, double *out) {
    const conf *c = p->conf;
    const double df = (double)c->df;
    for (int64_t i = 0; i < n; i++) out[i] = (df + 1) * u[i] / (df + u[i] * u[i]);
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    (void)facts;
    vaei_scaled_backward(p, r, theta, x, weight, dtheta, slope);
}

static void x_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                       float *dx) {
    (void)facts;
    vaei_scaled_x_backward(p, r, theta, x, weight, dx, slope);
}

/* e^w - 1 is computed as e^w (1 - e^-w), so that neither the difference nor the power loses digits. */
static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    enum { RUN = VAEI_VALUES / 2 };
    const conf *c = p->conf;
    float normal[2 * RUN], square[RUN], root_of_power[RUN], rest[RUN];
    for (int64_t at = 0; at < p->size; at += RUN) {
        const int64_t n = p->size - at < RUN ? p->size - at : RUN;
        vaei_noise_normal_from(r->k, key, item, 2 * at, 2 * n, normal);
        for (int64_t i = 0; i < n; i++) {
            square[i] = normal[2 * i] * normal[2 * i] + normal[2 * i + 1] * normal[2 * i + 1];
            root_of_power[i] = 0.5f * square[i] / c->df;
            rest[i] = -square[i] / c->df;
        }
        r->k->map[VAEI_MAP_EXP](n, 0, root_of_power, root_of_power);
        r->k->map[VAEI_MAP_ELU](n, 1, rest, rest);
        for (int64_t i = 0; i < n; i++) {
            const float longer = square[i] > 0 ? sqrtf(-rest[i] * c->df / square[i]) * root_of_power[i] : 1.0f;
            x[at + i] = normal[2 * i] * longer;
        }
        vaei_scaled_place(p, r, theta, at, n, x + at);
    }
}

const vaei_likelihood_ops vaei_likelihood_student_t = {
    .module = {.name = "student_t",
               .summary = "real values with outliers; the decoder gives the location and the logarithm of the scale of each value",
               .examples = "student_t\n"
                           "student_t df=2.5",
               .paper = "Takahashi et al. 2018 (IJCAI, Student-t variational autoencoder)",
               .conf_size = sizeof(conf),
               .options = options},
    .lo = -FLT_MAX,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .x_backward = x_backward,
    .mean = vaei_scaled_location,
    .mean_backward = vaei_scaled_location_backward,
    .sample = sample,
};
