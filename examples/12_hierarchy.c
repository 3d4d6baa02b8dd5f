/* SPDX-License-Identifier: MIT
 * 12_hierarchy.c - two latents, one above the other: the first describes the whole picture; the second is in the decoder and has a prior
 * that depends on the first. A picture is one of four boxes, filled with its own kind of pattern: the first latent can describe what all
 * pixels share, and the second how single pixels differ. */
#include <stdio.h>
#include <vae/vae.h>

#define N     2048
#define SIDE  8
#define S     (SIDE * SIDE)
#define BATCH 64

static const char *const spec = "input      8x8x1\n"
                                "encoder    conv2d out=16 kernel=3 pad=1 | relu | tap fine | conv2d out=16 kernel=4 stride=2 pad=1 | relu\n"
                                "           | flatten | linear out=32 | relu\n"
                                "latent     gaussian dim=4\n"
                                "decoder    linear out=32 | relu | linear out=256 | relu | reshape 8x8x4\n"
                                "           | latent gaussian dim=1 map=true from=fine | conv2d out=16 kernel=3 pad=1 | relu\n"
                                "           | conv2d out=1 kernel=3 pad=1\n"
                                "likelihood gaussian sigma=fixed value=0.15\n";

static unsigned draw(unsigned below) {
    static unsigned state = 1;
    return ((state = state * 1664525u + 1013904223u) >> 16) % below;
}

static void draw_box(float *image) {
    const unsigned x = draw(2) * 4, y = draw(2) * 4;
    for (unsigned p = 0; p < S; p++) image[p] = p % SIDE - x < 4 && p / SIDE - y < 4 ? 0.4f + 0.6f * (float)draw(2) : 0.0f;
}

static char shade(float v) {
    return v < 0.2f ? '.' : v < 0.7f ? 'o' : '#';
}

static void show(const float *image) {
    for (int y = 0; y < SIDE; y++) {
        for (int i = 0; i < 4; i++)
            for (int x = 0; x <= SIDE; x++) putchar(x == SIDE ? ' ' : shade(image[i * S + y * SIDE + x]));
        putchar('\n');
    }
}

int main(void) {
    static float x[N * S], sample[4 * S];
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_session_t *session = NULL;
    vae_metrics_t m = {.struct_size = sizeof m};
    for (int i = 0; i < N; i++) draw_box(x + i * S);
    int bad = vae_model_create(&model, NULL, spec, 0) ||
              vae_trainer_create(&trainer, model, "optimizer adam lr=0.003\nobjective elbo warmup=400", BATCH);
    for (int i = 0; i < 1600 && !bad; i++) bad = vae_trainer_step(trainer, BATCH, x + i * BATCH % N * S, &m);
    bad = bad || vae_session_create(&session, model, 4) || vae_sample(session, 4, NULL, sample);
    if (bad) fprintf(stderr, "12_hierarchy: %s\n", vae_last_error());
    if (!bad) show(sample);
    if (!bad) printf("rate %.1f nats: %.1f of the first latent, %.1f of the second\n", m.rate, m.latent_rate[0], m.latent_rate[1]);
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return bad || m.latents != 2 || m.latent_rate[0] < 1.0 || m.latent_rate[1] < 1.0;
}
