/* SPDX-License-Identifier: MIT
 * prior_rig.h - a prior alone, with its parameters and the memory of both kinds of pass, for tests. */
#ifndef PRIOR_RIG_H
#define PRIOR_RIG_H

#include "support.h"

#include <math.h>
#include <stdio.h>

#include "vae/prior.h"

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_latent latent;
    vaei_latent_ops latent_ops;
    vaei_prior prior;
    vaei_params table;
    float *params, *grads;
    vaei_slot train, use; /* memory of both kinds of pass */
    vaei_run run;
    int32_t *label; /* [n] all 1, for a prior with classes */
} rig;

static inline vaei_slot make_slot(const rig *g, int64_t n, int32_t training) {
    const vaei_bytes need = vaei_prior_bytes(&g->prior, g->run.k, n, training);
    const vaei_slot s = {
        .pack = calloc(1, need.pack + 64), .cache = aligned_alloc(64, need.cache + 64), .scratch = aligned_alloc(64, need.scratch + 64)};
    memset(s.cache, 0xFF, need.cache); /* NaN to whoever reads first */
    memset(s.scratch, 0xFF, need.scratch);
    return s;
}

static inline void free_slot(vaei_slot *s) {
    free(s->pack), free(s->cache), free(s->scratch);
}

static inline void pack(rig *g) {
    g->run.training = 1;
    g->prior.ops->pack(&g->prior, &g->run, g->train.pack);
    g->run.training = 0;
    g->prior.ops->pack(&g->prior, &g->run, g->use.pack);
}

static inline void rig_open(rig *g, const char *text, vaei_shape z, int64_t n_codes, int64_t K, int64_t n) {
    vaei_document document;
    const vaei_module *module;
    vaei_build build;
    void *conf;
    char line[200];
    memset(g, 0, sizeof(*g));
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    vaei_build_init(&build, &g->arena);
    snprintf(line, sizeof(line), "prior %s\n", text);
    ck_assert_int_eq(vaei_document_parse(&document, &g->arena, line, strlen(line)), VAE_OK);
    ck_assert_int_eq(vaei_module_find(&module, vaei_priors, vaei_priors_count, "prior", document.first->pipeline.first, "t"), VAE_OK);
    ck_assert_int_eq(vaei_module_bind(&conf, module, document.first->pipeline.first, &g->arena, "t"), VAE_OK);
    g->latent = (vaei_latent){.ops = &g->latent_ops, .z = z, .n_codes = n_codes, .codebook_size = K};
    g->prior = (vaei_prior){.ops = (const vaei_prior_ops *)(const void *)module, .conf = conf, .latent = &g->latent};
    ck_assert_int_eq(g->prior.ops->plan(&g->prior, &build), VAE_OK);
    ck_assert_int_eq(vaei_build_finish(&build, &g->table), VAE_OK);
    ck_assert_int_eq(vaei_stacks_link(build.stacks, &g->arena), VAE_OK);
    g->params = calloc((size_t)g->table.n_floats + 1, sizeof(float));
    g->grads = calloc((size_t)g->table.n_floats + 1, sizeof(float));
    g->run = (vaei_run){.k = vaei_kernels_select(0, 0), .params = g->params, .grads = g->grads, .n = n};
    g->label = malloc((size_t)n * sizeof(*g->label));
    for (int64_t i = 0; i < n; i++) g->label[i] = 1;
    if (g->prior.classes > 0) g->run.batch.label = g->label;
    vaei_params_init(&g->table, g->run.k, 11, g->params);
    g->train = make_slot(g, n, 1);
    g->use = make_slot(g, n, 0);
    pack(g);
}

static inline void rig_close(rig *g) {
    free(g->params), free(g->grads), free(g->label);
    free_slot(&g->train), free_slot(&g->use);
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

static inline void score(rig *g, int32_t training, int64_t n, const vaei_points *at, double *nll) {
    g->run.n = n;
    g->run.training = training;
    g->prior.ops->nll(&g->prior, &g->run, training ? &g->train : &g->use, at, nll);
}

static inline void draw(rig *g, uint64_t seed, uint64_t first, int64_t n, const vaei_points *out) {
    g->run.n = n;
    g->run.training = 0;
    g->run.noise.seed = seed;
    g->prior.ops->sample(&g->prior, &g->run, &g->use, first, out);
}

#endif
