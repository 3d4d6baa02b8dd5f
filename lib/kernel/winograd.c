/* SPDX-License-Identifier: MIT
 * winograd.c - divides a convolution into phases for Winograd's algorithm.
 *
 * A stride of s splits the taps (of the gradient by the input: the pixels of x) into s x s phases, each a convolution
 * of stride 1 with ceil(k / s) taps or fewer along an axis: 4x4 of stride 2 is four of 2x2, 3x3 of stride 2 is one each of
 * 2x2, 2x1, 1x2 and 1x1. The phases of one direction add up; those of the other direction write different pixels. */
#include "kernel/winograd.h"

enum { SETS = 256 }; /* rows whose size is a multiple of so many floats would share sets of the cache */

static int64_t row_floats(int64_t channels) {
    const int64_t row = vaei_divide_up(channels, VAEI_WINOGRAD_LINE) * VAEI_WINOGRAD_LINE;
    return row % SETS == 0 ? row + VAEI_WINOGRAD_LINE : row;
}

/* One axis of the geometry of conv.h, for phase number `number`. */
static vaei_winograd_axis axis_of(int64_t number, int64_t size, int64_t made, int64_t kernel, int64_t stride, int64_t before,
                                  int32_t data) {
    vaei_winograd_axis a = {0};
    if (data) {
        const vaei_phase f = vaei_phase_of(number, size, kernel, stride, 1, before);
        a = (vaei_winograd_axis){.taps = f.count,
                                 .tap = f.first + (f.count - 1) * f.period,
                                 .tap_step = -f.period,
                                 .size_in = made,
                                 .in = f.from - (f.count - 1),
                                 .in_step = 1,
                                 .size = f.pixels,
                                 .out = number,
                                 .out_step = stride};
    } else {
        a = (vaei_winograd_axis){.taps = number < kernel ? vaei_divide_up(kernel - number, stride) : 0,
                                 .tap = number,
                                 .tap_step = stride,
                                 .size_in = size,
                                 .in = number - before,
                                 .in_step = stride,
                                 .size = made,
                                 .out_step = 1};
    }
    return a;
}

int32_t vaei_winograd_plan_of(const vaei_conv *g, int32_t data, vaei_winograd_plan *p) {
    if (g->dy != 1 || g->dx != 1 || g->groups != 1 || g->sy * g->sx > VAEI_WINOGRAD_PHASES) return 0;
    const int64_t taps = g->kh * g->kw;
    *p =
        data
            ? (vaei_winograd_plan){.w = g->ow,
                                   .c = g->oc,
                                   .oh = g->h,
                                   .ow = g->w,
                                   .oc = g->c,
                                   .of_c = taps * g->c,
                                   .of_o = taps,
                                   .step_y = g->sy,
                                   .step_x = g->sx}
            : (vaei_winograd_plan){
                  .w = g->w, .c = g->c, .oh = g->oh, .ow = g->ow, .oc = g->oc, .of_c = taps, .of_o = taps * g->c, .step_y = 1, .step_x = 1};
    p->taps = taps;
    p->kw = g->kw;
    p->row_c = row_floats(p->c);
    p->row_o = row_floats(p->oc);
    for (int64_t i = 0; i < g->sy * g->sx; i++) {
        vaei_winograd_phase *const f = p->phase + p->phases++;
        f->y = axis_of(i / g->sx, g->h, g->oh, g->kh, g->sy, g->top, data);
        f->x = axis_of(i % g->sx, g->w, g->ow, g->kw, g->sx, g->left, data);
        f->panel = p->panels;
        if (f->y.taps < 1 || f->x.taps < 1 || f->y.taps > VAEI_WINOGRAD_TAPS || f->x.taps > VAEI_WINOGRAD_TAPS) return 0;
        p->panels += vaei_winograd_panels(f->y.taps) * vaei_winograd_panels(f->x.taps);
        p->points = vaei_max(p->points, vaei_winograd_points(f->y.taps) * vaei_winograd_points(f->x.taps));
        p->tiles_y = vaei_max(p->tiles_y, vaei_divide_up(f->y.size, VAEI_WINOGRAD_SIZE));
        p->tiles_x = vaei_max(p->tiles_x, vaei_divide_up(f->x.size, VAEI_WINOGRAD_SIZE));
    }
    return 1;
}

vaei_winograd_place vaei_winograd_place_of(const vaei_winograd_plan *p, int64_t tile) {
    return (vaei_winograd_place){tile / (p->tiles_y * p->tiles_x), tile / p->tiles_x % p->tiles_y, tile % p->tiles_x};
}

static int64_t outputs_at(const vaei_winograd_axis *a, int64_t tile) {
    return vaei_min(vaei_max(a->size - tile * VAEI_WINOGRAD_SIZE, 0), VAEI_WINOGRAD_SIZE);
}

vaei_winograd_tile vaei_winograd_tile_at(const vaei_winograd_phase *f, const vaei_winograd_place *at) {
    return (vaei_winograd_tile){f->y.taps, f->x.taps, outputs_at(&f->y, at->y), outputs_at(&f->x, at->x)};
}

void vaei_winograd_gather(const vaei_winograd_plan *p, const vaei_winograd_phase *f, const vaei_winograd_tile *tile,
                          const vaei_winograd_place *at, const float *in, const float *zeros, const float **x) {
    const int64_t rows = vaei_winograd_span(tile->taps_y, tile->rows);
    const int64_t columns = vaei_winograd_span(tile->taps_x, tile->columns);
    const int64_t x0 = f->x.in + at->x * VAEI_WINOGRAD_SIZE * f->x.in_step, step = f->x.in_step * p->c;
    const int32_t inside = x0 >= 0 && x0 + (columns - 1) * f->x.in_step < f->x.size_in;
    for (int64_t r = 0; r < rows; r++, x += columns) {
        const int64_t y = f->y.in + (at->y * VAEI_WINOGRAD_SIZE + r) * f->y.in_step;
        if (y < 0 || y >= f->y.size_in) {
            for (int64_t s = 0; s < columns; s++) x[s] = zeros;
            continue;
        }
        const float *const line = in + (at->n * f->y.size_in + y) * p->w * p->c;
        for (int64_t s = 0; s < columns; s++) {
            const int64_t column = x0 + s * f->x.in_step;
            x[s] = inside || (column >= 0 && column < f->x.size_in) ? line + x0 * p->c + s * step : zeros;
        }
    }
}

static int64_t least(int64_t taps, int64_t i) {
    if (taps == 1) return i + 1;
    return i == vaei_winograd_points(taps) - 1 ? 1 : vaei_max(i + 3 - taps, 1);
}

vaei_winograd_tile vaei_winograd_least(const vaei_winograd_phase *f, int64_t i) {
    const int64_t points_x = vaei_winograd_points(f->x.taps);
    return (vaei_winograd_tile){f->y.taps, f->x.taps, least(f->y.taps, i / points_x), least(f->x.taps, i % points_x)};
}

int64_t vaei_winograd_panel(const vaei_winograd_phase *f, int64_t point) {
    const int64_t points_x = vaei_winograd_points(f->x.taps);
    const int64_t y = f->y.taps > 1 ? point / points_x : 0, x = f->x.taps > 1 ? point % points_x : 0;
    return f->panel + y * vaei_winograd_panels(f->x.taps) + x;
}

vaei_winograd_panel_points vaei_winograd_panel_points_of(const vaei_winograd_phase *f, int64_t panel) {
    const int64_t points_y = vaei_winograd_points(f->y.taps), points_x = vaei_winograd_points(f->x.taps), number = panel - f->panel;
    if (f->y.taps > 1 && f->x.taps > 1) return (vaei_winograd_panel_points){number, 1, 1};
    if (f->y.taps > 1) return (vaei_winograd_panel_points){number * points_x, 1, points_x};
    if (f->x.taps > 1) return (vaei_winograd_panel_points){number, points_x, points_y};
    return (vaei_winograd_panel_points){0, 1, points_y * points_x};
}

void vaei_winograd_taps(const vaei_winograd_plan *p, const vaei_winograd_phase *f, int64_t *tap) {
    for (int64_t i = 0; i < f->y.taps * f->x.taps; i++) {
        tap[i] = (f->y.tap + i / f->x.taps * f->y.tap_step) * p->kw + f->x.tap + i % f->x.taps * f->x.tap_step;
    }
}

/* The points of all tiles along an axis. */
static int64_t axis_products(const vaei_winograd_axis *a) {
    return a->size + vaei_divide_up(a->size, VAEI_WINOGRAD_SIZE) * (a->taps - 1);
}

int64_t vaei_winograd_products(const vaei_winograd_plan *p) {
    int64_t sum = 0;
    for (int64_t i = 0; i < p->phases; i++) sum += axis_products(&p->phase[i].y) * axis_products(&p->phase[i].x);
    return sum;
}
