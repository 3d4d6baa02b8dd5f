/* SPDX-License-Identifier: MIT
 * quantizer_rig.h - a latent of codes with its parameters and memory, for tests: one pass of training, its gradients, its learning. */
#ifndef QUANTIZER_RIG_H
#define QUANTIZER_RIG_H

#include "support.h"

#include <math.h>
#include <stdio.h>

#include "vae/latent.h"

/* ---- a latent with memory for training ---------------------------------------------------------------------------- */

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_build build;
    vaei_latent q;
    vaei_params table;
    vaei_run run;
    vaei_slot slot;
    vaei_pool *pool;
    float *params, *grads, *mean, *z, *kl, *dh;
    double *aux;
} rig;

static inline vae_status_t rig_plan(rig *g, const char *latent, vaei_shape h) {
    char text[512];
    const vaei_module *module = NULL;
    vaei_document document;
    void *conf;
    memset(g, 0, sizeof *g);
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    vaei_build_init(&g->build, &g->arena);
    snprintf(text, sizeof text, "latent %s\n", latent);
    VAEI_TRY(vaei_document_parse(&document, &g->arena, text, strlen(text)));
    vaei_node *node = document.first->pipeline.first;
    VAEI_TRY(vaei_module_find(&module, vaei_latents, vaei_latents_count, "latent", node, "test"));
    VAEI_TRY(vaei_module_bind(&conf, module, node, &g->arena, "test"));
    g->q.ops = (const vaei_latent_ops *)(const void *)module;
    g->q.conf = conf;
    g->q.h = h;
    return g->q.ops->plan(&g->q, &g->build, node, &h, &g->q.z);
}

static inline void rig_open(rig *g, const char *latent, vaei_shape h, int64_t n, int32_t threads) {
    vaei_bytes need = {0};
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    ck_assert_msg(rig_plan(g, latent, h) == VAE_OK, "%s: %s", latent, vaei_fail_text());
    ck_assert_int_eq(vaei_build_finish(&g->build, &g->table), VAE_OK);
    ck_assert_int_eq(vaei_pool_create(&g->pool, &g->heap, threads, NULL, NULL), VAE_OK);
    need = vaei_latent_bytes(&g->q, k, n, 1);
    const int64_t size = n * (vaei_shape_size(&h) + vaei_shape_size(&g->q.z));
    g->params = filled(g->table.n_floats + 1, 1);
    g->grads = filled(g->table.n_floats + 1, 1);
    g->mean = filled(size, 1);
    g->z = filled(size, 1);
    g->kl = filled(size, 1);
    g->dh = filled(size, 1);
    g->aux = malloc((size_t)n * sizeof *g->aux);
    g->slot = (vaei_slot){.pack = aligned_alloc(64, need.pack + 64),
                          .cache = aligned_alloc(64, need.cache + 64),
                          .scratch = aligned_alloc(64, need.scratch + 64)};
    memset(g->slot.cache, 0xFF, need.cache + 64);
    memset(g->slot.scratch, 0xFF, need.scratch + 64);
    g->run = (vaei_run){.k = k, .pool = g->pool, .n = n, .training = 1, .params = g->params, .grads = g->grads, .noise = {5, 0, 0}};
    vaei_params_init(&g->table, k, 3, g->params);
}

static inline void rig_close(rig *g) {
    vaei_pool_destroy(g->pool);
    free(g->params), free(g->grads), free(g->mean), free(g->z), free(g->kl), free(g->dh), free(g->aux);
    free(g->slot.pack), free(g->slot.cache), free(g->slot.scratch);
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

static inline const vaei_param *param_of(const rig *g, const char *name) {
    for (int64_t i = 0; i < g->table.count; i++)
        if (strcmp(g->table.at[i]->name + strlen("latent."), name) == 0) return g->table.at[i];
    ck_abort_msg("no parameter %s", name);
    return NULL;
}

static inline float *value_of(const rig *g, const char *name) {
    return g->params + param_of(g, name)->offset;
}

/* Forward of a training pass; returns the mean of aux. */
static inline double forward(rig *g, const float *h) {
    const vaei_latent_ops *ops = g->q.ops;
    double sum = 0;
    if (ops->pack) ops->pack(&g->q, &g->run, g->slot.pack);
    ops->encode(&g->q, &g->run, &g->slot, h, g->mean, NULL);
    if (ops->prepare) ck_assert_int_eq(ops->prepare(&g->q, &g->run, &g->slot, h), VAE_OK);
    ops->draw(&g->q, &g->run, &g->slot, g->mean, NULL, NULL, g->z, g->kl, NULL);
    memset(g->aux, 0, (size_t)g->run.n * sizeof *g->aux);
    if (ops->loss) ops->loss(&g->q, &g->run, &g->slot, g->aux);
    for (int64_t i = 0; i < g->run.n; i++) sum += g->aux[i] / (double)g->run.n;
    return sum;
}

static inline void backward(rig *g, const float *h, const float *dz) {
    float *dkl = filled(g->run.n * vaei_shape_size(&g->q.z), 9);
    memset(g->grads, 0, (size_t)g->table.n_floats * sizeof(float));
    g->q.ops->backward(&g->q, &g->run, &g->slot, h, g->mean, NULL, NULL, dz, dkl, g->dh);
    free(dkl);
}

static inline void commit(rig *g) {
    if (g->q.ops->commit) g->q.ops->commit(&g->q, &g->run, &g->slot, g->params);
    g->run.noise.step++;
}

/* The codes of the pass, by an inference run over the same packs. */
static inline int32_t *codes_of(rig *g, const float *h) {
    int32_t *codes = malloc((size_t)(g->run.n * g->q.n_codes) * sizeof *codes);
    vaei_bytes need = {0};
    vaei_run r = g->run;
    r.training = 0;
    need = vaei_latent_bytes(&g->q, r.k, r.n, 0);
    const vaei_slot m = {.pack = aligned_alloc(64, need.pack + 64), .scratch = aligned_alloc(64, need.scratch + 64)};
    if (g->q.ops->pack) g->q.ops->pack(&g->q, &r, m.pack);
    g->q.ops->encode_codes(&g->q, &r, &m, h, codes);
    free(m.pack), free(m.scratch);
    return codes;
}

/* Values of both signs. */
static inline float *spread(int64_t n, uint32_t seed, float scale) {
    float *x = filled(n, seed);
    for (int64_t i = 0; i < n; i++) x[i] = scale * (2 * x[i] - 1);
    return x;
}

#endif
