/* SPDX-License-Identifier: MIT
 * task_prior.c - fits the model's prior to latents of a frozen network, which runs as in a session, without statistics over the batch. */
#include "vae/training/training_task.h"

static vae_status_t check(const vaei_network *net, const vaei_recipe *recipe) {
    (void)recipe;
    if (!vaei_network_has_prior(net))
        return vaei_fail(VAE_E_SPEC, "objective prior: the model has no section prior to fit (prior pixelcnn, prior gmm, ...)");
    if (vaei_network_inputs(net))
        return vaei_fail(VAE_E_SPEC, "objective prior: prior %s is trained together with the model, by another objective (elbo)",
                         net->prior.ops->module.name);
    return VAE_OK;
}

static vae_status_t check_weight(const vaei_network *net) {
    if (!net->prior.ops->commit) return VAE_OK;
    return vaei_fail(VAE_E_UNSUPPORTED, "weight: prior %s learns from all examples alike", net->prior.ops->module.name);
}

static int64_t least(const vaei_network *net) {
    (void)net;
    return 1;
}

static void carve(const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w) {
    (void)recipe;
    vaei_network_carve(net, k, n, 0, c, w);
    vaei_network_carve_prior(net, k, n, 1, c, w);
}

static void pack(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t others) {
    vaei_run frozen = *r;
    frozen.training = 0;
    if (others) vaei_network_pack(net, &frozen, w);
    vaei_network_pack_prior(net, r, w);
}

static vae_status_t pass(const vaei_network *net, const vaei_run *r, const vaei_work *w, const vaei_objective *o, vaei_measures *m) {
    vaei_terms t = {.nll = w->nll, .d_nll = w->d_nll};
    vaei_network_noise(net, r, w);
    VAEI_TRY(vaei_network_forward_prior(net, r, w));
    if (vaei_run_cancelled(r)) return VAE_OK;
    VAEI_TRY(vaei_task_evaluate(r, o, &t, m));
    vaei_network_backward_prior(net, r, w);
    return VAE_OK;
}

static int32_t commits(const vaei_network *net) {
    return net->prior.ops->commit != NULL;
}

const vaei_training_task vaei_task_prior = {
    .reads = VAEI_TASK_LABEL | VAEI_TASK_CODES,
    .trains = VAEI_PARAM_OF_PRIOR,
    .check = check,
    .check_weight = check_weight,
    .least = least,
    .carve = carve,
    .pack = pack,
    .steps = vaei_task_every_step,
    .pass = pass,
    .commits = commits,
    .commit = vaei_network_commit_prior,
};
