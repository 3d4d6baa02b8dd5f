/* SPDX-License-Identifier: MIT
 * training.c - parts and steps of a training: see training.h. What is trained is the task's. */
#include "vae/training/training.h"

void vaei_training_carve(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe, const vaei_kernels *k, int64_t max_batch,
                         vaei_carve *c) {
    const vaei_params *const p = &net->params;
    const int32_t n_slots = recipe->optimizer->slots(recipe->optimizer_conf);
    vaei_task_of(recipe)->carve(net, recipe, k, max_batch, c, &t->work);
    t->grads = vaei_carve_floats(c, p->n_floats);
    for (int32_t i = 0; i < n_slots; i++) t->slot[i] = vaei_carve_floats(c, p->n_trainable);
    t->norms = vaei_carve_array(c, vaei_gradient_chunks(p), sizeof(double));
}

void vaei_training_begin(vaei_training *t, const vaei_network *net, const vaei_recipe *recipe) {
    t->net = net;
    t->recipe = recipe;
    t->task = vaei_task_of(recipe);
    t->n_slots = recipe->optimizer->slots(recipe->optimizer_conf);
    t->lr = recipe->optimizer->lr(recipe->optimizer_conf);
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

static void params_moved(vaei_training *t) {
    ++*t->generation;
    t->moves++;
}

static vaei_run start(vaei_training *t, int64_t n, const vaei_batch *b, const _Atomic int32_t *cancel) {
    vaei_run r = {.k = t->k, .pool = t->pool, .n = n, .training = 1, .params = t->params, .grads = t->grads, .batch = *b};
    r.noise = (vaei_noise_key){.seed = t->seed, .step = (uint64_t)t->step, .stream = VAEI_STREAM_LATENT};
    r.first_item = (uint32_t)t->items;
    r.cancel = t->parts == 0 ? cancel : NULL; /* the gradients of the parts before are not kept apart from those of this one */
    const uint64_t generation = *t->generation;
    if (t->packed != generation) {
        t->task->pack(t->net, &r, &t->work, t->still != generation - t->moves);
        t->still = generation - t->moves;
        t->packed = generation;
    }
    return r;
}

/* One batch forward and back. Gradients may be half done when it fails. */
static vae_status_t pass(vaei_training *t, const vaei_run *r, vaei_terms *terms) {
    const vaei_training_task *const task = t->task;
    const vaei_work *const w = &t->work;
    *terms = (vaei_terms){.n = r->n, .step = t->step, .batch = &r->batch};
    VAEI_TRY(task->forward(t->net, r, w, &t->recipe->objective, terms));
    if (vaei_run_cancelled(r)) return VAE_E_CANCELLED;
    vaei_objective_eval(&t->recipe->objective, terms);
    if (!is_finite(terms->loss)) return vaei_fail(VAE_E_NUMERIC, "loss: not finite at step %lld", (long long)t->step);
    task->backward(t->net, r, w);
    if (vaei_run_cancelled(r)) return VAE_E_CANCELLED; /* the last time: what commit moves stays moved */
    if (!task->commits(t->net)) return VAE_OK;
    if (!is_finite(vaei_gradient_norm(t))) /* what commit moves, moves only with a sound gradient */
        return vaei_fail(VAE_E_NUMERIC, "gradient: not finite at step %lld", (long long)t->step);
    task->commit(t->net, r, w, t->params);
    params_moved(t);
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
    return m;
}

vae_status_t vaei_training_backward(vaei_training *t, int64_t n, const vaei_batch *batch, const _Atomic int32_t *cancel,
                                    vaei_measures *out) {
    vaei_terms terms;
    const vaei_run r = start(t, n, batch, cancel);
    const vae_status_t status = pass(t, &r, &terms);
    if (status == VAE_E_NUMERIC || status == VAE_E_CANCELLED) forget_gradients(t);
    VAEI_TRY(status);
    if (t->task->measure) t->task->measure(t->net, &r, &t->work, &t->sums.codes);
    t->parts++;
    t->items += n;
    t->sums.loss += terms.loss;
    t->sums.recon += terms.recon;
    t->sums.rate += terms.rate;
    t->sums.aux += terms.other;
    for (int32_t i = 0; i < terms.levels; i++) t->sums.level_rate[i] += terms.level[i].rate;
    t->sums.beta = terms.beta;
    *out = means_of(t);
    return VAE_OK;
}

vae_status_t vaei_training_apply(vaei_training *t, vaei_measures *out) {
    const vaei_recipe *const recipe = t->recipe;
    const double parts = (double)t->parts, norm = vaei_gradient_norm(t) / parts;
    if (!is_finite(norm)) {
        forget_gradients(t);
        return vaei_fail(VAE_E_NUMERIC, "gradient: not finite at step %lld", (long long)t->step);
    }
    const double lr = t->lr * recipe->schedule->factor(recipe->schedule_conf, t->step);
    vaei_gradients_apply(t, lr, recipe->clip->factor(recipe->clip_conf, norm) / parts);
    params_moved(t);
    t->step++;
    *out = means_of(t);
    out->lr = lr;
    out->grad_norm = norm;
    forget_parts(t);
    return VAE_OK;
}
