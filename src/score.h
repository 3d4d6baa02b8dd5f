/* SPDX-License-Identifier: MIT
 * score.h - measures how well a model explains examples: the evidence lower bound and its parts. */
#ifndef SCORE_H
#define SCORE_H

#include "usage.h"
#include <vae/vae.h>

/* The numbers of vae_elbo_batch() for each example, in nats: [n]. */
typedef struct bounds {
    int64_t n;
    double *elbo, *recon, *rate;
} bounds_t;

/* Scores the first n examples with `samples` draws for each from the stream of `seed`; bounds_free() must be called in any case. */
vae_status_t bounds_of(bounds_t *bounds, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n, int64_t samples,
                       uint64_t seed);
void bounds_free(bounds_t *bounds);

typedef struct score {
    int64_t n, samples;
    double loss;          /* recon + rate, nats per example: minus the ELBO */
    double recon, rate;   /* nats per example */
    double bound;         /* the importance-weighted bound on log p(x), nats per example; samples > 1 only */
    int64_t active_units; /* the measure active_units; 0 for a latent with codes */
    usage_t codes;        /* for a latent with codes; K is 0 for others. Its counts have been freed */
} score_t;

/* Computes the means of the bounds; it encodes examples to find active units and the use of codes. */
vae_status_t score_of(score_t *score, const bounds_t *bounds, vae_session_t *session, const vae_model_t *model, const data_t *data,
                      int64_t samples);

/* Does both for the first `most` examples (0: all). */
vae_status_t score_data(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t most, int64_t samples,
                        uint64_t seed);

#endif
