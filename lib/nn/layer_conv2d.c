/* SPDX-License-Identifier: MIT
 * layer_conv2d.c - 2-D convolution (cross-correlation, as in PyTorch)
 *
 *       y[n][oy][ox][o] = b[o] + sum_{ky,kx,c} x[n][oy s + ky d - top][ox s + kx d - left][c] w[o][c][ky][kx]
 *
 *   w[out][in / groups][kh][kw]; zeros outside the image. Padding for each side on its own, or "same": TensorFlow's
 *   rule, which for stride 1 is PyTorch's too. Output channels of a group see input channels of that group only.
 *
 *   Arithmetic in kernel/conv.h. Not here: padding other than with zeros. */
#include "nn/image.h"
#include "nn/weights.h"

typedef struct conf {
    int64_t out, kernel[2], stride[2], pad[4], dilation[2], groups;
    int32_t bias, init;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "channels made"),
    VAEI_OPTION(conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the kernel"),
    VAEI_OPTION_EXTENT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "pixels from one window to the next"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "zeros around the image, or same"),
    VAEI_OPTION_EXTENT(conf, dilation, 1, 1, VAEI_WINDOW_MAX, "pixels from one tap of the kernel to the next"),
    VAEI_OPTION_INT(conf, groups, 1, 1, VAEI_CHANNELS_MAX, "independent groups of channels"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias to each channel"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "how the weight starts"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    vaei_conv *g = vaei_arena_alloc(b->arena, sizeof(*g));
    (void)node;
    if (!g) return VAE_E_NOMEM;
    VAEI_TRY(vaei_window_plan(l, in, o->out, o->kernel, o->stride, o->dilation, o->pad, g));
    if (g->c % o->groups != 0 || g->oc % o->groups != 0)
        return vaei_fail(VAE_E_SHAPE, "conv2d: groups=%lld does not divide %lld channels into %lld",
                         (long long)o->groups, (long long)g->c, (long long)g->oc);
    g->groups = o->groups;
    l->state = g;
    const int64_t shape[4] = {g->oc, g->c / g->groups, g->kh, g->kw};
    *out = vaei_image_shape(g->oh, g->ow, g->oc);
    return vaei_weights_declare(l, b, 4, shape, shape[1] * g->kh * g->kw, g->oc * g->kh * g->kw, g->oc, o->bias,
                                o->init);
}

typedef struct pack {
    float *forward, *data; /* the latter for dx, training only */
    float *scale, *bias;   /* [out], folded, inference only */
} pack;

static pack cut(const vaei_layer *l, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    const vaei_conv *g = l->state;
    pack p = {vaei_carve_floats(c, vaei_conv_forward_pack_floats(k, g)), NULL, NULL, NULL};
    if (training) p.data = vaei_carve_floats(c, vaei_conv_data_pack_floats(k, g));
    if (vaei_weights_folds(l, training)) {
        p.scale = vaei_carve_floats(c, g->oc);
        p.bias = vaei_carve_floats(c, g->oc);
    }
    return p;
}

static pack pack_of(const vaei_layer *l, const vaei_run *r, void *base) {
    vaei_carve c = {base, 0};
    return cut(l, r->k, r->training, &c);
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void need(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need) {
    const vaei_conv *g = l->state;
    vaei_carve packs = {NULL, 0}, scratch = {NULL, 0};
    int64_t floats = -1;
    (void)cut(l, k, training, &packs);
    if (vaei_weights_countable(l, n)) {
        floats = vaei_conv_forward_scratch(k, g, n);
        if (training)
            floats = larger(floats, larger(vaei_conv_data_scratch(k, g, n), vaei_conv_weight_scratch(k, g, n)));
    }
    (void)vaei_carve_floats(&scratch, floats);
    *need = (vaei_need){packs.used, 0, scratch.used};
}

static void pack_weights(const vaei_layer *l, const vaei_run *r, void *base) {
    const vaei_conv *g = l->state;
    const float *w = vaei_layer_param(l, r, 0);
    const pack p = pack_of(l, r, base);
    if (p.scale) vaei_weights_fold(l, r, g->oc, p.scale, p.bias);
    vaei_conv_forward_pack(r->k, g, w, p.scale, p.forward);
    if (p.data) vaei_conv_data_pack(r->k, g, w, NULL, p.data);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const pack p = pack_of(l, r, m->pack);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1);
    vaei_conv_forward(r->k, r->pool, l->state, r->n, x, p.forward, bias, vaei_layer_post(l, r), y, m->scratch);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                     float *dy, float *dx) {
    const vaei_conv *g = l->state;
    const pack p = pack_of(l, r, m->pack);
    float *db = vaei_layer_grad(l, r, 1);
    (void)y;
    vaei_conv_weight(r->k, r->pool, g, r->n, x, dy, vaei_layer_grad(l, r, 0), m->scratch);
    if (db) vaei_bias_grad(r->k, r->pool, r->n * g->oh * g->ow, g->oc, dy, db);
    if (dx) vaei_conv_data(r->k, r->pool, g, r->n, dy, p.data, NULL, m->dx_post, dx, m->scratch);
}

const vaei_layer_ops vaei_layer_conv2d = {
    .module = {"conv2d", "2-D convolution", "conv2d out=3 kernel=3 stride=2x1 pad=1", "", sizeof(conf), options},
    .flags = VAEI_LAYER_TAKES_POST | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_POST,
    .plan = plan,
    .need = need,
    .pack = pack_weights,
    .forward = forward,
    .backward = backward,
};
