/* SPDX-License-Identifier: MIT
 * score.h - measures how well a model explains examples: the evidence lower bound and its parts. */
#ifndef SCORE_H
#define SCORE_H

#include "usage.h"
#include <vae/vae.h>

/* Of each example, in nats, as vae_elbo_batch() gives them: [n]. */
typedef struct bounds {
    int64_t n;
    double *elbo, *recon, *rate;
} bounds_t;

/* Score the first n examples with `samples` draws for each from the stream of `seed`; bounds_free() in any case. */
vae_status_t bounds_of(bounds_t *bounds, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n, int64_t samples,
                       uint64_t seed);
void bounds_free(bounds_t *bounds);

typedef struct score {
    int64_t n, samples;
    double loss;          /* recon + rate, nats per example: minus the ELBO */
    double recon, rate;   /* nats per example */
    double bound;         /* the importance-weighted bound on log p(x), nats per example; samples > 1 only */
    int64_t active_units; /* of the measure active_units; 0 for a latent of codes */
    usage_t codes;        /* of a latent of codes; K is 0 for others. Its counts are freed */
} score_t;

/* Sums up bounds; active units and use of codes are found by encoding. */
vae_status_t score_of(score_t *score, const bounds_t *bounds, vae_session_t *session, const vae_model_t *model, const data_t *data,
                      int64_t samples);

/* Both, over the first `most` examples (0: all). */
vae_status_t score_data(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t most, int64_t samples,
                        uint64_t seed);

#endif
