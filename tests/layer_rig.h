/* SPDX-License-Identifier: MIT
 * layer_rig.h - a stack of layers with its parameters and memory, for tests. Include it first, because guarded.h needs that.
 *
 * Every block for layers is first filled with NaN and ends at a guard page, so arrays of floats are unaligned. The bytes before a block are
 * checked when it is freed. */
#ifndef LAYER_RIG_H
#define LAYER_RIG_H

#include "guarded.h"

#include "nn/stack.h"

#include <stdio.h>

/* The table that the rig runs on; NULL: the best of this CPU. */
static const vaei_kernels *rig_table;

static inline const vaei_kernels *kernels(void) {
    return rig_table ? rig_table : vaei_kernels_select(0, 0);
}

static inline size_t floats(int64_t count) {
    return (size_t)count * sizeof(float);
}

/* ---- a stack with its parameters and memory --------------------------------------------------------------------- */

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_stack *stack;
    vaei_params params;
    float *values;
    int64_t first; /* number of the example that passes begin with: by it go noise and conditions */
} rig;

/* What the examples of the rig bring besides x. */
enum { RIG_CLASSES = 3, RIG_VECTOR = 2, RIG_TOKENS = 5 };

/* Values on a lattice: 0.25 apart, none nearer to 0 than 0.125, no two alike in a small window. A finite difference
 * over less than that meets no kink. */
static inline float lattice(int64_t i) {
    return ((float)(i * 7 % 19) - 8.5f) * 0.25f;
}

static inline float *make_input(int64_t count) {
    float *x = block_make(floats(count));
    for (int64_t i = 0; i < count; i++) x[i] = lattice(i + i / 19 * 5 * (count > 1000));
    return x;
}

/* Weights for the gradient of a scalar loss: any numbers that are not all alike. */
static inline float *make_gradient(int64_t count) {
    float *dy = block_make(floats(count));
    for (int64_t i = 0; i < count; i++) dy[i] = (float)(i * 5 % 23) * 0.1f - 1.05f;
    return dy;
}

static inline vae_status_t rig_open(rig *g, const char *text, const vaei_shape *in) {
    char section[1024];
    vaei_document document;
    vaei_build build;
    memset(g, 0, sizeof(*g));
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    const int length = snprintf(section, sizeof(section), "encoder %s\n", text);
    VAEI_TRY(vaei_document_parse(&document, &g->arena, section, (size_t)length));
    vaei_build_init(&build, &g->arena);
    build.condition = (vaei_condition){RIG_CLASSES, RIG_VECTOR};
    build.tokens = RIG_TOKENS;
    VAEI_TRY(vaei_stack_build(&g->stack, &build, &document.first->pipeline, "encoder", in));
    VAEI_TRY(vaei_build_finish(&build, &g->params));
    VAEI_TRY(vaei_stacks_link(build.stacks, &g->arena));
    g->values = block_make(floats(g->params.n_floats));
    vaei_params_init(&g->params, kernels(), 1, g->values);
    for (int64_t i = 0; i < g->params.count; i++) { /* nothing may hide behind a 1 or a 0 */
        const vaei_param *p = g->params.at[i];
        for (int64_t j = 0; p->ndim == 1 && j < p->count; j++) g->values[p->offset + j] += 0.3f + 0.1f * (float)(j % 5);
    }
    return VAE_OK;
}

/* On the first of the shapes that the text takes, of which the last must be one. */
static inline void rig_open_on(rig *g, const char *text, const vaei_shape *shapes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (rig_open(g, text, &shapes[i]) == VAE_OK) return;
        vaei_arena_free(&g->arena);
    }
    ck_abort_msg("%s: %s", text, vaei_fail_text());
}

static inline void rig_close(rig *g) {
    if (g->values) block_free(g->values, floats(g->params.n_floats));
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

static inline int64_t in_size(const rig *g) {
    return vaei_shape_size(&g->stack->in);
}

static inline int64_t out_size(const rig *g) {
    return vaei_shape_size(&g->stack->out);
}

/* Memory of a pass, and the pass itself. */
typedef struct pass {
    vaei_run run;
    vaei_slot slot;
    vaei_bytes need;
    float *grads;
    int64_t n; /* of the two below */
    int32_t *label;
    float *condition;
} pass;

static inline void pass_open(pass *p, const rig *g, int64_t n, int32_t training, const vaei_pool *pool) {
    memset(p, 0, sizeof(*p));
    p->need = vaei_stack_bytes(g->stack, kernels(), n, training);
    p->slot = (vaei_slot){.pack = block_make(p->need.pack),
                          .cache = block_make(p->need.cache),
                          .scratch = block_make(p->need.scratch),
                          .stats = block_make(p->need.stats)};
    p->grads = block_make(floats(g->params.n_floats));
    memset(p->grads, 0, floats(g->params.n_floats));
    p->n = n;
    p->label = block_make((size_t)n * sizeof(*p->label));
    p->condition = block_make(floats(n * RIG_VECTOR));
    for (int64_t i = 0; i < n; i++) p->label[i] = (int32_t)((g->first + i) * 2 % RIG_CLASSES);
    for (int64_t i = 0; i < n * RIG_VECTOR; i++) p->condition[i] = lattice(g->first * RIG_VECTOR + i);
    p->run = (vaei_run){.k = kernels(),
                        .first_item = (uint32_t)g->first,
                        .batch = {.label = p->label, .condition = p->condition, .of_condition = RIG_VECTOR},
                        .pool = pool,
                        .n = n,
                        .training = training,
                        .params = g->values,
                        .grads = training ? p->grads : NULL,
                        .noise = {5, 6, 0}};
    vaei_stack_pack(g->stack, &p->run, p->slot.pack);
}

static inline void pass_close(pass *p, const rig *g) {
    block_free(p->slot.pack, p->need.pack);
    block_free(p->slot.cache, p->need.cache);
    block_free(p->slot.scratch, p->need.scratch);
    block_free(p->slot.stats, p->need.stats);
    block_free(p->grads, floats(g->params.n_floats));
    block_free(p->label, (size_t)p->n * sizeof(*p->label));
    block_free(p->condition, floats(p->n * RIG_VECTOR));
}

/* y of n examples; a block. */
static inline float *infer(const rig *g, int64_t n, const float *x, const vaei_pool *pool) {
    pass p;
    float *y = block_make(floats(n * out_size(g)));
    pass_open(&p, g, n, 0, pool);
    vaei_stack_forward(g->stack, &p.run, &p.slot, x, y);
    block_check(y, floats(n * out_size(g)));
    pass_close(&p, g);
    return y;
}

/* y, dx and the gradients of sum(dy y); blocks. dx may be NULL. */
static inline void train(const rig *g, int64_t n, const float *x, const float *dy, const vaei_pool *pool, float *y, float *dx,
                         float *grads) {
    pass p;
    float *spent = block_make(floats(n * out_size(g)));
    pass_open(&p, g, n, 1, pool);
    memcpy(spent, dy, floats(n * out_size(g)));
    vaei_stack_forward(g->stack, &p.run, &p.slot, x, y);
    vaei_stack_backward(g->stack, &p.run, &p.slot, x, y, spent, dx);
    block_check(y, floats(n * out_size(g)));
    if (dx) block_check(dx, floats(n * in_size(g)));
    memcpy(grads, p.grads, floats(g->params.n_floats));
    block_free(spent, floats(n * out_size(g)));
    pass_close(&p, g);
}

static inline void assert_same(const float *a, const float *b, int64_t count, const char *what) {
    if (memcmp(a, b, floats(count)) == 0) return;
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&a[i], &b[i], sizeof(float)) != 0)
            ck_abort_msg("%s: value %lld is %.9g and %.9g", what, (long long)i, (double)a[i], (double)b[i]);
}

/* Within tolerance times the largest wanted value. */
static inline void assert_close(const float *got, const float *want, int64_t count, double tolerance, const char *what) {
    double scale = 0;
    for (int64_t i = 0; i < count; i++) scale = fmax(scale, fabs((double)want[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance * scale))
            ck_abort_msg("%s: value %lld is %.9g, wanted %.9g of at most %.3g", what, (long long)i, (double)got[i], (double)want[i], scale);
}

#endif
