/* SPDX-License-Identifier: MIT
 * 10_prior.c - pictures become codes, and a PixelCNN learns which codes occur together. Then codes of new pictures are far more
 * likely than with a uniform distribution. Samples are printed. */
#include <stdio.h>
#include <string.h>
#include <vae/vae.h>

#define N     2048
#define SIDE  12
#define S     (SIDE * SIDE)
#define BATCH 64

static const char *const spec = "input      12x12x1\n"
                                "encoder    conv2d out=8 kernel=3 stride=3 | relu | conv2d out=4 kernel=1\n"
                                "latent     vq codes=16 dim=4 start=kmeans\n"
                                "decoder    deconv2d out=8 kernel=3 stride=3 | relu | conv2d out=1 kernel=3 pad=1\n"
                                "likelihood gaussian sigma=optimal\n";

static unsigned draw(unsigned below) {
    static unsigned state = 1;
    return ((state = state * 1664525u + 1013904223u) >> 16) % below;
}

/* Boxes of any place and size. */
static void draw_box(float *image) {
    const unsigned w = 3 + draw(7), h = 3 + draw(7), x = draw(SIDE - w), y = draw(SIDE - h);
    for (unsigned p = 0; p < S; p++) image[p] = p % SIDE - x < w && p / SIDE - y < h;
}

static vae_status_t train(vae_model_t *model, const char *text, int steps, const float *x, vae_metrics_t *last) {
    vae_trainer_t *trainer;
    vae_status_t status = vae_trainer_create(&trainer, model, text, BATCH);
    if (status != VAE_OK) return status;
    for (int i = 0; i < steps && status == VAE_OK; i++) status = vae_trainer_step(trainer, BATCH, x + i * BATCH % N * S, last);
    vae_trainer_destroy(trainer);
    return status;
}

/* Copies the parameters of one model to another model that has all of them. */
static vae_status_t copy(vae_model_t *to, const vae_model_t *from) {
    vae_status_t status = VAE_OK;
    for (int64_t i = 0; i < vae_model_param_count(from) && status == VAE_OK; i++) {
        const vae_tensor_t *t = NULL;
        const char *name;
        int64_t at = 0, count = 1;
        if ((status = vae_model_param(from, i, &t, &name)) != VAE_OK) break;
        for (int32_t d = 0; d < vae_tensor_ndim(t); d++) count *= vae_tensor_shape(t)[d];
        if ((status = vae_model_param_find(to, name, &at)) == VAE_OK) status = vae_model_set_param(to, at, vae_tensor_data(t), count);
    }
    return status;
}

int main(void) {
    static float x[(N + BATCH) * S], sample[3 * S];
    double rate[BATCH] = {0}, mean = 0.0, even;
    char text[4096];
    vae_metrics_t m = {.struct_size = sizeof m};
    vae_model_t *model = NULL, *sampler = NULL;
    vae_session_t *session = NULL;
    for (int i = 0; i < N + BATCH; i++) draw_box(x + i * S);
    int bad = vae_model_create(&model, NULL, spec, 0) || train(model, "optimizer adam lr=0.003", 200, x, &m);
    even = m.rate; /* codes times ln 16 */
    bad = bad || vae_spec_set(spec, "prior", "pixelcnn channels=16 layers=2", text, sizeof text, NULL) ||
          vae_model_create(&sampler, NULL, text, 0) || copy(sampler, model) ||
          train(sampler, "optimizer adam lr=0.003\nobjective prior", 200, x, &m) || vae_session_create(&session, sampler, BATCH) ||
          vae_sample(session, 3, NULL, sample) || vae_elbo(session, BATCH, x + N * S, 1, NULL, NULL, NULL, rate);
    for (int i = 0; i < BATCH; i++) mean += rate[i] / BATCH;
    if (bad) fprintf(stderr, "10_prior: %s\n", vae_last_error());
    if (!bad) printf("-log p(codes) of new pictures, in nats: %.1f, and %.1f by an even draw\n", mean, even);
    for (int i = 0; !bad && i < 3 * S; i++) printf("%c%s", sample[i] > 0.5f ? '#' : '.', i % SIDE == SIDE - 1 ? "\n" : "");
    vae_session_destroy(session);
    vae_model_destroy(sampler);
    vae_model_destroy(model);
    return bad || !(mean < 0.6 * even);
}
