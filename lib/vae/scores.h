/* SPDX-License-Identifier: MIT
 * scores.h - the contract of scores of anomalies. A score is one number for each example, which is larger for less normal examples. Each
 * score is one file (score_recon.c) and one line in scores.def.
 *
 *     example --model--> arrays --extract--> features[F] --score(statistics)--> number
 *                                               |
 *                                               +-- fit, over some examples --> statistics[M]
 *
 * A score reads the model's results for an example, and no model. A score without statistics needs no fit. All values are float32, so that
 * statistics and scores are the same after saving and loading; sums run in double in the order of the examples. */
#ifndef VAEI_SCORES_H
#define VAEI_SCORES_H

#include "base/module.h"

/* The results that a score reads. */
enum {
    VAEI_SCORE_BOUNDS = 1,    /* bound, recon and rate, by the score's number of samples */
    VAEI_SCORE_POSTERIOR = 2, /* mean */
    VAEI_SCORE_PICTURE = 4    /* y */
};

/* The results for one example. */
typedef struct vaei_scored {
    int64_t S, D;
    double bound, recon, rate; /* nats: the importance-weighted bound, and means over the samples */
    const float *mean;         /* [D] of the posterior */
    const float *x, *y;        /* [S] the example and its reconstruction */
} vaei_scored;

typedef struct vaei_score_ops {
    vaei_module module;
    uint32_t reads;                       /* VAEI_SCORE_ */
    int64_t (*samples)(const void *conf); /* number of samples of the bounds; NULL: 1 */
    /* F, of a model with D latents; NULL: 1. VAE_E_LIMIT is the caller's to give where it passes VAEI_SCORE_FEATURES. */
    int64_t (*features)(int64_t D);
    void (*extract)(const void *conf, const vaei_scored *e, float *feature);
    /* M, of F features, and what is learnt from feature[n][F], n >= 1; NULL: nothing. */
    int64_t (*statistics)(int64_t F);
    vae_status_t (*fit)(const void *conf, int64_t n, int64_t F, const float *feature, vaei_arena *arena, float *statistics);
    float (*score)(const void *conf, int64_t F, const float *statistics, const float *feature);
} vaei_score_ops;

#define VAEI_SCORE_FEATURES 1024

/* A score of one feature, which is the number itself. */
float vaei_score_itself(const void *conf, int64_t F, const float *statistics, const float *feature);

/* The option of scores whose bounds have several samples; their conf begins with this. */
typedef struct vaei_score_samples {
    int64_t samples;
} vaei_score_samples;
int64_t vaei_score_samples_of(const void *conf);

extern const vaei_module *const vaei_scores[];
extern const size_t vaei_scores_count;

#endif
