/* SPDX-License-Identifier: MIT
 * likelihood_negative_binomial.c - the negative binomial distribution of counts (counts.h), whose variance is larger than the mean. The
 * decoder gives the logarithms of the mean and of the shape r. For large r the distribution becomes that of poisson. It is PyTorch's
 * NegativeBinomial(total_count=e^t, logits=a - t). */
#include "vae/likelihoods/counts.h"

#include <float.h>

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    (void)b;
    vaei_counts_plan(p, VAEI_NEGATIVE_BINOMIAL, "the logarithms of a mean and of a shape");
    return VAE_OK;
}

const vaei_likelihood_ops vaei_likelihood_negative_binomial = {
    .module = {.name = "negative_binomial",
               .summary = "counts whose variance is larger than their mean; the decoder gives the logarithms of mean and shape",
               .examples = "negative_binomial",
               .paper = "Lopez et al. 2018 (Nature Methods 15, scVI)"},
    .lo = 0,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = vaei_counts_nll,
    .backward = vaei_counts_backward,
    .mean = vaei_counts_mean,
    .mean_backward = vaei_counts_mean_backward,
    .sample = vaei_counts_sample,
};
