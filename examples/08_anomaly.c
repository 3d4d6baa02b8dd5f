/* SPDX-License-Identifier: MIT
 * 08_anomaly.c - finding what does not belong: a model that has seen only healthy signals gives broken ones a low ELBO. The
 * threshold is the score that one healthy signal in a hundred falls below, on signals kept out of the training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <vae/vae.h>

#define S     48
#define TRAIN 1024
#define TEST  300

static const char *const spec = "input      48\n"
                                "encoder    linear out=64 | silu | linear out=32 | silu\n"
                                "latent     gaussian dim=3\n"
                                "decoder    linear out=32 | silu | linear out=64 | silu | linear out=48\n"
                                "likelihood gaussian sigma=learned value=0.5\n";

static float uniform(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

/* a wave of any phase and height; broken: it misses a stretch */
static void measure(float *x, int broken) {
    const float phase = 6.2831853f * uniform(), height = 0.5f + uniform();
    const int gap = broken ? (int)(36 * uniform()) : S;
    for (int i = 0; i < S; i++) {
        x[i] = height * sinf(phase + 0.4f * (float)i) + 0.1f * (uniform() - 0.5f);
        if (i >= gap && i < gap + 12) x[i] = 0.1f * (uniform() - 0.5f);
    }
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    static float x[TRAIN * S], healthy[TEST * S], broken[TEST * S];
    double good[TEST], bad[TEST];
    for (int i = 0; i < TRAIN; i++) measure(x + i * S, 0);
    for (int i = 0; i < TEST; i++) {
        measure(healthy + i * S, 0);
        measure(broken + i * S, 1);
    }
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_session_t *session = NULL;
    int found = 0, result = 1;
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) goto done;
    if (vae_trainer_create(&trainer, model, "optimizer adam lr=0.003\nclip norm max=20\n", 128) != VAE_OK) goto done;
    for (int step = 0; step < 1500; step++)
        if (vae_trainer_step(trainer, 128, x + step * 128 % TRAIN * S, NULL) != VAE_OK) goto done;

    if (vae_session_create(&session, model, TEST) != VAE_OK) goto done;
    if (vae_elbo(session, TEST, healthy, 16, NULL, good, NULL, NULL) != VAE_OK) goto done;
    if (vae_elbo(session, TEST, broken, 16, NULL, bad, NULL, NULL) != VAE_OK) goto done;
    qsort(good, TEST, sizeof good[0], ascending);
    const double threshold = good[TEST / 100];
    for (int i = 0; i < TEST; i++) found += bad[i] < threshold;
    printf("found %d of %d broken signals at 1 false alarm in 100\n", found, TEST);
    result = found > TEST * 9 / 10 ? 0 : 1;

done:
    if (result) fprintf(stderr, "08_anomaly: %s\n", vae_last_error());
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return result;
}
