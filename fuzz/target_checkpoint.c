/* SPDX-License-Identifier: MIT
 * target_checkpoint.c - loads any bytes, unchanged and with corrected lengths and checksums, as the checkpoint of a small trainer. The
 trainer * loads it and continues to train, or nothing changes. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"

/* The trainer that wrote the seeds (make_corpus.py). */
static const char spec[] = "input 2\nencoder linear out=2\nlatent gaussian dim=1\ndecoder linear out=2\nlikelihood gaussian";

static vae_model_t *model;
static vae_trainer_t *trainer;

static uint64_t hash_of_params(void) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (int64_t i = 0; i < vae_model_param_count(model); i++) {
        const vae_tensor_t *tensor;
        MUST_HOLD(vae_model_param(model, i, &tensor, NULL) == VAE_OK);
        const uint8_t *p = vae_tensor_data(tensor);
        int64_t bytes = 4;
        for (int32_t d = 0; d < vae_tensor_ndim(tensor); d++) bytes *= vae_tensor_shape(tensor)[d];
        for (int64_t k = 0; k < bytes; k++) hash = (hash ^ p[k]) * 0x100000001b3u;
    }
    return hash;
}

static void load(const uint8_t *data, size_t size) {
    static const float x[] = {0.5f, -0.25f, 1.0f, 0.0f};
    const char *path = fuzz_file("resume.safetensors", data, size);
    const uint64_t before = hash_of_params();
    const int64_t steps = vae_trainer_steps(trainer);
    if (vae_trainer_load(trainer, path) == VAE_OK) {
        MUST_HOLD(vae_trainer_steps(trainer) >= 0);
        if (vae_trainer_step(trainer, 2, x, NULL) != VAE_OK) fuzz_sentence();
    } else {
        fuzz_sentence();
        MUST_HOLD(hash_of_params() == before && vae_trainer_steps(trainer) == steps);
    }
}

void fuzz_one(const uint8_t *data, size_t size) {
    size_t bytes;
    if (!trainer) {
        MUST_HOLD(vae_model_create(&model, NULL, spec, 1) == VAE_OK);
        MUST_HOLD(vae_trainer_create(&trainer, model, "optimizer adam lr=0.01", 2) == VAE_OK);
    }
    uint8_t *mended = fuzz_mend_model(data, size, &bytes);
    load(mended, bytes);
    if (bytes != size || memcmp(mended, data, size) != 0) load(data, size);
    free(mended);
}
