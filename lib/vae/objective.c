/* SPDX-License-Identifier: MIT
 * objective.c - builds an objective from its section as a sum of terms, and evaluates it. */
#include "vae/objective.h"

static vae_status_t add_term(vaei_objective *o, vaei_arena *arena, const vaei_section *section, vaei_node *node) {
    const vaei_module *module;
    if (node->body)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: objective: wanted terms and no braces, as in 'objective elbo | mmd weight=10'",
                         (int)node->line, (int)node->column);
    if (o->n == VAEI_OBJECTIVE_TERMS)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: objective: more than %d terms", (int)node->line, (int)node->column,
                         VAEI_OBJECTIVE_TERMS);
    VAEI_TRY(vaei_module_find(&module, vaei_objectives, vaei_objectives_count, "objective", node, section->name));
    for (int32_t i = 0; i < o->n; i++)
        if (&o->term[i]->module == module)
            return vaei_fail(VAE_E_SPEC, "line %d, column %d: objective: %s is given twice", (int)node->line, (int)node->column,
                             module->name);
    const char *where = vaei_arena_format(arena, "%s %s", section->name, node->name);
    if (!where) return VAE_E_NOMEM;
    VAEI_TRY(vaei_module_bind(&o->conf[o->n], module, node, arena, where));
    o->term[o->n++] = (const vaei_objective_ops *)(const void *)module; /* a module is the first member of its ops */
    return VAE_OK;
}

static int32_t count_of(const vaei_objective *o, int32_t flag) {
    int32_t n = 0;
    for (int32_t i = 0; i < o->n; i++) n += (o->term[i]->flags & flag) != 0;
    return n;
}

static vae_status_t find_critic(vaei_objective *o) {
    for (int32_t i = 0; i < o->n; i++) {
        if (!o->term[i]->cost) continue;
        if (o->critic >= 0)
            return vaei_fail(VAE_E_SPEC, "objective: %s and %s both need a critic, and a model has only one",
                             o->term[o->critic]->module.name, o->term[i]->module.name);
        o->critic = i;
    }
    return VAE_OK;
}

static vae_status_t fail_two_bounds(const vaei_objective *o) {
    const char *names[2];
    int32_t n = 0;
    for (int32_t i = 0; i < o->n && n < 2; i++)
        if (!(o->term[i]->flags & VAEI_OBJECTIVE_NO_NLL)) names[n++] = o->term[i]->module.name;
    return vaei_fail(VAE_E_SPEC, "objective: %s and %s both contain the reconstruction, wanted one of them", names[0], names[1]);
}

vae_status_t vaei_objective_build(vaei_objective *o, vaei_arena *arena, vaei_section *section) {
    *o = (vaei_objective){.critic = -1, .samples = 1};
    for (vaei_node *node = section->pipeline.first; node; node = node->next) VAEI_TRY(add_term(o, arena, section, node));
    if (o->n == 0)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: objective: wanted a term, as in 'objective elbo'", (int)section->line,
                         (int)section->column);
    const int32_t without = count_of(o, VAEI_OBJECTIVE_NO_NLL);
    if (without == o->n)
        return vaei_fail(VAE_E_SPEC, "objective: %s does not contain the reconstruction, wanted 'objective elbo | %s'",
                         o->term[0]->module.name, o->term[0]->module.name);
    if (count_of(o, VAEI_OBJECTIVE_OF_PRIOR) > 0) {
        if (o->n > 1) return vaei_fail(VAE_E_SPEC, "objective: prior cannot be combined with other terms");
        o->flags = o->term[0]->flags;
        return VAE_OK;
    }
    if (o->n - without > 1) return fail_two_bounds(o);
    if (count_of(o, VAEI_OBJECTIVE_AT_Z) > 0) o->flags |= VAEI_OBJECTIVE_AT_Z;
    for (int32_t i = 0; i < o->n; i++) {
        const int64_t samples = o->term[i]->samples ? o->term[i]->samples(o->conf[i]) : 1;
        if (samples > o->samples) o->samples = samples;
    }
    if (count_of(o, VAEI_OBJECTIVE_SEES_Z) > 0) o->flags |= VAEI_OBJECTIVE_SEES_Z;
    if (count_of(o, VAEI_OBJECTIVE_SEES_POSTERIOR) > 0) o->flags |= VAEI_OBJECTIVE_SEES_POSTERIOR;
    if (count_of(o, VAEI_OBJECTIVE_SEES_MEAN) > 0) o->flags |= VAEI_OBJECTIVE_SEES_MEAN; /* of the whole batch, before backward */
    else if (count_of(o, VAEI_OBJECTIVE_MEAN_NLL) == 1 && without == o->n - 1) o->flags |= VAEI_OBJECTIVE_MEAN_NLL;
    return find_critic(o);
}

vaei_game vaei_objective_game(const vaei_objective *o) {
    const vaei_objective_ops *const term = o->term[o->critic];
    return (vaei_game){term->cost, o->conf[o->critic], (term->flags & VAEI_OBJECTIVE_PERMUTES) != 0};
}

int64_t vaei_objective_critic_steps(const vaei_objective *o, int64_t step) {
    const vaei_objective_ops *const term = o->term[o->critic];
    return step - (term->start ? term->start(o->conf[o->critic]) : 0);
}

void vaei_terms_fool(vaei_terms *t, const vaei_game *game, double weight) {
    const int32_t of_z = t->critic->of_z;
    const double cost =
        weight * vaei_critic_fool(t->critic, t->r, t->critic_work, game, of_z ? t->z : t->mean_x, weight, of_z ? t->d_z : t->d_mean_x);
    t->other += cost;
    t->loss += cost;
}

/* A weighted mean. */
static double mean_of(const vaei_terms *t, const double *x) {
    double sum = 0;
    for (int64_t i = 0; i < t->n; i++) sum += vaei_batch_weight(t->batch, i) * x[i];
    return sum / t->batch->total;
}

void vaei_objective_eval(const vaei_objective *o, vaei_terms *t) {
    t->loss = t->recon = t->rate = t->beta = t->other = 0;
    memset(t->d_nll, 0, (size_t)t->n * sizeof(*t->d_nll));
    for (int32_t l = 0; l < t->levels; l++) {
        memset(t->level[l].d_kl, 0, (size_t)(t->n * t->level[l].dim) * sizeof(*t->level[l].d_kl));
        t->level[l].rate = 0;
    }
    if (t->d_z) memset(t->d_z, 0, (size_t)(t->n * t->size) * sizeof(*t->d_z));
    if (t->d_mean) memset(t->d_mean, 0, (size_t)(t->n * t->size) * sizeof(*t->d_mean));
    if (t->d_logvar) memset(t->d_logvar, 0, (size_t)(t->n * t->size) * sizeof(*t->d_logvar));
    if (t->d_mean_x) memset(t->d_mean_x, 0, (size_t)(t->n * t->size_x) * sizeof(*t->d_mean_x));
    for (int32_t i = 0; i < o->n; i++) o->term[i]->eval(o->conf[i], t);
    if (!t->aux) return;
    const double aux = mean_of(t, t->aux);
    t->loss += aux;
    t->other += aux;
}
