/* SPDX-License-Identifier: MIT
 * score.h - how well a model explains examples: the evidence lower bound and what it is made of. */
#ifndef SCORE_H
#define SCORE_H

#include "usage.h"
#include <vae/vae.h>

typedef struct score {
    int64_t n, samples;
    double loss;          /* recon + rate, nats per example: minus the ELBO */
    double recon, rate;   /* nats per example */
    double bound;         /* the importance-weighted bound on log p(x), nats per example; samples > 1 only */
    int64_t active_units; /* latent dimensions d with Var_x(mean_d) > 0.01 (Burda et al. 2016, section 5.2);
                             0 for a latent of codes */
    usage_t codes;        /* of a latent of codes; K is 0 for others. Its counts are freed */
} score_t;

/* Score the first `most` examples (0: all) with `samples` draws for each from the stream of `seed`. */
vae_status_t score_data(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t most, int64_t samples,
                        uint64_t seed);

#endif
