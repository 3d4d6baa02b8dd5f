/* SPDX-License-Identifier: MIT
 * measure_auroc.c - the area under the curve of true against false alarms. It is the probability that an anomaly has a larger score than a
 * normal example; a pair of equal scores counts as one half.
 *
 *     auroc = ( sum of the ranks of the anomalies - A (A + 1) / 2 ) / (A N)        A anomalies, N normal examples; equal scores share ranks
 *
 * An example is an anomaly if its first factor is above 0. Hanley, McNeil 1982. */
#include "vae/measures.h"
#include "vae/measures/ranking.h"

static vae_status_t all(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    vaei_ranking r;
    double ranks = 0;
    (void)conf;
    VAEI_TRY(vaei_ranking_make(&r, "auroc", m, arena));
    for (int64_t i = 0, end; i < r.n; i = end) {
        int64_t anomalies = 0;
        end = vaei_ranking_equal(&r, i, &anomalies);
        ranks += (double)anomalies * 0.5 * (double)(i + 1 + end);
    }
    *value = (ranks - 0.5 * (double)r.anomalies * (double)(r.anomalies + 1)) / ((double)r.anomalies * (double)(r.n - r.anomalies));
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_auroc = {
    .module = {.name = "auroc",
               .summary = "the area under the curve of true against false alarms; random scores give 0.5",
               .examples = "auroc",
               .paper = "Hanley, McNeil 1982"},
    .reads = VAEI_MEASURE_SCORE | VAEI_MEASURE_FACTOR,
    .all = all,
};
