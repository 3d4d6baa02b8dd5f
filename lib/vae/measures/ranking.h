/* SPDX-License-Identifier: MIT
 * ranking.h - sorts scores in ascending order, each with its kind of example, for measures of how well scores separate anomalies from
 * normal examples. */
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

/* Returns the place after the last score that equals the score at place i, and adds the number of anomalies among these scores. */
int64_t vaei_ranking_equal(const vaei_ranking *r, int64_t i, int64_t *anomalies);

#endif
