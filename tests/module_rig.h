/* SPDX-License-Identifier: MIT
 * module_rig.h - a latent or a likelihood bound from its text, with memory for one training pass, and signed finite differences. */
#ifndef MODULE_RIG_H
#define MODULE_RIG_H

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "vae/latent.h"
#include "vae/likelihood.h"

#define N      5 /* examples */
#define LN_2PI 1.83787706640934548356

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_build build;
    vaei_latent q;
    vaei_likelihood p;
    vaei_params table;
    float *params, *grads;
    vaei_slot slot;
    _Alignas(VAEI_ALIGN) char facts[VAEI_LIKELIHOOD_FACTS];
    vaei_run run;
    uint32_t random;
} rig;

static inline float next(rig *g) { /* uniform in [-1, 1) */
    g->random = g->random * 1664525u + 1013904223u;
    return (float)(g->random >> 8) / 8388608.0f - 1.0f;
}

static inline void fill(rig *g, float *x, int64_t n, float scale) {
    for (int64_t i = 0; i < n; i++) x[i] = scale * next(g);
}

static inline void rig_init(rig *g) {
    memset(g, 0, sizeof *g);
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    vaei_build_init(&g->build, &g->arena);
    g->random = 7;
}

static inline vaei_node *parse(rig *g, const char *text) {
    vaei_document document;
    ck_assert_int_eq(vaei_document_parse(&document, &g->arena, text, strlen(text)), VAE_OK);
    return document.first->pipeline.first;
}

static inline const vaei_module *bind(rig *g, const char *text, const vaei_module *const *registry, size_t count, vaei_node **node,
                                      void **conf) {
    const vaei_module *module = NULL;
    *node = parse(g, text);
    ck_assert_int_eq(vaei_module_find(&module, registry, count, "module", *node, "test"), VAE_OK);
    ck_assert_int_eq(vaei_module_bind(conf, module, *node, &g->arena, "test"), VAE_OK);
    return module;
}

static inline void allocate(rig *g, vaei_bytes need) {
    ck_assert_int_eq(vaei_build_finish(&g->build, &g->table), VAE_OK);
    const size_t bytes = ((size_t)g->table.n_floats + 1) * sizeof(float);
    g->params = calloc(1, bytes);
    g->grads = calloc(1, bytes);
    g->slot = (vaei_slot){.pack = aligned_alloc(64, need.pack + 64),
                          .cache = aligned_alloc(64, need.cache + 64),
                          .scratch = aligned_alloc(64, need.scratch + 64)};
    g->run = (vaei_run){.k = vaei_kernels_select(0, 0), .n = N, .training = 1, .params = g->params, .grads = g->grads};
}

static inline void rig_free(rig *g) {
    free(g->params);
    free(g->grads);
    free(g->slot.pack);
    free(g->slot.cache);
    free(g->slot.scratch);
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

/* Signed, element by element: d value() / d x[i] against analytic[i]. */
static inline void check_gradient(const char *what, double (*value)(void *), void *arg, float *x, const float *analytic, int64_t n) {
    const float h = 1.0f / 128;
    for (int64_t i = 0; i < n; i++) {
        const float kept = x[i];
        x[i] = kept + h;
        const double up = value(arg);
        x[i] = kept - h;
        const double down = value(arg);
        x[i] = kept;
        const double numeric = (up - down) / (2.0 * (double)h);
        ck_assert_msg(fabs(numeric - (double)analytic[i]) <= 1e-3 * (1 + fabs(numeric)), "%s[%d]: %.6g, numeric %.6g", what, (int)i,
                      (double)analytic[i], numeric);
    }
}

static inline double log_normal(double x, double mean, double logvar) {
    return -0.5 * (LN_2PI + logvar + (x - mean) * (x - mean) / exp(logvar));
}

#endif
