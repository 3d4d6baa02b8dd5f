/* SPDX-License-Identifier: MIT
 * steps.c - flattens a tree of layers into steps. At first every step has its own output buffer, which is written once. */
#include "nn/steps.h"
#include "nn/stack.h"

/* ---- counting, so that one allocation in the arena is enough ---- */

static int32_t layers_of(const vaei_stack *s) {
    int32_t n = s->n;
    for (int32_t i = 0; i < s->n; i++) {
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++)
            if (s->layer[i]->body[j]) n += layers_of(s->layer[i]->body[j]);
    }
    return n;
}

/* ---- expansion ---- */

vae_status_t vaei_expand_layer(vaei_expansion *e, vaei_layer *l, int32_t in, int32_t side, int32_t *out) {
    vaei_steps *const s = e->steps;
    if (s->n == e->step_capacity || s->n_buffers == e->buffer_capacity)
        return vaei_fail(VAE_E_LIMIT, "%s %s: expands to more steps than there are layers", l->path, l->ops->module.name);
    *out = s->n_buffers;
    s->buffer[s->n_buffers++] = (vaei_buffer){.size = vaei_shape_size(&l->out)};
    s->step[s->n++] = (vaei_step){.layer = l, .in = in, .side = side, .out = *out, .prologue = -1};
    return VAE_OK;
}

vae_status_t vaei_expand_stack(vaei_expansion *e, const vaei_stack *s, int32_t in, int32_t *out) {
    *out = in;
    for (int32_t i = 0; i < s->n; i++) {
        vaei_layer *const l = s->layer[i];
        const int32_t from = *out;
        if (l->ops->expand) VAEI_TRY(l->ops->expand(l, e, from, out));
        else VAEI_TRY(vaei_expand_layer(e, l, from, -1, out));
    }
    return VAE_OK;
}

void vaei_steps_rename(vaei_steps *s, int32_t from, int32_t to) {
    for (int32_t i = 0; i < s->n; i++) {
        vaei_step *const t = &s->step[i];
        if (t->in == from) t->in = to;
        if (t->side == from) t->side = to;
        if (t->out == from) t->out = to;
    }
}

int32_t vaei_steps_uses(const vaei_steps *s, int32_t buffer) {
    int32_t uses = 0;
    for (int32_t i = 0; i < s->n; i++) uses += (s->step[i].in == buffer) + (s->step[i].side == buffer);
    return uses;
}

int32_t vaei_steps_time(const vaei_steps *s, int32_t i) {
    int32_t j = i;
    while (s->step[i].deferred && s->step[j].prologue != i) j++;
    return j;
}

int32_t vaei_step_reads_y(const vaei_step *t) {
    const vaei_layer *const last = t->activation ? t->activation : t->layer;
    return (last->ops->flags & VAEI_LAYER_READS_Y) != 0;
}

vae_status_t vaei_steps_fused(vaei_steps **out, const vaei_stack *s, int32_t mode, vaei_arena *arena) {
    vaei_steps *const list = vaei_arena_alloc(arena, sizeof(*list));
    const int32_t layers = layers_of(s);
    vaei_expansion e = {arena, list, layers, layers + 1};
    if (!list) return VAE_E_NOMEM;
    list->step = vaei_arena_array(arena, (size_t)layers + 1, sizeof(*list->step));
    list->buffer = vaei_arena_array(arena, (size_t)layers + 1, sizeof(*list->buffer));
    if (!list->step || !list->buffer) return VAE_E_NOMEM;
    list->buffer[list->n_buffers++] = (vaei_buffer){.size = vaei_shape_size(&s->in)};
    VAEI_TRY(vaei_expand_stack(&e, s, 0, &list->output));
    vaei_fuse(list, mode);
    *out = list;
    return VAE_OK;
}

/* Tells each layer which step runs it, so that it can read what was joined to it. */
static void link_layers(const vaei_stack *s, int32_t mode) {
    const vaei_steps *const list = s->steps[mode];
    for (int32_t i = 0; i < list->n; i++) list->step[i].layer->step[mode] = &list->step[i];
}

vae_status_t vaei_steps_build(vaei_stack *s, vaei_arena *arena) {
    for (int32_t mode = 0; mode < VAEI_MODES; mode++) {
        vaei_steps *list;
        VAEI_TRY(vaei_steps_fused(&list, s, mode, arena));
        VAEI_TRY(vaei_steps_finish(s, list, mode, arena));
    }
    return VAE_OK;
}

vae_status_t vaei_steps_finish(vaei_stack *s, vaei_steps *list, int32_t mode, vaei_arena *arena) {
    VAEI_TRY(vaei_lifetimes(list, mode, arena));
    s->steps[mode] = list;
    link_layers(s, mode);
    return VAE_OK;
}

/* ---- questions that a layer has about its step ---- */

const vaei_epilogue *vaei_layer_epilogue(const vaei_layer *l, int32_t training) {
    const vaei_step *const t = l->step[training ? VAEI_TRAINING : VAEI_INFERENCE];
    return t && t->epilogue.apply ? &t->epilogue : NULL;
}

const vaei_layer *vaei_layer_folded(const vaei_layer *l, int32_t training) {
    const vaei_step *const t = l->step[training ? VAEI_TRAINING : VAEI_INFERENCE];
    return t ? t->fold : NULL;
}

const vaei_layer *vaei_layer_upsampled(const vaei_layer *l, int32_t training) {
    const vaei_step *const t = l->step[training ? VAEI_TRAINING : VAEI_INFERENCE];
    return t ? t->upsample : NULL;
}

int64_t vaei_layer_banded(const vaei_layer *l, int32_t training) {
    const vaei_step *const t = l->step[training ? VAEI_TRAINING : VAEI_INFERENCE];
    return t ? t->banded : 0;
}
