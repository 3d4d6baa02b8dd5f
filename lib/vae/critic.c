/* SPDX-License-Identifier: MIT
 * critic.c - builds the critic, computes its scores for the network, and trains it. For each block of examples, the forward pass is
 * followed by the term of the objective, which turns scores into a loss, and at once by the backward pass. */
#include "vae/critic.h"

#include "nn/ranges.h"
#include "vae/sections.h"

enum { ON_X, ON_Z };
enum { VAEI_STREAM_CRITIC = 23, VAEI_STREAM_PERMUTE = 24 }; /* of random numbers, beside those of latent.h, likelihood.h and mmd */

typedef struct conf {
    int32_t on;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(
        conf, on, ON_X, "x|z",
        "what the critic scores: x: data and reconstructions; z: draws from N(0, I) and latents; written before the first |"),
    {0},
};

const vaei_module vaei_critic_options = {.name = "critic",
                                         .summary = "a stack of layers that ends in one score, for the objectives gan and adversary",
                                         .examples = "critic on=x\n"
                                                     "critic on=z",
                                         .paper = "",
                                         .conf_size = sizeof(conf),
                                         .options = options};

/* ---- building ---------------------------------------------------------------------------------------------------- */

/* Returns the first layer whose weight belongs to the model: two optimizers would change it. */
static const vaei_layer *tied_outside(const vaei_stack *s) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *const l = s->layer[i];
        for (int32_t j = 0; j < l->n_params; j++)
            if (!(l->param[j]->flags & VAEI_PARAM_OF_CRITIC)) return l;
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++) {
            const vaei_layer *const inside = l->body[j] ? tied_outside(l->body[j]) : NULL;
            if (inside) return inside;
        }
    }
    return NULL;
}

vae_status_t vaei_critic_build(vaei_critic *c, vaei_build *b, vaei_section *section, const vaei_shape *x, const vaei_shape *z,
                               const char *makes_codes) {
    char got[96];
    void *given;
    *c = (vaei_critic){NULL};
    if (!section || vaei_section_is_default(section, &vaei_sections[VAEI_SECTION_critic])) return VAE_OK;
    VAEI_TRY(vaei_module_bind(&given, &vaei_critic_options, &section->own, b->arena, "critic"));
    c->of_z = ((const conf *)given)->on == ON_Z;
    if (c->of_z && makes_codes)
        return vaei_fail(VAE_E_SPEC, "critic: on=z compares values with N(0, I), latent %s makes codes", makes_codes);
    c->size = vaei_shape_size(c->of_z ? z : x);
    b->flags = VAEI_PARAM_OF_CRITIC;
    VAEI_TRY(vaei_stack_build(&c->stack, b, &section->pipeline, "critic", c->of_z ? z : x));
    b->flags = 0;
    const vaei_layer *const tied = tied_outside(c->stack);
    if (tied)
        return vaei_fail(VAE_E_SPEC, "%s %s: its weight is that of the model, a critic has its own", tied->path, tied->ops->module.name);
    if (vaei_shape_size(&c->stack->out) == 1) return VAE_OK;
    return vaei_fail(VAE_E_SHAPE, "critic: gives %s, wanted one score: end it with %slinear out=1", vaei_shape_text(&c->stack->out, got),
                     c->stack->out.n > 1 ? "flatten | " : "");
}

void vaei_critic_place(vaei_critic *c, const vaei_params *p) {
    c->first = p->n_trainable;
    for (int64_t i = p->count; i-- > 0;)
        if (p->at[i]->flags & VAEI_PARAM_OF_CRITIC && p->at[i]->flags & VAEI_PARAM_TRAINED) c->first = p->at[i]->offset;
    c->count = p->n_trainable - c->first;
}

void vaei_critic_carve(const vaei_critic *c, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *at, vaei_critic_work *w) {
    const vaei_bytes bytes = vaei_blocks_bytes(c->stack, k, n, how | VAEI_BLOCKS_TRAIN | VAEI_BLOCKS_FUSED, &w->slot);
    w->slot.pack = vaei_carve_bytes(at, bytes.pack);
    w->slot.cache = vaei_carve_bytes(at, bytes.cache);
    w->slot.stats = vaei_carve_bytes(at, bytes.stats);
    w->slot.scratch = vaei_carve_bytes(at, bytes.scratch);
    w->in = vaei_carve_floats(at, vaei_count_of(n, c->size));
    w->d_in = vaei_carve_floats(at, vaei_count_of(n, c->size));
    w->score = vaei_carve_floats(at, n);
    w->d_score = vaei_carve_floats(at, n);
    w->cost = vaei_carve_array(at, n, sizeof(double));
    w->kept = vaei_carve_floats(at, c->count);
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

typedef struct charge {
    const vaei_critic_work *w;
    const vaei_game *game;
    int32_t of;
    double weight; /* weight of the mean cost in the loss */
} charge;

static void charge_block(const void *arg, const vaei_run *r, int64_t first, const float *score, float *d_score) {
    const charge *const a = arg;
    for (int64_t i = 0; i < r->n; i++) {
        float slope;
        a->w->cost[first + i] = (double)a->game->cost(a->game->conf, r->k, a->of, score[i], &slope);
        d_score[i] = (float)(a->weight * vaei_batch_weight(&r->batch, i) / r->batch.total * (double)slope);
    }
}

/* Runs forward and backward over in[n][size]: scores, w->d_in and gradients. Returns the mean cost. */
static double play(const vaei_critic *c, const vaei_run *r, const charge *a, const float *in) {
    const vaei_critic_work *const w = a->w;
    const vaei_dy_source source = {charge_block, a};
    double sum = 0;
    vaei_blocks_forward_backward(c->stack, r, &w->slot, in, &source, w->score, w->d_score, w->d_in);
    for (int64_t i = 0; i < r->n; i++) sum += vaei_batch_weight(&r->batch, i) * w->cost[i];
    return sum / r->batch.total;
}

double vaei_critic_fool(const vaei_critic *c, const vaei_run *r, const vaei_critic_work *w, const vaei_game *game, const float *made,
                        double weight, float *d_made) {
    const charge fooled = {w, game, VAEI_SCORE_FOOLED, weight};
    float *const grads = r->grads + c->first;
    const size_t bytes = (size_t)c->count * sizeof(float);
    memcpy(w->kept, grads, bytes); /* these gradients are restored, because the critic does not learn from this pass */
    const double cost = play(c, r, &fooled, made);
    memcpy(grads, w->kept, bytes);
    if (!vaei_run_cancelled(r)) r->k->add(r->n * c->size, w->d_in, d_made);
    return cost;
}

typedef struct draws {
    const vaei_run *r;
    int64_t size;
    float *out;
} draws;

static void draw_range(void *arg, int64_t begin, int64_t end) {
    const draws *const d = arg;
    vaei_noise_key key = d->r->noise;
    key.stream = VAEI_STREAM_CRITIC;
    for (int64_t i = begin; i < end; i++) vaei_noise_normal(d->r->k, key, d->r->first_item + (uint32_t)i, d->size, d->out + i * d->size);
}

/* out[n][size] = made, with each dimension in its own random order (Fisher, Yates). u[n] is workspace. */
static void permute(const vaei_run *r, int64_t size, const float *made, float *u, float *out) {
    vaei_noise_key key = r->noise;
    key.stream = VAEI_STREAM_PERMUTE;
    memcpy(out, made, (size_t)(r->n * size) * sizeof(*out));
    for (int64_t d = 0; d < size; d++) {
        vaei_noise_uniform(key, r->first_item + (uint32_t)d, r->n, u);
        for (int64_t i = r->n - 1; i > 0; i--) {
            const int64_t j = (int64_t)((double)u[i] * (double)(i + 1));
            const float kept = out[i * size + d];
            out[i * size + d] = out[j * size + d];
            out[j * size + d] = kept;
        }
    }
}

/* The weighted share of the scores that have this sign. */
static double share_of(const vaei_run *r, const float *score, float sign) {
    double sum = 0;
    for (int64_t i = 0; i < r->n; i++) sum += sign * score[i] > 0 ? vaei_batch_weight(&r->batch, i) : 0;
    return sum / r->batch.total;
}

void vaei_critic_learn(const vaei_critic *c, const vaei_run *r, const vaei_critic_work *w, const vaei_game *game, const float *made,
                       vaei_critic_facts *out) {
    const charge of_real = {w, game, VAEI_SCORE_REAL, 0.5}, of_made = {w, game, VAEI_SCORE_MADE, 0.5};
    draws d = {r, c->size, w->in};
    if (game->permutes) permute(r, c->size, made, w->d_score, w->in);
    else if (c->of_z) vaei_parallel_ranges(r->pool, r->n, c->size, draw_range, &d);
    else vaei_run_flush(r, r->n * c->size, r->batch.x, w->in);
    out->loss = 0.5 * play(c, r, &of_real, w->in);
    out->accuracy = 0.5 * share_of(r, w->score, 1);
    if (vaei_run_cancelled(r)) return;
    out->loss += 0.5 * play(c, r, &of_made, made);
    out->accuracy += 0.5 * share_of(r, w->score, -1);
}
