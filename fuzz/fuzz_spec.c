/* SPDX-License-Identifier: MIT
 * fuzz_spec.c - any text as a model's spec. What is accepted comes back: the canonical text builds the same model. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"

#define MEMORY ((uint64_t)8 << 20)

static char *spec_of(const vae_model_t *model) {
    size_t needed = 0;
    if (vae_model_spec(model, NULL, 0, &needed) != VAE_OK) abort();
    char *text = malloc(needed);
    if (!text || vae_model_spec(model, text, needed, NULL) != VAE_OK) abort();
    return text;
}

static void build(vae_ctx_t *ctx, const char *text) {
    vae_model_t *model, *again;
    if (vae_model_create(&model, ctx, text, 1) != VAE_OK) {
        if (model != NULL || vae_last_error()[0] == '\0') abort();
        return;
    }
    char *spec = spec_of(model);
    const vae_status_t status = vae_model_create(&again, ctx, spec, 1);
    if (status != VAE_OK && status != VAE_E_NOMEM) abort();
    if (status == VAE_OK) {
        char *same = spec_of(again);
        if (strcmp(spec, same) != 0) abort();
        free(same);
        vae_model_destroy(again);
    }
    free(spec);
    vae_model_destroy(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (vae_ctx_config_init(&config, sizeof config) != VAE_OK) abort();
    config.mem_limit = MEMORY;
    if (vae_ctx_create(&ctx, &config) != VAE_OK) abort();
    build(ctx, text);
    vae_ctx_destroy(ctx);
    free(text);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t cap) {
    static const char *const seeds[][5] = {
        { "input 4", "encoder linear out=8 | relu", "latent gaussian dim=2", "decoder linear out=4",
          "likelihood bernoulli" },
        { "input 8x8x3",
          "encoder conv2d out=4 kernel=3 stride=2 pad=1 groups=1 | batchnorm | silu | flatten | linear out=6",
          "latent gaussian dim=3", "decoder linear out=64 | reshape 4x4x4 | deconv2d out=3 kernel=4 stride=2 pad=1",
          "likelihood gaussian sigma=learned" },
        { "input 4x4x2",
          "encoder repeat n=2 { residual { conv2d out=2 kernel=3 pad=same | elu alpha=0.5 } } # a comment",
          "latent none", "decoder upsample | maxpool kernel=2 | avgpool kernel=1",
          "likelihood gaussian sigma=optimal value=0.5" },
        { "input 2x2x4", "encoder groupnorm groups=2 | dropout p=0.5 | layernorm", "latent gaussian dim=2 map=true",
          "decoder conv2d out=4 kernel=1x1 pad=0 bias=false", "likelihood gaussian" },
    };
    size_t size = 0;
    if (i >= sizeof seeds / sizeof seeds[0]) return 0;
    for (size_t line = 0; line < 5; line++) {
        const size_t length = strlen(seeds[i][line]);
        if (size + length + 1 > cap) return 0;
        memcpy(out + size, seeds[i][line], length);
        size += length;
        out[size++] = '\n';
    }
    return size;
}
