/* SPDX-License-Identifier: MIT
 * network_prior.c - works with a prior and a frozen network: it fits the prior to the network's latents, scores, and samples.
 *
 *     x -> encoder -> latent -> codes, or z drawn from q(z|x) -> prior -> nll        backward ends at the prior's parameters
 *
 * The network runs as in a session: running statistics, no dropout. */
#include "vae/network.h"

static int32_t has_codes(const vaei_network *net) {
    return (net->latent.ops->flags & VAEI_LATENT_CODES) != 0;
}

static vaei_points points_of(const vaei_network *net, const vaei_work *w) {
    if (has_codes(net)) return (vaei_points){.codes = w->codes};
    return (vaei_points){.z = w->level[0].z, .mean = w->level[0].mean, .logvar = w->level[0].logvar};
}

void vaei_network_carve_prior(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c, vaei_work *w) {
    const vaei_bytes bytes = vaei_prior_bytes(&net->prior, k, n, training);
    w->prior.pack = vaei_carve_bytes(c, bytes.pack);
    w->prior.cache = vaei_carve_bytes(c, bytes.cache);
    w->prior.scratch = vaei_carve_bytes(c, bytes.scratch);
    if (training) w->d_nll = vaei_carve_floats(c, n);
}

void vaei_network_pack_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    if (net->prior.ops->pack) net->prior.ops->pack(&net->prior, r, w->prior.pack);
    net->rate->pack(net, r, w);
}

vae_status_t vaei_network_forward_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const int32_t *const codes = r->batch.codes;
    const vaei_points at = points_of(net, w);
    vaei_run frozen = *r;
    frozen.training = 0;
    if (codes) {
        memcpy(at.codes, codes, (size_t)(r->n * net->latent.n_codes) * sizeof(*codes));
    } else if (at.codes) {
        vaei_network_encode_codes(net, &frozen, w, at.codes);
    } else {
        vaei_network_encode(net, &frozen, w, w->level[0].mean, w->level[0].logvar);
        net->latent.ops->draw(&net->latent, &frozen, &w->latent, w->level[0].mean, w->level[0].logvar, w->level[0].noise, at.z, NULL, NULL);
    }
    if (vaei_run_cancelled(r)) return VAE_OK;
    if (net->prior.ops->prepare) VAEI_TRY(net->prior.ops->prepare(&net->prior, r, &w->prior, &at));
    net->prior.ops->nll(&net->prior, r, &w->prior, &at, w->nll);
    return VAE_OK;
}

void vaei_network_backward_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_points at = points_of(net, w);
    if (net->prior.ops->backward) net->prior.ops->backward(&net->prior, r, &w->prior, &at, w->d_nll);
}

void vaei_network_commit_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params) {
    const vaei_points at = points_of(net, w);
    if (net->prior.ops->commit) net->prior.ops->commit(&net->prior, r, &w->prior, &at, params);
}

void vaei_network_prior_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_points at = points_of(net, w);
    const vaei_prior standard = {.ops = &vaei_prior_standard, .latent = &net->latent};
    if (!(net->latent.ops->flags & VAEI_LATENT_PRIOR)) return; /* there is no q(z|x) to compare with */
    if (at.codes) net->latent.ops->encode_codes(&net->latent, r, &w->latent, w->h, at.codes);
    standard.ops->nll(&standard, r, NULL, &at, w->nll);
    for (int64_t i = 0; i < r->n; i++) w->log_ratio[i] += w->nll[i];
    net->prior.ops->nll(&net->prior, r, &w->prior, &at, w->nll);
    for (int64_t i = 0; i < r->n; i++) w->log_ratio[i] -= w->nll[i];
}

void vaei_network_sample(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first) {
    const vaei_points out = points_of(net, w);
    net->prior.ops->sample(&net->prior, r, &w->prior, first, &out);
    if (out.codes && !vaei_run_cancelled(r)) net->latent.ops->decode_codes(&net->latent, r, &w->latent, out.codes, w->level[0].z);
}
