/* SPDX-License-Identifier: MIT
 * target_import.c - reads any bytes, unchanged and with corrected lengths, as the checkpoint of another program. It describes the header,
 then * imports the model, whole or one half, for the smallest picture. An imported model must be saved and loaded again. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"

#define MEMORY ((uint64_t)64 << 20)

static void write_again(vae_ctx_t *ctx, const vae_model_t *model) {
    size_t needed = 0;
    vae_model_t *same;
    MUST_HOLD(vae_model_save_memory(model, NULL, 0, &needed) == VAE_OK);
    void *bytes = malloc(needed);
    MUST_HOLD(bytes && vae_model_save_memory(model, bytes, needed, NULL) == VAE_OK);
    if (vae_model_load_memory(&same, ctx, bytes, needed) != VAE_OK) fuzz_sentence(); /* two models may be more than MEMORY */
    else vae_model_destroy(same);
    free(bytes);
}

static void import(vae_ctx_t *ctx, const char *path, uint32_t flags) {
    const vae_import_options_t options = {.struct_size = sizeof options, .flags = flags, .height = 64, .width = 64};
    vae_model_t *model = NULL;
    if (vae_model_import(&model, ctx, path, &options) == VAE_OK) {
        write_again(ctx, model);
        vae_model_destroy(model);
    } else {
        MUST_HOLD(model == NULL);
        fuzz_sentence();
    }
}

static void all_ways(const uint8_t *data, size_t size) {
    const char *const path = fuzz_file("checkpoint.safetensors", data, size);
    char text[4096];
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    MUST_HOLD(vae_ctx_config_init(&config, sizeof config) == VAE_OK);
    config.mem_limit = MEMORY;
    MUST_HOLD(vae_ctx_create(&ctx, &config) == VAE_OK);
    if (vae_import_describe(ctx, path, text, sizeof text, NULL) != VAE_OK) fuzz_sentence();
    import(ctx, path, 0);
    import(ctx, path, size % 2 ? VAE_IMPORT_NO_ENCODER : VAE_IMPORT_NO_DECODER | VAE_IMPORT_OWN_PIXELS);
    vae_ctx_destroy(ctx);
}

void fuzz_one(const uint8_t *data, size_t size) {
    size_t bytes;
    uint8_t *mended = fuzz_mend_model(data, size, &bytes);
    all_ways(mended, bytes);
    if (bytes != size || memcmp(mended, data, size) != 0) all_ways(data, size);
    free(mended);
}
