/* SPDX-License-Identifier: MIT
 * deconvolution.c - transposed convolutions over images, and over sequences as images of one line
 *
 *   Such a layer is the gradient of the convolution g that maps y's shape to x's with the same w, so g computes all three directions:
 *   forward is its gradient by the input, dx is its forward pass, and dw is its dw with x and dy exchanged. The fan-in of w is
 *   (out / groups) kh kw, as in PyTorch. */
#include "nn/deconvolution.h"

#include "nn/weights.h"

/* Plans one axis: 0 is the height, 1 the width. */
static vae_status_t plan_axis(const char *name, const vaei_deconvolution_conf *o, int32_t axis, int64_t size, int64_t *made,
                              int64_t *begin) {
    const int64_t stride = o->stride[axis], dilation = o->dilation[axis], output_pad = o->output_pad[axis];
    const int64_t before = o->pad[2 * axis], after = o->pad[2 * axis + 1];
    const int64_t reach = dilation * (o->kernel[axis] - 1) + 1;
    if (before < 0) {
        if (output_pad > 0) return vaei_fail(VAE_E_SHAPE, "%s: pad=same and output_pad exclude each other", name);
        *made = size * stride;
        *begin = reach > stride ? (reach - stride) / 2 : 0;
        return VAE_OK;
    }
    if (output_pad >= stride && output_pad >= dilation)
        return vaei_fail(VAE_E_SHAPE, "%s: output_pad=%lld must be smaller than the stride or the dilation", name, (long long)output_pad);
    const int64_t painted = (size - 1) * stride + reach + output_pad;
    if (painted <= before + after)
        return vaei_fail(VAE_E_SHAPE, "%s: pad crops %lld pixels of %s, and the result has only %lld", name, (long long)(before + after),
                         axis == 0 ? "height" : "width", (long long)painted);
    *made = painted - before - after;
    *begin = before;
    return VAE_OK;
}

vae_status_t vaei_deconvolution_plan(vaei_layer *l, vaei_build *b, const vaei_deconvolution_conf *o, int32_t axes, const vaei_shape *image,
                                     vaei_shape *made) {
    const char *const name = l->ops->module.name;
    vaei_conv *g = vaei_arena_alloc(b->arena, 2 * sizeof(*g)); /* [training] */
    if (!g) return VAE_E_NOMEM;
    VAEI_TRY(vaei_image_check(l, image));
    *g = (vaei_conv){.c = o->out,
                     .oh = image->d[0],
                     .ow = image->d[1],
                     .oc = image->d[2],
                     .kh = o->kernel[0],
                     .kw = o->kernel[1],
                     .sy = o->stride[0],
                     .sx = o->stride[1],
                     .dy = o->dilation[0],
                     .dx = o->dilation[1],
                     .groups = o->groups};
    if (g->c % g->groups != 0 || g->oc % g->groups != 0)
        return vaei_fail(VAE_E_SHAPE, "%s: groups=%lld does not divide %lld channels into %lld", name, (long long)g->groups,
                         (long long)g->oc, (long long)g->c);
    VAEI_TRY(plan_axis(name, o, 0, g->oh, &g->h, &g->top));
    VAEI_TRY(plan_axis(name, o, 1, g->ow, &g->w, &g->left));
    g[1] = g[0];
    g[1].training = 1;
    l->state = g;
    const vaei_weights w = {.ndim = 2 + axes,
                            .shape = {g->oc, g->c / g->groups, axes == 2 ? g->kh : g->kw, g->kw},
                            .fan_in = g->c / g->groups * g->kh * g->kw,
                            .fan_out = g->oc * g->kh * g->kw,
                            .out = g->c,
                            .bias = o->bias,
                            .init = o->init,
                            .tie = o->tie};
    *made = vaei_image_shape(g->h, g->w, g->c);
    return vaei_weights_declare(l, b, &w);
}

static const vaei_conv *conv_of(const vaei_layer *l, int32_t training) {
    return (const vaei_conv *)l->state + (training ? 1 : 0);
}

typedef struct parts {
    float *data, *forward; /* pack, of g: `forward` is for dx, training only */
    float *scale, *bias;   /* pack: [out], with a folded normalisation, inference only */
    float *workspace;
} parts;

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t workspace(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training) {
    const vaei_conv *g = conv_of(l, training);
    if (!vaei_weights_countable(l, n)) return -1;
    const int64_t data = vaei_conv_data_scratch(k, g, n);
    return training ? larger(data, larger(vaei_conv_forward_scratch(k, g, n), vaei_conv_weight_scratch(k, g, n))) : data;
}

void vaei_deconvolution_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const vaei_conv *g = conv_of(l, training);
    parts *const p = pieces ? pieces : &(parts){0};
    *p = (parts){.data = vaei_carve_floats(&m->pack, vaei_conv_data_pack_floats(k, g))};
    if (training) p->forward = vaei_carve_floats(&m->pack, vaei_conv_forward_pack_floats(k, g));
    if (vaei_weights_folds(l, training)) {
        p->scale = vaei_carve_floats(&m->pack, g->c);
        p->bias = vaei_carve_floats(&m->pack, g->c);
    }
    p->workspace = vaei_carve_floats(&m->scratch, workspace(l, k, n, training));
}

void vaei_deconvolution_pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const vaei_conv *g = conv_of(l, r->training);
    const float *w = vaei_layer_param(l, r, 0);
    parts p;
    vaei_layer_packed(l, r, memory, &p);
    if (p.scale) vaei_weights_fold(l, r, g->c, p.scale, p.bias);
    vaei_conv_data_pack(r->k, g, w, p.scale, p.data);
    if (p.forward) vaei_conv_forward_pack(r->k, g, w, NULL, p.forward);
}

void vaei_deconvolution_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1);
    vaei_conv_data(r->k, r->pool, conv_of(l, r->training), r->n, x, p.data, bias, vaei_layer_epilogue(l, r->training), y, p.workspace);
}

void vaei_deconvolution_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                                 float *dx) {
    const vaei_conv *g = conv_of(l, r->training);
    float *db = vaei_layer_grad(l, r, 1);
    parts p;
    (void)y;
    vaei_layer_pieces(l, r, m, &p);
    const int64_t in = vaei_shape_size(&l->in), out = vaei_shape_size(&l->out), block = vaei_backward_block(in > out ? in : out);
    for (int64_t i = 0, n; i < r->n; i += n, x += n * in, dy += n * out) {
        n = r->n - i < block ? r->n - i : block;
        vaei_conv_weight(r->k, r->pool, g, n, dy, x, vaei_layer_grad(l, r, 0), p.workspace);
        if (db) vaei_bias_grad(r->k, r->pool, n * g->h * g->w, g->c, dy, db);
        if (dx) vaei_conv_forward(r->k, r->pool, g, n, dy, p.forward, NULL, m->dx_epilogue, dx + i * in, p.workspace);
    }
}

const char *vaei_deconvolution_algorithm(const vaei_layer *l, const vaei_kernels *k, int32_t training) {
    return vaei_conv_data_algorithm(k, conv_of(l, training));
}
