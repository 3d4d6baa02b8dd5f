/* SPDX-License-Identifier: MIT
 * conv_rows.c - multiplies rows of output pixels by packed weights and reads the image without a copy.
 *
 *   for each stretch of rows: for each block of taps: find the pixel that each tap of each row reads
 *       for each panel of weights: dot_tile
 *
 * A tap outside the image points to a row of zeros. Pointers are found once for all panels. A block of taps is as large as possible with
 * its panel in the second cache; blocks after the first add to the output, so each output is one chain of FMA. With less than LINE_DEPTH
 * channels, a pointer for each tap would cost more than it saves. Then the pixels that a row of taps reads along a run of positions are
 * copied to a line with the zeros outside the image. In the line the taps of a position are neighbours, so they are used as one tap with
 * all their channels. */
#include "kernel/product_parts.h"

enum {
    POINTERS = 768,
    TAPS = POINTERS / VAEI_TILE_STEP, /* of one block, at most */
    PANEL_BYTES = 128 * 1024,
    LINE_DEPTH = 4,
    LINE_FLOATS = 2048, /* floats of all lines at once */
    LINES = 8
};

/* Finds out[p], the output pixels of the positions first <= . < first + count. */
static void output_rows(const vaei_conv_rows *r, int64_t first, int64_t count, float **out) {
    const int64_t gh = r->view.gh, gw = r->view.gw, step = r->out_step_x * r->oc;
    int64_t n = first / (gh * gw), i = first / gw % gh, j = first % gw;
    for (int64_t p = 0; p < count;) {
        const int64_t now = vaei_min(gw - j, count - p), y = i * r->out_step_y + r->out_y0, x = j * r->out_step_x + r->out_x0;
        float *const pixel = r->out + ((n * r->oh + y) * r->ow + x) * r->oc;
        for (int64_t q = 0; q < now; q++) out[p + q] = pixel + q * step;
        p += now;
        j = 0;
        if (++i < gh) continue;
        i = 0;
        n++;
    }
}

/* Finds the pixels of a[t * m + i] for m rows. It prefetches them, because they are too scattered for the hardware to foresee. */
static void point(const vaei_conv_rows *r, int64_t channel, const vaei_conv_position *points, int64_t m, const vaei_conv_tap *taps,
                  int64_t count, const float **a) {
    const float *const in = r->view.in + channel;
    for (int64_t i = 0; i < m; i++) {
        const vaei_conv_position *const s = points + i;
        if (s->inside) {
            for (int64_t t = 0; t < count; t++) {
                a[t * m + i] = in + (s->at + taps[t].offset);
                vaei_prefetch(1, a[t * m + i]);
            }
        } else {
            for (int64_t t = 0; t < count; t++) {
                a[t * m + i] = vaei_tap_is_inside(&r->view, s, taps + t) ? in + (s->at + taps[t].offset) : r->zeros;
            }
        }
    }
}

static void group_by_pointers(const vaei_conv_rows *r, int64_t group, int64_t first, int64_t last) {
    const vaei_kernels *const k = r->k;
    const int64_t taps = r->view.th * r->view.tw, fit = PANEL_BYTES / (int64_t)sizeof(float) / k->nr / r->depth;
    const int64_t block = vaei_min(taps, vaei_min(TAPS, vaei_max(fit, 1)));
    const int64_t stretch = vaei_min(VAEI_BAND_ROWS, POINTERS / vaei_max(block, 1)) / k->mr * k->mr;
    const float *const packed = r->packed + group * r->group_floats, *const bias = r->bias ? r->bias + group * r->width : NULL;
    const float *a[POINTERS];
    vaei_conv_tap at[TAPS];
    vaei_conv_position points[VAEI_BAND_ROWS];
    float *out[VAEI_BAND_ROWS], *c[VAEI_BAND_ROWS];
    for (int64_t from = first; from < last; from += stretch) {
        const int64_t count = vaei_min(stretch, last - from);
        int64_t t = 0;
        vaei_view_positions(&r->view, from, count, points);
        output_rows(r, from, count, out);
        do { /* runs once even without a tap, for the bias alone */
            const int64_t now = vaei_min(block, taps - t);
            vaei_view_taps(&r->view, t, now, at);
            point(r, group * r->depth, points, count, at, now, a);
            for (int64_t n = 0; n < r->width; n += k->nr) {
                for (int64_t i = 0; i < count; i++) c[i] = out[i] + group * r->width + n;
                k->dot_tile(count, vaei_min(k->nr, r->width - n), now, r->depth, a,
                            packed + (n * taps + t * vaei_panel_columns(k, r->width - n)) * r->depth, c, bias && t == 0 ? bias + n : NULL,
                            t > 0);
            }
            t += now;
        } while (t < taps);
    }
}

static void group_by_lines(const vaei_conv_rows *r, int64_t group, int64_t first, int64_t last) {
    const vaei_kernels *const k = r->k;
    const vaei_view *const v = &r->view;
    const int64_t depth = v->tw * r->depth, panel = v->th * depth; /* floats of a row of taps; rows of a panel */
    const int64_t fit = vaei_min((LINE_FLOATS / r->depth - v->tw) / v->step_x + 1, VAEI_BAND_ROWS);
    const int64_t step = vaei_view_step(v) * r->depth, out_step = r->out_step_x * r->oc;
    const float *const packed = r->packed + group * r->group_floats, *const bias = r->bias ? r->bias + group * r->width : NULL;
    int64_t n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    float lines[LINE_FLOATS], *c[VAEI_BAND_ROWS];
    const float *a[VAEI_BAND_ROWS * LINES];
    for (int64_t p = first, count; p < last; p += count) {
        count = vaei_min(vaei_min(v->gw - j, last - p), fit);
        const int64_t length = vaei_view_width(v, count) * r->depth;
        const int64_t block = vaei_min(v->th, vaei_min(LINES, LINE_FLOATS / length));
        const int64_t y = i * r->out_step_y + r->out_y0, x = j * r->out_step_x + r->out_x0;
        float *const out = r->out + ((n * r->oh + y) * r->ow + x) * r->oc + group * r->width;
        for (int64_t ty = 0; ty < v->th; ty += block) {
            const int64_t now = vaei_min(block, v->th - ty);
            for (int64_t t = 0; t < now; t++) {
                const float *const sees = lines + t * length + vaei_view_at(v, count) * r->depth;
                vaei_view_line(v, n, i, j, count, ty + t, group * r->depth, r->depth, lines + t * length, r->depth);
                for (int64_t s = 0; s < count; s++) a[t * count + s] = sees + s * step;
            }
            for (int64_t o = 0; o < r->width; o += k->nr) {
                const float *const b = packed + o * panel + ty * depth * vaei_panel_columns(k, r->width - o);
                for (int64_t s = 0; s < count; s++) c[s] = out + s * out_step + o;
                k->dot_tile(count, vaei_min(k->nr, r->width - o), now, depth, a, b, c, bias && ty == 0 ? bias + o : NULL, ty > 0);
            }
        }
        j += count;
        if (j < v->gw) continue;
        j = 0;
        if (++i < v->gh) continue;
        i = 0;
        n++;
    }
}

void vaei_rows_run(const vaei_conv_rows *r, int64_t first, int64_t last) {
    const vaei_view *const v = &r->view;
    const int32_t lines = r->depth < LINE_DEPTH && v->th * v->tw > 1 && vaei_view_lines(v) && v->tw * r->depth <= LINE_FLOATS;
    for (int64_t group = 0; group < r->groups && first < last; group++) {
        if (lines) {
            group_by_lines(r, group, first, last);
        } else {
            group_by_pointers(r, group, first, last);
        }
    }
}
