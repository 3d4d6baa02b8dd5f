/* SPDX-License-Identifier: MIT
 * likelihood_poisson.c - the Poisson distribution of counts (counts.h); the decoder gives the logarithm of the mean. */
#include "vae/likelihoods/counts.h"

#include <float.h>

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_counts_plan(p, VAEI_POISSON, "the logarithm of a mean");
    return VAE_OK;
}

const vaei_likelihood_ops vaei_likelihood_poisson = {
    .module = {.name = "poisson",
               .summary = "counts 0, 1, 2, ...; the decoder gives the logarithm of their mean",
               .examples = "poisson",
               .paper = "Poisson 1837"},
    .lo = 0,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = vaei_counts_nll,
    .backward = vaei_counts_backward,
    .mean = vaei_counts_mean,
    .mean_backward = vaei_counts_mean_backward,
    .sample = vaei_counts_sample,
};
