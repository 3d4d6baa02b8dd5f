/* SPDX-License-Identifier: MIT
 * layer_rescale.c - multiplies each value by a constant and adds a constant
 *
 *     y = factor x + offset                    dx = factor dy
 *
 *   It has no parameters: factor and offset are not trained. rescale factor=2 offset=-1 maps pixels from 0..1 to -1..1;
 *   rescale factor=0.5 | tanh | rescale factor=2 keeps values between -2 and 2. A NaN remains a NaN. */
#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct rescale_conf {
    float factor, offset;
} rescale_conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(rescale_conf, factor, 1, -1e6, 1e6, "what x is multiplied by; not 0"),
    VAEI_OPTION_FLOAT(rescale_conf, offset, 0, -1e6, 1e6, "what is added to the product"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const rescale_conf *c = l->conf;
    (void)b, (void)node;
    if (c->factor == 0) return vaei_fail(VAE_E_SPEC, "rescale: factor is 0");
    *out = *in;
    return VAE_OK;
}

static void range(const vaei_layer *l, vaei_interval *values) {
    const rescale_conf *c = l->conf;
    const float a = c->factor * values->lo + c->offset, b = c->factor * values->hi + c->offset;
    *values = c->factor > 0 ? (vaei_interval){a, b} : (vaei_interval){b, a};
}

static void map(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *x, float *y) {
    const rescale_conf *c = l->conf;
    (void)k;
    for (int64_t i = 0; i < count; i++) y[i] = vaei_flushed(c->factor * x[i] + c->offset);
}

static void map_grad(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *y, const float *dy, float *dx) {
    const rescale_conf *c = l->conf;
    (void)k, (void)y;
    for (int64_t i = 0; i < count; i++) dx[i] = vaei_flushed(c->factor * dy[i]);
}

typedef struct job {
    const vaei_layer *l;
    const vaei_kernels *k;
    const float *x; /* or dy */
    float *y;       /* or dx */
} job;

static void map_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    map(j->l, j->k, end - begin, j->x + begin, j->y + begin);
}

static void grad_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    map_grad(j->l, j->k, end - begin, NULL, j->x + begin, j->y + begin);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = {l, r->k, x, y};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, map_range, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    job j = {l, r->k, dy, dx};
    (void)m, (void)x, (void)y;
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, grad_range, &j);
}

const vaei_layer_ops vaei_layer_rescale = {
    .module = {.name = "rescale",
               .summary = "x times a constant, plus a constant",
               .examples = "rescale factor=2 offset=-1\n"
                           "rescale factor=-0.75",
               .paper = "",
               .conf_size = sizeof(rescale_conf),
               .options = options},
    .flags = VAEI_LAYER_IN_PLACE,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .map = map,
    .map_grad = map_grad,
    .range = range,
};
