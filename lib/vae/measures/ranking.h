/* SPDX-License-Identifier: MIT
 * ranking.h - scores in ascending order with what they belong to, for measures of how well scores tell anomalies from normal examples. */
#ifndef VAEI_RANKING_H
#define VAEI_RANKING_H

#include "vae/measures.h"

typedef struct vaei_ranked {
    float score;
    int32_t is_anomaly;
} vaei_ranked;

typedef struct vaei_ranking {
    int64_t n, anomalies;
    vaei_ranked *at; /* [n] ascending */
} vaei_ranking;

/* VAE_E_ARG unless there are examples of both kinds. */
vae_status_t vaei_ranking_make(vaei_ranking *r, const char *name, const vaei_measured *m, vaei_arena *arena);

/* Where the scores that are equal to that of place i, the first of them, end; adds the anomalies among them. */
int64_t vaei_ranking_equal(const vaei_ranking *r, int64_t i, int64_t *anomalies);

#endif
