/* SPDX-License-Identifier: MIT
 * 02_train.c - a training loop: the host shuffles the data, passes batches, prints the loss, and saves a checkpoint. The data are
 * points on a noisy ring in the plane; a gaussian likelihood with one learned sigma finds the size of the noise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <vae/vae.h>

#define N     2048
#define BATCH 128

static const char *const spec = "input      2\n"
                                "encoder    linear out=64 | silu | linear out=64 | silu\n"
                                "latent     gaussian dim=2\n"
                                "decoder    linear out=64 | silu | linear out=64 | silu | linear out=2\n"
                                "likelihood gaussian sigma=learned value=0.5\n";

static const char *const options = "optimizer  adamw lr=0.002 weight_decay=0.0001\n"
                                   "objective  elbo beta=1 warmup=100\n"
                                   "schedule   cosine steps=960 warmup=20\n"
                                   "clip       norm max=10\n";

static float uniform(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

static void shuffle(float *x) {
    for (int i = N - 1; i > 0; i--) {
        const int j = (int)(uniform() * (float)(i + 1));
        for (int k = 0; k < 2; k++) {
            const float keep = x[2 * i + k];
            x[2 * i + k] = x[2 * j + k];
            x[2 * j + k] = keep;
        }
    }
}

int main(void) {
    static float x[2 * N];
    for (int i = 0; i < N; i++) {
        const float angle = 6.2831853f * uniform(), radius = 1 + 0.1f * (uniform() - uniform());
        x[2 * i] = radius * cosf(angle);
        x[2 * i + 1] = radius * sinf(angle);
    }
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_metrics_t metrics = {.struct_size = sizeof metrics};
    double first = 0, last = 0;
    int result = 1;

    if (vae_model_create(&model, NULL, spec, 7) != VAE_OK) goto done;
    if (vae_trainer_create(&trainer, model, options, BATCH) != VAE_OK) goto done;
    for (int epoch = 0; epoch < 60; epoch++) {
        shuffle(x);
        double loss = 0;
        for (int i = 0; i < N; i += BATCH) {
            if (vae_trainer_step(trainer, BATCH, x + 2 * i, &metrics) != VAE_OK) goto done;
            loss += metrics.loss * BATCH / N;
        }
        if (epoch == 0) first = loss;
        last = loss;
    }
    if (vae_trainer_save(trainer, "ring.safetensors") != VAE_OK) goto done;
    printf("%lld steps: loss %.3f -> %.3f nats (recon %.3f + rate %.3f); ring.safetensors\n", (long long)metrics.step, first, last,
           metrics.recon, metrics.rate);
    result = last < first ? 0 : 1;

done:
    if (result) fprintf(stderr, "02_train: %s\n", vae_last_error());
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return result;
}
