/* SPDX-License-Identifier: MIT
 * stack.c - builds the layers of a stack from a pipeline. */
#include "nn/stack.h"

#include <math.h>

#define DEPTH_MAX  16
#define LAYERS_MAX 8192 /* layers of a model, in all braces */
#define SIZE_LIMIT ((int64_t)1 << 40)

vaei_noise_key vaei_layer_noise(const vaei_layer *l, const vaei_run *r, uint32_t stream) {
    vaei_noise_key key = r->noise;
    key.seed += (uint64_t)l->id * UINT64_C(0x9E3779B97F4A7C15); /* golden ratio: different layers get different keys */
    key.stream = stream;
    return key;
}

vaei_bytes vaei_layer_bytes(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training) {
    vaei_memory m = {0};
    if (l->ops->layout) l->ops->layout(l, k, n, training, &m, NULL);
    return vaei_memory_bytes(&m);
}

/* ---- building -------------------------------------------------------------------------------------------------- */

static vae_status_t build_layer(vaei_layer **out, vaei_build *b, vaei_node *node, const char *path, int32_t i, const vaei_shape *in) {
    vaei_layer *l = vaei_arena_alloc(b->arena, sizeof(*l));
    const vaei_module *module;
    void *conf;
    if (b->next_id >= LAYERS_MAX) return vaei_fail(VAE_E_LIMIT, "%s: more than %d layers in all", path, LAYERS_MAX);
    if (!l || !(l->path = vaei_arena_format(b->arena, "%s.%d", path, (int)i))) return VAE_E_NOMEM;
    VAEI_TRY(vaei_module_find(&module, b->elements, b->n_elements, "layer", node, l->path));
    const char *where = vaei_arena_format(b->arena, "%s %s", l->path, module->name);
    if (!where) return VAE_E_NOMEM;
    VAEI_TRY(vaei_module_bind(&conf, module, node, b->arena, where));
    l->ops = (const vaei_layer_ops *)(const void *)module; /* the module is the first member */
    l->conf = conf;
    l->param = l->few;
    l->id = b->next_id++;
    l->in = *in;
    l->node = node;
    const vae_status_t planned = l->ops->plan(l, b, node, in, &l->out);
    if (planned < 0) return node->body || planned == VAE_E_NOMEM ? planned : vaei_fail_at(planned, "%s", l->path);
    if (node->body && !l->body[0])
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: %s: takes no braces", (int)node->line, (int)node->column, where);
    int64_t size = 1;
    for (int32_t d = 0; d < l->out.n; d++)
        if (!vaei_count_mul(size, l->out.d[d], &size) || size > SIZE_LIMIT)
            return vaei_fail(VAE_E_LIMIT, "%s: gives more than 2^40 values", where);
    l->before = b->layers;
    b->layers = l;
    *out = l;
    return VAE_OK;
}

vae_status_t vaei_stack_build(vaei_stack **out, vaei_build *b, const vaei_pipeline *pipeline, const char *path, const vaei_shape *in) {
    const int64_t n = pipeline ? vaei_pipeline_count(pipeline) : 0;
    if (n > VAEI_MODULES_MAX) return vaei_fail(VAE_E_LIMIT, "%s: more than %d layers", path, VAEI_MODULES_MAX);
    if (b->depth >= DEPTH_MAX) return vaei_fail(VAE_E_LIMIT, "%s: nested more than %d deep", path, DEPTH_MAX);
    vaei_stack *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s || !(s->layer = vaei_arena_array(b->arena, (size_t)n + 1, sizeof(*s->layer)))) return VAE_E_NOMEM;
    s->n = (int32_t)n;
    s->in = s->out = *in;
    b->depth++;
    for (int32_t i = 0; i < s->n; i++) {
        VAEI_TRY(build_layer(&s->layer[i], b, vaei_pipeline_at(pipeline, i), path, i, &s->out));
        s->out = s->layer[i]->out;
        b->tokens = 0;
    }
    b->depth--;
    *out = s;
    if (b->depth > 0) return VAE_OK;
    s->next = b->stacks;
    b->stacks = s;
    return VAE_OK;
}

vae_status_t vaei_stacks_link(vaei_stack *stacks, vaei_arena *arena) {
    for (vaei_stack *s = stacks; s; s = s->next) VAEI_TRY(vaei_steps_build(s, arena));
    return VAE_OK;
}

int32_t vaei_stack_is_missing(const vaei_stack *s) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *const l = s->layer[i];
        if (l->ops->flags & VAEI_LAYER_IGNORES_X) return 1;
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++)
            if (l->body[j] && vaei_stack_is_missing(l->body[j])) return 1;
    }
    return 0;
}

const vaei_layer *vaei_stack_range(const vaei_stack *s, vaei_interval *values) {
    const vaei_layer *by = NULL;
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *l = s->layer[i];
        const vaei_interval before = *values;
        if (l->ops->range) l->ops->range(l, values);
        else *values = (vaei_interval){-INFINITY, INFINITY};
        const int32_t moved = values->lo < before.lo || values->lo > before.lo || values->hi < before.hi || values->hi > before.hi;
        if (values->lo <= -INFINITY && values->hi >= INFINITY) by = NULL;
        else if (moved) by = l;
    }
    return by;
}
