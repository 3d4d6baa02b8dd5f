/* SPDX-License-Identifier: MIT
 * measure_sap.c - the separated attribute predictability: the difference between the two latents that predict a factor best.
 *
 *     score(d, f) = cov(z_d, v_f)^2 / ( var(z_d) var(v_f) )        R^2 of a linear regression on one latent; 0 for a latent that does not
 *     vary sap = 1/F sum_f ( largest score of f - second largest score of f )
 *
 * The latents are the posterior means, and factors are used as numbers. A factor that does not vary is ignored. Kumar, Sattigeri,
 * Balakrishnan 2018 (arXiv:1711.00848). Not here: their classifier for factors without an order. */
#include "vae/measures.h"
#include "vae/measures/columns.h"

static double score_of(const double *z, const double *v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += z[i] * v[i];
    return sum / (double)n * (sum / (double)n);
}

static vae_status_t all(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    double *const z = vaei_arena_array(arena, (size_t)m->n, sizeof(*z)), *const v = vaei_arena_array(arena, (size_t)m->n, sizeof(*v));
    double sum = 0;
    int64_t factors = 0;
    (void)conf;
    if (!z || !v) return VAE_E_NOMEM;
    for (int64_t f = 0; f < m->F; f++) {
        double first = 0, second = 0;
        if (!vaei_column_standardize(m->factor, m->n, m->F, f, v)) continue;
        for (int64_t d = 0; d < m->D; d++) {
            (void)vaei_column_standardize(m->mean, m->n, m->D, d, z);
            const double score = score_of(z, v, m->n);
            if (score > first) second = first, first = score;
            else if (score > second) second = score;
        }
        sum += first - second;
        factors++;
    }
    if (factors == 0) return vaei_fail(VAE_E_ARG, "sap: no factor varies over the examples");
    *value = sum / (double)factors;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_sap = {
    .module = {.name = "sap",
               .summary = "the separated attribute predictability of known factors, 0 to 1",
               .examples = "sap",
               .paper = "Kumar, Sattigeri, Balakrishnan 2018 (arXiv:1711.00848)"},
    .reads = VAEI_MEASURE_MEAN | VAEI_MEASURE_FACTOR,
    .all = all,
};
