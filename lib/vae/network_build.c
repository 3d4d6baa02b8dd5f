/* SPDX-License-Identifier: MIT
 * network_build.c - builds the model from its document: it builds the parts in their order, checks that they fit each other, and makes the
 * canonical text. */
#include "vae/network.h"

#include <math.h>

#include "vae/condition.h"
#include "vae/input.h"
#include "vae/sections.h"

static vae_status_t single_module(vaei_node **out, const vaei_document *document, const char *name) {
    const vaei_section *s = vaei_document_find(document, name);
    if (!s) return vaei_fail(VAE_E_SPEC, "%s: section is missing", name);
    if (!s->pipeline.first || s->pipeline.first->next)
        return vaei_fail(VAE_E_SPEC, "line %d: %s: wanted exactly one module", (int)s->line, name);
    *out = s->pipeline.first;
    return VAE_OK;
}

static vae_status_t bind_single(vaei_node **node, const vaei_module **module, void **conf, vaei_arena *arena, const vaei_document *document,
                                int32_t section) {
    const vaei_section_type *const type = &vaei_sections[section];
    const vaei_kind *const kind = &vaei_kinds[type->kind];
    VAEI_TRY(single_module(node, document, type->name));
    VAEI_TRY(vaei_module_find(module, kind->modules, *kind->count, kind->name, *node, type->name));
    return vaei_module_bind(conf, *module, *node, arena, type->name);
}

static vae_status_t build_input(vaei_network *net, vaei_arena *arena, const vaei_document *document) {
    vaei_input in;
    VAEI_TRY(vaei_input_build(&in, arena, document));
    net->input = in.shape;
    net->tokens = in.tokens;
    return VAE_OK;
}

static vae_status_t build_stack(vaei_stack **out, vaei_build *b, const vaei_document *document, const char *name, const vaei_shape *in) {
    const vaei_section *s = vaei_document_find(document, name);
    if (!s) return vaei_fail(VAE_E_SPEC, "%s: section is missing", name);
    return vaei_stack_build(out, b, &s->pipeline, name, in);
}

/* Tokens have no meaning as numbers, so the encoder must begin with an embedding. */
static vae_status_t build_encoder(vaei_network *net, vaei_build *b, const vaei_document *document) {
    b->tokens = net->tokens;
    VAEI_TRY(build_stack(&net->encoder, b, document, "encoder", &net->input));
    b->tokens = 0;
    if (net->tokens == 0 || (net->encoder->n > 0 && net->encoder->layer[0]->ops == &vaei_layer_embedding)) return VAE_OK;
    return vaei_fail(VAE_E_SPEC, "encoder: the input has tokens=%lld, wanted embedding as its first layer", (long long)net->tokens);
}

static vae_status_t build_latent(vaei_network *net, vaei_build *b, const vaei_document *document) {
    vaei_latent *q = &net->latent;
    const vaei_module *module;
    vaei_node *node = NULL;
    void *conf;
    VAEI_TRY(bind_single(&node, &module, &conf, b->arena, document, VAEI_SECTION_latent));
    q->ops = (const vaei_latent_ops *)(const void *)module;
    q->path = "latent";
    q->conf = conf;
    q->h = net->encoder->out;
    return q->ops->plan(q, b, node, &q->h, &q->z);
}

/* Whether the shape looks like an image with its few channels before its sides. */
static int32_t is_channels_first(const vaei_shape *s) {
    return s->n == 3 && s->d[0] <= 4 && s->d[1] > 4 && s->d[2] > 4;
}

/* Checks that the decoder's last layers do not bound theta: sigmoid before logits gives only probabilities from 0.5 to 0.73. */
static vae_status_t check_reach(const vaei_network *net) {
    const vaei_likelihood *p = &net->likelihood;
    vaei_interval given = {-INFINITY, INFINITY};
    const vaei_layer *l = vaei_stack_range(net->decoder, &given);
    if (!p->takes || !l || (given.lo <= p->reach.lo && given.hi >= p->reach.hi)) return VAE_OK;
    return vaei_fail(VAE_E_SPEC, "decoder: ends in %s, but %s takes %s: leave the %s out", l->ops->module.name, p->ops->module.name,
                     p->takes, l->ops->module.name);
}

static vae_status_t check_theta(const vaei_network *net) {
    const vaei_likelihood *p = &net->likelihood;
    const vaei_shape *given = &net->decoder->out;
    char got[96], wanted[96], in[96];
    if (vaei_shape_equal(given, &p->theta)) return VAE_OK;
    const int32_t fits = vaei_shape_size(given) == p->theta_size && !is_channels_first(&net->input);
    (void)vaei_shape_text(given, got), (void)vaei_shape_text(&p->theta, wanted), (void)vaei_shape_text(&net->input, in);
    if (vaei_shape_equal(&p->theta, &net->input))
        return vaei_fail(VAE_E_SHAPE, "decoder: gives %s, the input is %s%s%s", got, in, fits ? ": end it with reshape " : "",
                         fits ? wanted : "");
    return vaei_fail(VAE_E_SHAPE, "decoder: gives %s, wanted %s%s%s: for each value of the input %s likelihood %s takes %s", got,
                     fits ? "reshape " : "", wanted, fits ? " at its end" : "", in, p->ops->module.name, p->takes);
}

static vae_status_t build_likelihood(vaei_network *net, vaei_build *b, const vaei_document *document) {
    vaei_likelihood *p = &net->likelihood;
    const vaei_module *module;
    vaei_node *node = NULL;
    void *conf;
    VAEI_TRY(bind_single(&node, &module, &conf, b->arena, document, VAEI_SECTION_likelihood));
    p->ops = (const vaei_likelihood_ops *)(const void *)module;
    p->conf = conf;
    p->tokens = net->tokens;
    VAEI_TRY(vaei_likelihood_plan(p, b, &net->input));
    VAEI_TRY(check_theta(net));
    return check_reach(net);
}

/* A model without the section has the standard prior, so the canonical text of that prior is empty. */
static vae_status_t build_prior(vaei_network *net, vaei_build *b, const vaei_document *document) {
    vaei_prior *p = &net->prior;
    const vaei_module *module;
    vaei_node *node = NULL;
    void *conf;
    *p = (vaei_prior){.ops = &vaei_prior_standard, .latent = &net->latent};
    if (!vaei_document_find(document, "prior")) return VAE_OK;
    VAEI_TRY(bind_single(&node, &module, &conf, b->arena, document, VAEI_SECTION_prior));
    p->ops = (const vaei_prior_ops *)(const void *)module;
    p->conf = conf;
    if (!vaei_network_has_prior(net)) return VAE_OK;
    const int32_t of_codes = (net->latent.ops->flags & VAEI_LATENT_CODES) != 0;
    if (!(p->ops->flags & (of_codes ? VAEI_PRIOR_OF_CODES : VAEI_PRIOR_OF_VALUES)))
        return vaei_fail(VAE_E_SPEC, "prior %s: is a prior of %s, and latent %s makes %s", module->name, of_codes ? "values" : "codes",
                         net->latent.ops->module.name, of_codes ? "codes" : "values");
    net->rate = p->ops->flags & VAEI_PRIOR_JOINT ? &vaei_rate_joint : &vaei_rate_closed;
    VAEI_TRY(net->rate->check(net));
    p->example = net->likelihood.size;
    b->flags = net->rate->prior_flags;
    VAEI_TRY(p->ops->plan(p, b));
    if (p->classes > 0 && net->condition.classes > 0 && p->classes != net->condition.classes)
        return vaei_fail(VAE_E_SPEC, "prior %s: classes=%lld, the model's condition has classes=%lld", module->name, (long long)p->classes,
                         (long long)net->condition.classes);
    return VAE_OK;
}

static vae_status_t build_critic(vaei_network *net, vaei_build *b, const vaei_document *document) {
    const vaei_latent_ops *const latent = net->latent.ops;
    VAEI_TRY(vaei_critic_build(&net->critic, b, vaei_document_find(document, "critic"), &net->input, &net->latent.z,
                               latent->flags & VAEI_LATENT_CODES ? latent->module.name : NULL));
    if (net->tokens == 0 || !net->critic.stack || net->critic.of_z) return VAE_OK;
    return vaei_fail(VAE_E_SPEC, "critic: on=x compares values, the input has tokens=%lld: wanted on=z", (long long)net->tokens);
}

static vae_status_t print_spec(vaei_network *net, vaei_arena *arena, const vaei_document *document) {
    vaei_writer w = {0};
    for (int32_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < VAEI_SECTIONS; i++) {
            const vaei_section_type *const type = &vaei_sections[i];
            const vaei_section *const s = type->part == VAEI_PART_MODEL ? vaei_document_find(document, type->name) : NULL;
            if (!s || vaei_section_is_default(s, type)) continue;
            vaei_write(&w, "%-10s ", s->name);
            vaei_section_print(s, &w);
            vaei_write(&w, "\n");
        }
        if (pass == 0) {
            if (w.length >= VAEI_TEXT_MAX) return vaei_fail(VAE_E_LIMIT, "spec: canonical text passes 64 KiB");
            w = (vaei_writer){.cap = w.length + 1};
            if (!(w.buf = vaei_arena_alloc(arena, w.cap))) return VAE_E_NOMEM;
        }
    }
    net->spec = w.buf;
    return VAE_OK;
}

/* If the shapes do not agree and the input looks like channels first, the sentence asks about that: other programs put the channels
 * first, and advice about the layers would hide this. */
static vae_status_t ask_about_channels(const vaei_network *net, vae_status_t status) {
    const vaei_shape *in = &net->input;
    char text[96];
    if (status != VAE_E_SHAPE || !is_channels_first(in)) return status;
    const vaei_shape last = {.n = 3, .d = {in->d[1], in->d[2], in->d[0]}};
    return vaei_fail(status, "%.150s; images have their channels last: input %s?", vaei_fail_text(), vaei_shape_text(&last, text));
}

/* Stores taps and latents by their numbers. */
static void number_levels(vaei_network *net, const vaei_build *b) {
    net->n_taps = b->n_taps;
    net->n_levels = 1 + b->n_pairs;
    for (const vaei_tap *t = b->taps; t; t = t->next) net->tap[t->number] = t;
    for (const vaei_pair *p = b->pairs; p; p = p->next) net->pair[p->number] = p;
    for (int32_t i = 0; i < net->n_levels; i++) net->z_size += vaei_shape_size(vaei_network_z(net, i));
}

/* Refuses a tap or a condition that no layer reads, because it is probably a mistake. */
static vae_status_t check_all_is_read(const vaei_build *b, const vaei_document *document) {
    const vaei_condition *const c = &b->condition;
    for (const vaei_tap *t = b->taps; t; t = t->next)
        if (!t->is_read)
            return vaei_fail(VAE_E_SPEC,
                             "line %d, column %d: tap %s: no latent of the decoder reads it: leave it out, or give a latent from=%s",
                             (int)t->line, (int)t->column, t->name, t->name);
    if (c->classes + c->vector > 0 && !b->condition_is_read)
        return vaei_fail(
            VAE_E_SPEC, "line %d: condition: no layer reads it: leave it out, or put a layer condition into the encoder, decoder or critic",
            (int)vaei_document_find(document, "condition")->line);
    return VAE_OK;
}

static vae_status_t build_parts(vaei_network *net, vaei_build *b, const vaei_document *document) {
    VAEI_TRY(vaei_condition_build(&net->condition, b->arena, document));
    b->condition = net->condition;
    VAEI_TRY(build_encoder(net, b, document));
    VAEI_TRY(build_latent(net, b, document));
    b->takes = VAEI_TAKES_LATENTS;
    VAEI_TRY(build_stack(&net->decoder, b, document, "decoder", &net->latent.z));
    b->takes = 0;
    number_levels(net, b);
    VAEI_TRY(build_likelihood(net, b, document));
    VAEI_TRY(build_prior(net, b, document)); /* the prior comes last, so that models without a prior have the same offsets */
    VAEI_TRY(build_critic(net, b, document));
    VAEI_TRY(check_all_is_read(b, document));
    const vaei_stack *const trained[] = {net->encoder, net->decoder, net->critic.stack};
    for (size_t i = 0; i < VAEI_COUNT(trained); i++) {
        const int64_t least = trained[i] ? vaei_blocks_least(trained[i]) : 1;
        if (least > net->min_batch) net->min_batch = least;
    }
    net->stacks = b->stacks;
    VAEI_TRY(vaei_build_finish(b, &net->params));
    vaei_critic_place(&net->critic, &net->params);
    return print_spec(net, b->arena, document);
}

vae_status_t vaei_network_build(vaei_network *net, vaei_arena *arena, const vaei_document *document) {
    vaei_build b;
    memset(net, 0, sizeof(*net));
    net->rate = &vaei_rate_closed;
    VAEI_TRY(build_input(net, arena, document));
    vaei_build_init(&b, arena);
    b.elements = vaei_elements;
    b.n_elements = vaei_elements_count;
    const vae_status_t status = build_parts(net, &b, document);
    net->layers = b.layers;
    return ask_about_channels(net, status);
}
