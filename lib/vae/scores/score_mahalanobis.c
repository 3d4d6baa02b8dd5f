/* SPDX-License-Identifier: MIT
 * score_mahalanobis.c - the distance of the posterior mean from the posterior means of normal examples:
 *
 *     score = sqrt( (m - mu)^T C^-1 (m - mu) )        mu, C: mean and covariance of the posterior means m over the examples of the fit
 *
 * C has `ridge` times its mean variance on the diagonal. C = L L^T, and the statistics are mu and W = L^-1, so that the score is the length
 * of W (m - mu). A latent that does not vary has the variance of the ridge alone. Mahalanobis 1936. */
#include <math.h>

#include "vae/scores.h"

typedef struct conf {
    float ridge;
} conf;

static const vaei_option options[] = {
    {"ridge", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, ridge), 1e-4, 0, 1, NULL,
     "share of the mean variance that is added to each variance"},
    {0},
};

static int64_t features(int64_t D) {
    return D;
}

static void extract(const void *options_filled, const vaei_scored *e, float *feature) {
    (void)options_filled;
    memcpy(feature, e->mean, (size_t)e->D * sizeof(*feature));
}

static int64_t statistics(int64_t F) {
    return F + F * F;
}

/* Computes the lower half of C[F][F], and mu[F]. */
static void moments(int64_t n, int64_t F, const float *x, float ridge, double *mu, double *C) {
    double trace = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t a = 0; a < F; a++) mu[a] += (double)x[i * F + a] / (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t a = 0; a < F; a++)
            for (int64_t b = 0; b <= a; b++) C[a * F + b] += ((double)x[i * F + a] - mu[a]) * ((double)x[i * F + b] - mu[b]) / (double)n;
    for (int64_t a = 0; a < F; a++) trace += C[a * F + a];
    for (int64_t a = 0; a < F; a++) C[a * F + a] += (trace > 0 ? trace / (double)F : 1) * (double)ridge;
}

/* Replaces C by L. Because of the ridge the diagonal of L is positive, except for rounding. */
static void factor(int64_t F, double *C) {
    for (int64_t a = 0; a < F; a++)
        for (int64_t b = 0; b <= a; b++) {
            double sum = C[a * F + b];
            for (int64_t k = 0; k < b; k++) sum -= C[a * F + k] * C[b * F + k];
            C[a * F + b] = a == b ? sqrt(sum > 1e-300 ? sum : 1e-300) : sum / C[b * F + b];
        }
}

/* W = L^-1, column by column. */
static void invert(int64_t F, const double *L, float *W, double *column) {
    for (int64_t b = 0; b < F; b++)
        for (int64_t a = b; a < F; a++) {
            double sum = a == b ? 1 : 0;
            for (int64_t k = b; k < a; k++) sum -= L[a * F + k] * column[k];
            column[a] = sum / L[a * F + a];
            W[a * F + b] = (float)column[a];
        }
}

static vae_status_t fit(const void *options_filled, int64_t n, int64_t F, const float *feature, vaei_arena *arena, float *out) {
    const conf *const c = options_filled;
    double *const mu = vaei_arena_array(arena, (size_t)F, sizeof(*mu)), *const column = vaei_arena_array(arena, (size_t)F, sizeof(*column));
    double *const C = vaei_arena_array(arena, (size_t)(F * F), sizeof(*C));
    if (!mu || !column || !C) return VAE_E_NOMEM;
    moments(n, F, feature, c->ridge, mu, C);
    factor(F, C);
    for (int64_t a = 0; a < F; a++) out[a] = (float)mu[a];
    memset(out + F, 0, (size_t)(F * F) * sizeof(*out));
    invert(F, C, out + F, column);
    return VAE_OK;
}

static float score(const void *options_filled, int64_t F, const float *learnt, const float *feature) {
    const float *const W = learnt + F;
    double square = 0;
    (void)options_filled;
    for (int64_t a = 0; a < F; a++) {
        double sum = 0;
        for (int64_t b = 0; b <= a; b++) sum += (double)W[a * F + b] * ((double)feature[b] - (double)learnt[b]);
        square += sum * sum;
    }
    return (float)sqrt(square);
}

const vaei_score_ops vaei_score_mahalanobis = {
    .module = {.name = "mahalanobis",
               .summary = "the distance of the posterior mean from those of normal examples, by their covariance",
               .examples = "mahalanobis ridge=0.01",
               .paper = "Mahalanobis 1936",
               .conf_size = sizeof(conf),
               .options = options},
    .reads = VAEI_SCORE_POSTERIOR,
    .features = features,
    .extract = extract,
    .statistics = statistics,
    .fit = fit,
    .score = score,
};
