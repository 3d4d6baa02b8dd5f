/* SPDX-License-Identifier: MIT
 * 01_reconstruct.c - the shortest complete program. It encodes pictures of a disc at a random place into three numbers and decodes
 * them. Three numbers are enough, because a disc has a place and a size; after training the decoded pictures are nearly unchanged. */
#include <stdio.h>
#include <stdlib.h>
#include <vae/vae.h>

#define N    512
#define SIDE 16
#define S    (SIDE * SIDE)

static const char *const spec = "input      16x16x1\n"
                                "encoder    flatten | linear out=128 | relu | linear out=64 | relu\n"
                                "latent     gaussian dim=3\n"
                                "decoder    linear out=64 | relu | linear out=128 | relu | linear out=256 | reshape 16x16x1\n"
                                "likelihood bernoulli\n";

static float uniform(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

static void draw_disc(float *image) {
    const float cx = 4 + 8 * uniform(), cy = 4 + 8 * uniform(), r = 2 + 2 * uniform();
    for (int i = 0; i < S; i++) {
        const float dx = (float)(i % SIDE) - cx, dy = (float)(i / SIDE) - cy;
        image[i] = dx * dx + dy * dy < r * r ? 1.0f : 0.0f;
    }
}

/* returns the mean squared error of all pictures after encoding and decoding */
static vae_status_t error(const vae_model_t *model, const float *x, float *y, double *out) {
    vae_session_t *session;
    vae_status_t status = vae_session_create(&session, model, 64);
    if (status == VAE_OK) status = vae_reconstruct(session, N, x, y);
    *out = 0;
    for (int i = 0; status == VAE_OK && i < N * S; i++) *out += (double)((x[i] - y[i]) * (x[i] - y[i])) / (N * S);
    if (status == VAE_OK) vae_session_destroy(session);
    return status;
}

int main(void) {
    static float x[N * S], y[N * S];
    for (int i = 0; i < N; i++) draw_disc(x + i * S);

    double before, after;
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) goto fail;
    if (error(model, x, y, &before) != VAE_OK) goto fail;

    if (vae_trainer_create(&trainer, model, "optimizer adam lr=0.002", 64) != VAE_OK) goto fail;
    for (int epoch = 0; epoch < 60; epoch++)
        for (int i = 0; i < N; i += 64)
            if (vae_trainer_step(trainer, 64, x + i * S, NULL) != VAE_OK) goto fail;

    if (error(model, x, y, &after) != VAE_OK) goto fail;
    printf("mean squared error: %.4f before training, %.4f after\n", before, after);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return after < 0.25 * before ? 0 : 1;

fail:
    fprintf(stderr, "01_reconstruct: %s\n", vae_last_error());
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return 1;
}
