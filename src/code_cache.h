/* SPDX-License-Identifier: MIT
 * code_cache.h - the codes of a model's examples; each example is encoded once, when its codes are first needed. */
#ifndef CODE_CACHE_H
#define CODE_CACHE_H

#include "data.h"
#include <vae/vae.h>

typedef struct code_cache {
    const data_t *data;
    vae_session_t *session;
    int64_t batch;  /* examples of one call, at most */
    int64_t width;  /* codes of an example; 0: the latent has no codes, and the cache is not used */
    int32_t *codes; /* [data->n][width], -1 where not yet known */
    int64_t *row;   /* [batch] */
    float *x;       /* [batch][S] */
    int32_t *fresh; /* [batch][width] */
    int32_t *label; /* [batch], if the model's condition has classes; otherwise NULL */
} code_cache_t;

/* The cache has its own session of `model`, so the parameters must not change. */
void code_cache_open(code_cache_t *cache, const vae_model_t *model, const data_t *data, int64_t batch);
void code_cache_close(code_cache_t *cache);

/* Finds codes[n][width] of the examples index[n]. */
void code_cache_gather(code_cache_t *cache, const int64_t *index, int64_t n, int32_t *codes);

#endif
