/* SPDX-License-Identifier: MIT
 * layer_deconv2d.c - transposed 2-D convolution, PyTorch's ConvTranspose2d
 *
 *   Each input pixel paints a kernel on the output; strides lie between the kernels, so the image grows:
 *
 *       y[n][iy s + ky d - top][ix s + kx d - left][o] += x[n][iy][ix][c] w[c][o][ky][kx]          y starts at b[o]
 *       oh = (h - 1) s - top - bottom + d (k - 1) + 1 + output_pad
 *
 *   w[in][out / groups][kh][kw], the shape of the weight of a convolution from y's channels to x's, to which it may be tied. `pad`
 *   crops the result, for each side on its own; output_pad adds at the bottom and the right. pad=same: oh = h s. What a kernel of reach
 *   r = d (k - 1) + 1 paints too much, r - s, is cropped half (rounded down) at the top and the rest at the bottom, as in
 *   TensorFlow; what it paints too little is added at the bottom.
 *
 *   It is the gradient of the convolution g that maps y's shape to x's with the same w, so all three directions are
 *   that convolution's: forward is its gradient by the input, dx its forward pass, and dw its dw with x and dy swapped.
 *   PyTorch counts (out / groups) kh kw as the fan-in of w, and so do we. */
#include "nn/image.h"
#include "nn/weights.h"

typedef struct conf {
    int64_t out, kernel[2], stride[2], pad[4], output_pad[2], dilation[2], groups;
    int32_t bias, init;
    const char *tie;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "number of output channels"),
    VAEI_OPTION(conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the kernel"),
    VAEI_OPTION_EXTENT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "distance in pixels between neighbouring kernels in the output"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "pixels cropped from the result, or same"),
    VAEI_OPTION_EXTENT(conf, output_pad, 0, 0, VAEI_WINDOW_MAX, "pixels added at the bottom and the right"),
    VAEI_OPTION_EXTENT(conf, dilation, 1, 1, VAEI_WINDOW_MAX, "distance in pixels between neighbouring taps of the kernel"),
    VAEI_OPTION_INT(conf, groups, 1, 1, VAEI_CHANNELS_MAX, "number of independent groups of channels"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias to each channel"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weight"),
    VAEI_OPTION_TIE(conf),
    {0},
};

/* One axis: 0 the height, 1 the width. */
static vae_status_t plan_axis(const conf *o, int32_t axis, int64_t size, int64_t *made, int64_t *begin) {
    const int64_t stride = o->stride[axis], dilation = o->dilation[axis], output_pad = o->output_pad[axis];
    const int64_t before = o->pad[2 * axis], after = o->pad[2 * axis + 1];
    const int64_t reach = dilation * (o->kernel[axis] - 1) + 1;
    if (before < 0) {
        if (output_pad > 0) return vaei_fail(VAE_E_SHAPE, "deconv2d: pad=same leaves nothing for output_pad to add");
        *made = size * stride;
        *begin = reach > stride ? (reach - stride) / 2 : 0;
        return VAE_OK;
    }
    if (output_pad >= stride && output_pad >= dilation)
        return vaei_fail(VAE_E_SHAPE, "deconv2d: output_pad=%lld must be smaller than the stride or the dilation", (long long)output_pad);
    const int64_t painted = (size - 1) * stride + reach + output_pad;
    if (painted <= before + after)
        return vaei_fail(VAE_E_SHAPE, "deconv2d: pad crops %lld pixels of %s, only %lld are painted", (long long)(before + after),
                         axis == 0 ? "height" : "width", (long long)painted);
    *made = painted - before - after;
    *begin = before;
    return VAE_OK;
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    vaei_conv *g = vaei_arena_alloc(b->arena, 2 * sizeof(*g)); /* [training] */
    (void)node;
    if (!g) return VAE_E_NOMEM;
    VAEI_TRY(vaei_image_check(l, in));
    *g = (vaei_conv){.c = o->out,
                     .oh = in->d[0],
                     .ow = in->d[1],
                     .oc = in->d[2],
                     .kh = o->kernel[0],
                     .kw = o->kernel[1],
                     .sy = o->stride[0],
                     .sx = o->stride[1],
                     .dy = o->dilation[0],
                     .dx = o->dilation[1],
                     .groups = o->groups};
    if (g->c % g->groups != 0 || g->oc % g->groups != 0)
        return vaei_fail(VAE_E_SHAPE, "deconv2d: groups=%lld does not divide %lld channels into %lld", (long long)g->groups,
                         (long long)g->oc, (long long)g->c);
    VAEI_TRY(plan_axis(o, 0, g->oh, &g->h, &g->top));
    VAEI_TRY(plan_axis(o, 1, g->ow, &g->w, &g->left));
    g[1] = g[0];
    g[1].training = 1;
    l->state = g;
    const vaei_weights w = {.ndim = 4,
                            .shape = {g->oc, g->c / g->groups, g->kh, g->kw},
                            .fan_in = g->c / g->groups * g->kh * g->kw,
                            .fan_out = g->oc * g->kh * g->kw,
                            .out = g->c,
                            .bias = o->bias,
                            .init = o->init,
                            .tie = o->tie};
    *out = vaei_image_shape(g->h, g->w, g->c);
    return vaei_weights_declare(l, b, &w);
}

static const vaei_conv *conv_of(const vaei_layer *l, int32_t training) {
    return (const vaei_conv *)l->state + (training ? 1 : 0);
}

typedef struct parts {
    float *data, *forward; /* pack, of g: the latter for dx, training only */
    float *scale, *bias;   /* pack: [out], folded, inference only */
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

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
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

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const vaei_conv *g = conv_of(l, r->training);
    const float *w = vaei_layer_param(l, r, 0);
    parts p;
    vaei_layer_packed(l, r, memory, &p);
    if (p.scale) vaei_weights_fold(l, r, g->c, p.scale, p.bias);
    vaei_conv_data_pack(r->k, g, w, p.scale, p.data);
    if (p.forward) vaei_conv_forward_pack(r->k, g, w, NULL, p.forward);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1);
    vaei_conv_data(r->k, r->pool, conv_of(l, r->training), r->n, x, p.data, bias, vaei_layer_epilogue(l, r->training), y, p.workspace);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
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

static const char *algorithm(const vaei_layer *l, const vaei_kernels *k, int32_t training) {
    return vaei_conv_data_algorithm(k, conv_of(l, training));
}

const vaei_layer_ops vaei_layer_deconv2d = {
    .module = {"deconv2d", "transposed 2-D convolution, which enlarges",
               "deconv2d out=3 kernel=3 stride=2 pad=1 output_pad=1x0\n"
               "deconv2d out=4 kernel=3x2 stride=2x1 pad=1x0x0x1 groups=2\n"
               "deconv2d out=3 kernel=4 stride=2 pad=same dilation=2 bias=false init=kaiming\n"
               "deconv2d out=8 kernel=3 stride=1 pad=1 groups=4 init=xavier\n"
               "deconv2d out=3 kernel=4x3 stride=2 | conv2d out=4 kernel=4x3 pad=2 tie=encoder.0",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .algorithm = algorithm,
};
