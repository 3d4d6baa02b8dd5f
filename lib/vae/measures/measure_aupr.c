/* SPDX-License-Identifier: MIT
 * measure_aupr.c - the area under the curve of precision against recall, as the average precision:
 *
 *     aupr = sum over thresholds of (recall_k - recall_k-1) precision_k        thresholds: the different scores, in descending order
 *
 * An example is an anomaly if its first factor is above 0. Random scores give the share of anomalies among the examples. */
#include "vae/measures.h"
#include "vae/measures/ranking.h"

static vae_status_t all(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    vaei_ranking r;
    int64_t above = 0; /* anomalies at or above the threshold */
    double sum = 0;
    (void)conf;
    VAEI_TRY(vaei_ranking_make(&r, "aupr", m, arena));
    for (int64_t end = r.n, i; end > 0; end = i) {
        int64_t anomalies = 0;
        i = end - 1;
        while (i > 0 && !(r.at[i - 1].score < r.at[i].score)) i--;
        (void)vaei_ranking_equal(&r, i, &anomalies);
        above += anomalies;
        sum += (double)anomalies / (double)r.anomalies * (double)above / (double)(r.n - i);
    }
    *value = sum;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_aupr = {
    .module = {.name = "aupr",
               .summary = "the average precision of scores of anomalies; random scores give the share of anomalies",
               .examples = "aupr",
               .paper = ""},
    .reads = VAEI_MEASURE_SCORE | VAEI_MEASURE_FACTOR,
    .all = all,
};
