/* SPDX-License-Identifier: MIT
 * 08_anomaly.c - detects anomalies: a model that was trained on healthy signals gives broken signals a high score. The detector is
 * calibrated on healthy signals that were not trained on, so that one healthy signal in a hundred has a p-value of 0.01 or less. */
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

/* a wave of any phase and height; a broken one has a gap */
static void measure(float *x, int broken) {
    const float phase = 6.2831853f * uniform(), height = 0.5f + uniform();
    const int gap = broken ? (int)(36 * uniform()) : S;
    for (int i = 0; i < S; i++) {
        x[i] = height * sinf(phase + 0.4f * (float)i) + 0.1f * (uniform() - 0.5f);
        if (i >= gap && i < gap + 12) x[i] = 0.1f * (uniform() - 0.5f);
    }
}

int main(void) {
    static float x[TRAIN * S], healthy[TEST * S], broken[TEST * S];
    double p_value[TEST];
    for (int i = 0; i < TRAIN; i++) measure(x + i * S, 0);
    for (int i = 0; i < TEST; i++) {
        measure(healthy + i * S, 0);
        measure(broken + i * S, 1);
    }
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_anomaly_t *anomaly = NULL;
    int found = 0, result = 1;
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) goto done;
    if (vae_trainer_create(&trainer, model, "optimizer adam lr=0.003\nclip norm max=20\n", 128) != VAE_OK) goto done;
    for (int step = 0; step < 1500; step++)
        if (vae_trainer_step(trainer, 128, x + step * 128 % TRAIN * S, NULL) != VAE_OK) goto done;

    const vae_batch_t normal = {.struct_size = sizeof normal, .n = TEST, .x = healthy};
    const vae_batch_t strange = {.struct_size = sizeof strange, .n = TEST, .x = broken};
    if (vae_anomaly_create(&anomaly, model, "bound samples=16", TEST) != VAE_OK) goto done;
    if (vae_anomaly_add(anomaly, &normal) != VAE_OK || vae_anomaly_fit(anomaly) != VAE_OK) goto done;
    if (vae_anomaly_score(anomaly, &strange, NULL, p_value) != VAE_OK) goto done;
    for (int i = 0; i < TEST; i++) found += p_value[i] <= 0.01;
    printf("found %d of %d broken signals at 1 false alarm in 100\n", found, TEST);
    result = found > TEST * 9 / 10 ? 0 : 1;

done:
    if (result) fprintf(stderr, "08_anomaly: %s\n", vae_last_error());
    vae_anomaly_destroy(anomaly);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return result;
}
