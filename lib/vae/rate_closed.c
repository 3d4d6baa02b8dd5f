/* SPDX-License-Identifier: MIT
 * rate_closed.c - the rate of the first latent with the standard prior: the latent's own closed form, kl[n][D] of its draw. */
#include "vae/network.h"

static vae_status_t check(const vaei_network *net) {
    (void)net;
    return VAE_OK;
}

static void carve(const vaei_network *net, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w) {
    (void)net, (void)k, (void)n, (void)c, (void)w;
}

static vaei_run encoder_run(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    (void)net, (void)w;
    return *r;
}

static vaei_rates rates(const vaei_work *w) {
    return (vaei_rates){.dim = w->level[0].size, .kl = w->level[0].kl, .d_kl = w->level[0].d_kl};
}

static void nothing(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    (void)net, (void)r, (void)w;
}

const vaei_rate_ops vaei_rate_closed = {
    .prior_flags = VAEI_PARAM_OF_PRIOR,
    .check = check,
    .carve = carve,
    .encoder_run = encoder_run,
    .input = vaei_network_input,
    .forward = nothing,
    .rates = rates,
    .backward = nothing,
    .input_backward = nothing,
    .pack = nothing,
};
