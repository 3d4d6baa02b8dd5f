/* SPDX-License-Identifier: MIT
 * fuse.c - the fusion rules. Each rule rewrites a list of steps so that one step also does the work of its neighbour, or that no step needs
 * to do it. A rule is one row of the table.
 *
 * `upsample`, `fold`, and `flush` for values below VAEI_TINY (kernel.h), may change bits. Every other rule runs the same operations on
 * the same values, but earlier, while the values are in the cache. A rule fuses neighbours of the list if no other step reads the buffer
 * between them, so it works inside of braces and across them. */
#include "nn/steps.h"

static void apply_map(const void *arg, const vaei_kernels *k, int64_t count, float *y) {
    const vaei_layer *const l = arg;
    l->ops->map(l, k, count, y, y);
}

/* Returns the step that writes a buffer, or -1 if the caller writes it. */
static int32_t writer_of(const vaei_steps *s, int32_t buffer) {
    for (int32_t i = 0; i < s->n; i++)
        if (s->step[i].out == buffer) return i;
    return -1;
}

/* Returns the only step that reads y of step i, if that step reads it as its x; otherwise -1. */
static int32_t reader_of(const vaei_steps *s, int32_t i) {
    if (s->step[i].out == s->output || vaei_steps_uses(s, s->step[i].out) != 1) return -1;
    for (int32_t j = i + 1; j < s->n; j++)
        if (s->step[j].in == s->step[i].out) return j;
    return -1;
}

static void remove_step(vaei_steps *s, int32_t i) {
    for (int32_t j = 0; j < s->n; j++)
        if (s->step[j].prologue > i) s->step[j].prologue--;
    memmove(s->step + i, s->step + i + 1, (size_t)(s->n - i - 1) * sizeof(*s->step));
    s->n--;
}

static int32_t flagged(const vaei_step *t, int32_t flags) {
    return (t->layer->ops->flags & flags) == flags;
}

/* ---- rules: each one rewrites step i once and returns whether it did ---- */

/* A convolution reads the small image in place of the upsampled one (upsampled.h). */
static int32_t absorb_upsample(vaei_steps *s, int32_t i) {
    vaei_step *const t = &s->step[i];
    const int32_t from = writer_of(s, t->in);
    int64_t factor[2];
    if (from < 0 || reader_of(s, from) != i || !t->layer->ops->takes_upsample) return 0;
    const vaei_step *const up = &s->step[from];
    if (!up->layer->ops->upsamples) return 0;
    up->layer->ops->upsamples(up->layer, factor);
    if (!t->layer->ops->takes_upsample(t->layer, factor)) return 0;
    t->upsample = up->layer;
    t->in = up->in;
    remove_step(s, from);
    return 1;
}

/* The weights of the step before are multiplied by a normalisation with fixed statistics. */
static int32_t fold_normalisation(vaei_steps *s, int32_t i) {
    vaei_step *const t = &s->step[i];
    const int32_t to = reader_of(s, i);
    if (to < 0 || t->fold || !flagged(t, VAEI_LAYER_TAKES_FOLD) || !s->step[to].layer->ops->fold) return 0;
    t->fold = s->step[to].layer;
    t->out = s->step[to].out;
    remove_step(s, to);
    return 1;
}

static int32_t join_epilogue(vaei_steps *s, int32_t i, int32_t reader_flags) {
    vaei_step *const t = &s->step[i];
    const int32_t to = reader_of(s, i);
    if (to < 0 || t->activation || !flagged(t, VAEI_LAYER_TAKES_EPILOGUE)) return 0;
    const vaei_step *const next = &s->step[to];
    if (!next->layer->ops->map || !flagged(next, reader_flags) || next->activation) return 0;
    t->activation = next->layer;
    t->epilogue = (vaei_epilogue){.apply = apply_map, .arg = next->layer};
    t->out = next->out;
    remove_step(s, to);
    return 1;
}

/* An elementwise layer becomes the epilogue of the step before it. */
static int32_t join_activation(vaei_steps *s, int32_t i) {
    return join_epilogue(s, i, 0);
}

/* In training this is allowed only if the backward pass of the layer needs nothing but its y, and that of the step before does not need
 * the y that is lost. */
static int32_t join_activation_in_training(vaei_steps *s, int32_t i) {
    return !vaei_step_reads_y(&s->step[i]) && join_epilogue(s, i, VAEI_LAYER_IN_PLACE);
}

/* The step before a convolution becomes its prologue, which makes the pixels that it needs. */
static int32_t join_prologue(vaei_steps *s, int32_t i) {
    vaei_step *const t = &s->step[i];
    const int32_t from = writer_of(s, t->in);
    if (from < 0 || t->prologue >= 0 || t->upsample || reader_of(s, from) != i || !s->step[from].layer->ops->prologue) return 0;
    if (!t->layer->ops->fuses || !t->layer->ops->fuses(t->layer) || s->step[from].side >= 0) return 0;
    t->prologue = from;
    t->in = s->step[from].in;
    s->step[from].deferred = 1;
    s->step[from].out = -1;
    return 1;
}

/* A convolution adds the other branch of a residual to its y. It then runs when both branches are ready. */
static int32_t join_sum(vaei_steps *s, int32_t i) {
    vaei_step *const t = &s->step[i];
    const int32_t to = reader_of(s, i);
    if (to < 0 || t->side >= 0 || t->activation || t->upsample || !t->layer->ops->fuses) return 0;
    if (!vaei_step_sums(&s->step[to]) || !t->layer->ops->fuses(t->layer)) return 0;
    const vaei_step sum = s->step[to];
    vaei_step moved = *t;
    moved.side = sum.side;
    moved.sum = sum.layer;
    moved.out = sum.out;
    moved.activation = sum.activation;
    moved.epilogue = sum.epilogue;
    s->step[to] = moved;
    remove_step(s, i);
    return 1;
}

/* A layer whose y holds the values of x in the same order needs no step: the steps that read y read x instead. The rule requires that x has
 * no other reader, so that the order in which the gradients of x are added does not change. */
static int32_t read_through_view(vaei_steps *s, int32_t i) {
    const vaei_step t = s->step[i];
    if (!t.layer->ops->is_view || !t.layer->ops->is_view(t.layer) || vaei_steps_uses(s, t.in) != 1) return 0;
    if (t.out == s->output && writer_of(s, t.in) < 0) return 0;
    remove_step(s, i);
    if (t.out == s->output) vaei_steps_rename(s, t.in, t.out);
    else vaei_steps_rename(s, t.out, t.in);
    return 1;
}

static int32_t only_activations_read(const vaei_steps *s, int32_t buffer) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_step *const t = &s->step[i];
        if (t->side == buffer || (t->in == buffer && !t->layer->ops->map)) return 0;
    }
    return 1;
}

/* Finished rows are flushed, except those of activations, which flush their results themselves. A reader of the stack's y flushes y if
 * it needs to. */
static int32_t flush_result(vaei_steps *s, int32_t i) {
    vaei_step *const t = &s->step[i];
    if (t->epilogue.apply || t->out == s->output || only_activations_read(s, t->out)) return 0;
    if (vaei_step_sums(t) || !flagged(t, VAEI_LAYER_TAKES_EPILOGUE)) return 0;
    t->epilogue = vaei_flush_rows;
    return 1;
}

/* Finished rows of dx are flushed, except those that go to the gradient of an activation, which flushes them. */
static int32_t flush_gradient(vaei_steps *s, int32_t i) {
    vaei_step *const t = &s->step[i];
    const int32_t from = writer_of(s, t->in);
    if (t->flushes_dx || (from >= 0 && s->step[from].layer->ops->map)) return 0;
    t->flushes_dx = 1;
    return 1;
}

/* The rules in the order in which they are tried, each over the whole list. plan_text.c prints those that fired. */
static const struct {
    int32_t mode;
    int32_t (*rewrite)(vaei_steps *s, int32_t i);
} rules[] = {
    {VAEI_INFERENCE, absorb_upsample},   {VAEI_INFERENCE, fold_normalisation},
    {VAEI_INFERENCE, join_activation},   {VAEI_TRAINING, join_activation_in_training},
    {VAEI_INFERENCE, join_prologue},     {VAEI_INFERENCE, join_sum},
    {VAEI_INFERENCE, read_through_view}, {VAEI_TRAINING, read_through_view},
    {VAEI_INFERENCE, flush_result},      {VAEI_TRAINING, flush_result},
    {VAEI_TRAINING, flush_gradient},
};

void vaei_fuse(vaei_steps *s, int32_t mode) {
    for (size_t r = 0; r < VAEI_COUNT(rules); r++) {
        for (int32_t i = 0; rules[r].mode == mode && i < s->n; i++) {
            while (i < s->n && rules[r].rewrite(s, i)) continue;
        }
    }
}
