/* SPDX-License-Identifier: MIT
 * target_model.c - reads any bytes, unchanged and with corrected lengths and checksums, as a model file: first with the reader alone,
 * each tensor, then as a model with a session, and then as weights for another model. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"
#include "io/safetensors.h"

#define MEMORY     ((uint64_t)8 << 20)
#define MOST_BYTES ((uint64_t)64 << 10) /* of a session that is used */

/* What was read can be written, but for types that are not whole bytes and keys that no file of ours has; and is then the same. */
static void write_again(vaei_heap *heap, const vaei_file *file) {
    vaei_file same;
    size_t needed = 0;
    if (vaei_file_write_memory(NULL, 0, &needed, heap, file->entry, file->n_entries, file->text, file->n_text) != VAE_OK) {
        fuzz_sentence();
        return;
    }
    uint8_t *bytes = malloc(needed);
    MUST_HOLD(bytes);
    MUST_HOLD(vaei_file_write_memory(bytes, needed, NULL, heap, file->entry, file->n_entries, file->text, file->n_text) == VAE_OK);
    MUST_HOLD(vaei_file_read_memory(&same, heap, bytes, needed, "written again") == VAE_OK);
    MUST_HOLD(same.n_entries == file->n_entries && same.size == file->size);
    vaei_file_close(&same);
    free(bytes);
}

static void read_tensors(const uint8_t *data, size_t size) {
    vaei_heap heap;
    vaei_file file;
    vaei_heap_init_default(&heap);
    heap.limit = MEMORY;
    if (vaei_file_read_memory(&file, &heap, data, size, "input") == VAE_OK) {
        for (int64_t i = 0; i < file.n_entries; i++) {
            const vaei_entry *e = &file.entry[i];
            float *x = malloc((size_t)e->count * sizeof *x + 1);
            if (x && vaei_entry_floats(e, x, "input") != VAE_OK) fuzz_sentence();
            free(x);
            MUST_HOLD(vaei_file_find(&file, e->name) == e);
        }
        write_again(&heap, &file);
        vaei_file_close(&file);
    } else {
        fuzz_sentence();
    }
    MUST_HOLD(heap.in_use == 0);
}

static void decode_one(const vae_model_t *model) {
    uint64_t bytes;
    vae_session_t *session;
    if (vae_session_bytes(model, 1, &bytes) != VAE_OK || bytes > MOST_BYTES) return;
    MUST_HOLD(vae_session_create(&session, model, 1) == VAE_OK);
    float *z = calloc((size_t)vae_model_latent_size(model) + 1, sizeof *z);
    float *x = calloc((size_t)vae_model_input_size(model) + 1, sizeof *x);
    MUST_HOLD(z && x);
    if (vae_decode(session, 1, z, x) != VAE_OK) fuzz_sentence();
    free(z);
    free(x);
    vae_session_destroy(session);
}

static void load_model(vae_ctx_t *ctx, const uint8_t *data, size_t size) {
    vae_model_t *model;
    if (vae_model_load_memory(&model, ctx, data, size) == VAE_OK) {
        decode_one(model);
        vae_model_destroy(model);
    } else {
        MUST_HOLD(model == NULL);
        fuzz_sentence();
    }
}

/* The model of the smallest seed, which any file may give its weights. */
static void load_weights(vae_ctx_t *ctx, const uint8_t *data, size_t size) {
    vae_model_t *model;
    MUST_HOLD(vae_model_create(&model, ctx, "input 1\nencoder\nlatent none\ndecoder linear out=1\nlikelihood gaussian", 1) == VAE_OK);
    if (vae_model_load_weights(model, fuzz_file("weights.safetensors", data, size)) != VAE_OK) fuzz_sentence();
    vae_model_destroy(model);
}

static void all_ways(const uint8_t *data, size_t size) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    read_tensors(data, size);
    MUST_HOLD(vae_ctx_config_init(&config, sizeof config) == VAE_OK);
    config.mem_limit = MEMORY;
    MUST_HOLD(vae_ctx_create(&ctx, &config) == VAE_OK);
    load_model(ctx, data, size);
    load_weights(ctx, data, size);
    vae_ctx_destroy(ctx);
}

void fuzz_one(const uint8_t *data, size_t size) {
    size_t bytes;
    uint8_t *mended = fuzz_mend_model(data, size, &bytes);
    all_ways(mended, bytes);
    if (bytes != size || memcmp(mended, data, size) != 0) all_ways(data, size);
    free(mended);
}
