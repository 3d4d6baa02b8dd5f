/* SPDX-License-Identifier: MIT
 * task_network.c - trains the network: all parameters except those that only the fit of a prior trains. */
#include "vae/training/training_task.h"

/* A term over z compares it with N(0, I), so it needs values. A critic can only be trained together with the network. */
static vae_status_t check(const vaei_network *net, const vaei_recipe *recipe) {
    if (recipe->objective.critic < 0 && net->critic.stack)
        return vaei_fail(VAE_E_SPEC, "critic: no term of the objective uses it, wanted 'objective elbo | %s'",
                         net->critic.of_z ? "adversary" : "gan");
    if (!(recipe->objective.flags & VAEI_OBJECTIVE_SEES_Z)) return VAE_OK;
    if (net->latent.ops->flags & VAEI_LATENT_CODES)
        return vaei_fail(VAE_E_SPEC, "objective: a term needs latents of values, latent %s makes codes", net->latent.ops->module.name);
    if (recipe->objective.flags & VAEI_OBJECTIVE_SEES_POSTERIOR && !net->latent.ops->encode_backward)
        return vaei_fail(VAE_E_SPEC, "objective: a term needs the density of the posterior, latent %s has none: wanted 'latent gaussian'",
                         net->latent.ops->module.name);
    if (vaei_network_inputs(net))
        return vaei_fail(VAE_E_SPEC, "objective: a term compares latents with N(0, I), but the prior is %s", net->prior.ops->module.name);
    return VAE_OK;
}

static vae_status_t check_weight(const vaei_network *net) {
    if (!net->latent.ops->loss) return VAE_OK;
    return vaei_fail(VAE_E_UNSUPPORTED, "weight: latent %s learns from all examples alike", net->latent.ops->module.name);
}

static int64_t least(const vaei_network *net) {
    return net->min_batch;
}

static void carve(const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w) {
    const int32_t how = VAEI_BLOCKS_TRAIN | (recipe->memory->recompute ? VAEI_BLOCKS_RECOMPUTE : 0) |
                        (recipe->objective.flags & VAEI_OBJECTIVE_MEAN_NLL ? VAEI_BLOCKS_FUSED : 0);
    vaei_network_carve(net, k, n, how, c, w);
    if (recipe->objective.flags & VAEI_OBJECTIVE_SEES_Z) vaei_network_carve_terms(net, n, c, w);
    if (recipe->objective.flags & VAEI_OBJECTIVE_SEES_POSTERIOR) vaei_network_carve_posterior(net, n, c, w);
    if (recipe->objective.flags & VAEI_OBJECTIVE_SEES_MEAN) vaei_network_carve_mean(net, n, c, w);
}

static void pack(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t others) {
    (void)others;
    vaei_network_pack(net, r, w);
}

static vae_status_t pass(const vaei_network *net, const vaei_run *r, const vaei_work *w, const vaei_objective *o, vaei_measures *m) {
    vaei_terms t = {0};
    vaei_network_noise(net, r, w);
    VAEI_TRY(vaei_network_forward(net, r, w));
    if (vaei_run_cancelled(r)) return VAE_OK;
    vaei_network_terms(net, r, w, &t);
    VAEI_TRY(vaei_task_evaluate(r, o, &t, m));
    vaei_network_backward(net, r, w);
    return VAE_OK;
}

/* Whether there are running statistics, or codes that learn without gradients. */
static int32_t commits(const vaei_network *net) {
    return net->params.n_floats > net->params.n_trainable;
}

static void measure(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_code_stats *codes) {
    if (net->latent.ops->measure) net->latent.ops->measure(&net->latent, r, &w->latent, codes);
}

const vaei_training_task vaei_task_network = {
    .trains = 0,
    .check = check,
    .check_weight = check_weight,
    .least = least,
    .carve = carve,
    .pack = pack,
    .steps = vaei_task_every_step,
    .pass = pass,
    .commits = commits,
    .commit = vaei_network_commit,
    .measure = measure,
};
