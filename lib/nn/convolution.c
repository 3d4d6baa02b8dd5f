/* SPDX-License-Identifier: MIT
 * convolution.c - convolutions over images, and over sequences as images of one line (cross-correlation, as in PyTorch)
 *
 *       y[n][oy][ox][o] = b[o] + sum_{ky,kx,c} x[n][oy s + ky d - top][ox s + kx d - left][c] w[o][c][ky][kx]
 *
 *   kernel/conv.h has the arithmetic. Padding other than zeros is first copied around the image.
 *
 *   At inference a 1x1 convolution to at most half as many channels may write y over x. It then computes some lines of pixels after
 *   others. Its geometry is that of one line, so that the same algorithm, pack and workspace are used for any number of lines. */
#include "nn/convolution.h"

#include "nn/padding.h"
#include "nn/upsampled.h"
#include "nn/weights.h"

enum { SHRINK_PIXELS = 96 }; /* computed in scratch when y overwrites x */

/* The convolution: of the padded image if there is padding to copy, of a line of the image if y may overwrite x. */
typedef struct state {
    vaei_conv g[2];    /* [training] */
    int64_t images[2]; /* [training] images of g in an example: one image, or its lines */
    vaei_padding padding;
    int32_t padded;
} state;

static vae_status_t check_padding(const char *axis, int32_t mode, int64_t size, int64_t before, int64_t after) {
    const int64_t most = mode == VAEI_PADDING_ZEROS ? INT64_MAX : mode == VAEI_PADDING_CIRCULAR ? size : size - 1;
    if (before <= most && after <= most) return VAE_OK;
    return vaei_fail(VAE_E_SHAPE, "conv2d: padding of %lld pixels in %s, and an image of this size allows %lld",
                     (long long)(before > after ? before : after), axis, (long long)most);
}

/* Replaces the zeros around the image by padding that is part of the image. */
static vae_status_t plan_padding(state *s, const vaei_convolution_conf *o) {
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

/* Whether this is 1x1 with at most half as many channels out, so that y can overwrite x. */
static int32_t shrinks(const state *s) {
    const vaei_conv *g = s->g;
    return !s->padded && g->kh * g->kw == 1 && g->oh == g->h && g->ow == g->w && g->sy * g->sx == 1 && g->top + g->left == 0 &&
           g->groups == 1 && 2 * g->oc <= g->c;
}

vae_status_t vaei_convolution_plan(vaei_layer *l, vaei_build *b, const vaei_convolution_conf *o, int32_t axes, const vaei_shape *image,
                                   vaei_shape *made) {
    const char *const name = l->ops->module.name;
    state *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    vaei_conv *g = s->g;
    VAEI_TRY(vaei_window_plan(l, image, o->out, o->kernel, o->stride, o->dilation, o->pad, g));
    if (g->c % o->groups != 0 || g->oc % o->groups != 0)
        return vaei_fail(VAE_E_SHAPE, "%s: groups=%lld does not divide %lld channels into %lld", name, (long long)o->groups,
                         (long long)g->c, (long long)g->oc);
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
    const vaei_weights w = {.ndim = 2 + axes,
                            .shape = {g->oc, g->c / g->groups, axes == 2 ? g->kh : g->kw, g->kw},
                            .fan_in = g->c / g->groups * g->kh * g->kw,
                            .fan_out = g->oc * g->kh * g->kw,
                            .out = g->oc,
                            .bias = o->bias,
                            .init = o->init,
                            .tie = o->tie};
    *made = vaei_image_shape(s->g[1].oh, g->ow, g->oc);
    return vaei_weights_declare(l, b, &w);
}

static const vaei_conv *conv_of(const vaei_layer *l, int32_t training) {
    return ((const state *)l->state)->g + (training ? 1 : 0);
}

static int64_t images_of(const vaei_layer *l, int64_t n, int32_t training) {
    return n * ((const state *)l->state)->images[training ? 1 : 0];
}

typedef struct parts {
    float *forward, *data; /* pack: `data` is for dx, training only */
    float *scale, *bias;   /* pack: [out], with a folded normalisation, inference only */
    float *x, *dx;         /* with their padding */
    float *first;          /* the first pixels of a y that overwrites x */
    float *workspace;      /* of the convolutions */
} parts;

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* The lines of a y that overwrites x that are computed in scratch. */
static int64_t first_lines(const vaei_conv *g) {
    return SHRINK_PIXELS / g->w + (SHRINK_PIXELS % g->w != 0);
}

/* Some rows of y, and those of x that they are made of */
static vaei_conv rows_of(const vaei_conv *whole, const vaei_band *b) {
    vaei_conv g = *whole;
    g.h = b->x_last - b->x_first;
    g.oh = b->last - b->first;
    g.top = whole->top + b->x_first - b->first * whole->sy;
    g.whole = whole;
    return g;
}

static int64_t workspace(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training) {
    const vaei_conv *g = conv_of(l, training);
    const int64_t rows = vaei_layer_banded(l, training), reach = rows > 0 ? (rows - 1) * g->sy + g->dy * (g->kh - 1) + 1 : 0;
    if (!vaei_weights_countable(l, n)) return -1;
    if (rows > 0 && shrinks(l->state)) return vaei_conv_forward_scratch(k, g, rows);
    if (rows > 0) {
        const vaei_conv band = rows_of(g, &(vaei_band){0, rows < g->oh ? rows : g->oh, 0, reach < g->h ? reach : g->h});
        return vaei_conv_forward_scratch(k, &band, 1);
    }
    const int64_t forward = vaei_conv_forward_scratch(k, g, images_of(l, n, training));
    return training ? larger(forward, larger(vaei_conv_data_scratch(k, g, n), vaei_conv_weight_scratch(k, g, n))) : forward;
}

void vaei_convolution_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const state *s = l->state;
    const vaei_conv *g = conv_of(l, training);
    const int64_t image = s->padded ? vaei_count_of(n, g->h * g->w * g->c) : 0;
    if (vaei_layer_upsampled(l, training)) {
        vaei_upsampled_layout(l, k, g, n, m, pieces);
        return;
    }
    parts *const p = pieces ? pieces : &(parts){0};
    *p = (parts){.forward = vaei_carve_floats(&m->pack, vaei_conv_forward_pack_floats(k, g))};
    if (training) p->data = vaei_carve_floats(&m->pack, vaei_conv_data_pack_floats(k, g));
    if (vaei_weights_folds(l, training)) {
        p->scale = vaei_carve_floats(&m->pack, g->oc);
        p->bias = vaei_carve_floats(&m->pack, g->oc);
    }
    if (s->padded) p->x = vaei_carve_floats(&m->scratch, image);
    if (s->padded && training) p->dx = vaei_carve_floats(&m->scratch, image);
    if (shrinks(s) && !training) p->first = vaei_carve_floats(&m->scratch, first_lines(g) * g->w * g->oc);
    p->workspace = vaei_carve_floats(&m->scratch, workspace(l, k, n, training));
}

void vaei_convolution_pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const vaei_conv *g = conv_of(l, r->training);
    const float *w = vaei_layer_param(l, r, 0);
    parts p;
    if (vaei_layer_upsampled(l, r->training)) {
        vaei_upsampled_pack(l, r, g, memory);
        return;
    }
    vaei_layer_packed(l, r, memory, &p);
    if (p.scale) vaei_weights_fold(l, r, g->oc, p.scale, p.bias);
    vaei_conv_forward_pack(r->k, g, w, p.scale, p.forward);
    if (p.data) vaei_conv_data_pack(r->k, g, w, NULL, p.data);
}

int32_t vaei_convolution_fuses(const vaei_layer *l) {
    const state *s = l->state;
    return !s->padded && vaei_conv_fuses(s->g);
}

int32_t vaei_convolution_overwrites(const vaei_layer *l) {
    return shrinks(l->state);
}

/* Writes y over x. Lines [from, to) are computed at once: as many as fit into the space that the lines before them have freed; the first
 * ones in scratch. */
static void overwrite(const vaei_layer *l, const vaei_run *r, const parts *p, const float *bias, float *y) {
    const vaei_conv *g = conv_of(l, 0);
    const int64_t lines = images_of(l, r->n, 0), first = first_lines(g);
    for (int64_t from = 0, to; from < lines; from = to) {
        to = from == 0 ? first : from * g->c / g->oc;
        if (to > lines) to = lines;
        vaei_conv_forward(r->k, r->pool, g, to - from, y + from * g->w * g->c, p->forward, bias, vaei_layer_epilogue(l, r->training),
                          from > 0 ? y + from * g->w * g->oc : p->first, p->workspace);
        if (from == 0) memcpy(y, p->first, (size_t)(to * g->w * g->oc) * sizeof(*y));
    }
}

/* Returns x with its padding. */
static const float *padded(const vaei_layer *l, const vaei_run *r, const parts *p, const float *x) {
    const state *s = l->state;
    if (!s->padded) return x;
    vaei_padding_add(&s->padding, r, x, p->x);
    return p->x;
}

/* Every window must meet the image, so that no band is without a row of x. */
int32_t vaei_convolution_band(const vaei_layer *l, vaei_band *b) {
    const state *s = l->state;
    const vaei_conv *g = s->g;
    const int64_t reach = g->dy * (g->kh - 1) + 1, begin = b->first * g->sy - g->top, end = (b->last - 1) * g->sy - g->top + reach;
    if (s->padded) return 0;
    if (vaei_layer_upsampled(l, 0)) {
        vaei_upsampled_band(g, b);
        return 1;
    }
    if (shrinks(s)) return vaei_band_same(l, b);
    b->x_first = begin > 0 ? begin : 0;
    b->x_last = end < g->h ? end : g->h;
    return g->top < reach && (g->oh - 1) * g->sy - g->top < g->h;
}

void vaei_convolution_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_conv *g = conv_of(l, r->training);
    const vaei_epilogue *const epilogue = vaei_layer_epilogue(l, r->training);
    const int32_t lines = m->band && shrinks(l->state); /* of an image that g has as lines, these are some */
    const int64_t images = lines ? m->band->last - m->band->first : images_of(l, r->n, r->training);
    vaei_conv band;
    parts p;
    if (vaei_layer_upsampled(l, r->training)) {
        vaei_upsampled_forward(l, r, g, m, x, y);
        return;
    }
    vaei_layer_pieces(l, r, m, &p);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1);
    if (m->band && !lines) {
        band = rows_of(g, m->band);
        g = &band;
    }
    if (m->prologue || m->add)
        vaei_conv_forward_fused(r->k, r->pool, g, images, x, m->prologue, p.forward, bias, m->add, epilogue, y, p.workspace);
    else if (x == y) overwrite(l, r, &p, bias, y);
    else vaei_conv_forward(r->k, r->pool, g, images, padded(l, r, &p, x), p.forward, bias, epilogue, y, p.workspace);
}

void vaei_convolution_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                               float *dx) {
    const state *s = l->state;
    const vaei_conv *g = conv_of(l, r->training);
    float *db = vaei_layer_grad(l, r, 1);
    parts p;
    (void)y;
    vaei_layer_pieces(l, r, m, &p);
    x = padded(l, r, &p, x);
    const int64_t in = g->h * g->w * g->c, out = vaei_shape_size(&l->out), block = vaei_backward_block(in > out ? in : out);
    float *to = s->padded ? p.dx : dx;
    for (int64_t i = 0, n; i < r->n; i += n, x += n * in, dy += n * out) {
        n = r->n - i < block ? r->n - i : block;
        vaei_conv_weight(r->k, r->pool, g, n, x, dy, vaei_layer_grad(l, r, 0), p.workspace);
        if (db) vaei_bias_grad(r->k, r->pool, n * g->oh * g->ow, g->oc, dy, db);
        if (dx) vaei_conv_data(r->k, r->pool, g, n, dy, p.data, NULL, s->padded ? NULL : m->dx_epilogue, to + i * in, p.workspace);
    }
    if (!dx || !s->padded) return;
    vaei_padding_backward(&s->padding, r, p.dx, dx);
    if (m->dx_epilogue) m->dx_epilogue->apply(m->dx_epilogue->arg, r->k, r->n * vaei_shape_size(&l->in), dx);
}

int32_t vaei_convolution_takes_upsample(const vaei_layer *l, const int64_t factor[2]) {
    const state *s = l->state;
    return !s->padded && vaei_upsampled_fits(conv_of(l, 0), factor);
}

const char *vaei_convolution_algorithm(const vaei_layer *l, const vaei_kernels *k, int32_t training) {
    return vaei_layer_upsampled(l, training) ? vaei_upsampled_algorithm(k, conv_of(l, 0))
                                             : vaei_conv_forward_algorithm(k, conv_of(l, training));
}
