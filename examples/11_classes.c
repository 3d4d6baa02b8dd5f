/* SPDX-License-Identifier: MIT
 * 11_classes.c - a PixelCNN with classes: it is trained on lying and on standing boxes with their labels, and then draws boxes of
 * the wanted kind. */
#include <stdio.h>
#include <vae/vae.h>

#define N     2048
#define SIDE  12
#define S     (SIDE * SIDE)
#define BATCH 64

static const char *const spec = "input      12x12x1\n"
                                "encoder    conv2d out=8 kernel=3 stride=3 | relu | conv2d out=4 kernel=1\n"
                                "latent     vq codes=16 dim=4 start=kmeans\n"
                                "decoder    deconv2d out=8 kernel=3 stride=3 | relu | conv2d out=1 kernel=3 pad=1\n"
                                "likelihood gaussian sigma=optimal\n"
                                "prior      pixelcnn channels=16 layers=2 classes=2\n";
enum { LYING, STANDING };

static unsigned draw(unsigned below) {
    static unsigned state = 1;
    return ((state = state * 1664525u + 1013904223u) >> 16) % below;
}

static void draw_box(float *image, int32_t kind) {
    const unsigned length = 8 + draw(3), breadth = 2 + draw(3);
    const unsigned w = kind == LYING ? length : breadth, h = kind == LYING ? breadth : length;
    const unsigned x = draw(SIDE - w), y = draw(SIDE - h);
    for (unsigned p = 0; p < S; p++) image[p] = p % SIDE - x < w && p / SIDE - y < h;
}

/* Whether the variance of the ink from left to right is larger than from top to bottom. */
static int32_t kind_of(const float *image) {
    double ink = 1e-9, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0;
    for (int p = 0; p < S; p++) {
        const double v = image[p] > 0.5f;
        ink += v, x += v * (p % SIDE), y += v * (p / SIDE);
        xx += v * (p % SIDE) * (p % SIDE), yy += v * (p / SIDE) * (p / SIDE);
    }
    return xx / ink - x * x / ink / ink > yy / ink - y * y / ink / ink ? LYING : STANDING;
}

/* With objective prior each example has a label. */
static int train(vae_model_t *model, const char *text, int with_labels, const float *x, const int32_t *label) {
    vae_trainer_t *trainer = NULL;
    int bad = vae_trainer_create(&trainer, model, text, BATCH);
    for (int i = 0; i < 600 && !bad; i++) {
        const int first = i * BATCH % N;
        const vae_batch_t batch = {
            .struct_size = sizeof batch, .n = BATCH, .x = x + first * S, .label = with_labels ? label + first : NULL};
        bad = vae_trainer_step_batch(trainer, &batch, NULL);
    }
    vae_trainer_destroy(trainer);
    return bad;
}

int main(void) {
    static float x[N * S], sample[BATCH * S];
    static int32_t label[N], wanted[BATCH];
    vae_model_t *model = NULL;
    vae_session_t *session = NULL;
    int right = 0;
    for (int i = 0; i < N; i++) draw_box(x + i * S, label[i] = (int32_t)draw(2));
    for (int i = 0; i < BATCH; i++) wanted[i] = i % 2;
    const int bad = vae_model_create(&model, NULL, spec, 0) || train(model, "optimizer adam lr=0.003", 0, x, NULL) ||
                    train(model, "optimizer adam lr=0.003\nobjective prior", 1, x, label) || vae_session_create(&session, model, BATCH) ||
                    vae_sample_batch(session, &(vae_batch_t){.struct_size = sizeof(vae_batch_t), .n = BATCH, .label = wanted}, sample);
    for (int i = 0; i < BATCH && !bad; i++) right += kind_of(sample + i * S) == wanted[i];
    if (bad) fprintf(stderr, "11_classes: %s\n", vae_last_error());
    if (!bad) printf("%d of %d samples are of the class that was asked for\n", right, BATCH);
    vae_session_destroy(session);
    vae_model_destroy(model);
    return bad || right < BATCH * 9 / 10;
}
