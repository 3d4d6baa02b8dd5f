/* SPDX-License-Identifier: MIT
 * conv_direct.c - convolution by rows of output pixels, the algorithm that takes any shape.
 *
 * Forward: every output pixel is one row of conv_rows.c. For the gradient by the input, a stride of s splits the pixels of dx into s x s
 * phases. The same taps contribute to all pixels of a phase, so each phase is a convolution of stride 1, and nothing is multiplied by zero:
 *
 *   dx[iy][ix] = sum over ky with (iy + top - ky d) divisible by s, kx likewise:  dy[(iy + top - ky d) / s][...] w[ky][kx]
 *
 *   stride 2, kernel 3, top 1:    even rows have ky = 1        odd rows have ky = 0 and 2
 *
 * A task is a band of rows: whole pixels of y, or the pixels of all phases in whole rows of dx, so that they are complete and in the
 * cache when the epilogue runs. */
#include "kernel/product_parts.h"

enum {
    BAND_WORK = 1 << 21, /* multiplications that are enough for a task */
    BANDS = 16           /* bands wanted, even if each has little work */
};

static int64_t taps_of(const vaei_conv *g) {
    return g->kh * g->kw;
}

/* The rows of a band: enough for a task, but not more than a sixteenth of all rows. A band of more than VAEI_BAND_ROWS gains nothing. */
static int64_t band_rows(int64_t rows, int64_t row_work) {
    const int64_t wanted = vaei_max(BAND_WORK / vaei_max(row_work, 1), rows / BANDS);
    const int64_t band = vaei_divide_up(vaei_min(wanted, VAEI_BAND_ROWS), VAEI_TILE_STEP) * VAEI_TILE_STEP;
    return vaei_max(vaei_max(band, VAEI_TILE_STEP), rows / VAEI_MAX_TASKS + 1);
}

/* ---- packing ---------------------------------------------------------------------------------------------------- */

static vaei_phase phase_y(const vaei_conv *g, int64_t p) {
    return vaei_phase_of(p, g->h, g->kh, g->sy, g->dy, g->top);
}

static vaei_phase phase_x(const vaei_conv *g, int64_t p) {
    return vaei_phase_of(p, g->w, g->kw, g->sx, g->dx, g->left);
}

int64_t vaei_direct_pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups;
    /* for the gradient by the input, too, each tap is in one phase only */
    return g->groups * vaei_pack_floats(k, taps_of(g) * (data ? og : cg), data ? cg : og);
}

static void pack_forward(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale, float *dst) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, taps = taps_of(g);
    for (int64_t group = 0; group < g->groups; group++) {
        for (int64_t t = 0; t < taps; t++) {
            vaei_pack_rows(k, taps * cg, t * cg, cg, og, w + group * og * cg * taps + t, taps, cg * taps, scale ? scale + group * og : NULL,
                           dst);
        }
        dst += vaei_pack_floats(k, taps * cg, og);
    }
}

static void pack_data(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale_c, float *dst) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, taps = taps_of(g);
    for (int64_t py = 0; py < g->sy; py++) {
        for (int64_t px = 0; px < g->sx; px++) {
            const vaei_phase fy = phase_y(g, py), fx = phase_x(g, px);
            for (int64_t group = 0; group < g->groups; group++) {
                for (int64_t t = 0; t < fy.count * fx.count; t++) {
                    const int64_t tap = (fy.first + t / fx.count * fy.period) * g->kw + fx.first + t % fx.count * fx.period;
                    vaei_pack_rows(k, fy.count * fx.count * og, t * og, og, cg, w + group * og * cg * taps + tap, cg * taps, taps,
                                   scale_c ? scale_c + group * cg : NULL, dst);
                }
                dst += vaei_pack_floats(k, fy.count * fx.count * og, cg);
            }
        }
    }
}

void vaei_direct_pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst) {
    if (data) pack_data(k, g, w, scale, dst);
    else pack_forward(k, g, w, scale, dst);
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

typedef struct forward {
    vaei_conv_rows rows;
    int64_t count, band;
    const vaei_epilogue *epilogue;
} forward;

static void forward_task(void *arg, int32_t index) {
    const forward *const f = arg;
    const int64_t first = index * f->band, last = vaei_min(first + f->band, f->count);
    vaei_rows_run(&f->rows, first, last);
    if (f->epilogue) f->epilogue->apply(f->epilogue->arg, f->rows.k, (last - first) * f->rows.oc, f->rows.out + first * f->rows.oc);
}

static void run_forward(const vaei_conv_job *j) {
    const vaei_conv *const g = j->g;
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups;
    memset(j->scratch, 0, (size_t)cg * sizeof *j->scratch);
    const vaei_view view = {j->in, g->h, g->w, g->c, g->oh, g->ow, g->sy, g->sx, -g->top, -g->left, g->dy, g->dx, g->kh, g->kw};
    forward f = {.rows = {.k = j->k,
                          .view = view,
                          .out = j->out,
                          .oh = g->oh,
                          .ow = g->ow,
                          .oc = g->oc,
                          .out_step_y = 1,
                          .out_step_x = 1,
                          .groups = g->groups,
                          .depth = cg,
                          .width = og,
                          .packed = j->packed,
                          .group_floats = vaei_pack_floats(j->k, taps_of(g) * cg, og),
                          .bias = j->bias,
                          .zeros = j->scratch},
                 .count = j->n * g->oh * g->ow,
                 .epilogue = j->epilogue};
    f.band = band_rows(f.count, taps_of(g) * cg * g->oc);
    vaei_parallel(j->pool, (int32_t)vaei_divide_up(f.count, f.band), forward_task, &f);
}

/* ---- gradient by the input -------------------------------------------------------------------------------------- */

typedef struct by_input {
    const vaei_kernels *k;
    const vaei_conv *g;
    int64_t n, image_lines, count, band; /* counted in lines of sy rows of dx */
    const float *dy, *packed, *bias, *zeros;
    const vaei_epilogue *epilogue;
    float *dx;
} by_input;

/* The index of line `line` of the batch as a row of a phase that has `height` rows in each image, counted through the batch. The end of
 * an image is the start of the next one. */
static int64_t phase_line(const by_input *d, int64_t line, int64_t height) {
    return line / d->image_lines * height + vaei_min(line % d->image_lines, height);
}

static int64_t first_row(const by_input *d, int64_t line) {
    return line / d->image_lines * d->g->h + vaei_min(line % d->image_lines * d->g->sy, d->g->h);
}

static void data_task(void *arg, int32_t index) {
    const by_input *const d = arg;
    const vaei_conv *const g = d->g;
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups;
    const int64_t first = index * d->band, last = vaei_min(first + d->band, d->count);
    const float *packed = d->packed;
    for (int64_t py = 0; py < g->sy; py++) {
        for (int64_t px = 0; px < g->sx; px++) {
            const vaei_phase fy = phase_y(g, py), fx = phase_x(g, px);
            const vaei_view view = {d->dy, g->oh,   g->ow,   g->oc,   fy.pixels, fx.pixels, 1,
                                    1,     fy.from, fx.from, fy.step, fx.step,   fy.count,  fx.count};
            const vaei_conv_rows rows = {.k = d->k,
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
            vaei_rows_run(&rows, phase_line(d, first, fy.pixels) * fx.pixels, phase_line(d, last, fy.pixels) * fx.pixels);
            packed += g->groups * rows.group_floats;
        }
    }
    if (d->epilogue) {
        const int64_t from = first_row(d, first), to = first_row(d, last);
        d->epilogue->apply(d->epilogue->arg, d->k, (to - from) * g->w * g->c, d->dx + from * g->w * g->c);
    }
}

static void run_data(const vaei_conv_job *j) {
    const vaei_conv *const g = j->g;
    memset(j->scratch, 0, (size_t)(g->oc / g->groups) * sizeof *j->scratch);
    const int64_t lines = vaei_divide_up(g->h, g->sy), columns = vaei_divide_up(g->w, g->sx);
    by_input d = {j->k, g, j->n, lines, j->n * lines, 0, j->in, j->packed, j->bias, j->scratch, j->epilogue, j->out};
    /* a line holds `columns` pixels of each phase; all phases together have taps_of(g) multiplications for each of them */
    d.band = vaei_divide_up(band_rows(d.count * columns, taps_of(g) * (g->oc / g->groups) * g->c), columns);
    vaei_parallel(j->pool, (int32_t)vaei_divide_up(d.count, d.band), data_task, &d);
}

/* ---- the algorithm ---------------------------------------------------------------------------------------------- */

static int32_t fits(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)k, (void)g, (void)data;
    return 1;
}

/* The zeros that pixels beside the image read. */
static int64_t scratch_floats(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data) {
    (void)k, (void)n;
    return (data ? g->oc : g->c) / g->groups;
}

static void run(const vaei_conv_job *j) {
    if (j->data) run_data(j);
    else run_forward(j);
}

const vaei_conv_algorithm vaei_conv_direct = {"rows", fits, vaei_direct_pack_floats, vaei_direct_pack, scratch_floats, run};
