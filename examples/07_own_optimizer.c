/* SPDX-License-Identifier: MIT
 * 07_own_optimizer.c - the host has its own optimizer: Lion (Chen et al. 2023, arXiv:2302.06675), whose steps are the sign of a
 * momentum. The library calls it for each parameter tensor and stores its memory in checkpoints. */
#include <stdio.h>
#include <vae/vae.h>

#define N 512
#define S 32

static const char *const spec = "input      32\n"
                                "encoder    linear out=64 | gelu\n"
                                "latent     gaussian dim=2\n"
                                "decoder    linear out=64 | gelu | linear out=32\n"
                                "likelihood bernoulli\n";

typedef struct lion {
    float beta1, beta2;
} lion;

static void lion_step(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot) {
    const lion *o = user;
    float *m = slot[0];
    (void)t;
    for (int64_t i = 0; i < n; i++) {
        const float u = o->beta1 * m[i] + (1 - o->beta1) * g[i];
        w[i] -= lr * ((float)((u > 0) - (u < 0)) + decay * w[i]);
        m[i] = o->beta2 * m[i] + (1 - o->beta2) * g[i];
    }
}

static float uniform(void) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / 16777216.0f;
}

int main(void) {
    /* one interval of ones in a row of 32, which two numbers describe */
    static float x[N * S];
    for (int i = 0; i < N; i++) {
        const int begin = (int)(16 * uniform()), end = begin + 4 + (int)(12 * uniform());
        for (int k = begin; k < end; k++) x[i * S + k] = 1;
    }
    lion state = {.beta1 = 0.9f, .beta2 = 0.99f};
    const vae_optimizer_t optimizer = {.struct_size = sizeof optimizer, .slots = 1, .user = &state, .name = "lion", .step = lion_step};

    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_metrics_t first = {.struct_size = sizeof first}, last = {.struct_size = sizeof last};
    int result = 1;
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) goto done;
    if (vae_trainer_create(&trainer, model, NULL, N) != VAE_OK) goto done;
    if (vae_trainer_set_optimizer(trainer, &optimizer) != VAE_OK) goto done;
    if (vae_trainer_set_lr(trainer, 0.001) != VAE_OK) goto done;
    for (int step = 0; step < 500; step++)
        if (vae_trainer_step(trainer, N, x, step == 0 ? &first : &last) != VAE_OK) goto done;
    printf("lion: loss %.2f -> %.2f nats in %lld steps\n", first.loss, last.loss, (long long)last.step);
    result = last.loss < 0.6 * first.loss ? 0 : 1;

done:
    if (result) fprintf(stderr, "07_own_optimizer: %s\n", vae_last_error());
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return result;
}
