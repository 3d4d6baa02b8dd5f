/* SPDX-License-Identifier: MIT
 * training.c - runs backward passes and steps of a training (training.h). The tasks decide which parameters are trained. */
#include "vae/training/training.h"

#include "nn/ranges.h"

/* Finds the learners of a recipe; their memory is set later. */
static int32_t find_learners(vaei_learner *learners, const vaei_network *net, const vaei_recipe *recipe) {
    const vaei_training_task *task[VAEI_TASKS_MOST];
    int32_t n = 0;
    vaei_tasks_of(recipe, task);
    for (; n < VAEI_TASKS_MOST && task[n]; n++) {
        const int32_t of_critic = task[n]->trains == VAEI_PARAM_OF_CRITIC, own = of_critic && recipe->critic_optimizer;
        vaei_learner *const m = &learners[n];
        m->task = task[n];
        m->optimizer = own ? recipe->critic_optimizer : recipe->optimizer;
        m->conf = own ? recipe->critic_optimizer_conf : recipe->optimizer_conf;
        m->first = of_critic ? net->critic.first : 0;
        m->count = of_critic ? net->critic.count : net->critic.first;
        m->n_slots = m->optimizer->slots(m->conf);
        m->lr = vaei_optimizer_lr(m->optimizer, m->conf);
        m->decay = vaei_optimizer_decay(m->optimizer, m->conf);
    }
    return n;
}

vae_status_t vaei_training_check(const vaei_network *net, const vaei_recipe *recipe) {
    const vaei_training_task *task[VAEI_TASKS_MOST];
    vaei_tasks_of(recipe, task);
    for (int32_t i = 0; i < VAEI_TASKS_MOST && task[i]; i++) VAEI_TRY(task[i]->check(net, recipe));
    if (recipe->critic_optimizer && !net->critic.stack) return vaei_fail(VAE_E_SPEC, "critic_optimizer: the model has no critic");
    return VAE_OK;
}

int64_t vaei_training_least(const vaei_network *net, const vaei_recipe *recipe) {
    const vaei_training_task *task[VAEI_TASKS_MOST];
    int64_t most = 1;
    vaei_tasks_of(recipe, task);
    for (int32_t i = 0; i < VAEI_TASKS_MOST && task[i]; i++) most = task[i]->least(net) > most ? task[i]->least(net) : most;
    return most;
}

void vaei_training_carve(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t max_batch,
                         vaei_carve *c) {
    t->n_learners = find_learners(t->learner, net, recipe);
    vaei_samples_carve(net, max_batch, recipe->objective.samples, c, &t->samples);
    for (int32_t i = 0; i < t->n_learners; i++)
        t->learner[i].task->carve(net, recipe, k, vaei_count_of(max_batch, recipe->objective.samples), c, &t->work);
    t->grads = vaei_carve_floats(c, net->params.n_floats);
    for (int32_t i = 0; i < t->n_learners; i++)
        for (int32_t j = 0; j < t->learner[i].n_slots; j++) t->learner[i].slot[j] = vaei_carve_floats(c, t->learner[i].count);
    t->norms = vaei_carve_array(c, vaei_gradient_chunks(&net->params), sizeof(double));
}

float *vaei_training_slot(const vaei_training *t, const vaei_param *p, int32_t slot) {
    for (int32_t i = 0; i < t->n_learners; i++) {
        const vaei_learner *const m = &t->learner[i];
        if (p->offset >= m->first && p->offset < m->first + m->count)
            return slot < m->n_slots ? m->slot[slot] + (p->offset - m->first) : NULL;
    }
    return NULL;
}

void vaei_training_set_lr(vaei_training *t, double lr) {
    for (int32_t i = 0; i < t->n_learners; i++)
        if (i == 0 || !t->recipe->critic_optimizer) t->learner[i].lr = lr;
}

static void forget_parts(vaei_training *t) {
    t->parts = t->items = 0;
    t->sums = (vaei_measures){.codes = t->sums.codes, .beta = t->sums.beta};
}

static void forget_gradients(vaei_training *t) {
    memset(t->grads, 0, (size_t)t->net->params.n_floats * sizeof(float));
    forget_parts(t);
}

static int32_t is_finite(double v) {
    return v - v <= 0.0;
}

static void params_changed(vaei_training *t) {
    ++*t->generation;
    t->own_changes++;
}

static vaei_run start(vaei_training *t, int64_t n, const vaei_batch *b, const _Atomic int32_t *cancel) {
    const vaei_objective *const o = &t->recipe->objective;
    vaei_run r = {.k = t->k, .pool = t->pool, .n = n * o->samples, .training = 1, .params = t->params, .grads = t->grads};
    r.batch = vaei_samples_repeat(&t->samples, t->net, b, n, o->samples);
    r.sampled_rates = (o->flags & VAEI_OBJECTIVE_AT_Z) != 0;
    r.noise = (vaei_noise_key){.seed = t->seed, .step = (uint64_t)t->step, .stream = VAEI_STREAM_LATENT};
    r.first_item = (uint32_t)(t->items * o->samples);
    /* after the first part a run cannot be cancelled, because the gradients of earlier parts are in the same memory */
    r.cancel = t->parts == 0 ? cancel : NULL;
    const uint64_t generation = *t->generation;
    if (t->packed != generation) {
        for (int32_t i = 0; i < t->n_learners; i++)
            t->learner[i].task->pack(t->net, &r, &t->work, t->others != generation - t->own_changes);
        t->others = generation - t->own_changes;
        t->packed = generation;
    }
    return r;
}

/* Runs all tasks over one batch, forward and backward; then, if all gradients are finite, the updates without gradients. If it fails,
 * the gradients may be incomplete. */
static vae_status_t pass(vaei_training *t, const vaei_run *r, vaei_measures *m) {
    int32_t commits = 0;
    for (int32_t i = 0; i < t->n_learners; i++) {
        VAEI_TRY(t->learner[i].task->pass(t->net, r, &t->work, &t->recipe->objective, m));
        if (vaei_run_cancelled(r)) return VAE_E_CANCELLED; /* this is the last check before something changes */
    }
    for (int32_t i = 0; i < t->n_learners; i++) {
        const vaei_training_task *const task = t->learner[i].task;
        commits |= task->commits && task->commits(t->net);
    }
    if (!commits) return VAE_OK;
    for (int32_t i = 0; i < t->n_learners; i++)
        if (!is_finite(vaei_gradient_norm(t, &t->learner[i])))
            return vaei_fail(VAE_E_NUMERIC, "gradient: not finite at step %lld", (long long)t->step);
    for (int32_t i = 0; i < t->n_learners; i++) {
        const vaei_training_task *const task = t->learner[i].task;
        if (task->commits && task->commits(t->net)) task->commit(t->net, r, &t->work, t->params);
    }
    params_changed(t);
    return VAE_OK;
}

static vaei_measures means_of(const vaei_training *t) {
    const double parts = (double)t->parts;
    vaei_measures m = t->sums;
    m.loss /= parts;
    m.recon /= parts;
    m.rate /= parts;
    m.aux /= parts;
    for (int32_t i = 0; i < VAEI_LEVELS_MAX; i++) m.level_rate[i] /= parts;
    m.critic.loss /= parts;
    m.critic.accuracy /= parts;
    return m;
}

vae_status_t vaei_training_backward(vaei_training *t, int64_t n, const vaei_batch *batch, const _Atomic int32_t *cancel,
                                    vaei_measures *out) {
    vaei_measures sums = t->sums;
    const vaei_run r = start(t, n, batch, cancel);
    const vae_status_t status = pass(t, &r, &sums);
    if (status == VAE_E_NUMERIC || status == VAE_E_CANCELLED) forget_gradients(t);
    VAEI_TRY(status);
    for (int32_t i = 0; i < t->n_learners; i++)
        if (t->learner[i].task->measure) t->learner[i].task->measure(t->net, &r, &t->work, &sums.codes);
    t->sums = sums;
    t->parts++;
    t->items += n;
    *out = means_of(t);
    return VAE_OK;
}

vae_status_t vaei_training_apply(vaei_training *t, vaei_measures *out) {
    const vaei_recipe *const recipe = t->recipe;
    const double parts = (double)t->parts, factor = recipe->schedule->factor(recipe->schedule_conf, t->step);
    vaei_update updates[VAEI_TASKS_MOST];
    double norm[VAEI_TASKS_MOST];
    for (int32_t i = 0; i < t->n_learners; i++) {
        const vaei_learner *const m = &t->learner[i];
        norm[i] = vaei_gradient_norm(t, m) / parts;
        if (!is_finite(norm[i])) {
            forget_gradients(t);
            return vaei_fail(VAE_E_NUMERIC, "gradient: not finite at step %lld", (long long)t->step);
        }
        updates[i].rests = m->task->steps(&recipe->objective, t->step) < 0;
        updates[i].lr = m->lr * factor;
        updates[i].scale = recipe->clip->factor(recipe->clip_conf, norm[i]) / parts;
    }
    vaei_gradients_apply(t, updates);
    params_changed(t);
    t->step++;
    *out = means_of(t);
    out->lr = updates[0].lr;
    out->grad_norm = norm[0];
    forget_parts(t);
    return VAE_OK;
}
