/* SPDX-License-Identifier: MIT
 * measure_dci.c - disentanglement, completeness and informativeness, computed from a linear predictor of each factor with an L1 penalty:
 *
 *     w_f = argmin 1/(2n) |v_f - Z w|^2 + alpha |w|_1        columns of Z and v_f have mean 0 and variance 1
 *     R[d][f] = |w_fd|                                       how important latent d is for factor f
 *
 *     disentanglement   sum_d rho_d ( 1 - H(R[d][.] / sum_f R[d][f]) / ln F ),   rho_d = sum_f R[d][f] / sum R
 *     completeness      1/F sum_f ( 1 - H(R[.][f] / sum_d R[d][f]) / ln D )
 *     informativeness   1/F sum_f ( 1 - |v_f - Z w_f|^2 / n )
 *
 * The latents are the posterior means, and factors are used as numbers. A factor that does not vary is ignored. With one factor every
 * latent is disentangled, and with one latent every factor is complete. The fit and informativeness use all rows. Coordinate descent finds
 * the minimum. Eastwood, Williams 2018 (ICLR). */
#include <math.h>

#include "vae/measures.h"
#include "vae/measures/columns.h"

enum { DISENTANGLEMENT, COMPLETENESS, PASSES = 1000 };

typedef struct conf {
    int32_t part;
    float alpha;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(conf, part, 0, "disentanglement|completeness|informativeness", "which of the three numbers is the value"),
    {"alpha", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, alpha), 0.02, 0, 1e3, NULL, "weight of the L1 penalty"},
    {0},
};

typedef struct table {
    int64_t D, F;
    double *R;         /* [F][D] */
    double *explained; /* [F] */
} table;

/* Coordinate descent: Z has columns z[d][n]; rest[n] is v at the start, and v - Z w after the passes. */
static void lasso(int64_t n, int64_t D, double alpha, const double *z, double *rest, double *w) {
    double moved = 1;
    for (int32_t pass = 0; pass < PASSES && moved > 1e-10; pass++) {
        moved = 0;
        for (int64_t d = 0; d < D; d++) {
            const double *const column = z + d * n;
            double dot = 0, square = 0;
            for (int64_t i = 0; i < n; i++) dot += column[i] * rest[i], square += column[i] * column[i];
            if (!(square > 0)) continue;
            const double at = dot + square * w[d], most = fabs(at) - alpha * (double)n;
            const double next = most > 0 ? copysign(most / square, at) : 0, step = next - w[d];
            if (!(fabs(step) > 0)) continue;
            for (int64_t i = 0; i < n; i++) rest[i] -= step * column[i];
            w[d] = next;
            if (fabs(step) > moved) moved = fabs(step);
        }
    }
}

static vae_status_t fill(table *t, const conf *c, const vaei_measured *m, vaei_arena *arena) {
    size_t values, cells;
    if (!vaei_size_mul((size_t)m->n, (size_t)m->D, &values) || !vaei_size_mul((size_t)m->F, (size_t)m->D, &cells))
        return vaei_fail(VAE_E_LIMIT, "dci: too many values");
    double *const z = vaei_arena_array(arena, values, sizeof(*z)), *const rest = vaei_arena_array(arena, (size_t)m->n, sizeof(*rest));
    *t = (table){
        .D = m->D, .R = vaei_arena_array(arena, cells, sizeof(double)), .explained = vaei_arena_array(arena, (size_t)m->F, sizeof(double))};
    if (!z || !rest || !t->R || !t->explained) return VAE_E_NOMEM;
    for (int64_t d = 0; d < m->D; d++) (void)vaei_column_standardize(m->mean, m->n, m->D, d, z + d * m->n);
    for (int64_t f = 0; f < m->F; f++) {
        double *const w = t->R + t->F * m->D, left = 0;
        if (!vaei_column_standardize(m->factor, m->n, m->F, f, rest)) continue;
        lasso(m->n, m->D, (double)c->alpha, z, rest, w);
        for (int64_t i = 0; i < m->n; i++) left += rest[i] * rest[i];
        for (int64_t d = 0; d < m->D; d++) w[d] = fabs(w[d]);
        t->explained[t->F++] = 1 - left / (double)m->n;
    }
    return t->F > 0 ? VAE_OK : vaei_fail(VAE_E_ARG, "dci: no factor varies over the examples");
}

/* 1 - entropy / ln count of values[0], values[step], ...; *total is their sum. Returns 0 if the sum is 0, and 1 if count is 1. */
static double order_of(const double *values, int64_t count, int64_t step, double *total) {
    double entropy = 0;
    *total = 0;
    for (int64_t i = 0; i < count; i++) *total += values[i * step];
    if (!(*total > 0)) return 0;
    for (int64_t i = 0; i < count; i++) {
        const double p = values[i * step] / *total;
        if (p > 0) entropy -= p * log(p);
    }
    return count > 1 ? 1 - entropy / log((double)count) : 1;
}

static double disentanglement(const table *t) {
    double sum = 0, all = 0, total;
    for (int64_t d = 0; d < t->D; d++) {
        const double order = order_of(t->R + d, t->F, t->D, &total);
        sum += total * order;
        all += total;
    }
    return all > 0 ? sum / all : 0;
}

static double mean_over_factors(const table *t, int32_t part) {
    double sum = 0, total;
    for (int64_t f = 0; f < t->F; f++) sum += part == COMPLETENESS ? order_of(t->R + f * t->D, t->D, 1, &total) : t->explained[f];
    return sum / (double)t->F;
}

static vae_status_t all(const void *options_filled, const vaei_measured *m, vaei_arena *arena, double *value) {
    const conf *const c = options_filled;
    table t = {0};
    VAEI_TRY(fill(&t, c, m, arena));
    *value = c->part == DISENTANGLEMENT ? disentanglement(&t) : mean_over_factors(&t, c->part);
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_dci = {
    .module = {.name = "dci",
               .summary = "disentanglement, completeness or informativeness of latents about known factors",
               .examples = "dci part=disentanglement alpha=0.01\n"
                           "dci part=completeness\n"
                           "dci part=informativeness",
               .paper = "Eastwood, Williams 2018 (ICLR)",
               .conf_size = sizeof(conf),
               .options = options},
    .reads = VAEI_MEASURE_MEAN | VAEI_MEASURE_FACTOR,
    .all = all,
};
