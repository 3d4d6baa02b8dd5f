/* SPDX-License-Identifier: MIT
 * conv_weight.c - computes the gradient of a convolution by its weight.
 *
 *   dw[o][c][ky][kx] += sum over n, oy, ox of  dy[n][oy][ox][o] x[n][oy sy + ky dy - top][ox sx + kx dx - left][c]
 *
 * For each tap this is a product of two matrices with the positions as the inner index: outer_tile, over the positions where the tap is
 * inside the image. The channels that leave fewer lanes empty run along the vector. With few channels in x or in y, all taps are computed
 * together: the pixels that they read are copied to lines with zeros outside the image (conv_view.c), the lines of all ky interleaved,
 *
 *   few channels in x:   rows [kx][ky][c], columns o, over y       few in y (stride 1): rows [kx][ky][o], columns c, over x
 *
 * Order of summation: a block of positions (its length is fixed by the shape) is one chain of FMA from 0; the blocks of a chunk are added
 * in ascending order, then the chunks in ascending order, and the total is added to dw. */
#include "kernel/product_parts.h"
#include "kernel/blas.h"

enum {
    LANES = 16,         /* lanes of a vector in the rules over shapes */
    BLOCK = 128,        /* positions */
    LINE_FLOATS = 4096, /* floats of all lines of a block */
    LINE_SHARE = 96,    /* floats of one position, at most */
    LINE_CHANNELS = 4,
    BAND = 96,    /* rows of a slice: whole tiles for every table */
    CHUNK = 2048, /* positions of a chunk, at least */
    CHUNKS = 8,
    PARTIAL_FLOATS = 1 << 22, /* floats of the sums of all chunks */
    TASKS = 16
};

/* The values that are the rows and the columns of the products. */
typedef enum scheme { ROWS_X, ROWS_Y, LINES_X, LINES_Y } scheme;

typedef struct weight {
    const vaei_kernels *k;
    const vaei_conv *g;
    scheme how;
    int64_t cg, og, taps;
    int64_t rows, columns, bands;  /* of one product; bands of rows */
    int64_t products, slices;      /* groups times the taps that are computed one by one; products times bands */
    int64_t positions, block;      /* pixels that the sums run over; pixels at once */
    int64_t chunks, chunk, floats; /* positions in a chunk; floats in dw */
    int64_t sets, set;             /* tasks of a chunk; slices in each task */
    const float *x, *dy;
    float *partial, *dw; /* partial: [chunk][floats], then the lines of each task */
    vaei_view view;      /* of the image that is read through the taps, for each pixel of the other image */
} weight;

static int64_t lanes(int64_t channels) {
    return vaei_divide_up(channels, LANES) * LANES;
}

/* Floats of lines that belong to one position. */
static int64_t line_share(const vaei_conv *g, int64_t depth) {
    return g->kh * vaei_max(g->kw, g->sx) * depth;
}

static scheme scheme_of(const vaei_conv *g, int64_t cg, int64_t og, int64_t taps) {
    if (taps > 1 && (g->dx == 1 || g->kw == 1)) {
        if (cg <= LINE_CHANNELS && cg <= og && line_share(g, cg) <= LINE_SHARE) return LINES_X;
        if (og <= LINE_CHANNELS && line_share(g, og) <= LINE_SHARE && g->sy == 1 && g->sx == 1) return LINES_Y;
    }
    return cg * lanes(og) <= og * lanes(cg) ? ROWS_X : ROWS_Y;
}

static weight weight_of(const vaei_kernels *k, const vaei_conv *g, int64_t n) {
    weight f = {.k = k, .g = g, .cg = g->c / g->groups, .og = g->oc / g->groups, .taps = g->kh * g->kw};
    f.how = scheme_of(g, f.cg, f.og, f.taps);
    const int32_t lines = f.how == LINES_X || f.how == LINES_Y, rows_x = f.how == ROWS_X || f.how == LINES_X;
    f.rows = (rows_x ? f.cg : f.og) * (lines ? f.taps : 1);
    f.columns = rows_x ? f.og : f.cg;
    f.bands = vaei_divide_up(f.rows, BAND);
    f.products = g->groups * (lines ? 1 : f.taps);
    f.slices = f.products * f.bands;
    f.block = lines ? vaei_min(BLOCK, LINE_FLOATS / line_share(g, f.how == LINES_X ? f.cg : f.og)) : BLOCK;
    f.positions = f.how == LINES_Y ? n * g->h * g->w : n * g->oh * g->ow;
    f.floats = g->groups * f.taps * f.cg * f.og;
    f.chunks = vaei_max(1, vaei_min(vaei_min(f.positions / CHUNK, CHUNKS), PARTIAL_FLOATS / f.floats));
    f.chunk = vaei_divide_up(f.positions, f.chunks);
    f.sets = vaei_min(vaei_divide_up(TASKS, f.chunks), f.slices);
    f.set = vaei_divide_up(f.slices, f.sets);
    f.sets = vaei_divide_up(f.slices, f.set);
    return f;
}

int64_t vaei_conv_weight_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n) {
    if (k->blas) return vaei_blas_conv_scratch(g, n);
    if (vaei_depthwise(g)) return vaei_depthwise_weight_scratch(g, n);
    if (vaei_winograd_weight(g)) return vaei_winograd_weight_scratch(g, n);
    const weight f = weight_of(k, g, n);
    return f.chunks * f.floats + f.chunks * f.sets * LINE_FLOATS;
}

/* Adds rows [from, to) of one product over the positions that a and b point to; a begins at `from`. The call moves the pointers of b. */
static void add_product(const weight *f, int64_t from, int64_t to, int64_t count, const float *const *a, const float **b, float *c) {
    const vaei_kernels *const k = f->k;
    for (int64_t n = 0; n < f->columns; n += k->nr) {
        k->outer_tile(to - from, vaei_min(k->nr, f->columns - n), count, a, b, c + from * f->columns + n, f->columns, 1);
        for (int64_t p = 0; p < count; p++) b[p] += k->nr;
    }
}

/* Computes one tap of one group, over those positions of [first, first + count) whose pixel of x is inside the image. */
static void slice_by_tap(const weight *f, int64_t slice, int64_t first, int64_t count, const float *plain, float *partial) {
    const int64_t product = slice / f->bands, group = product / f->taps;
    const int64_t from = slice % f->bands * BAND, to = vaei_min(from + BAND, f->rows);
    const int64_t at_x = group * f->cg + (f->how == ROWS_X ? from : 0), at_y = group * f->og + (f->how == ROWS_Y ? from : 0);
    const vaei_view *const v = &f->view;
    const float *x[BLOCK], *y[BLOCK];
    vaei_conv_tap tap;
    int64_t inside = 0, n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    vaei_view_taps(v, product % f->taps, 1, &tap);
    const vaei_stretch rows = vaei_view_inside(v->gh, v->step_y, v->y0 + tap.y, 1, 1, v->h);
    const vaei_stretch cols = vaei_view_inside(v->gw, v->step_x, v->x0 + tap.x, 1, 1, v->w);
    for (int64_t p = 0; p < count;) { /* each pass takes the rest of a row of positions */
        const int64_t now = vaei_min(v->gw - j, count - p);
        if (i >= rows.begin && i < rows.end) {
            const int64_t begin = vaei_max(j, cols.begin), end = vaei_min(j + now, cols.end), step = v->step_x * v->c;
            const float *const line = v->in + ((n * v->h + i * v->step_y + v->y0) * v->w + v->x0) * v->c + tap.offset + at_x;
            const float *const dy = plain + (p - j) * f->g->oc + at_y;
            for (int64_t q = begin; q < end; q++) {
                x[inside] = line + q * step;
                y[inside++] = dy + q * f->g->oc;
            }
        }
        p += now;
        j = 0;
        if (++i < v->gh) continue;
        i = 0;
        n++;
    }
    if (inside == 0) return;
    add_product(f, from, to, inside, f->how == ROWS_X ? x : y, f->how == ROWS_X ? y : x, partial + product * f->rows * f->columns);
}

/* Computes all taps of one group from lines (conv_view.c), the lines of the rows of taps interleaved, for `count` positions from `first`
 * on. */
static void slice_by_lines(const weight *f, int64_t group, int64_t first, int64_t count, const float *plain, float *lines, float *partial) {
    const vaei_view *const v = &f->view;
    const int64_t depth = f->how == LINES_X ? f->cg : f->og, stride = f->how == LINES_X ? f->g->oc : f->g->c;
    const int64_t step = v->th * depth;
    const float *a[BLOCK], *b[BLOCK];
    int64_t n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    for (int64_t p = 0; p < count;) { /* each pass takes the rest of a row of positions */
        const int64_t now = vaei_min(v->gw - j, count - p);
        for (int64_t q = 0; q < now; q++) {
            a[p + q] = lines + (vaei_view_at(v, now) + q * vaei_view_step(v)) * step;
            b[p + q] = plain + (p + q) * stride + group * f->columns;
        }
        for (int64_t ty = 0; ty < v->th; ty++) { vaei_view_line(v, n, i, j, now, ty, group * depth, depth, lines + ty * depth, step); }
        lines += vaei_view_width(v, now) * step;
        p += now;
        j = 0;
        if (++i < v->gh) continue;
        i = 0;
        n++;
    }
    add_product(f, 0, f->rows, count, a, b, partial + group * f->rows * f->columns);
}

static void weight_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const int64_t chunk = index / f->sets, first = chunk * f->chunk, last = vaei_min(first + f->chunk, f->positions);
    const int64_t slice0 = index % f->sets * f->set, slice1 = vaei_min(slice0 + f->set, f->slices);
    float *const partial = f->partial + chunk * f->floats;
    float *const lines = f->partial + f->chunks * f->floats + index * LINE_FLOATS;
    for (int64_t slice = slice0; slice < slice1; slice++) {
        const int64_t from = slice % f->bands * BAND, rows = vaei_min(BAND, f->rows - from);
        float *const sum = partial + (slice / f->bands * f->rows + from) * f->columns;
        memset(sum, 0, (size_t)(rows * f->columns) * sizeof *sum);
    }
    for (int64_t p = first; p < last; p += f->block) {
        const int64_t count = vaei_min(f->block, last - p);
        const float *const plain = f->how == LINES_Y ? f->x + p * f->g->c : f->dy + p * f->g->oc;
        const int32_t by_lines = f->how == LINES_X || f->how == LINES_Y;
        for (int64_t slice = slice0; slice < slice1; slice++) {
            if (by_lines) slice_by_lines(f, slice, p, count, plain, lines, partial);
            else slice_by_tap(f, slice, p, count, plain, partial);
        }
    }
}

/* ---- chunks to dw ----------------------------------------------------------------------------------------------- */

enum { JOIN = 16 }; /* output channels of one task */

/* The index of a tap among the rows of the sums. */
static int64_t tap_row(const weight *f, int64_t tap) {
    const int32_t lines = f->how == LINES_X || f->how == LINES_Y;
    return lines ? tap % f->g->kw * f->g->kh + tap / f->g->kw : tap;
}

/* Adds the sums of all chunks for (group, tap, c) and `count` output channels from o on. */
static void join_chunks(const weight *f, int64_t group, int64_t tap, int64_t c, int64_t o, int64_t count, float *sum) {
    const int32_t rows_x = f->how == ROWS_X || f->how == LINES_X;
    const float *at = f->partial + (group * f->taps + tap_row(f, tap)) * f->cg * f->og + (rows_x ? c * f->og + o : o * f->cg + c);
    const int64_t stride = rows_x ? 1 : f->cg;
    for (int64_t i = 0; i < count; i++) sum[i] = at[i * stride];
    for (int64_t chunk = 1; chunk < f->chunks; chunk++) {
        at += f->floats;
        for (int64_t i = 0; i < count; i++) sum[i] += at[i * stride];
    }
}

static void join_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const int64_t per_group = vaei_divide_up(f->og, JOIN), group = index / per_group, o = index % per_group * JOIN;
    const int64_t count = vaei_min(JOIN, f->og - o);
    for (int64_t tap = 0; tap < f->taps; tap++) {
        for (int64_t c = 0; c < f->cg; c++) {
            float sum[JOIN];
            float *const dw = f->dw + ((group * f->og + o) * f->cg + c) * f->taps + tap;
            join_chunks(f, group, tap, c, o, count, sum);
            for (int64_t i = 0; i < count; i++) dw[i * f->cg * f->taps] += sum[i];
        }
    }
}

void vaei_conv_weight(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                      float *dw, float *scratch) {
    VAEI_ASSERT_MEMORY(scratch, (size_t)vaei_conv_weight_scratch(k, g, n) * sizeof *scratch);
    if (k->blas) {
        vaei_blas_conv_weight(g, n, x, dy, dw, scratch);
        return;
    }
    if (vaei_depthwise(g)) {
        vaei_depthwise_weight(k, pool, g, n, x, dy, dw, scratch);
        return;
    }
    if (vaei_winograd_weight(g)) {
        vaei_winograd_weight_run(k, pool, g, n, x, dy, dw, scratch);
        return;
    }
    weight f = weight_of(k, g, n);
    f.x = x;
    f.dy = dy;
    f.partial = scratch;
    f.dw = dw;
    f.view = f.how == LINES_Y ? (vaei_view){dy, g->oh, g->ow, g->oc, g->h, g->w, 1, 1, g->top, g->left, -g->dy, -g->dx, g->kh, g->kw}
                              : (vaei_view){x, g->h, g->w, g->c, g->oh, g->ow, g->sy, g->sx, -g->top, -g->left, g->dy, g->dx, g->kh, g->kw};
    if (f.positions == 0) return;
    vaei_parallel(pool, (int32_t)(f.chunks * f.sets), weight_task, &f);
    vaei_parallel(pool, (int32_t)(g->groups * vaei_divide_up(f.og, JOIN)), join_task, &f);
}
