/* SPDX-License-Identifier: MIT
 * network.c - building the model from its document and running it, forward and backward.
 *
 * The block of a use (session or trainer), cut by vaei_network_carve:
 *
 *     | packs: encoder, latent, decoder | caches (training) | rows: h mean logvar z ... | scratch shared by the three parts |
 */
#include "vae/network.h"
#include "vae/latents/normal_pair.h"

#include <math.h>

#include "nn/ranges.h"
#include "vae/condition.h"
#include "vae/sections.h"

/* ---- building -------------------------------------------------------------------------------------------------- */

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

static vae_status_t build_input(vaei_network *net, const vaei_document *document) {
    vaei_node *node = NULL;
    VAEI_TRY(single_module(&node, document, "input"));
    if (node->attrs || node->body) return vaei_fail(VAE_E_SPEC, "line %d: input: wanted a shape alone", (int)node->line);
    return vaei_shape_parse(&net->input, node->name, "input");
}

static vae_status_t build_stack(vaei_stack **out, vaei_build *b, const vaei_document *document, const char *name, const vaei_shape *in) {
    const vaei_section *s = vaei_document_find(document, name);
    if (!s) return vaei_fail(VAE_E_SPEC, "%s: section is missing", name);
    return vaei_stack_build(out, b, &s->pipeline, name, in);
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

/* An image of few channels, and these before its sides. */
static int32_t is_channels_first(const vaei_shape *s) {
    return s->n == 3 && s->d[0] <= 4 && s->d[1] > 4 && s->d[2] > 4;
}

/* Theta as the decoder's last layers bound it: sigmoid before logits gives probabilities from 0.5 to 0.73. */
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
    VAEI_TRY(vaei_likelihood_plan(p, b, &net->input));
    VAEI_TRY(check_theta(net));
    return check_reach(net);
}

/* The standard prior is what a model has without the section, so its canonical text has none. */
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
        return vaei_fail(VAE_E_SPEC, "prior %s: is over %s, latent %s makes %s", module->name, of_codes ? "values" : "codes",
                         net->latent.ops->module.name, of_codes ? "codes" : "values");
    const int32_t joint = (p->ops->flags & VAEI_PRIOR_JOINT) != 0;
    if (joint && !net->latent.ops->encode_backward)
        return vaei_fail(VAE_E_SPEC, "prior %s: is made of posteriors, latent %s has none", module->name, net->latent.ops->module.name);
    if (joint && net->condition.classes + net->condition.vector > 0)
        return vaei_fail(VAE_E_SPEC,
                         "prior %s: is made of posteriors of examples of its own, which have no condition: leave one of the two out",
                         module->name);
    p->example = net->likelihood.size;
    b->flags = joint ? 0 : VAEI_PARAM_OF_PRIOR;
    VAEI_TRY(p->ops->plan(p, b));
    if (p->classes > 0 && net->condition.classes > 0 && p->classes != net->condition.classes)
        return vaei_fail(VAE_E_SPEC, "prior %s: classes=%lld, the model's condition has classes=%lld", module->name, (long long)p->classes,
                         (long long)net->condition.classes);
    return VAE_OK;
}

static vae_status_t build_critic(vaei_network *net, vaei_build *b, const vaei_document *document) {
    const vaei_latent_ops *const latent = net->latent.ops;
    return vaei_critic_build(&net->critic, b, vaei_document_find(document, "critic"), &net->input, &net->latent.z,
                             latent->flags & VAEI_LATENT_CODES ? latent->module.name : NULL);
}

static vae_status_t print_spec(vaei_network *net, vaei_arena *arena, const vaei_document *document) {
    vaei_writer w = {0};
    for (int32_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < VAEI_SECTIONS; i++) {
            const vaei_section_type *const type = &vaei_sections[i];
            const vaei_section *const s = type->part == VAEI_PART_MODEL ? vaei_document_find(document, type->name) : NULL;
            if (!s || vaei_section_is_preset(s, type)) continue;
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

/* Shapes that do not agree behind such an input: other programs put the channels first, and advice about the layers would hide it. */
static vae_status_t ask_about_channels(const vaei_network *net, vae_status_t status) {
    const vaei_shape *in = &net->input;
    char text[96];
    if (status != VAE_E_SHAPE || !is_channels_first(in)) return status;
    const vaei_shape last = {.n = 3, .d = {in->d[1], in->d[2], in->d[0]}};
    return vaei_fail(status, "%.150s; images have their channels last: input %s?", vaei_fail_text(), vaei_shape_text(&last, text));
}

/* Taps and latents by their numbers. */
static void number_levels(vaei_network *net, const vaei_build *b) {
    net->n_taps = b->n_taps;
    net->n_levels = 1 + b->n_pairs;
    for (const vaei_tap *t = b->taps; t; t = t->next) net->tap[t->number] = t;
    for (const vaei_pair *p = b->pairs; p; p = p->next) net->pair[p->number] = p;
    for (int32_t i = 0; i < net->n_levels; i++) net->z_size += vaei_shape_size(vaei_network_z(net, i));
}

static vae_status_t build_parts(vaei_network *net, vaei_arena *arena, const vaei_document *document) {
    vaei_build b;
    vaei_build_init(&b, arena);
    b.elements = vaei_elements;
    b.n_elements = vaei_elements_count;
    VAEI_TRY(vaei_condition_build(&net->condition, arena, document));
    b.condition = net->condition;
    VAEI_TRY(build_stack(&net->encoder, &b, document, "encoder", &net->input));
    VAEI_TRY(build_latent(net, &b, document));
    b.takes = VAEI_TAKES_LATENTS;
    VAEI_TRY(build_stack(&net->decoder, &b, document, "decoder", &net->latent.z));
    b.takes = 0;
    number_levels(net, &b);
    VAEI_TRY(build_likelihood(net, &b, document));
    VAEI_TRY(build_prior(net, &b, document)); /* behind all that every model has: it moves no parameter of a model without it */
    VAEI_TRY(build_critic(net, &b, document));
    const vaei_stack *const trained[] = {net->encoder, net->decoder, net->critic.stack};
    for (size_t i = 0; i < VAEI_COUNT(trained); i++) {
        const int64_t least = trained[i] ? vaei_blocks_least(trained[i]) : 1;
        if (least > net->min_batch) net->min_batch = least;
    }
    net->stacks = b.stacks;
    VAEI_TRY(vaei_build_finish(&b, &net->params));
    vaei_critic_place(&net->critic, &net->params);
    return print_spec(net, arena, document);
}

vae_status_t vaei_network_build(vaei_network *net, vaei_arena *arena, const vaei_document *document) {
    memset(net, 0, sizeof(*net));
    VAEI_TRY(build_input(net, document));
    return ask_about_channels(net, build_parts(net, arena, document));
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* wide: rows of the encoder. */
static void carve_levels(const vaei_network *net, int64_t n, int64_t wide, int32_t training, vaei_carve *c, vaei_work *w) {
    for (int32_t i = 0; i < net->n_levels; i++) {
        const int64_t D = vaei_shape_size(vaei_network_z(net, i)), nD = vaei_count_of(n, D),
                      posterior = i == 0 ? vaei_count_of(wide, D) : nD;
        vaei_level *const v = &w->level[i];
        v->size = D;
        v->mean = vaei_carve_floats(c, posterior);
        v->logvar = vaei_carve_floats(c, posterior);
        v->prior_mean = i == 0 ? NULL : vaei_carve_floats(c, nD);
        v->prior_logvar = i == 0 ? NULL : vaei_carve_floats(c, nD);
        v->z = vaei_carve_floats(c, nD);
        v->noise = vaei_carve_floats(c, nD);
        v->kl = vaei_carve_floats(c, nD);
        v->d_kl = training ? vaei_carve_floats(c, nD) : NULL;
    }
    for (int32_t i = 0; i < net->n_taps; i++) {
        const int64_t size = vaei_shape_size(&net->tap[i]->shape), count = vaei_count_of(wide, size);
        float *const value = vaei_carve_floats(c, count);
        w->side[i] = (vaei_side){value, training ? vaei_carve_floats(c, count) : NULL, size};
    }
}

/* A level's gradient wants the loss of the whole batch, as does one by a likelihood with facts of it. */
static int32_t decoder_fuses(const vaei_network *net, int32_t how) {
    return how & VAEI_BLOCKS_FUSED && !net->likelihood.of_batch && net->n_levels == 1;
}

void vaei_network_carve(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *c, vaei_work *w) {
    const int32_t training = how & VAEI_BLOCKS_TRAIN, fused = decoder_fuses(net, how);
    const int64_t H = vaei_shape_size(&net->latent.h), D = vaei_shape_size(&net->latent.z);
    const int64_t wide = n + (training ? vaei_network_inputs(net) : 0); /* rows of the encoder */
    const int64_t wH = vaei_count_of(wide, H), nT = vaei_count_of(n, net->likelihood.theta_size);
    const vaei_bytes e = vaei_blocks_bytes(net->encoder, k, wide, how & ~VAEI_BLOCKS_FUSED, &w->encoder);
    const vaei_bytes q = vaei_latent_bytes(&net->latent, k, wide, training);
    const vaei_bytes d = vaei_blocks_bytes(net->decoder, k, n, fused ? how : how & ~VAEI_BLOCKS_FUSED, &w->decoder);

    w->fused = fused;
    w->d_z_terms = w->mean_x = w->d_mean_x = NULL;
    w->encoder.pack = vaei_carve_bytes(c, e.pack);
    w->latent.pack = vaei_carve_bytes(c, q.pack);
    w->decoder.pack = vaei_carve_bytes(c, d.pack);
    w->packs = e.pack + q.pack + d.pack;
    w->encoder.cache = vaei_carve_bytes(c, e.cache);
    w->latent.cache = vaei_carve_bytes(c, q.cache);
    w->decoder.cache = vaei_carve_bytes(c, d.cache);
    w->encoder.stats = vaei_carve_bytes(c, e.stats);
    w->decoder.stats = vaei_carve_bytes(c, d.stats);
    w->facts = vaei_carve_bytes(c, VAEI_LIKELIHOOD_FACTS);
    w->h = vaei_carve_floats(c, wH);
    carve_levels(net, n, wide, training, c, w);
    w->theta = vaei_carve_floats(c, nT);
    w->nll = vaei_carve_array(c, n, sizeof(double));
    w->log_ratio = vaei_carve_array(c, n, sizeof(double));
    w->codes = vaei_carve_array(c, vaei_count_of(n, net->latent.n_codes), sizeof(int32_t));
    if (training) {
        w->aux = vaei_carve_array(c, n, sizeof(double));
        w->d_theta = vaei_carve_floats(c, nT);
        w->d_z = vaei_carve_floats(c, vaei_count_of(n, D));
        w->d_h = vaei_carve_floats(c, wH);
        w->d_nll = vaei_carve_floats(c, n);
        if (vaei_network_inputs(net)) vaei_network_carve_joint(net, k, n, c, w);
    }
    size_t scratch = e.scratch > d.scratch ? e.scratch : d.scratch;
    if (q.scratch > scratch) scratch = q.scratch;
    w->encoder.scratch = w->latent.scratch = w->decoder.scratch = vaei_carve_bytes(c, scratch);
}

void vaei_network_carve_terms(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w) {
    const int64_t nD = vaei_count_of(n, vaei_shape_size(&net->latent.z));
    w->d_z_terms = vaei_carve_floats(c, nD);
    w->prior_z = vaei_carve_floats(c, nD);
    w->row = vaei_carve_array(c, n, sizeof(double));
}

void vaei_network_carve_mean(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w) {
    w->mean_x = vaei_carve_floats(c, vaei_count_of(n, net->likelihood.size));
    w->d_mean_x = vaei_carve_floats(c, vaei_count_of(n, net->likelihood.size));
}

/* ---- running --------------------------------------------------------------------------------------------------- */

void vaei_network_pack(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    vaei_stack_pack(net->encoder, r, w->encoder.pack);
    if (net->latent.ops->pack) net->latent.ops->pack(&net->latent, r, w->latent.pack);
    vaei_stack_pack(net->decoder, r, w->decoder.pack);
}

/* The run with the arrays of this use, which begin at its example 0. */
static vaei_run within(const vaei_run *r, const vaei_work *w, int32_t levels_from) {
    vaei_run in = *r;
    in.side = w->side;
    in.level = w->level;
    in.levels_from = levels_from;
    in.row = 0;
    return in;
}

/* x as the encoder sees it stands in theta, which is no smaller (a number a value at least), free until the decoder writes it, and again
 * when the decoder's backward has read it. */
static const float *input_of(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    vaei_run_flush(r, r->n * net->likelihood.size, r->batch.x, w->theta);
    return w->theta;
}

static void encoder_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x) {
    const vaei_run in = within(r, w, VAEI_LEVELS_POSTERIOR);
    vaei_blocks_forward(net->encoder, &in, &w->encoder, x, w->h);
    vaei_run_flush(r, r->n * vaei_shape_size(&net->latent.h), w->h, w->h);
}

static void encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x, float *mean, float *logvar) {
    encoder_forward(net, r, w, x);
    if (vaei_run_cancelled(r)) return;
    net->latent.ops->encode(&net->latent, r, &w->latent, w->h, mean, logvar);
}

void vaei_network_encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *mean, float *logvar) {
    encode(net, r, w, input_of(net, r, w), mean, logvar);
}

void vaei_network_decode(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t levels_from) {
    const vaei_run in = within(r, w, levels_from);
    vaei_blocks_forward(net->decoder, &in, &w->decoder, w->level[0].z, w->theta);
}

void vaei_network_mean_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *x) {
    if (!vaei_run_cancelled(r)) vaei_likelihood_mean(&net->likelihood, r, w->theta, x);
}

void vaei_network_draw_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first, float *x) {
    if (!vaei_run_cancelled(r)) vaei_likelihood_sample(&net->likelihood, r, first, w->theta, x);
}

void vaei_network_encode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t *codes) {
    encoder_forward(net, r, w, input_of(net, r, w));
    if (vaei_run_cancelled(r)) return;
    net->latent.ops->encode_codes(&net->latent, r, &w->latent, w->h, codes);
}

void vaei_network_decode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    net->latent.ops->decode_codes(&net->latent, r, &w->latent, r->batch.codes, w->level[0].z);
    for (int32_t l = 1; l < net->n_levels; l++) memset(w->level[l].noise, 0, (size_t)(r->n * w->level[l].size) * sizeof(float));
    vaei_network_decode(net, r, w, VAEI_LEVELS_PRIOR);
}

typedef struct decoder_end {
    const vaei_likelihood *p;
    const vaei_work *w;
} decoder_end;

static void likelihood_dy(const void *arg, const vaei_run *r, int64_t first, const float *theta, float *d_theta) {
    const decoder_end *const t = arg;
    const float *const x = r->batch.x;
    _Alignas(VAEI_ALIGN) char facts[VAEI_LIKELIHOOD_FACTS];
    vaei_likelihood_nll(t->p, r, facts, theta, x, t->w->nll + first);
    vaei_likelihood_backward(t->p, r, facts, theta, x, t->w->d_nll + first, d_theta);
}

/* The decoder forward and back, under an objective whose loss is the mean nll and more */
static void decode_and_return(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const decoder_end here = {&net->likelihood, w};
    const vaei_run in = within(r, w, VAEI_LEVELS_POSTERIOR);
    const vaei_dy_source t = {likelihood_dy, &here};
    for (int64_t i = 0; i < r->n; i++) w->d_nll[i] = (float)(vaei_batch_weight(&r->batch, i) / r->batch.total);
    vaei_blocks_forward_backward(net->decoder, &in, &w->decoder, w->level[0].z, &t, w->theta, w->d_theta, w->d_z);
}

vae_status_t vaei_network_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_latent *q = &net->latent;
    const vaei_level *const v = &w->level[0];
    const int32_t joint = vaei_network_inputs(net) > 0;
    const vaei_run wide = vaei_network_joint_run(net, r, w);
    if (joint) vaei_network_joint_input(net, r, w);
    encode(net, &wide, w, joint ? w->x : input_of(net, r, w), v->mean, v->logvar);
    if (vaei_run_cancelled(r)) return VAE_OK;
    if (q->ops->prepare) VAEI_TRY(q->ops->prepare(q, r, &w->latent, w->h));
    q->ops->draw(q, r, &w->latent, v->mean, v->logvar, v->noise, v->z, v->kl, NULL);
    if (joint) vaei_network_joint_rate(net, r, w);
    memset(w->aux, 0, (size_t)r->n * sizeof(*w->aux));
    if (q->ops->loss) q->ops->loss(q, r, &w->latent, w->aux);
    if (w->fused) {
        decode_and_return(net, r, w);
        return VAE_OK;
    }
    vaei_network_decode(net, r, w, VAEI_LEVELS_POSTERIOR);
    if (vaei_run_cancelled(r)) return VAE_OK;
    vaei_likelihood_nll(&net->likelihood, r, w->facts, w->theta, r->batch.x, w->nll);
    return VAE_OK;
}

void vaei_network_terms(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_terms *terms) {
    const int32_t joint = vaei_network_inputs(net) > 0; /* whose rate has no parts by dimension */
    terms->nll = w->nll;
    terms->d_nll = w->d_nll;
    terms->aux = w->aux;
    terms->levels = net->n_levels;
    for (int32_t i = 0; i < net->n_levels; i++)
        terms->level[i] = (vaei_rates){.dim = w->level[i].size, .kl = w->level[i].kl, .d_kl = w->level[i].d_kl};
    if (joint) terms->level[0] = (vaei_rates){.dim = 1, .kl = w->rate, .d_kl = w->d_rate};
    terms->r = r;
    terms->critic = &net->critic;
    terms->critic_work = &w->critic;
    if (w->mean_x) {
        vaei_network_mean_x(net, r, w, w->mean_x);
        terms->size_x = net->likelihood.size;
        terms->mean_x = w->mean_x;
        terms->d_mean_x = w->d_mean_x;
    }
    if (!w->d_z_terms) return;
    terms->size = w->level[0].size;
    terms->z = w->level[0].z;
    terms->d_z = w->d_z_terms;
    terms->prior = w->prior_z;
    terms->row = w->row;
}

/* Only the rows of the batch have gradients, pseudo-inputs none. */
static void clear_sides(const vaei_network *net, int64_t rows, const vaei_work *w) {
    for (int32_t i = 0; i < net->n_taps; i++) memset(w->side[i].grad, 0, (size_t)(rows * w->side[i].size) * sizeof(float));
}

void vaei_network_backward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const float *const x = r->batch.x;
    const vaei_level *const v = &w->level[0];
    const int32_t joint = vaei_network_inputs(net) > 0;
    const vaei_run in = within(r, w, VAEI_LEVELS_POSTERIOR);
    vaei_run wide = vaei_network_joint_run(net, &in, w);
    clear_sides(net, wide.n, w);
    if (!w->fused) {
        vaei_likelihood_backward(&net->likelihood, r, w->facts, w->theta, x, w->d_nll, w->d_theta);
        if (w->d_mean_x) vaei_likelihood_mean_backward(&net->likelihood, r, w->theta, w->d_mean_x, w->d_theta);
        vaei_blocks_backward(net->decoder, &in, &w->decoder, v->z, w->theta, w->d_theta, w->d_z);
    }
    if (vaei_run_cancelled(r)) return;
    if (w->d_z_terms) r->k->add(r->n * v->size, w->d_z_terms, w->d_z);
    if (joint) vaei_network_joint_rate_backward(net, r, w);
    net->latent.ops->backward(&net->latent, r, &w->latent, w->h, v->mean, v->logvar, v->noise, w->d_z, v->d_kl, w->d_h);
    vaei_blocks_backward(net->encoder, &wide, &w->encoder, joint ? w->x : input_of(net, r, w), w->h, w->d_h, joint ? w->d_x : NULL);
    if (joint) vaei_network_joint_input_backward(net, r, w);
}

void vaei_network_commit(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params) {
    const vaei_run wide = vaei_network_joint_run(net, r, w);
    vaei_stack_commit(net->encoder, &wide, &w->encoder, params);
    if (net->latent.ops->commit) net->latent.ops->commit(&net->latent, r, &w->latent, params);
    vaei_stack_commit(net->decoder, r, &w->decoder, params);
    if (net->likelihood.ops->commit) net->likelihood.ops->commit(&net->likelihood, r, w->facts, params);
}

/* ---- levels ------------------------------------------------------------------------------------------------------ */

static float *array_of(const vaei_level *v, int32_t which) {
    float *const arrays[] = {
        [VAEI_LEVEL_MEAN] = v->mean, [VAEI_LEVEL_LOGVAR] = v->logvar, [VAEI_LEVEL_NOISE] = v->noise, [VAEI_LEVEL_Z] = v->z};
    return arrays[which];
}

void vaei_network_part_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *row, int64_t i) {
    for (int32_t l = 0; l < net->n_levels; l++) {
        const vaei_level *const v = &w->level[l];
        r->k->flush(v->size, row, array_of(v, which) + i * v->size);
        row += v->size;
    }
}

void vaei_network_part_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *values) {
    for (int64_t i = 0; i < r->n; i++) vaei_network_part_row(net, r, w, which, values + i * net->z_size, i);
}

void vaei_network_join_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, float *values) {
    for (int64_t i = 0; i < r->n; i++)
        for (int32_t l = 0; l < net->n_levels; l++) {
            const vaei_level *const v = &w->level[l];
            memcpy(values, array_of(v, which) + i * v->size, (size_t)v->size * sizeof(float));
            values += v->size;
        }
}

void vaei_network_levels_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    for (int32_t l = 1; l < net->n_levels; l++) vaei_normal_pair_log_ratio(&w->level[l], r->n, w->log_ratio);
}

/* Level 0 draws from the stream itself, each other level from one of its own. */
void vaei_network_noise_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_noise_key key, uint32_t item, int64_t i) {
    for (int32_t l = 0; l < net->n_levels; l++) {
        const vaei_level *const v = &w->level[l];
        if (l > 0) key.stream = VAEI_STREAM_LEVELS + (uint32_t)l;
        vaei_noise_normal(r->k, key, item, v->size, v->noise + i * v->size);
    }
}

typedef struct noise_job {
    const vaei_network *net;
    const vaei_run *r;
    const vaei_work *w;
} noise_job;

static void noise_task(void *arg, int32_t i) {
    const noise_job *const j = arg;
    vaei_network_noise_row(j->net, j->r, j->w, j->r->noise, j->r->first_item + (uint32_t)i, i);
}

void vaei_network_noise(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    noise_job job = {net, r, w};
    if (r->batch.noise) vaei_network_part_levels(net, r, w, VAEI_LEVEL_NOISE, r->batch.noise);
    else if (!(net->latent.ops->flags & VAEI_LATENT_CODES) || net->n_levels > 1) vaei_parallel(r->pool, (int32_t)r->n, noise_task, &job);
}
