/* SPDX-License-Identifier: MIT
 * score_typicality.c - the distance of an example's bound from the mean bound of normal examples, in both directions:
 *
 *     score = | bound - E bound |        E: over the examples of the fit
 *
 * An anomaly may have a high likelihood: models give high likelihoods to simple pictures that they were not trained on. Nalisnick et al.
 * 2019 (arXiv:1906.02994), with one example at a time. */
#include <math.h>

#include "vae/scores.h"

static const vaei_option options[] = {
    VAEI_OPTION_INT(vaei_score_samples, samples, 16, 1, 4096, "latents drawn for each example"),
    {0},
};

static void extract(const void *conf, const vaei_scored *e, float *feature) {
    (void)conf;
    feature[0] = (float)e->bound;
}

static int64_t statistics(int64_t F) {
    return F;
}

static vae_status_t fit(const void *conf, int64_t n, int64_t F, const float *feature, vaei_arena *arena, float *out) {
    double sum = 0;
    (void)conf, (void)F, (void)arena;
    for (int64_t i = 0; i < n; i++) sum += (double)feature[i];
    out[0] = (float)(sum / (double)n);
    return VAE_OK;
}

static float score(const void *conf, int64_t F, const float *learnt, const float *feature) {
    (void)conf, (void)F;
    return fabsf(feature[0] - learnt[0]);
}

const vaei_score_ops vaei_score_typicality = {
    .module = {.name = "typicality",
               .summary = "the distance of the bound from its mean over normal examples, nats",
               .examples = "typicality samples=2",
               .paper = "Nalisnick et al. 2019 (arXiv:1906.02994)",
               .conf_size = sizeof(vaei_score_samples),
               .options = options},
    .reads = VAEI_SCORE_BOUNDS,
    .samples = vaei_score_samples_of,
    .extract = extract,
    .statistics = statistics,
    .fit = fit,
    .score = score,
};
