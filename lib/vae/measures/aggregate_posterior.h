/* SPDX-License-Identifier: MIT
 * aggregate_posterior.h - computes densities at latents that are drawn from the posteriors of some examples, for the measures that compare
 * q(z|x), q(z) and p(z) = N(0, I).
 *
 *     q(z) = 1/n sum_j q(z|x_j)        the aggregate posterior of the n examples
 *
 * The mean over n posteriors is a biased estimate of the mean over the distribution of x: the mutual information computed from it is at
 * most ln n. */
#ifndef VAEI_AGGREGATE_POSTERIOR_H
#define VAEI_AGGREGATE_POSTERIOR_H

#include "vae/measures.h"

typedef struct vaei_aggregate_conf {
    int64_t draws, seed;
} vaei_aggregate_conf;

extern const vaei_option vaei_aggregate_options[];

/* Means over the draws, in nats. */
typedef struct vaei_aggregate_densities {
    double posterior; /* E log q(z|x) */
    double aggregate; /* E log q(z) */
    double prior;     /* E log p(z) */
} vaei_aggregate_densities;

vae_status_t vaei_aggregate_estimate(const vaei_aggregate_conf *c, const vaei_measured *m, vaei_arena *arena,
                                     vaei_aggregate_densities *out);

#endif
