/* SPDX-License-Identifier: MIT
 * 13_conditional.c - a conditional VAE: each box has a kind, lying or standing, as its condition. The latents then describe what the kind
 * does not tell, the place and the size, and a sample is of the wanted kind. */
#include <stdio.h>
#include <vae/vae.h>

#define N     2048
#define SIDE  12
#define S     (SIDE * SIDE)
#define BATCH 64

static const char *const spec =
    "input      12x12x1\n"
    "condition  classes=2\n"
    "encoder    flatten | linear out=64 | condition mode=film dim=4 | relu\n"
    "latent     gaussian dim=3\n"
    "decoder    condition | linear out=96 | condition mode=film dim=4 | relu | linear out=144 | reshape 12x12x1\n"
    "likelihood bernoulli\n";
enum { LYING, STANDING };

static unsigned draw(unsigned below) {
    static unsigned state = 1;
    return ((state = state * 1664525u + 1013904223u) >> 16) % below;
}

static void draw_box(float *image, int32_t kind) {
    const unsigned length = 8 + draw(2), breadth = 3 + draw(2);
    const unsigned w = kind == LYING ? length : breadth, h = kind == LYING ? breadth : length;
    const unsigned x = draw(SIDE - w), y = draw(SIDE - h);
    for (unsigned p = 0; p < S; p++) image[p] = p % SIDE - x < w && p / SIDE - y < h;
}

/* Whether the variance of the ink from left to right is larger than from top to bottom. */
static int32_t kind_of(const float *image) {
    double ink = 1e-9, x = 0, y = 0, xx = 0, yy = 0;
    for (int p = 0; p < S; p++) {
        const double v = image[p];
        ink += v, x += v * (p % SIDE), y += v * (p / SIDE);
        xx += v * (p % SIDE) * (p % SIDE), yy += v * (p / SIDE) * (p / SIDE);
    }
    return xx / ink - x * x / ink / ink > yy / ink - y * y / ink / ink ? LYING : STANDING;
}

int main(void) {
    static float x[N * S], sample[BATCH * S];
    static int32_t kind[N], wanted[BATCH];
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_session_t *session = NULL;
    int right = 0;
    for (int i = 0; i < N; i++) draw_box(x + i * S, kind[i] = (int32_t)draw(2));
    for (int i = 0; i < BATCH; i++) wanted[i] = i % 2;
    int bad = vae_model_create(&model, NULL, spec, 0) || vae_trainer_create(&trainer, model, "optimizer adam lr=0.002", BATCH);
    for (int i = 0; i < 1500 && !bad; i++) {
        const int first = i * BATCH % N;
        const vae_batch_t batch = {.struct_size = sizeof batch, .n = BATCH, .x = x + first * S, .label = kind + first};
        bad = vae_trainer_step_batch(trainer, &batch, NULL);
    }
    const vae_batch_t ask = {.struct_size = sizeof ask, .n = BATCH, .label = wanted};
    bad = bad || vae_session_create(&session, model, BATCH) || vae_sample_batch(session, &ask, sample);
    for (int i = 0; i < BATCH && !bad; i++) right += kind_of(sample + i * S) == wanted[i];
    if (bad) fprintf(stderr, "13_conditional: %s\n", vae_last_error());
    if (!bad) printf("%d of %d samples are of the kind that was asked for\n", right, BATCH);
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return bad || right < BATCH * 9 / 10;
}
