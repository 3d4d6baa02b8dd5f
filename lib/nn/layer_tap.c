/* SPDX-License-Identifier: MIT
 * layer_tap.c - copies x to y, and keeps x under a name for a latent in the decoder.
 *
 *     y = x        side = x        dx = dy + d side
 *
 * The side is an array of the whole batch that the caller provides (batch_run.h). A latent that reads the side runs after the whole stack
 * of the tap, and adds to the gradient of the side before that stack runs backward. */
#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct conf {
    const char *name;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_NAME(conf, name, VAEI_OPT_REQUIRED | VAEI_OPT_BARE, "name that the option `from` of a latent refers to"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *const o = l->conf;
    if (!(b->takes & VAEI_TAKES_TAPS))
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: tap %s: a tap is a layer of the encoder only", (int)node->line, (int)node->column,
                         o->name);
    for (const vaei_tap *t = b->taps; t; t = t->next)
        if (strcmp(t->name, o->name) == 0)
            return vaei_fail(VAE_E_SPEC, "line %d, column %d: tap %s: another tap has this name%s", (int)node->line, (int)node->column,
                             o->name, t->line == node->line && t->column == node->column ? ", because a repeat makes it twice" : "");
    if (b->n_taps == VAEI_TAPS_MAX)
        return vaei_fail(VAE_E_LIMIT, "line %d, column %d: tap %s: more than %d taps", (int)node->line, (int)node->column, o->name,
                         VAEI_TAPS_MAX);
    vaei_tap *const tap = vaei_arena_alloc(b->arena, sizeof(*tap));
    if (!tap) return VAE_E_NOMEM;
    *tap = (vaei_tap){.next = b->taps, .name = o->name, .shape = *in, .number = b->n_taps++, .line = node->line, .column = node->column};
    b->taps = tap;
    l->state = tap;
    *out = *in;
    return VAE_OK;
}

static const vaei_side *side_of(const vaei_layer *l, const vaei_run *r) {
    return r->side ? &r->side[((const vaei_tap *)l->state)->number] : NULL;
}

typedef struct job {
    const vaei_kernels *k;
    const float *x, *side; /* or dy and d side */
    float *to[2];
} job;

static void keep_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int i = 0; i < 2; i++)
        if (j->to[i] && j->to[i] != j->x) memcpy(j->to[i] + begin, j->x + begin, (size_t)(end - begin) * sizeof(float));
}

static void add_range(void *arg, int64_t begin, int64_t end) {
    job j = *(const job *)arg;
    keep_range(&j, begin, end);
    if (!j.side) return;
    j.k->add(end - begin, j.side + begin, j.to[0] + begin);
    j.k->flush(end - begin, j.to[0] + begin, j.to[0] + begin);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_side *const side = side_of(l, r);
    job j = {.k = r->k, .x = x, .to = {y, side ? side->value + r->row * side->size : NULL}};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, keep_range, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const vaei_side *const side = side_of(l, r);
    job j = {.k = r->k, .x = dy, .side = side ? side->grad + r->row * side->size : NULL, .to = {dx, NULL}};
    (void)m, (void)x, (void)y;
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, add_range, &j);
}

const vaei_layer_ops vaei_layer_tap = {
    .module = {.name = "tap",
               .summary = "keeps the values at its place in the encoder, for a latent in the decoder",
               .examples = "tap wide",
               .paper = "",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_LAYER_IN_PLACE,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
