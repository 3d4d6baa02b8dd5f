/* SPDX-License-Identifier: MIT
 * training_task.c - the functions that all tasks of a training share. */
#include "vae/training/training_task.h"

void vaei_tasks_of(const vaei_recipe *recipe, const vaei_training_task *task[VAEI_TASKS_MOST]) {
    task[0] = recipe->objective.flags & VAEI_OBJECTIVE_OF_PRIOR ? &vaei_task_prior : &vaei_task_network;
    task[1] = recipe->objective.critic >= 0 ? &vaei_task_critic : NULL;
}

int64_t vaei_task_every_step(const vaei_objective *o, int64_t step) {
    (void)o;
    return step;
}

vae_status_t vaei_task_check_loss(const vaei_run *r, double loss) {
    if (loss - loss <= 0.0) return VAE_OK;
    return vaei_fail(VAE_E_NUMERIC, "loss: not finite at step %llu", (unsigned long long)r->noise.step);
}

vae_status_t vaei_task_evaluate(const vaei_run *r, const vaei_objective *o, vaei_terms *t, vaei_measures *m) {
    t->n = r->n;
    t->samples = o->samples;
    t->step = (int64_t)r->noise.step;
    t->batch = &r->batch;
    vaei_objective_eval(o, t);
    m->loss += t->loss;
    m->recon += t->recon;
    m->rate += t->rate;
    m->aux += t->other;
    m->beta = t->beta;
    for (int32_t i = 0; i < t->levels; i++) m->level_rate[i] += t->level[i].rate;
    return vaei_task_check_loss(r, t->loss);
}
