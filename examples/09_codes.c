/* SPDX-License-Identifier: MIT
 * 09_codes.c - pictures as a few whole numbers: a VQ-VAE learns sixteen codes for the patches of patterned tiles. Each picture of 256
 * values becomes 16 codes, or 8 bytes, and is decoded nearly unchanged. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <vae/vae.h>

#define S 256 /* 16 x 16 */
#define N 256

static const char *const spec = "input      16x16x1\n"
                                "encoder    conv2d out=16 kernel=4 stride=4 | silu | conv2d out=8 kernel=1\n"
                                "latent     vq codes=16 start=kmeans revive=1 scale=4\n"
                                "decoder    conv2d out=16 kernel=1 | silu | deconv2d out=1 kernel=4 stride=4\n"
                                "likelihood gaussian value=0.1\n";

static uint32_t random_bits(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return state >> 16;
}

/* A picture: each patch of 4x4 is one of six patterns, a little noisy. */
static void draw(float *x) {
    for (int patch = 0; patch < 16; patch++) {
        const uint32_t kind = random_bits() % 6;
        for (int i = 0; i < 16; i++) {
            const int row = i / 4, column = i % 4;
            const int on[6] = {0, 1, row < 2, column < 2, (row + column) % 2, row == column};
            x[(patch / 4 * 4 + row) * 16 + patch % 4 * 4 + column] = 0.8f * (float)on[kind] + 0.1f * (float)(random_bits() % 256) / 255;
        }
    }
}

int main(void) {
    static float x[N * S], y[S];
    int32_t codes[16], back[16];
    uint8_t bytes[16];
    double error = 0;
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_session_t *session = NULL;
    vae_metrics_t metrics = {.struct_size = sizeof metrics};
    int result = 1;
    for (int i = 0; i < N; i++) draw(x + i * S);
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) goto done;
    if (vae_trainer_create(&trainer, model, "optimizer adam lr=0.003\n", 64) != VAE_OK) goto done;
    for (int step = 0; step < 400; step++)
        if (vae_trainer_step(trainer, 64, x + step * 64 % N * S, &metrics) != VAE_OK) goto done;

    const int64_t count = vae_model_codes_per_example(model), K = vae_model_codebook_size(model);
    const size_t size = vae_codes_packed_bytes(count, K);
    if (vae_session_create(&session, model, 1) != VAE_OK) goto done;
    draw(x); /* a picture that was not used in training */
    if (vae_encode_codes(session, 1, x, codes) != VAE_OK) goto done;
    if (vae_codes_pack(count, K, codes, bytes, sizeof bytes) != VAE_OK) goto done;
    if (vae_codes_unpack(count, K, bytes, size, back) != VAE_OK) goto done;
    if (vae_decode_codes(session, 1, back, y) != VAE_OK) goto done;
    for (int i = 0; i < S; i++) error += fabs((double)x[i] - (double)y[i]) / S;
    printf("%d codes of %d (as many as %.1f in even use), %zu bytes a picture, mean error %.3f\n", (int)count, (int)K, metrics.perplexity,
           size, error);
    result = size == 8 && error < 0.08 ? 0 : 1;

done:
    if (result) fprintf(stderr, "09_codes: %s\n", vae_last_error());
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return result;
}
