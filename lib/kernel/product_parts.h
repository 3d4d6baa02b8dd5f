/* SPDX-License-Identifier: MIT
 * product_parts.h - declarations that the files of products and convolution share.
 *
 *   conv.c         the choice of an algorithm               conv_rows.c     rows of output pixels against packed weights
 *   conv_direct.c  any shape, by rows                       conv_columns.c  by cblas
 *   conv_few.c     few output channels                      conv_weight.c   gradient by the weight
 *   conv_view.c    the pixels that taps read                conv_depthwise.c  a kernel for each channel
 *   conv_phase.c   which taps contribute to which pixels
 *   winograd.h, conv_winograd.c, conv_winograd_weight.c  fewer multiplications */
#ifndef VAEI_PRODUCT_PARTS_H
#define VAEI_PRODUCT_PARTS_H

#include "kernel/conv.h"

enum {
    VAEI_TILE_STEP = 12, /* rows of a band are a multiple of this, so that every table has whole tiles */
    VAEI_BAND_ROWS = 96,
    VAEI_MAX_TASKS = 1 << 24
};

VAEI_INLINE int64_t vaei_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}
VAEI_INLINE int64_t vaei_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}
VAEI_INLINE int64_t vaei_divide_up(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

/* Prefetches `count` floats that are too scattered for the hardware to foresee. */
VAEI_INLINE void vaei_prefetch(int64_t count, const float *x) {
#if defined(__GNUC__)
    for (int64_t i = 0; i < count; i += 16) __builtin_prefetch(x + i);
#else
    (void)count, (void)x;
#endif
}

/* Packs rows [k0, k0 + K) of a matrix with `depth` rows into its panels, as vaei_pack does in one call for all rows. */
void vaei_pack_rows(const vaei_kernels *k, int64_t depth, int64_t k0, int64_t K, int64_t N, const float *src, int64_t stride_k,
                    int64_t stride_n, const float *scale, float *dst);

/* ---- conv_view.c -------------------------------------------------------------------------------------------------
 * A view describes the pixels of an image that positions read. Each image has a grid of gh x gw positions; position (n, i, j) reads with
 * tap (ty, tx), t = ty tw + tx, the pixel (i step_y + y0 + ty dy, j step_x + x0 + tx dx), which is zero outside h x w. */
typedef struct vaei_view {
    const float *in; /* [n][h][w][c] */
    int64_t h, w, c;
    int64_t gh, gw, step_y, step_x, y0, x0, dy, dx, th, tw;
} vaei_view;

/* A position. (y, x) is the pixel of tap (0, 0), `at` its distance from `in`; the pixel may be outside the image. */
typedef struct vaei_conv_position {
    int64_t at, y, x;
    int32_t inside; /* 1: the pixels of all taps are inside the image */
} vaei_conv_position;

/* A tap, as a distance from tap (0, 0). */
typedef struct vaei_conv_tap {
    int64_t y, x, offset; /* offset in floats */
} vaei_conv_tap;

VAEI_INLINE int32_t vaei_tap_is_inside(const vaei_view *v, const vaei_conv_position *s, const vaei_conv_tap *t) {
    return (uint64_t)(s->y + t->y) < (uint64_t)v->h && (uint64_t)(s->x + t->x) < (uint64_t)v->w;
}

/* The positions begin <= . < end of an axis with `count` positions, at a distance of `step` pixels from pixel `first` on, for which all
 * taps are inside `size` pixels. */
typedef struct vaei_stretch {
    int64_t begin, end;
} vaei_stretch;
vaei_stretch vaei_view_inside(int64_t count, int64_t step, int64_t first, int64_t taps, int64_t dilation, int64_t size);

/* Find `count` positions from `first` on, and the taps [t0, t0 + count). */
void vaei_view_positions(const vaei_view *v, int64_t first, int64_t count, vaei_conv_position *points);
void vaei_view_taps(const vaei_view *v, int64_t t0, int64_t count, vaei_conv_tap *taps);

/* Makes the line of the pixels that the taps of row ty read for the positions (n, i, j), ... (n, i, j + count - 1): vaei_view_width()
 * pixels in the order of the taps, `step` floats apart, with `depth` channels of each from `channel` on, and zeros outside the image.
 * Position q reads the tw pixels from vaei_view_at() + q vaei_view_step() on. Allowed only if vaei_view_lines(), which means that
 * neighbouring taps read neighbouring pixels. */
int32_t vaei_view_lines(const vaei_view *v);
VAEI_INLINE int64_t vaei_view_width(const vaei_view *v, int64_t count) {
    return (count - 1) * v->step_x + v->tw;
}
VAEI_INLINE int32_t vaei_view_falls(const vaei_view *v) {
    return v->tw > 1 && v->dx < 0;
}
VAEI_INLINE int64_t vaei_view_at(const vaei_view *v, int64_t count) {
    return vaei_view_falls(v) ? (count - 1) * v->step_x : 0;
}
VAEI_INLINE int64_t vaei_view_step(const vaei_view *v) {
    return vaei_view_falls(v) ? -v->step_x : v->step_x;
}
void vaei_view_line(const vaei_view *v, int64_t n, int64_t i, int64_t j, int64_t count, int64_t ty, int64_t channel, int64_t depth,
                    float *out, int64_t step);

/* ---- conv_phase.c: along one axis the taps first, first + period, ... (`count` of them) contribute to the pixels p, p + stride, ...
 * For the first of these pixels, the first tap reads pixel `from` of dy, and each next tap reads `step` pixels further. ---- */
typedef struct vaei_phase {
    int64_t first, period, count, from, step, pixels;
} vaei_phase;
vaei_phase vaei_phase_of(int64_t p, int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t before);

/* ---- conv_rows.c: position (n, i, j) is written to the output pixel (i out_step_y + out_y0, j out_step_x + out_x0) ---- */
typedef struct vaei_conv_rows {
    const vaei_kernels *k;
    vaei_view view;
    float *out; /* [n][oh][ow][oc] */
    int64_t oh, ow, oc, out_step_y, out_step_x, out_y0, out_x0;
    int64_t groups, depth, width; /* channels in and out, of one group */
    const float *packed;          /* [group] panels of th tw depth rows */
    int64_t group_floats;         /* floats between two groups in packed */
    const float *bias;            /* [oc] or NULL */
    const float *zeros;           /* [depth] */
} vaei_conv_rows;

/* Computes the positions first <= p < last, all channels. */
void vaei_rows_run(const vaei_conv_rows *r, int64_t first, int64_t last);

/* ---- algorithms ---------------------------------------------------------------------------------------------------
 * An algorithm computes y from x, or with `data` dx from dy. conv.c has a table of them and takes the first that fits. A new one is a file
 * and a row of the table. */
typedef struct vaei_conv_job {
    const vaei_kernels *k;
    const vaei_pool *pool;
    const vaei_conv *g;
    int64_t n;
    int32_t data;
    const float *in; /* x or dy */
    /* Makes x pixel by pixel; or NULL. prologue and add are allowed only if vaei_conv_fuses(). */
    const vaei_prologue *prologue;
    const float *packed, *bias;
    const float *add;              /* or NULL: added to the result before the epilogue */
    const vaei_epilogue *epilogue; /* or NULL */
    float *out, *scratch;
} vaei_conv_job;

typedef struct vaei_conv_algorithm {
    const char *name;
    int32_t (*fits)(const vaei_kernels *k, const vaei_conv *g, int32_t data); /* a rule over shapes and whether cblas multiplies */
    int64_t (*pack_floats)(const vaei_kernels *k, const vaei_conv *g, int32_t data);
    void (*pack)(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst);
    int64_t (*scratch)(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data); /* floats */
    void (*run)(const vaei_conv_job *j);
} vaei_conv_algorithm;

extern const vaei_conv_algorithm vaei_conv_winograd;  /* conv_winograd.c   fewer multiplications */
extern const vaei_conv_algorithm vaei_conv_columns;   /* conv_columns.c    cblas */
extern const vaei_conv_algorithm vaei_conv_depthwise; /* conv_depthwise.c  a kernel for each channel */
extern const vaei_conv_algorithm vaei_conv_few;       /* conv_few.c        few output channels */
extern const vaei_conv_algorithm vaei_conv_direct;    /* conv_direct.c     every shape */

int64_t vaei_direct_pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data);
void vaei_direct_pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst);

/* ---- conv_depthwise.c ---- */
int32_t vaei_depthwise(const vaei_conv *g);
int64_t vaei_depthwise_weight_scratch(const vaei_conv *g, int64_t n);
void vaei_depthwise_weight(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                           float *dw, float *scratch);

/* ---- conv_winograd.c: whether its rule over shapes chooses it ---- */
int32_t vaei_winograd(const vaei_conv *g, int32_t data);

/* ---- conv_winograd_weight.c ---- */
int32_t vaei_winograd_weight(const vaei_conv *g);
int64_t vaei_winograd_weight_scratch(const vaei_conv *g, int64_t n);
void vaei_winograd_weight_run(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                              float *dw, float *scratch);

#endif
