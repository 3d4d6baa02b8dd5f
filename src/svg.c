/* SPDX-License-Identifier: MIT
 * svg.c - draws curves as SVG 1.1. */
#include "svg.h"

#include <math.h>

enum { WIDTH = 720, HEIGHT = 360, LEFT = 70, RIGHT = 20, TOP = 24, BOTTOM = 44, TICKS = 5 };

typedef struct range {
    double low, high;
} range_t;

static void widen(range_t *range, double v) {
    if (!isfinite(v)) return;
    range->low = fmin(range->low, v);
    range->high = fmax(range->high, v);
}

static range_t closed(range_t range) {
    if (!(range.low <= range.high)) return (range_t){0.0, 1.0};
    if (range.low == range.high) return (range_t){range.low - 0.5, range.high + 0.5};
    return range;
}

static double at_x(const range_t *x, double v) {
    return LEFT + (v - x->low) / (x->high - x->low) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const range_t *y, double v) {
    return HEIGHT - BOTTOM - (fmin(v, y->high) - y->low) / (y->high - y->low) * (HEIGHT - TOP - BOTTOM);
}

/* Returns the distance of ticks for about TICKS ticks: 1, 2 or 5 times a power of ten. */
static double tick_of(const range_t *range) {
    const double rough = (range->high - range->low) / TICKS, power = pow(10.0, floor(log10(rough))), part = rough / power;
    return power * (part < 1.5 ? 1.0 : part < 3.5 ? 2.0 : part < 7.5 ? 5.0 : 10.0);
}

static void add_axes(strbuf_t *page, const range_t *x, const range_t *y, const char *x_name, const char *y_name) {
    const double step_x = fmax(tick_of(x), 1.0), step_y = tick_of(y);
    for (double v = ceil(y->low / step_y) * step_y; v <= y->high; v += step_y)
        strbuf_add(page,
                   "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>"
                   "<text x='%d' y='%.1f' text-anchor='end'>%g</text>\n",
                   LEFT, WIDTH - RIGHT, at_y(y, v), at_y(y, v), LEFT - 6, at_y(y, v) + 4, fabs(v) < step_y / 2 ? 0.0 : v);
    for (double v = ceil(x->low / step_x) * step_x; v <= x->high; v += step_x)
        strbuf_add(page, "<text x='%.1f' y='%d' text-anchor='middle'>%g</text>\n", at_x(x, v), HEIGHT - BOTTOM + 16, v);
    strbuf_add(page, "<path d='M%d %dV%dH%d' fill='none' stroke='#555'/>\n", LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
    strbuf_add(page, "<text x='%d' y='%d' text-anchor='middle'>%s</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_name);
    strbuf_add(page, "<text x='%d' y='%d'>%s</text>\n", LEFT, TOP - 8, y_name);
}

void svg_curves(strbuf_t *page, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name) {
    range_t x = {INFINITY, -INFINITY}, y = x;
    for (int64_t k = 0; k < n_curve; k++)
        for (int64_t i = 0; i < curve[k].n; i++) {
            widen(&x, curve[k].x[i]);
            if (i >= curve[k].n / 4) widen(&y, curve[k].y[i]);
        }
    x = closed(x);
    y = closed(y);
    strbuf_add(page, "<svg viewBox='0 0 %d %d' width='%d' height='%d' font-family='sans-serif' font-size='12' role='img'>\n", WIDTH, HEIGHT,
               WIDTH, HEIGHT);
    add_axes(page, &x, &y, x_name, y_name);
    for (int64_t k = 0; k < n_curve; k++) {
        strbuf_add(page, "<polyline fill='none' stroke='#%06x' stroke-width='%g' points='", (unsigned)curve[k].colour, curve[k].width);
        for (int64_t i = 0; i < curve[k].n; i++)
            strbuf_add(page, "%s%.1f,%.1f", i ? " " : "", at_x(&x, curve[k].x[i]), at_y(&y, curve[k].y[i]));
        strbuf_add(page, "'/>\n<text x='%d' y='%d' text-anchor='end' fill='#%06x'>%s</text>\n", WIDTH - RIGHT - 4, (int)(TOP + 14 + 16 * k),
                   (unsigned)curve[k].colour, curve[k].name);
    }
    strbuf_add(page, "</svg>\n");
}
