/* SPDX-License-Identifier: MIT
 * measure_mutual_information.c - the information that a latent, drawn from the posterior of an example, has about the number of the
 * example:
 *
 *     I(x; z) = E_x KL( q(z|x) || q(z) ) = E log q(z|x) - E log q(z)        nats
 *
 * Hoffman, Johnson 2016 (ELBO surgery). With n examples the estimate is at most ln n. */
#include "vae/measures/aggregate_posterior.h"

static vae_status_t all(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    vaei_aggregate_densities at;
    VAEI_TRY(vaei_aggregate_estimate(conf, m, arena, &at));
    *value = at.posterior - at.aggregate;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_mutual_information = {
    .module = {.name = "mutual_information",
               .summary = "the mutual information of examples and latents, nats",
               .examples = "mutual_information draws=10 seed=1",
               .paper = "Hoffman, Johnson 2016 (ELBO surgery)",
               .conf_size = sizeof(vaei_aggregate_conf),
               .options = vaei_aggregate_options},
    .reads = VAEI_MEASURE_MEAN | VAEI_MEASURE_LOGVAR,
    .all = all,
};
