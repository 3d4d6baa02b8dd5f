/* SPDX-License-Identifier: MIT
 * counts.c - computes the logarithms, derivatives and draws of the distributions of counts.h. */
#include "vae/likelihoods/counts.h"

#include <math.h>

#include "vae/likelihoods/gamma_draw.h"
#include "vae/likelihoods/log_gamma.h"

#define LOG_MEAN_MOST  12.0f
#define LOG_SHAPE_MOST 6.0f

void vaei_counts_keep(vaei_likelihood *p, int32_t distribution) {
    static const int32_t distributions[] = {[VAEI_POISSON] = VAEI_POISSON, [VAEI_NEGATIVE_BINOMIAL] = VAEI_NEGATIVE_BINOMIAL};
    p->state = &distributions[distribution];
}

static int32_t distribution_of(const vaei_likelihood *p) {
    return *(const int32_t *)p->state;
}

int32_t vaei_counts_numbers(int32_t distribution) {
    return distribution == VAEI_NEGATIVE_BINOMIAL ? 2 : 1;
}

/* Reads parameter j of each value, clamped to its bounds, and computes its exponential. */
static void read_number(const vaei_likelihood *p, const vaei_run *r, const float *theta, int32_t j, int64_t first, int64_t n, float most,
                        float *value, float *power, float *moves) {
    vaei_likelihood_get(p, theta, j, first, n, value);
    for (int64_t i = 0; i < n; i++) {
        moves[i] = value[i] > most || value[i] < -most ? 0.0f : 1.0f;
        value[i] = value[i] > most ? most : value[i] < -most ? -most : value[i];
    }
    r->k->map[VAEI_MAP_EXP](n, 0, value, power);
}

void vaei_counts_read(const vaei_likelihood *p, const vaei_run *r, int32_t number, const float *theta, int64_t first, vaei_counts *c) {
    c->distribution = distribution_of(p);
    c->n = p->size - first < VAEI_COUNTS ? p->size - first : VAEI_COUNTS;
    read_number(p, r, theta, number, first, c->n, LOG_MEAN_MOST, c->a, c->mean, c->a_moves);
    if (c->distribution == VAEI_NEGATIVE_BINOMIAL)
        read_number(p, r, theta, number + 1, first, c->n, LOG_SHAPE_MOST, c->t, c->shape, c->t_moves);
}

/* a - t, and t - a */
static void log_ratios(const vaei_counts *c, float *more, float *less) {
    for (int64_t i = 0; i < c->n; i++) {
        more[i] = c->a[i] - c->t[i];
        less[i] = -more[i];
    }
}

void vaei_counts_log_p(const vaei_counts *c, const vaei_run *r, const float *x, double *out) {
    float more[VAEI_COUNTS], less[VAEI_COUNTS];
    for (int64_t i = 0; i < c->n; i++) out[i] = -vaei_log_gamma((double)x[i] + 1);
    if (c->distribution == VAEI_POISSON) {
        for (int64_t i = 0; i < c->n; i++) out[i] += (double)x[i] * (double)c->a[i] - (double)c->mean[i];
        return;
    }
    log_ratios(c, more, less);
    r->k->map[VAEI_MAP_SOFTPLUS](c->n, 0, more, more);
    r->k->map[VAEI_MAP_SOFTPLUS](c->n, 0, less, less);
    for (int64_t i = 0; i < c->n; i++) {
        const double shape = (double)c->shape[i], count = (double)x[i];
        out[i] += vaei_log_gamma(count + shape) - vaei_log_gamma(shape) - shape * (double)more[i] - count * (double)less[i];
    }
}

void vaei_counts_slopes(const vaei_counts *c, const vaei_run *r, const float *x, float *d_a, float *d_t) {
    float more[VAEI_COUNTS], less[VAEI_COUNTS], softplus[VAEI_COUNTS];
    if (c->distribution == VAEI_POISSON) {
        for (int64_t i = 0; i < c->n; i++) d_a[i] = c->a_moves[i] * (x[i] - c->mean[i]);
        return;
    }
    log_ratios(c, more, less);
    r->k->map[VAEI_MAP_SOFTPLUS](c->n, 0, more, softplus);
    r->k->map[VAEI_MAP_SIGMOID](c->n, 0, more, more);
    r->k->map[VAEI_MAP_SIGMOID](c->n, 0, less, less);
    for (int64_t i = 0; i < c->n; i++) {
        const double shape = (double)c->shape[i], count = (double)x[i];
        const double by_mean = count * (double)less[i] - shape * (double)more[i];
        const double digammas = vaei_digamma(count + shape) - vaei_digamma(shape);
        d_a[i] = c->a_moves[i] * (float)by_mean;
        d_t[i] = c->t_moves[i] * (float)(shape * (digammas - (double)softplus[i]) - by_mean);
    }
}

/* ---- draws --------------------------------------------------------------------------------------------------------- */

static double power_of_e(const vaei_run *r, double x) {
    float y = (float)x;
    r->k->map[VAEI_MAP_EXP](1, 0, &y, &y);
    return (double)y;
}

/* Subtracts the probabilities from u, beginning at the mode and going outwards on both sides. */
static double poisson_of(const vaei_run *r, double mean, double u) {
    const double mode = floor(mean);
    double up = power_of_e(r, mode * vaei_natural_log(mean) - mean - vaei_log_gamma(mode + 1)), down = up, above = mode, below = mode;
    u -= up;
    while (u >= 0 && (up > 0x1p-40 || (down > 0x1p-40 && below > 0))) {
        above += 1;
        up *= mean / above;
        u -= up;
        if (u < 0) return above;
        if (!(below > 0)) continue;
        down *= below / mean;
        below -= 1;
        u -= down;
        if (u < 0) return below;
    }
    return mode;
}

void vaei_counts_draw(const vaei_counts *c, const vaei_run *r, vaei_noise_key key, uint32_t item, int64_t first, float *x) {
    for (int64_t i = 0; i < c->n; i++) {
        double mean = (double)c->mean[i], u[4];
        if (c->distribution == VAEI_NEGATIVE_BINOMIAL) {
            const double log_y = vaei_log_gamma_draw(r->k, key, item, first + i, (double)c->shape[i]);
            mean = power_of_e(r, log_y + (double)c->a[i] - (double)c->t[i]);
        }
        vaei_draw_uniforms(key, item, first + i, u);
        x[i] = mean > 0 ? (float)poisson_of(r, mean, u[0]) : 0.0f;
    }
}

/* ---- likelihoods of one distribution ---------------------------------------------------------------------------------------- */

void vaei_counts_plan(vaei_likelihood *p, int32_t distribution, const char *what) {
    vaei_counts_keep(p, distribution);
    vaei_likelihood_takes(p, vaei_counts_numbers(distribution), what, -1, 1);
}

double vaei_counts_nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    vaei_counts c;
    double log_p[VAEI_COUNTS], sum = 0;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        vaei_counts_read(p, r, 0, theta, at, &c);
        vaei_counts_log_p(&c, r, x + at, log_p);
        for (int64_t i = 0; i < c.n; i++) sum -= log_p[i];
    }
    return sum;
}

void vaei_counts_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                          float *dtheta) {
    vaei_counts c;
    float d[2][VAEI_COUNTS];
    (void)facts;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        vaei_counts_read(p, r, 0, theta, at, &c);
        vaei_counts_slopes(&c, r, x + at, d[0], d[1]);
        for (int32_t j = 0; j < vaei_counts_numbers(c.distribution); j++) {
            for (int64_t i = 0; i < c.n; i++) d[j][i] = vaei_flushed(-weight * d[j][i]);
            vaei_likelihood_put(p, dtheta, j, at, c.n, d[j]);
        }
    }
}

void vaei_counts_mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    vaei_counts c;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        vaei_counts_read(p, r, 0, theta, at, &c);
        memcpy(x + at, c.mean, (size_t)c.n * sizeof(*x));
    }
}

void vaei_counts_mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    vaei_counts c;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        vaei_counts_read(p, r, 0, theta, at, &c);
        for (int64_t i = 0; i < c.n; i++) c.mean[i] *= c.a_moves[i] * dx[at + i];
        vaei_likelihood_add(p, dtheta, 0, at, c.n, c.mean);
    }
}

void vaei_counts_sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    vaei_counts c;
    for (int64_t at = 0; at < p->size; at += VAEI_COUNTS) {
        vaei_counts_read(p, r, 0, theta, at, &c);
        vaei_counts_draw(&c, r, key, item, at, x + at);
    }
}
