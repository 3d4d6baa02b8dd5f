/* SPDX-License-Identifier: MIT
 * conv.c - convolution and its gradient by the input: packing of weights, and the cut into tasks.
 *
 * Forward: every output pixel is one row of conv_rows.c. By the input, a stride of s splits the pixels of dx into s x s phases; all
 * pixels of a phase meet the same taps, so each phase is a convolution of stride 1 of its own and nothing is multiplied by zero:
 *
 *   dx[iy][ix] = sum over ky with (iy + top - ky d) divisible by s, kx likewise:  dy[(iy + top - ky d) / s][...] w[ky][kx]
 *
 *   stride 2, kernel 3, top 1:    even rows meet ky = 1        odd rows meet ky = 0 and 2
 *
 * A task is a band of rows: whole pixels of y, or the pixels of all phases in whole rows of dx, so that the post step finds them
 * complete and in the cache. */
#include "kernel/product_parts.h"
#include "kernel/blas.h"

enum {
    BAND_WORK = 1 << 21, /* multiplications worth a task */
    BANDS = 16           /* wanted, however little each does */
};

static int64_t taps_of(const vaei_conv *g) {
    return g->kh * g->kw;
}

/* Rows of a band: enough work, not more than a sixteenth of all; a band of more than VAEI_BAND_ROWS gains nothing. */
static int64_t band_rows(int64_t rows, int64_t row_work) {
    const int64_t wanted = vaei_max(BAND_WORK / vaei_max(row_work, 1), rows / BANDS);
    const int64_t band = vaei_divide_up(vaei_min(wanted, VAEI_BAND_ROWS), VAEI_TILE_STEP) * VAEI_TILE_STEP;
    return vaei_max(vaei_max(band, VAEI_TILE_STEP), rows / VAEI_MAX_TASKS + 1);
}

/* How a direction is computed: a choice by the shape, and for the direct ones by whether cblas multiplies */
typedef enum way { BY_ROWS, BY_BLAS, FEW_CHANNELS, DEPTHWISE, WINOGRAD } way;
static const char *const way_names[] = {"rows", "blas", "few channels", "depthwise", "winograd"};

static way forward_way(const vaei_kernels *k, const vaei_conv *g) {
    if (vaei_winograd(g, 0)) return WINOGRAD;
    if (k->blas) return BY_BLAS;
    if (vaei_depthwise(g)) return DEPTHWISE;
    return vaei_few_forward(g) ? FEW_CHANNELS : BY_ROWS;
}

static way data_way(const vaei_kernels *k, const vaei_conv *g) {
    if (vaei_winograd(g, 1)) return WINOGRAD;
    if (k->blas) return BY_BLAS;
    if (vaei_depthwise(g)) return DEPTHWISE;
    return vaei_few_data(g) ? FEW_CHANNELS : BY_ROWS;
}

const char *vaei_conv_forward_algorithm(const vaei_kernels *k, const vaei_conv *g) {
    return way_names[forward_way(k, g)];
}

const char *vaei_conv_data_algorithm(const vaei_kernels *k, const vaei_conv *g) {
    return way_names[data_way(k, g)];
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

int64_t vaei_conv_forward_pack_floats(const vaei_kernels *k, const vaei_conv *g) {
    switch (forward_way(k, g)) {
    case DEPTHWISE:
        return vaei_depthwise_pack_floats(g);
    case FEW_CHANNELS:
        return vaei_few_pack_floats(k, g, 0);
    case WINOGRAD:
        return vaei_winograd_pack_floats(k, g, 0);
    default:
        return g->groups * vaei_pack_floats(k, taps_of(g) * (g->c / g->groups), g->oc / g->groups);
    }
}

void vaei_conv_forward_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale, float *dst) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, taps = taps_of(g);
    switch (forward_way(k, g)) {
    case DEPTHWISE:
        vaei_depthwise_pack(g, w, scale, dst);
        return;
    case FEW_CHANNELS:
        vaei_few_pack(k, g, 0, w, scale, dst);
        return;
    case WINOGRAD:
        vaei_winograd_pack(k, g, 0, w, scale, dst);
        return;
    default:
        break;
    }
    for (int64_t group = 0; group < g->groups; group++) {
        for (int64_t t = 0; t < taps; t++) {
            vaei_pack_rows(k, taps * cg, t * cg, cg, og, w + group * og * cg * taps + t, taps, cg * taps,
                           scale ? scale + group * og : NULL, dst);
        }
        dst += vaei_pack_floats(k, taps * cg, og);
    }
}

int64_t vaei_conv_forward_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n) {
    switch (forward_way(k, g)) {
    case BY_BLAS:
        return vaei_blas_conv_scratch(g, n);
    case DEPTHWISE:
        return 0;
    case FEW_CHANNELS:
        return vaei_few_scratch(g, n, 0);
    case WINOGRAD:
        return vaei_winograd_scratch(k, g, n, 0);
    default:
        return g->c / g->groups;
    }
}

typedef struct forward {
    vaei_rows rows;
    int64_t count, band;
    const vaei_post *post;
} forward;

static void forward_task(void *arg, int32_t index) {
    const forward *const f = arg;
    const int64_t first = index * f->band, last = vaei_min(first + f->band, f->count);
    vaei_rows_run(&f->rows, first, last);
    if (f->post) f->post->apply(f->post->arg, f->rows.k, (last - first) * f->rows.oc, f->rows.out + first * f->rows.oc);
}

void vaei_conv_forward(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x,
                       const float *packed, const float *bias, const vaei_post *post, float *y, float *scratch) {
    VAEI_ASSERT_ROOM(scratch, (size_t)vaei_conv_forward_scratch(k, g, n) * sizeof *scratch);
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups;
    if (post && !post->apply) post = NULL;
    switch (forward_way(k, g)) {
    case BY_BLAS:
        vaei_blas_conv_forward(g, n, x, packed, bias, y, scratch);
        if (post) post->apply(post->arg, k, n * g->oh * g->ow * g->oc, y);
        return;
    case DEPTHWISE:
        vaei_depthwise_run(k, pool, g, n, 0, x, packed, bias, post, y);
        return;
    case FEW_CHANNELS:
        vaei_few_run(k, pool, g, n, 0, x, packed, bias, post, y, scratch);
        return;
    case WINOGRAD:
        vaei_winograd_run(k, pool, g, n, 0, x, NULL, packed, bias, NULL, post, y, scratch);
        return;
    default:
        break;
    }
    memset(scratch, 0, (size_t)cg * sizeof *scratch);
    const vaei_view view = {x,     g->h,    g->w,     g->c,  g->oh, g->ow, g->sy,
                            g->sx, -g->top, -g->left, g->dy, g->dx, g->kh, g->kw};
    forward f = {.rows = {.k = k,
                          .view = view,
                          .out = y,
                          .oh = g->oh,
                          .ow = g->ow,
                          .oc = g->oc,
                          .out_step_y = 1,
                          .out_step_x = 1,
                          .groups = g->groups,
                          .depth = cg,
                          .width = og,
                          .packed = packed,
                          .group_floats = vaei_pack_floats(k, taps_of(g) * cg, og),
                          .bias = bias,
                          .zeros = scratch},
                 .count = n * g->oh * g->ow,
                 .post = post};
    f.band = band_rows(f.count, taps_of(g) * cg * g->oc);
    vaei_parallel(pool, (int32_t)vaei_divide_up(f.count, f.band), forward_task, &f);
}

int32_t vaei_conv_fuses(const vaei_conv *g) {
    return g->sy * g->sx == 1 && vaei_winograd(g, 0);
}

void vaei_conv_forward_fused(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n,
                             const float *x, const vaei_feed *feed, const float *packed, const float *bias,
                             const float *add, const vaei_post *post, float *y, float *scratch) {
    VAEI_ASSERT_ROOM(scratch, (size_t)vaei_conv_forward_scratch(k, g, n) * sizeof *scratch);
    if (post && !post->apply) post = NULL;
    vaei_winograd_run(k, pool, g, n, 0, x, feed, packed, bias, add, post, y, scratch);
}

/* ---- gradient by the input -------------------------------------------------------------------------------------- */

static vaei_phase phase_y(const vaei_conv *g, int64_t p) {
    return vaei_phase_of(p, g->h, g->kh, g->sy, g->dy, g->top);
}

static vaei_phase phase_x(const vaei_conv *g, int64_t p) {
    return vaei_phase_of(p, g->w, g->kw, g->sx, g->dx, g->left);
}

int64_t vaei_conv_data_pack_floats(const vaei_kernels *k, const vaei_conv *g) {
    switch (data_way(k, g)) {
    case DEPTHWISE:
        return vaei_depthwise_pack_floats(g);
    case FEW_CHANNELS:
        return vaei_few_pack_floats(k, g, 1);
    case WINOGRAD:
        return vaei_winograd_pack_floats(k, g, 1);
    default: /* a tap is in one phase only */
        return g->groups * vaei_pack_floats(k, taps_of(g) * (g->oc / g->groups), g->c / g->groups);
    }
}

/* [group][o][tap][c], what cblas multiplies dy with */
static void pack_dense(const vaei_conv *g, const float *w, const float *scale, float *dst) {
    const int64_t cg = g->c / g->groups, taps = taps_of(g);
    for (int64_t o = 0; o < g->oc; o++) {
        const float *const s = scale ? scale + o / (g->oc / g->groups) * cg : NULL;
        for (int64_t t = 0; t < taps; t++) {
            for (int64_t c = 0; c < cg; c++) *dst++ = vaei_flushed(w[(o * cg + c) * taps + t] * (s ? s[c] : 1.0f));
        }
    }
}

void vaei_conv_data_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale_c, float *dst) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, taps = taps_of(g);
    switch (data_way(k, g)) {
    case BY_BLAS:
        pack_dense(g, w, scale_c, dst);
        return;
    case DEPTHWISE:
        vaei_depthwise_pack(g, w, scale_c, dst);
        return;
    case FEW_CHANNELS:
        vaei_few_pack(k, g, 1, w, scale_c, dst);
        return;
    case WINOGRAD:
        vaei_winograd_pack(k, g, 1, w, scale_c, dst);
        return;
    default:
        break;
    }
    for (int64_t py = 0; py < g->sy; py++) {
        for (int64_t px = 0; px < g->sx; px++) {
            const vaei_phase fy = phase_y(g, py), fx = phase_x(g, px);
            for (int64_t group = 0; group < g->groups; group++) {
                for (int64_t t = 0; t < fy.count * fx.count; t++) {
                    const int64_t tap =
                        (fy.first + t / fx.count * fy.period) * g->kw + fx.first + t % fx.count * fx.period;
                    vaei_pack_rows(k, fy.count * fx.count * og, t * og, og, cg, w + group * og * cg * taps + tap,
                                   cg * taps, taps, scale_c ? scale_c + group * cg : NULL, dst);
                }
                dst += vaei_pack_floats(k, fy.count * fx.count * og, cg);
            }
        }
    }
}

int64_t vaei_conv_data_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n) {
    switch (data_way(k, g)) {
    case BY_BLAS:
        return vaei_blas_conv_scratch(g, n);
    case DEPTHWISE:
        return 0;
    case FEW_CHANNELS:
        return vaei_few_scratch(g, n, 1);
    case WINOGRAD:
        return vaei_winograd_scratch(k, g, n, 1);
    default:
        return g->oc / g->groups;
    }
}

typedef struct data {
    const vaei_kernels *k;
    const vaei_conv *g;
    int64_t n, image_lines, count, band; /* in lines: sy rows of dx each */
    const float *dy, *packed, *bias, *zeros;
    const vaei_post *post;
    float *dx;
} data;

/* The line `line` of the batch as a row of its image's phase with `height` rows, counted through the batch; the end of an image is
 * the start of the next. */
static int64_t phase_line(const data *d, int64_t line, int64_t height) {
    return line / d->image_lines * height + vaei_min(line % d->image_lines, height);
}

static int64_t first_row(const data *d, int64_t line) {
    return line / d->image_lines * d->g->h + vaei_min(line % d->image_lines * d->g->sy, d->g->h);
}

static void data_task(void *arg, int32_t index) {
    const data *const d = arg;
    const vaei_conv *const g = d->g;
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups;
    const int64_t first = index * d->band, last = vaei_min(first + d->band, d->count);
    const float *packed = d->packed;
    for (int64_t py = 0; py < g->sy; py++) {
        for (int64_t px = 0; px < g->sx; px++) {
            const vaei_phase fy = phase_y(g, py), fx = phase_x(g, px);
            const vaei_view view = {d->dy, g->oh,   g->ow,   g->oc,   fy.pixels, fx.pixels, 1,
                                    1,     fy.from, fx.from, fy.step, fx.step,   fy.count,  fx.count};
            const vaei_rows rows = {.k = d->k,
                                    .view = view,
                                    .out = d->dx,
                                    .oh = g->h,
                                    .ow = g->w,
                                    .oc = g->c,
                                    .out_step_y = g->sy,
                                    .out_step_x = g->sx,
                                    .out_y0 = py,
                                    .out_x0 = px,
                                    .groups = g->groups,
                                    .depth = og,
                                    .width = cg,
                                    .packed = packed,
                                    .group_floats = vaei_pack_floats(d->k, fy.count * fx.count * og, cg),
                                    .bias = d->bias,
                                    .zeros = d->zeros};
            vaei_rows_run(&rows, phase_line(d, first, fy.pixels) * fx.pixels,
                          phase_line(d, last, fy.pixels) * fx.pixels);
            packed += g->groups * rows.group_floats;
        }
    }
    if (d->post) {
        const int64_t from = first_row(d, first), to = first_row(d, last);
        d->post->apply(d->post->arg, d->k, (to - from) * g->w * g->c, d->dx + from * g->w * g->c);
    }
}

void vaei_conv_data(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *dy,
                    const float *packed, const float *bias, const vaei_post *post, float *dx, float *scratch) {
    VAEI_ASSERT_ROOM(scratch, (size_t)vaei_conv_data_scratch(k, g, n) * sizeof *scratch);
    if (post && !post->apply) post = NULL;
    switch (data_way(k, g)) {
    case BY_BLAS:
        vaei_blas_conv_data(g, n, dy, packed, bias, dx, scratch);
        if (post) post->apply(post->arg, k, n * g->h * g->w * g->c, dx);
        return;
    case DEPTHWISE:
        vaei_depthwise_run(k, pool, g, n, 1, dy, packed, bias, post, dx);
        return;
    case FEW_CHANNELS:
        vaei_few_run(k, pool, g, n, 1, dy, packed, bias, post, dx, scratch);
        return;
    case WINOGRAD:
        vaei_winograd_run(k, pool, g, n, 1, dy, NULL, packed, bias, NULL, post, dx, scratch);
        return;
    default:
        break;
    }
    memset(scratch, 0, (size_t)(g->oc / g->groups) * sizeof *scratch);
    const int64_t lines = vaei_divide_up(g->h, g->sy), columns = vaei_divide_up(g->w, g->sx);
    data d = {k, g, n, lines, n * lines, 0, dy, packed, bias, scratch, post, dx};
    /* a line holds `columns` pixels of each phase; all phases together make taps_of(g) multiplications of each */
    d.band = vaei_divide_up(band_rows(d.count * columns, taps_of(g) * (g->oc / g->groups) * g->c), columns);
    vaei_parallel(pool, (int32_t)vaei_divide_up(d.count, d.band), data_task, &d);
}
