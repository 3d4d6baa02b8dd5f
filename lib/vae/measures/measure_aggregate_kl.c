/* SPDX-License-Identifier: MIT
 * measure_aggregate_kl.c - the divergence of the latents of all examples together from the standard prior:
 *
 *     KL( q(z) || N(0, I) ) = E log q(z) - E log p(z)        nats
 *
 * The mean rate is the sum of this divergence and the mutual information. Hoffman, Johnson 2016 (ELBO surgery). */
#include "vae/measures/aggregate_posterior.h"

static vae_status_t all(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    vaei_aggregate_densities at;
    VAEI_TRY(vaei_aggregate_estimate(conf, m, arena, &at));
    *value = at.aggregate - at.prior;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_aggregate_kl = {
    .module = {.name = "aggregate_kl",
               .summary = "the divergence of the aggregate posterior from the standard normal prior, nats",
               .examples = "aggregate_kl draws=10 seed=1",
               .paper = "Hoffman, Johnson 2016 (ELBO surgery)",
               .conf_size = sizeof(vaei_aggregate_conf),
               .options = vaei_aggregate_options},
    .reads = VAEI_MEASURE_MEAN | VAEI_MEASURE_LOGVAR,
    .all = all,
};
