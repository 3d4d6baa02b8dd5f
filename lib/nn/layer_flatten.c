/* SPDX-License-Identifier: MIT
 * layer_flatten.c - turns an image into a vector, in PyTorch's order
 *
 *       y[n][c P + p] = x[n][p][c]              P = H W pixels
 *
 *   This library has channels last; PyTorch flattens channels first. Because this layer uses PyTorch's order, the weight of
 *   the linear layer behind it is the same array in both. reshape is the inverse. */
#include "nn/image.h"

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)l, (void)b, (void)node;
    *out = (vaei_shape){1, {vaei_shape_size(in), 0, 0, 0}};
    return VAE_OK;
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t channels = l->in.d[l->in.n - 1];
    (void)m;
    vaei_transpose(r->k, r->pool, r->n, l->out.d[0] / channels, channels, x, y);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const int64_t channels = l->in.d[l->in.n - 1];
    (void)m, (void)x, (void)y;
    if (dx) vaei_transpose(r->k, r->pool, r->n, channels, l->out.d[0] / channels, dy, dx);
}

static int32_t is_view(const vaei_layer *l) {
    return vaei_one_order(&l->in);
}

const vaei_layer_ops vaei_layer_flatten = {
    .module = {"flatten", "image to vector, in PyTorch's C, H, W order", "flatten", "", 0, NULL},
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
    .is_view = is_view,
};
