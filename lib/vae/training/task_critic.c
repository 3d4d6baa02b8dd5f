/* SPDX-License-Identifier: MIT
 * task_critic.c - trains the critic on real examples and on those that the network's pass has just generated. It runs after that pass,
 * with the critic's parameters from before the step. */
#include "vae/training/training_task.h"

static vae_status_t check(const vaei_network *net, const vaei_recipe *recipe) {
    const vaei_objective_ops *const term = recipe->objective.term[recipe->objective.critic];
    const char wanted = term->flags & VAEI_OBJECTIVE_SEES_Z ? 'z' : 'x';
    if (!net->critic.stack)
        return vaei_fail(VAE_E_SPEC, "objective %s: the model has no critic, wanted a section 'critic on=%c | ... | linear out=1'",
                         term->module.name, wanted);
    if (net->critic.of_z != (wanted == 'z'))
        return vaei_fail(VAE_E_SPEC, "objective %s: wanted a critic with on=%c, the model's critic has on=%c", term->module.name, wanted,
                         net->critic.of_z ? 'z' : 'x');
    return VAE_OK;
}

/* The least number of examples is the network's, which takes the critic's stack into account. */
static int64_t least(const vaei_network *net) {
    return net->min_batch;
}

static void carve(const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w) {
    vaei_critic_carve(&net->critic, k, n, recipe->memory->recompute ? VAEI_BLOCKS_RECOMPUTE : 0, c, &w->critic);
}

static void pack(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t others) {
    (void)others;
    vaei_stack_pack(net->critic.stack, r, w->critic.slot.pack);
}

static vae_status_t pass(const vaei_network *net, const vaei_run *r, const vaei_work *w, const vaei_objective *o, vaei_measures *m) {
    const vaei_game game = vaei_objective_game(o);
    vaei_critic_facts facts;
    if (vaei_objective_critic_steps(o, (int64_t)r->noise.step) < 0) return VAE_OK;
    vaei_critic_learn(&net->critic, r, &w->critic, &game, net->critic.of_z ? w->level[0].z : w->mean_x, &facts);
    if (vaei_run_cancelled(r)) return VAE_OK;
    m->critic.loss += facts.loss;
    m->critic.accuracy += facts.accuracy;
    return vaei_task_check_loss(r, facts.loss);
}

const vaei_training_task vaei_task_critic = {
    .trains = VAEI_PARAM_OF_CRITIC,
    .check = check,
    .least = least,
    .carve = carve,
    .pack = pack,
    .steps = vaei_objective_critic_steps,
    .pass = pass,
};
