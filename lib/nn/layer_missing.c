/* SPDX-License-Identifier: MIT
 * layer_missing.c - replaces a half of a model that does not exist
 *
 *     y = 0                    dx = 0
 *
 *   A file may hold only a decoder or only an encoder. Such a model has `missing` in place of the other half, which states the shape:
 *   encoder missing 32x32x4. lib/api refuses calls that would run it, because its zeros mean nothing. */
#include "nn/layer.h"

typedef struct missing_conf {
    vaei_shape shape;
} missing_conf;

static const vaei_option options[] = {
    VAEI_OPTION(missing_conf, shape, SHAPE, VAEI_OPT_REQUIRED | VAEI_OPT_BARE, 0, 0, 0, "sizes of what it would give, channels last"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const missing_conf *c = l->conf;
    (void)b, (void)node, (void)in;
    *out = c->shape;
    return VAE_OK;
}

static void range(const vaei_layer *l, vaei_interval *values) {
    (void)l;
    *values = (vaei_interval){0, 0};
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    (void)m, (void)x;
    memset(y, 0, (size_t)(r->n * vaei_shape_size(&l->out)) * sizeof(*y));
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    (void)m, (void)x, (void)y, (void)dy;
    if (dx) memset(dx, 0, (size_t)(r->n * vaei_shape_size(&l->in)) * sizeof(*dx));
}

const vaei_layer_ops vaei_layer_missing = {
    .module = {.name = "missing",
               .summary = "stands for a half of a model that nobody has: what would run it is refused",
               .examples = "missing 3x2x4\n"
                           "missing 7",
               .paper = "",
               .conf_size = sizeof(missing_conf),
               .options = options},
    .flags = VAEI_LAYER_IGNORES_X,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = range,
};
