/* SPDX-License-Identifier: MIT
 * detector.h - the definition of vae_anomaly_t, for anomaly.c and anomaly_file.c. */
#ifndef VAEI_DETECTOR_H
#define VAEI_DETECTOR_H

#include "api/api.h"
#include "vae/scores.h"

struct vae_anomaly {
    uint32_t magic;
    vae_model_t *model;
    vae_session_t *session;
    vaei_arena arena; /* holds conf and text */
    const vaei_score_ops *ops;
    const void *conf;
    const char *text;
    int64_t at_once, K; /* examples of one pass; samples of the bounds */
    int64_t F, M;       /* features of an example, statistics */
    size_t bytes;       /* size of the block, which begins with this struct */
    float *noise;       /* [at_once][K][D], equal for all examples */
    float *mean, *y, *feature;
    double *bound, *recon, *rate;
    /* the added features and the results of the fit, each in a separate allocation */
    float *taken; /* [taken_room][F] */
    int64_t n_taken, taken_room;
    float *statistics; /* [M] */
    float *scores;     /* [n_scores] sorted; NULL: it is not fitted */
    int64_t n_scores;
};

vae_status_t vaei_check_anomaly(const vae_anomaly_t *a);

/* Allocates the results of a fit. */
vae_status_t vaei_anomaly_take_memory(vae_anomaly_t *a, int64_t n_scores);

#endif
