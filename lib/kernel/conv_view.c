/* SPDX-License-Identifier: MIT
 * conv_view.c - where the taps of positions point, and patches: what all taps of a position see, side by side. */
#include "kernel/product_parts.h"

vaei_stretch vaei_view_inside(int64_t count, int64_t step, int64_t first, int64_t taps, int64_t dilation,
                              int64_t size) {
    const int64_t reach = (taps - 1) * dilation, low = reach < 0 ? reach : 0, high = reach > 0 ? reach : 0;
    const int64_t begin = vaei_max(0, vaei_divide_up(vaei_max(0, -(first + low)), step));
    const int64_t room = size - 1 - high - first;
    const int64_t end = room < 0 ? 0 : vaei_min(count, room / step + 1);
    return (vaei_stretch){begin, vaei_max(begin, end)};
}

void vaei_view_spots(const vaei_view *v, int64_t first, int64_t count, vaei_spot *spots) {
    const vaei_stretch rows = vaei_view_inside(v->gh, v->step_y, v->y0, v->th, v->dy, v->h);
    const vaei_stretch cols = vaei_view_inside(v->gw, v->step_x, v->x0, v->tw, v->dx, v->w);
    const int64_t step = v->step_x * v->c;
    int64_t n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    for (int64_t p = 0; p < count;) {
        const int64_t now = vaei_min(v->gw - j, count - p), y = i * v->step_y + v->y0, x = j * v->step_x + v->x0;
        const int64_t at = ((n * v->h + y) * v->w + x) * v->c;
        const int32_t inside = i >= rows.begin && i < rows.end;
        for (int64_t q = 0; q < now; q++) {
            spots[p + q] =
                (vaei_spot){at + q * step, y, x + q * v->step_x, inside && j + q >= cols.begin && j + q < cols.end};
        }
        p += now;
        j = 0;
        if (++i < v->gh) continue;
        i = 0;
        n++;
    }
}

void vaei_view_taps(const vaei_view *v, int64_t t0, int64_t count, vaei_tap *taps) {
    for (int64_t t = 0; t < count; t++) {
        const int64_t y = (t0 + t) / v->tw * v->dy, x = (t0 + t) % v->tw * v->dx;
        taps[t] = (vaei_tap){y, x, (y * v->w + x) * v->c};
    }
}

/* depth is a constant here where it matters */
VAEI_INLINE void copy_patch(const vaei_view *v, const vaei_spot *s, const vaei_tap *taps, int64_t count,
                            int64_t channel, const int64_t depth, float *out) {
    for (int64_t t = 0; t < count; t++, out += depth) {
        if (s->inside || vaei_sees(v, s, taps + t)) {
            const float *const from = v->in + (s->at + taps[t].offset + channel);
            for (int64_t c = 0; c < depth; c++) out[c] = from[c];
        } else {
            for (int64_t c = 0; c < depth; c++) out[c] = 0;
        }
    }
}

void vaei_view_patch(const vaei_view *v, const vaei_spot *s, const vaei_tap *taps, int64_t count, int64_t channel,
                     int64_t depth, float *out) {
    if (depth == 1 && s->inside) {
        const float *const from = v->in + channel;
        for (int64_t t = 0; t < count; t++) out[t] = from[s->at + taps[t].offset];
        return;
    }
    switch (depth) {
    case 1:
        copy_patch(v, s, taps, count, channel, 1, out);
        break;
    case 3:
        copy_patch(v, s, taps, count, channel, 3, out);
        break;
    default:
        copy_patch(v, s, taps, count, channel, depth, out);
    }
}

/* Position q of a row of taps that are partly outside: tap t sees pixel x + t dx. line NULL: a row outside the image. */
static void plane_edge(const vaei_view *v, const float *line, int64_t x, float *out) {
    for (int64_t t = 0; t < v->tw; t++) {
        const int64_t pixel = x + t * v->dx;
        out[t] = line && pixel >= 0 && pixel < v->w ? line[pixel * v->c] : 0.0f;
    }
}

/* One row of taps of `count` positions; x: the pixel of the first one's tap 0. */
static void plane_row(const vaei_view *v, const float *line, int64_t x, int64_t count, vaei_stretch inside,
                      int64_t stride, float *out) {
    const int64_t begin = line ? vaei_min(vaei_max(inside.begin, 0), count) : count;
    const int64_t end = vaei_max(begin, vaei_min(inside.end, count)), turn = v->dx * v->c;
    for (int64_t q = 0; q < begin; q++) plane_edge(v, line, x + q * v->step_x, out + q * stride);
    for (int64_t q = begin; q < end; q++) {
        const float *const from = line + (x + q * v->step_x) * v->c;
        float *const to = out + q * stride;
        if (v->tw == 3) { /* the usual kernel */
            to[0] = from[0];
            to[1] = from[turn];
            to[2] = from[2 * turn];
        } else {
            for (int64_t t = 0; t < v->tw; t++) to[t] = from[t * turn];
        }
    }
    for (int64_t q = end; q < count; q++) plane_edge(v, line, x + q * v->step_x, out + q * stride);
}

void vaei_view_plane(const vaei_view *v, int64_t first, int64_t count, int64_t channel, int64_t stride, float *out) {
    const vaei_stretch cols = vaei_view_inside(v->gw, v->step_x, v->x0, v->tw, v->dx, v->w);
    int64_t n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    for (int64_t p = 0; p < count;) { /* the rest of a row of positions at a time */
        const int64_t now = vaei_min(v->gw - j, count - p);
        const vaei_stretch inside = {cols.begin - j, cols.end - j};
        for (int64_t ty = 0; ty < v->th; ty++) {
            const int64_t y = i * v->step_y + v->y0 + ty * v->dy;
            const float *const line = y >= 0 && y < v->h ? v->in + (n * v->h + y) * v->w * v->c + channel : NULL;
            plane_row(v, line, j * v->step_x + v->x0, now, inside, stride, out + p * stride + ty * v->tw);
        }
        p += now;
        j = 0;
        if (++i < v->gh) continue;
        i = 0;
        n++;
    }
}
