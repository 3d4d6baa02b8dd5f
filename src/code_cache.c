/* SPDX-License-Identifier: MIT
 * code_cache.c - stores the codes of examples. */
#include "code_cache.h"
#include "console.h"
#include "engine.h"
#include "labels.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void code_cache_open(code_cache_t *cache, const vae_model_t *model, const data_t *data, int64_t batch) {
    const int64_t width = vae_model_codes_per_example(model);
    int64_t count;
    *cache = (code_cache_t){.data = data, .batch = batch, .width = width};
    if (width == 0) return;
    if (!size_mul(data->n, width, &count)) die(EXIT_FORMAT, "%lld examples: too many codes", (long long)data->n);
    cache->session = engine_session(model, batch);
    cache->codes = mem_alloc(count, sizeof *cache->codes);
    cache->row = mem_alloc(batch, sizeof *cache->row);
    cache->x = mem_alloc(batch * vae_model_input_size(model), sizeof *cache->x);
    cache->fresh = mem_alloc(batch * width, sizeof *cache->fresh);
    if (labels_condition(model)) cache->label = mem_alloc(batch, sizeof *cache->label);
    for (int64_t i = 0; i < count; i++) cache->codes[i] = -1;
}

void code_cache_close(code_cache_t *cache) {
    vae_session_destroy(cache->session);
    free(cache->codes);
    free(cache->row);
    free(cache->x);
    free(cache->fresh);
    free(cache->label);
}

/* Encodes the examples whose codes are not yet known. */
static void learn(code_cache_t *cache, const int64_t *index, int64_t n) {
    const int64_t width = cache->width;
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (cache->codes[index[i] * width] < 0) cache->row[m++] = index[i];
    if (m == 0) return;
    data_gather(cache->data, cache->row, m, cache->x);
    vae_batch_t batch = {.struct_size = sizeof batch, .n = m, .x = cache->x};
    for (int64_t i = 0; i < m && cache->label; i++) cache->label[i] = cache->data->label[cache->row[i]];
    batch.label = cache->label;
    must(vae_encode_codes_batch(cache->session, &batch, cache->fresh));
    for (int64_t i = 0; i < m; i++)
        memcpy(cache->codes + cache->row[i] * width, cache->fresh + i * width, (size_t)width * sizeof *cache->codes);
}

void code_cache_gather(code_cache_t *cache, const int64_t *index, int64_t n, int32_t *codes) {
    const int64_t width = cache->width;
    learn(cache, index, n);
    for (int64_t i = 0; i < n; i++) memcpy(codes + i * width, cache->codes + index[i] * width, (size_t)width * sizeof *codes);
}
