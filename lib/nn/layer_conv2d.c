/* SPDX-License-Identifier: MIT
 * layer_conv2d.c - 2-D convolution (cross-correlation, as in PyTorch)
 *
 *       y[n][oy][ox][o] = b[o] + sum_{ky,kx,c} x[n][oy s + ky d - top][ox s + kx d - left][c] w[o][c][ky][kx]
 *
 *   w[out][in / groups][kh][kw]; outside the image there are zeros, or what `pad_mode` says (padding.h). Padding for each side on
 *   its own, or "same": TensorFlow's rule, which for stride 1 is PyTorch's too. Output channels of a group see input
 *   channels of that group only.
 *
 *   Arithmetic in kernel/conv.h. Padding other than zeros is copied round the image first.
 *
 *   At inference a 1x1 convolution to at most half as many channels may write y over x. It then goes over some lines of pixels
 *   after others, and its geometry is a line, so that the algorithm, the pack and the workspace of all lines serve those too. */
#include "nn/padding.h"
#include "nn/image.h"
#include "nn/upsampled.h"
#include "nn/weights.h"

enum { SHRINK_PIXELS = 96 }; /* made in scratch when y overwrites x */

typedef struct conf {
    int64_t out, kernel[2], stride[2], pad[4], dilation[2], groups;
    int32_t bias, init, pad_mode, pad_mode_x;
    const char *tie;
} conf;

/* The convolution, of the padded image if there is padding to copy, of a line of the image if y may overwrite x. */
typedef struct state {
    vaei_conv g[2];    /* [training] */
    int64_t images[2]; /* [training] what an example is to g: one image, or its lines */
    vaei_padding padding;
    int32_t padded;
} state;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "channels made"),
    VAEI_OPTION(conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the kernel"),
    VAEI_OPTION_EXTENT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "pixels from one window to the next"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "zeros around the image, or same"),
    VAEI_OPTION_EXTENT(conf, dilation, 1, 1, VAEI_WINDOW_MAX, "pixels from one tap of the kernel to the next"),
    VAEI_OPTION_INT(conf, groups, 1, 1, VAEI_CHANNELS_MAX, "independent groups of channels"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias to each channel"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "how the weight starts"),
    VAEI_OPTION_CHOICE(conf, pad_mode, VAEI_PADDING_ZEROS, VAEI_PADDING_CHOICES, "what the padding holds"),
    VAEI_OPTION_CHOICE(conf, pad_mode_x, 0, "pad_mode|" VAEI_PADDING_CHOICES,
                       "what the padding at the left and the right holds; pad_mode: the same as pad_mode"),
    VAEI_OPTION_TIE(conf),
    {0},
};

static vae_status_t check_padding(const char *axis, int32_t mode, int64_t size, int64_t before, int64_t after) {
    const int64_t most = mode == VAEI_PADDING_ZEROS ? INT64_MAX : mode == VAEI_PADDING_CIRCULAR ? size : size - 1;
    if (before <= most && after <= most) return VAE_OK;
    return vaei_fail(VAE_E_SHAPE, "conv2d: padding of %lld pixels in %s, the image has enough for %lld",
                     (long long)(before > after ? before : after), axis, (long long)most);
}

/* What the zeros of g would be becomes part of the image. */
static vae_status_t plan_padding(state *s, const conf *o) {
    vaei_conv *g = s->g;
    vaei_padding *b = &s->padding;
    const int64_t down = (g->oh - 1) * g->sy + g->dy * (g->kh - 1) + 1 - g->h - g->top;
    const int64_t across = (g->ow - 1) * g->sx + g->dx * (g->kw - 1) + 1 - g->w - g->left;
    *b = (vaei_padding){.h = g->h,
                        .w = g->w,
                        .c = g->c,
                        .top = g->top,
                        .bottom = down > 0 ? down : 0,
                        .left = g->left,
                        .right = across > 0 ? across : 0,
                        .y = o->pad_mode,
                        .x = o->pad_mode_x == 0 ? o->pad_mode : o->pad_mode_x - 1};
    s->padded = b->y != VAEI_PADDING_ZEROS || b->x != VAEI_PADDING_ZEROS;
    if (!s->padded) return VAE_OK;
    VAEI_TRY(check_padding("height", b->y, b->h, b->top, b->bottom));
    VAEI_TRY(check_padding("width", b->x, b->w, b->left, b->right));
    g->h += b->top + b->bottom;
    g->w += b->left + b->right;
    g->top = g->left = 0;
    return VAE_OK;
}

/* 1x1 with at most half as many channels out: y can overwrite x. */
static int32_t shrinks(const state *s) {
    const vaei_conv *g = s->g;
    return !s->padded && g->kh * g->kw == 1 && g->oh == g->h && g->ow == g->w && g->sy * g->sx == 1 && g->top + g->left == 0 &&
           g->groups == 1 && 2 * g->oc <= g->c;
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    state *s = vaei_arena_alloc(b->arena, sizeof(*s));
    (void)node;
    if (!s) return VAE_E_NOMEM;
    vaei_conv *g = s->g;
    VAEI_TRY(vaei_window_plan(l, in, o->out, o->kernel, o->stride, o->dilation, o->pad, g));
    if (g->c % o->groups != 0 || g->oc % o->groups != 0)
        return vaei_fail(VAE_E_SHAPE, "conv2d: groups=%lld does not divide %lld channels into %lld", (long long)o->groups, (long long)g->c,
                         (long long)g->oc);
    g->groups = o->groups;
    l->state = s;
    VAEI_TRY(plan_padding(s, o));
    s->g[1] = s->g[0];
    s->g[1].training = 1;
    s->images[0] = s->images[1] = 1;
    if (shrinks(s)) {
        s->images[0] = g->h;
        g->h = g->oh = 1;
    }
    const vaei_weights w = {.ndim = 4,
                            .shape = {g->oc, g->c / g->groups, g->kh, g->kw},
                            .fan_in = g->c / g->groups * g->kh * g->kw,
                            .fan_out = g->oc * g->kh * g->kw,
                            .out = g->oc,
                            .bias = o->bias,
                            .init = o->init,
                            .tie = o->tie};
    *out = vaei_image_shape(s->g[1].oh, g->ow, g->oc);
    return vaei_weights_declare(l, b, &w);
}

static const vaei_conv *conv_of(const vaei_layer *l, int32_t training) {
    return ((const state *)l->state)->g + (training ? 1 : 0);
}

static int64_t images_of(const vaei_layer *l, int64_t n, int32_t training) {
    return n * ((const state *)l->state)->images[training ? 1 : 0];
}

typedef struct pack {
    float *forward, *data; /* the latter for dx, training only */
    float *scale, *bias;   /* [out], folded, inference only */
} pack;

static pack cut(const vaei_layer *l, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    const vaei_conv *g = conv_of(l, training);
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

/* Lines of a y that overwrites x that are made in scratch */
static int64_t first_lines(const vaei_conv *g) {
    return SHRINK_PIXELS / g->w + (SHRINK_PIXELS % g->w != 0);
}

typedef struct room {
    float *x, *dx; /* with their padding */
    float *first;  /* pixels of a y that overwrites x */
    float *kernel; /* of the convolutions */
} room;

static room cut_room(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c) {
    const state *s = l->state;
    const vaei_conv *g = conv_of(l, training);
    const int64_t image = vaei_count_of(n, g->h * g->w * g->c);
    int64_t floats = -1;
    room m = {NULL, NULL, NULL, NULL};
    if (s->padded) m.x = vaei_carve_floats(c, image);
    if (s->padded && training) m.dx = vaei_carve_floats(c, image);
    if (vaei_weights_countable(l, n)) {
        floats = vaei_conv_forward_scratch(k, g, images_of(l, n, training));
        if (training) floats = larger(floats, larger(vaei_conv_data_scratch(k, g, n), vaei_conv_weight_scratch(k, g, n)));
    }
    m.first = vaei_carve_floats(c, shrinks(s) && !training ? first_lines(g) * g->w * g->oc : 0);
    m.kernel = vaei_carve_floats(c, floats);
    return m;
}

static void need(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need) {
    vaei_carve packs = {NULL, 0}, scratch = {NULL, 0};
    (void)cut(l, k, training, &packs);
    (void)cut_room(l, k, n, training, &scratch);
    *need = (vaei_need){.pack = packs.used, .scratch = scratch.used};
}

static void pack_weights(const vaei_layer *l, const vaei_run *r, void *base) {
    const vaei_conv *g = conv_of(l, r->training);
    const float *w = vaei_layer_param(l, r, 0);
    const pack p = pack_of(l, r, base);
    if (p.scale) vaei_weights_fold(l, r, g->oc, p.scale, p.bias);
    vaei_conv_forward_pack(r->k, g, w, p.scale, p.forward);
    if (p.data) vaei_conv_data_pack(r->k, g, w, NULL, p.data);
}

static int32_t fuses(const vaei_layer *l) {
    const state *s = l->state;
    return !s->padded && vaei_conv_fuses(s->g);
}

static int32_t overwrites(const vaei_layer *l) {
    return shrinks(l->state);
}

/* y overwrites x. Lines [from, to) are made at once, as many as fit into what the lines before them have left; the first in scratch. */
static void shrink(const vaei_layer *l, const vaei_run *r, const pack *p, const float *bias, const room *m, float *y) {
    const vaei_conv *g = conv_of(l, 0);
    const int64_t lines = images_of(l, r->n, 0), first = first_lines(g);
    for (int64_t from = 0, to; from < lines; from = to) {
        to = from == 0 ? first : from * g->c / g->oc;
        if (to > lines) to = lines;
        vaei_conv_forward(r->k, r->pool, g, to - from, y + from * g->w * g->c, p->forward, bias, vaei_layer_epilogue(l, r->training),
                          from > 0 ? y + from * g->w * g->oc : m->first, m->kernel);
        if (from == 0) memcpy(y, m->first, (size_t)(to * g->w * g->oc) * sizeof(*y));
    }
}

static room room_of(const vaei_layer *l, const vaei_run *r, const vaei_slot *m) {
    vaei_carve c = {m->scratch, 0};
    return cut_room(l, r->k, r->n, r->training, &c);
}

/* x as the convolution sees it. */
static const float *padded(const vaei_layer *l, const vaei_run *r, const room *m, const float *x) {
    const state *s = l->state;
    if (!s->padded) return x;
    vaei_padding_add(&s->padding, r, x, m->x);
    return m->x;
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_conv *g = conv_of(l, r->training);
    const pack p = pack_of(l, r, m->pack);
    const room space = room_of(l, r, m);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1);
    const int64_t images = images_of(l, r->n, r->training);
    if (m->prologue || m->add) {
        vaei_conv_forward_fused(r->k, r->pool, g, images, x, m->prologue, p.forward, bias, m->add, vaei_layer_epilogue(l, r->training), y,
                                space.kernel);
    } else if (x == y) {
        shrink(l, r, &p, bias, &space, y);
    } else {
        x = padded(l, r, &space, x);
        vaei_conv_forward(r->k, r->pool, g, images, x, p.forward, bias, vaei_layer_epilogue(l, r->training), y, space.kernel);
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const state *s = l->state;
    const vaei_conv *g = conv_of(l, r->training);
    const pack p = pack_of(l, r, m->pack);
    const room space = room_of(l, r, m);
    float *db = vaei_layer_grad(l, r, 1);
    (void)y;
    x = padded(l, r, &space, x);
    const int64_t in = g->h * g->w * g->c, out = vaei_shape_size(&l->out), block = vaei_backward_block(in > out ? in : out);
    float *to = s->padded ? space.dx : dx;
    for (int64_t i = 0, n; i < r->n; i += n, x += n * in, dy += n * out) {
        n = r->n - i < block ? r->n - i : block;
        vaei_conv_weight(r->k, r->pool, g, n, x, dy, vaei_layer_grad(l, r, 0), space.kernel);
        if (db) vaei_bias_grad(r->k, r->pool, n * g->oh * g->ow, g->oc, dy, db);
        if (dx) vaei_conv_data(r->k, r->pool, g, n, dy, p.data, NULL, s->padded ? NULL : m->dx_epilogue, to + i * in, space.kernel);
    }
    if (!dx || !s->padded) return;
    vaei_padding_backward(&s->padding, r, space.dx, dx);
    if (m->dx_epilogue) m->dx_epilogue->apply(m->dx_epilogue->arg, r->k, r->n * vaei_shape_size(&l->in), dx);
}

/* ---- behind an upsampling, at inference ---- */

static int32_t takes_upsample(const vaei_layer *l, const int64_t factor[2]) {
    const state *s = l->state;
    return !s->padded && vaei_upsampled_fits(conv_of(l, 0), factor);
}

static void need_of_both(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *out) {
    if (vaei_layer_upsampled(l, training)) vaei_upsampled_need(l, k, conv_of(l, 0), n, out);
    else need(l, k, n, training, out);
}

static void pack_both(const vaei_layer *l, const vaei_run *r, void *base) {
    if (vaei_layer_upsampled(l, r->training)) vaei_upsampled_pack(l, r, conv_of(l, 0), base);
    else pack_weights(l, r, base);
}

static void forward_both(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    if (vaei_layer_upsampled(l, r->training)) vaei_upsampled_forward(l, r, conv_of(l, 0), m, x, y);
    else forward(l, r, m, x, y);
}

static const char *algorithm(const vaei_layer *l, const vaei_kernels *k, int32_t training) {
    return vaei_layer_upsampled(l, training) ? vaei_upsampled_algorithm(k, conv_of(l, 0))
                                             : vaei_conv_forward_algorithm(k, conv_of(l, training));
}

const vaei_layer_ops vaei_layer_conv2d = {
    .module = {"conv2d", "2-D convolution",
               "conv2d out=3 kernel=3 stride=2x1 pad=1\n"
               "conv2d out=4 kernel=3x2 stride=2 pad=1x0x0x1 groups=2\n"
               "conv2d out=3 kernel=3 dilation=2 pad=same bias=false\n"
               "conv2d out=8 kernel=3 stride=2 pad=same groups=4 init=kaiming\n"
               "conv2d out=5 kernel=1\n"
               "conv2d out=2 kernel=3x2 stride=2 pad=2x1x0x3 pad_mode=reflect pad_mode_x=circular\n"
               "conv2d out=4 kernel=3 pad=1 | tanh | conv2d out=4 kernel=3 stride=2 pad=1 tie=encoder.0\n"
               "conv2d out=6 kernel=4 stride=2 pad=1 groups=2 | deconv2d out=4 kernel=4 stride=2 pad=1 groups=2 tie=encoder.0",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .need = need_of_both,
    .pack = pack_both,
    .forward = forward_both,
    .backward = backward,
    .fuses = fuses,
    .overwrites = overwrites,
    .takes_upsample = takes_upsample,
    .algorithm = algorithm,
};
