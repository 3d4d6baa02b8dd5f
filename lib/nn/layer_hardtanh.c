/* SPDX-License-Identifier: MIT
 * layer_hardtanh.c - clamps each value between two bounds, as torch.nn.Hardtanh
 *
 *     y = min(max(x, min), max)                    dx = dy where min < y < max, else 0
 *
 *   At the end of a decoder with an absolute error, a value beyond the data's range counts as the bound and gets no
 *   gradient. y determines the slope, so backward does not read x. A NaN remains a NaN. */
#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct hardtanh_conf {
    float min, max;
} hardtanh_conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(hardtanh_conf, min, -1, -1e30, 1e30, "lower bound of y"),
    VAEI_OPTION_FLOAT(hardtanh_conf, max, 1, -1e30, 1e30, "upper bound of y"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const hardtanh_conf *c = l->conf;
    (void)b, (void)node;
    if (c->min >= c->max) return vaei_fail(VAE_E_SPEC, "hardtanh: min is not below max");
    *out = *in;
    return VAE_OK;
}

static void range(const vaei_layer *l, vaei_interval *values) {
    const hardtanh_conf *c = l->conf;
    *values = (vaei_interval){c->min, c->max};
}

static void map(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *x, float *y) {
    const hardtanh_conf *c = l->conf;
    (void)k;
    for (int64_t i = 0; i < count; i++) {
        const float above = x[i] < c->min ? c->min : x[i];
        y[i] = above > c->max ? c->max : above;
    }
}

static void map_grad(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *y, const float *dy, float *dx) {
    const hardtanh_conf *c = l->conf;
    (void)k;
    for (int64_t i = 0; i < count; i++) dx[i] = y[i] > c->min && y[i] < c->max ? dy[i] : 0;
}

typedef struct job {
    const vaei_layer *l;
    const vaei_kernels *k;
    const float *x, *dy; /* x: the input of map(), or y */
    float *y;            /* or dx */
} job;

static void map_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    map(j->l, j->k, end - begin, j->x + begin, j->y + begin);
}

static void grad_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    map_grad(j->l, j->k, end - begin, j->x + begin, j->dy + begin, j->y + begin);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = {l, r->k, x, NULL, y};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, map_range, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    job j = {l, r->k, y, dy, dx};
    (void)m, (void)x;
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, grad_range, &j);
}

const vaei_layer_ops vaei_layer_hardtanh = {
    .module = {.name = "hardtanh",
               .summary = "x clamped between two bounds",
               .examples = "hardtanh min=-0.5 max=0.75\n"
                           "hardtanh",
               .paper = "",
               .conf_size = sizeof(hardtanh_conf),
               .options = options},
    .flags = VAEI_LAYER_IN_PLACE | VAEI_LAYER_READS_Y,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .map = map,
    .map_grad = map_grad,
    .range = range,
};
