/* SPDX-License-Identifier: MIT
 * 03_generate.c - a convolutional model learns stripes of any direction and width. Then it generates 64 new ones, which are written
 * as one picture, stripes.pgm. */
#include <math.h>
#include <stdio.h>
#include <vae/vae.h>

#define N    256
#define SIDE 16
#define S    (SIDE * SIDE)
#define GRID 8

static const char *const spec =
    "input      16x16x1\n"
    "encoder    conv2d out=8 kernel=4 stride=2 pad=1 | silu | conv2d out=16 kernel=4 stride=2 pad=1 | silu | flatten\n"
    "latent     gaussian dim=4\n"
    "decoder    linear out=256 | silu | reshape 4x4x16 | deconv2d out=8 kernel=4 stride=2 pad=1 | silu\n"
    "         | deconv2d out=1 kernel=4 stride=2 pad=1\n"
    "likelihood bernoulli\n";

static float uniform(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

static void draw_stripes(float *image) {
    const float angle = 3.1415927f * uniform(), width = 0.6f + 0.4f * uniform();
    for (int i = 0; i < S; i++) {
        const float along = cosf(angle) * (float)(i % SIDE - SIDE / 2) + sinf(angle) * (float)(i / SIDE - SIDE / 2);
        image[i] = 0.5f + 0.5f * cosf(width * along);
    }
}

static int write_grid(const char *path, const float *images) {
    static unsigned char pixels[GRID * SIDE][GRID * SIDE];
    for (int i = 0; i < GRID * GRID * S; i++) {
        const int tile = i / S, row = i % S / SIDE, column = i % SIDE;
        pixels[tile / GRID * SIDE + row][tile % GRID * SIDE + column] = (unsigned char)(255 * images[i] + 0.5f);
    }
    FILE *file = fopen(path, "wb");
    if (!file) return 0;
    fprintf(file, "P5\n%d %d\n255\n", GRID * SIDE, GRID * SIDE);
    const int good = fwrite(pixels, sizeof pixels, 1, file) == 1;
    return fclose(file) == 0 && good;
}

int main(void) {
    static float x[N * S], images[GRID * GRID * S];
    for (int i = 0; i < N; i++) draw_stripes(x + i * S);

    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_session_t *session = NULL;
    int result = 1;
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) goto done;
    if (vae_trainer_create(&trainer, model, "optimizer adam lr=0.003", 32) != VAE_OK) goto done;
    for (int step = 0; step < 400; step++)
        if (vae_trainer_step(trainer, 32, x + step * 32 % N * S, NULL) != VAE_OK) goto done;

    if (vae_session_create(&session, model, GRID * GRID) != VAE_OK) goto done;
    if (vae_session_seed(session, 42) != VAE_OK) goto done;
    if (vae_sample(session, GRID * GRID, NULL, images) != VAE_OK) goto done;
    result = write_grid("stripes.pgm", images) ? 0 : 1;

done:
    if (result) fprintf(stderr, "03_generate: %s\n", vae_last_error());
    else printf("stripes.pgm: %d pictures that were never drawn\n", GRID * GRID);
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return result;
}
