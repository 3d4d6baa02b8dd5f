/* SPDX-License-Identifier: MIT
 * conv_view.c - finds the pixels that the taps of positions read, and makes lines: copies of the pixels of a run of positions, with zeros
 * for pixels outside the image. */
#include "kernel/product_parts.h"

vaei_stretch vaei_view_inside(int64_t count, int64_t step, int64_t first, int64_t taps, int64_t dilation, int64_t size) {
    const int64_t reach = (taps - 1) * dilation, low = reach < 0 ? reach : 0, high = reach > 0 ? reach : 0;
    const int64_t begin = vaei_max(0, vaei_divide_up(vaei_max(0, -(first + low)), step));
    const int64_t room = size - 1 - high - first;
    const int64_t end = room < 0 ? 0 : vaei_min(count, room / step + 1);
    return (vaei_stretch){begin, vaei_max(begin, end)};
}

void vaei_view_positions(const vaei_view *v, int64_t first, int64_t count, vaei_conv_position *points) {
    const vaei_stretch rows = vaei_view_inside(v->gh, v->step_y, v->y0, v->th, v->dy, v->h);
    const vaei_stretch cols = vaei_view_inside(v->gw, v->step_x, v->x0, v->tw, v->dx, v->w);
    const int64_t step = v->step_x * v->c;
    int64_t n = first / (v->gh * v->gw), i = first / v->gw % v->gh, j = first % v->gw;
    for (int64_t p = 0; p < count;) {
        const int64_t now = vaei_min(v->gw - j, count - p), y = i * v->step_y + v->y0, x = j * v->step_x + v->x0;
        const int64_t at = ((n * v->h + y) * v->w + x) * v->c;
        const int32_t inside = i >= rows.begin && i < rows.end;
        for (int64_t q = 0; q < now; q++) {
            points[p + q] = (vaei_conv_position){at + q * step, y, x + q * v->step_x, inside && j + q >= cols.begin && j + q < cols.end};
        }
        p += now;
        j = 0;
        if (++i < v->gh) continue;
        i = 0;
        n++;
    }
}

void vaei_view_taps(const vaei_view *v, int64_t t0, int64_t count, vaei_conv_tap *taps) {
    for (int64_t t = 0; t < count; t++) {
        const int64_t y = (t0 + t) / v->tw * v->dy, x = (t0 + t) % v->tw * v->dx;
        taps[t] = (vaei_conv_tap){y, x, (y * v->w + x) * v->c};
    }
}

/* Copies `count` pixels from `from` on, or zeros, to out; from_step and out_step floats lie between two pixels. depth is a constant
 * where speed needs it. */
VAEI_INLINE void put_pixels(int64_t count, const float *from, int64_t from_step, const int64_t depth, float *out, int64_t out_step) {
    for (int64_t q = 0; q < count; q++) {
        for (int64_t c = 0; c < depth; c++) out[q * out_step + c] = from ? from[q * from_step + c] : 0.0f;
    }
}

int32_t vaei_view_lines(const vaei_view *v) {
    return v->tw == 1 || v->dx == 1 || v->dx == -1;
}

VAEI_INLINE void put_line(int64_t zeros, int64_t count, int64_t after, const float *from, int64_t from_step, const int64_t depth,
                          float *out, int64_t out_step) {
    put_pixels(zeros, NULL, 0, depth, out, out_step);
    if (from_step == depth && out_step == depth) {
        memcpy(out + zeros * depth, from, (size_t)(count * depth) * sizeof *out);
    } else {
        put_pixels(count, from, from_step, depth, out + zeros * out_step, out_step);
    }
    put_pixels(after, NULL, 0, depth, out + (zeros + count) * out_step, out_step);
}

void vaei_view_line(const vaei_view *v, int64_t n, int64_t i, int64_t j, int64_t count, int64_t ty, int64_t channel, int64_t depth,
                    float *out, int64_t step) {
    const int64_t width = vaei_view_width(v, count), y = i * v->step_y + v->y0 + ty * v->dy;
    /* the line begins with pixel `first` and goes in direction `turn`; its pixels [begin, end) are inside the image */
    const int64_t turn = vaei_view_falls(v) ? -1 : 1;
    const int64_t first = v->x0 + (turn < 0 ? j + count - 1 : j) * v->step_x;
    const int64_t before = turn > 0 ? -first : first - (v->w - 1), room = turn > 0 ? v->w - first : first + 1;
    const int64_t begin = y < 0 || y >= v->h ? width : vaei_min(vaei_max(before, 0), width);
    const int64_t end = vaei_max(begin, vaei_min(room, width));
    const float *const from = v->in + ((n * v->h + y) * v->w + first + begin * turn) * v->c + channel;
    if (depth == 1 && step == 1) {
        put_line(begin, end - begin, width - end, from, turn * v->c, 1, out, 1);
    } else if (depth == 1) {
        put_line(begin, end - begin, width - end, from, turn * v->c, 1, out, step);
    } else if (depth == 3) {
        put_line(begin, end - begin, width - end, from, turn * v->c, 3, out, step);
    } else {
        put_line(begin, end - begin, width - end, from, turn * v->c, depth, out, step);
    }
}
