/* SPDX-License-Identifier: MIT
 * fuzz_safetensors.c - any bytes as a model file: first the reader alone and each of its tensors, then as a model. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"
#include "io/safetensors.h"

#define MEMORY ((uint64_t)8 << 20)

static void read_tensors(const uint8_t *data, size_t size) {
    vaei_heap heap;
    vaei_file file;
    vaei_heap_init_default(&heap);
    heap.limit = MEMORY;
    if (vaei_file_read_memory(&file, &heap, data, size, "input") == VAE_OK) {
        for (int64_t i = 0; i < file.n_entries; i++) {
            const vaei_entry *e = &file.entry[i];
            float *x = malloc((size_t)e->count * sizeof *x + 1);
            if (x) (void)vaei_entry_floats(e, x, "input");
            free(x);
            if (vaei_file_find(&file, e->name) != e) abort();
        }
        vaei_file_close(&file);
    }
    if (heap.in_use != 0) abort();
}

static void load_model(const uint8_t *data, size_t size) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    vae_model_t *model;
    if (vae_ctx_config_init(&config, sizeof config) != VAE_OK) abort();
    config.mem_limit = MEMORY;
    if (vae_ctx_create(&ctx, &config) != VAE_OK) abort();
    if (vae_model_load_memory(&model, ctx, data, size) == VAE_OK)
        vae_model_destroy(model);
    else if (model != NULL || vae_last_error()[0] == '\0')
        abort();
    vae_ctx_destroy(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_tensors(data, size);
    load_model(data, size);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t cap) {
    static const struct {
        const char *header;
        size_t data;
    } seeds[] = {
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8 },
        { "{\"a\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]},"
          "\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[4,6]}}",
          6 },
        { "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
          "\"\\u00e9\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[8,9]}}",
          9 },
        { "{\"__metadata__\":{\"vae.format_version\":\"1\",\"vae.spec\":\"input 1\\nencoder\\nlatent none\\ndecoder "
          "linear "
          "out=1\\nlikelihood "
          "gaussian\\n\"},\"decoder.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"decoder.0.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[4,8]}}",
          8 },
    };
    if (i >= sizeof seeds / sizeof seeds[0]) return 0;
    const size_t length = strlen(seeds[i].header), size = 8 + length + seeds[i].data;
    if (size > cap) return 0;
    memset(out, 0, size);
    out[0] = (uint8_t)(length & 0xFF);
    out[1] = (uint8_t)(length >> 8);
    memcpy(out + 8, seeds[i].header, length);
    return size;
}
