/* SPDX-License-Identifier: MIT
 * conv_view.c - where the taps of positions point, and patches: what all taps of a position see, side by side. */
#include "kernel/product_parts.h"

static int32_t axis_inside(int64_t from, int64_t step, int64_t count, int64_t size) {
    const int64_t to = from + (count - 1) * step;
    return from >= 0 && from < size && to >= 0 && to < size;
}

void vaei_view_spots(const vaei_view *v, int64_t first, int64_t count, vaei_spot *spots) {
    int64_t n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    int64_t y = i * v->step_y + v->y0;
    int64_t line = (n * v->h + y) * v->w * v->c;
    int32_t inside_y = axis_inside(y, v->dy, v->th, v->h);
    for (int64_t p = 0; p < count; p++) {
        const int64_t x = j * v->step_x + v->x0;
        const int32_t inside = inside_y && axis_inside(x, v->dx, v->tw, v->w);
        spots[p] = (vaei_spot){n, i, j, y, x, line + x * v->c, inside};
        if (++j < v->gw) continue;
        j = 0;
        if (++i == v->gh) {
            i = 0;
            n++;
        }
        y = i * v->step_y + v->y0;
        line = (n * v->h + y) * v->w * v->c;
        inside_y = axis_inside(y, v->dy, v->th, v->h);
    }
}

void vaei_view_taps(const vaei_view *v, int64_t t0, int64_t count, vaei_tap *taps) {
    for (int64_t t = 0; t < count; t++) {
        const int64_t y = (t0 + t) / v->tw * v->dy, x = (t0 + t) % v->tw * v->dx;
        taps[t] = (vaei_tap){y, x, (y * v->w + x) * v->c};
    }
}

/* depth is a constant here where it matters */
VAEI_INLINE void copy_patch(const vaei_view *v, const vaei_spot *s, const vaei_tap *taps, int64_t count, int64_t channel,
                            const int64_t depth, float *out) {
    for (int64_t t = 0; t < count; t++, out += depth) {
        if (s->inside || vaei_sees(v, s, taps + t)) {
            const float *const from = v->in + (s->at + taps[t].offset + channel);
            for (int64_t c = 0; c < depth; c++) out[c] = from[c];
        } else {
            for (int64_t c = 0; c < depth; c++) out[c] = 0;
        }
    }
}

void vaei_view_patch(const vaei_view *v, const vaei_spot *s, const vaei_tap *taps, int64_t count, int64_t channel, int64_t depth,
                     float *out) {
    if (depth == 1 && s->inside) {
        const float *const from = v->in + channel;
        for (int64_t t = 0; t < count; t++) out[t] = from[s->at + taps[t].offset];
        return;
    }
    switch (depth) {
    case 1: copy_patch(v, s, taps, count, channel, 1, out); break;
    case 3: copy_patch(v, s, taps, count, channel, 3, out); break;
    default: copy_patch(v, s, taps, count, channel, depth, out);
    }
}
