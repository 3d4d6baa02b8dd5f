/* SPDX-License-Identifier: MIT
 * plot.c - draws axes, curves and a tiny font.
 *
 * The picture is drawn without smoothing at SCALE times its size, then averaged down, which smooths everything alike.
 * The distance of ticks is 1, 2 or 5 times a power of ten. */
#include "plot.h"
#include "bitmap.h"
#include "mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 420, SCALE = 3, LEFT = 64, RIGHT = 20, TOP = 20, BOTTOM = 48, GLYPH_W = 5, GLYPH_H = 7, TICK_TEXT = 32 };

/* A glyph has seven rows of five bits, the highest bit on the left. */
typedef struct glyph {
    char letter;
    uint8_t row[GLYPH_H];
} glyph_t;

static const glyph_t font[] = {
    {'0', {14, 17, 19, 21, 25, 17, 14}}, {'1', {4, 12, 4, 4, 4, 4, 14}},      {'2', {14, 17, 1, 2, 4, 8, 31}},
    {'3', {31, 2, 4, 2, 1, 17, 14}},     {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},
    {'6', {6, 8, 16, 30, 17, 17, 14}},   {'7', {31, 1, 2, 4, 8, 8, 8}},       {'8', {14, 17, 17, 14, 17, 17, 14}},
    {'9', {14, 17, 17, 15, 1, 2, 12}},   {'.', {0, 0, 0, 0, 0, 12, 12}},      {'-', {0, 0, 0, 31, 0, 0, 0}},
    {'a', {0, 0, 14, 1, 15, 17, 15}},    {'b', {16, 16, 22, 25, 17, 17, 30}}, {'c', {0, 0, 14, 16, 16, 17, 14}},
    {'d', {1, 1, 13, 19, 17, 17, 15}},   {'e', {0, 0, 14, 17, 31, 16, 14}},   {'g', {0, 15, 17, 17, 15, 1, 14}},
    {'h', {16, 16, 22, 25, 17, 17, 17}}, {'i', {4, 0, 12, 4, 4, 4, 14}},      {'k', {16, 16, 18, 20, 24, 20, 18}},
    {'l', {12, 4, 4, 4, 4, 4, 14}},      {'m', {0, 0, 26, 21, 21, 17, 17}},   {'n', {0, 0, 22, 25, 17, 17, 17}},
    {'o', {0, 0, 14, 17, 17, 17, 14}},   {'p', {0, 0, 30, 17, 30, 16, 16}},   {'r', {0, 0, 22, 25, 16, 16, 16}},
    {'s', {0, 0, 14, 16, 14, 1, 30}},    {'t', {8, 8, 28, 8, 8, 9, 6}},       {'u', {0, 0, 17, 17, 17, 19, 13}},
    {'v', {0, 0, 17, 17, 17, 10, 4}},    {'x', {0, 0, 17, 10, 4, 10, 17}},
};

typedef struct range {
    double low, high, tick;
} range_t;

void plot_add(curve_t *curve, double x, double y) {
    if (curve->n == curve->cap) {
        curve->cap = curve->cap * 2 + 64;
        curve->x = mem_grow(curve->x, curve->cap, sizeof *curve->x);
        curve->y = mem_grow(curve->y, curve->cap, sizeof *curve->y);
    }
    curve->x[curve->n] = x;
    curve->y[curve->n++] = y;
}

static void fill(bitmap_t *canvas, double x0, double y0, double x1, double y1, uint32_t colour) {
    for (int64_t y = (int64_t)fmax(y0, 0.0); y < (int64_t)fmin(y1, (double)canvas->h); y++)
        for (int64_t x = (int64_t)fmax(x0, 0.0); x < (int64_t)fmin(x1, (double)canvas->w); x++) {
            uint8_t *p = canvas->pixel + (y * canvas->w + x) * 3;
            p[0] = (uint8_t)(colour >> 16);
            p[1] = (uint8_t)(colour >> 8);
            p[2] = (uint8_t)colour;
        }
}

static void write_text(bitmap_t *canvas, double x, double y, const char *text, uint32_t colour) {
    const double dot = 1.5 * SCALE;
    for (; *text; text++, x += (GLYPH_W + 1) * dot)
        for (size_t g = 0; g < sizeof font / sizeof *font; g++) {
            if (font[g].letter != *text) continue;
            for (int r = 0; r < GLYPH_H; r++)
                for (int b = 0; b < GLYPH_W; b++)
                    if (font[g].row[r] >> (GLYPH_W - 1 - b) & 1)
                        fill(canvas, x + b * dot, y + r * dot, x + (b + 1) * dot, y + (r + 1) * dot, colour);
        }
}

static double text_width(const char *text) {
    return (double)strlen(text) * (GLYPH_W + 1) * 1.5 * SCALE;
}

static double nice_tick(double span, double wanted) {
    const double power = pow(10.0, floor(log10(span / wanted)));
    const double lead = span / wanted / power;
    return power * (lead <= 1.0 ? 1.0 : lead <= 2.0 ? 2.0 : lead <= 5.0 ? 5.0 : 10.0);
}

static range_t ticked(double low, double high, double wanted) {
    if (!(high - low > 1e-9 * (1.0 + fabs(low)))) {
        low -= 0.5;
        high += 0.5;
    }
    return (range_t){low, high, nice_tick(high - low, wanted)};
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The range from the least value to the one that nine in ten do not exceed, and all values of curves in the legend. */
static range_t y_range(const curve_t *curve, int64_t n_curve) {
    int64_t n = 0;
    for (int64_t i = 0; i < n_curve; i++) n += curve[i].n;
    double *all = mem_alloc(n + 1, sizeof *all);
    n = 0;
    for (int64_t i = 0; i < n_curve; i++)
        for (int64_t k = 0; k < curve[i].n; k++) all[n++] = curve[i].y[k];
    qsort(all, (size_t)n, sizeof *all, by_value);
    double low = n ? all[0] : 0.0, high = n ? all[(n - 1) * 9 / 10] : 1.0;
    free(all);
    for (int64_t i = 0; i < n_curve; i++)
        for (int64_t k = 0; curve[i].name && k < curve[i].n; k++) high = fmax(high, curve[i].y[k]);
    const double margin = 0.05 * (high - low);
    return ticked(low - margin, high + margin, 5.0);
}

static range_t x_range(const curve_t *curve, int64_t n_curve) {
    double high = 0.0;
    for (int64_t i = 0; i < n_curve; i++)
        for (int64_t k = 0; k < curve[i].n; k++) high = fmax(high, curve[i].x[k]);
    range_t range = ticked(0.0, high > 0.0 ? high : 1.0, 8.0);
    range.tick = fmax(range.tick, high >= 2.0 ? 1.0 : 0.0);
    return range;
}

static double at_x(const range_t *range, double x) {
    return SCALE * (LEFT + (x - range->low) / (range->high - range->low) * (WIDTH - LEFT - RIGHT));
}

static double at_y(const range_t *range, double y) {
    return SCALE * (HEIGHT - BOTTOM - (y - range->low) / (range->high - range->low) * (HEIGHT - TOP - BOTTOM));
}

/* Writes the value with the digits that its ticks need; a zero with a rounding error becomes zero. */
static void tick_text(char text[TICK_TEXT], double v, double tick) {
    snprintf(text, TICK_TEXT, "%.*f", tick < 1.0 ? (int)ceil(-log10(tick)) : 0, fabs(v) < tick / 2 ? 0.0 : v);
}

static void draw_axes(bitmap_t *canvas, const range_t *x, const range_t *y, const char *x_name, const char *y_name) {
    const double left = SCALE * LEFT, right = SCALE * (WIDTH - RIGHT);
    const double top = SCALE * TOP, bottom = SCALE * (HEIGHT - BOTTOM);
    char text[TICK_TEXT];
    for (double v = ceil(y->low / y->tick) * y->tick; v <= y->high; v += y->tick) {
        fill(canvas, left, at_y(y, v) - 1, right, at_y(y, v) + 2, 0xe4e4e4);
        tick_text(text, v, y->tick);
        write_text(canvas, left - text_width(text) - 4 * SCALE, at_y(y, v) - 5 * SCALE, text, 0x555555);
    }
    for (double v = ceil(x->low / x->tick) * x->tick; v <= x->high * (1 + 1e-12); v += x->tick) {
        fill(canvas, at_x(x, v) - 1, bottom, at_x(x, v) + 2, bottom + 5 * SCALE, 0x555555);
        tick_text(text, v, x->tick);
        write_text(canvas, at_x(x, v) - text_width(text) / 2, bottom + 8 * SCALE, text, 0x555555);
    }
    fill(canvas, left - 2, top, left + 2, bottom, 0x555555);
    fill(canvas, left, bottom - 2, right, bottom + 2, 0x555555);
    write_text(canvas, (left + right - text_width(x_name)) / 2, bottom + 26 * SCALE, x_name, 0x222222);
    write_text(canvas, left + 6 * SCALE, top - 12 * SCALE, y_name, 0x222222);
}

/* Draws squares of the line's width along the curve, clipped to the frame. */
static void draw_curve(bitmap_t *canvas, const curve_t *curve, const range_t *x, const range_t *y) {
    const double half = curve->width * SCALE / 2.0;
    for (int64_t i = 0; i < curve->n; i++) {
        const int64_t from = i > 0 ? i - 1 : 0;
        const double x0 = at_x(x, curve->x[from]), x1 = at_x(x, curve->x[i]);
        const double y0 = at_y(y, fmin(curve->y[from], y->high)), y1 = at_y(y, fmin(curve->y[i], y->high));
        const double steps = ceil(fmax(fabs(x1 - x0), fabs(y1 - y0))) + 1.0;
        for (double s = 0.0; s <= steps; s++) {
            const double px = x0 + (x1 - x0) * s / steps, py = y0 + (y1 - y0) * s / steps;
            fill(canvas, px - half, py - half, px + half, py + half, curve->colour);
        }
        if (curve->name) fill(canvas, x1 - 2 * half, y1 - 2 * half, x1 + 2 * half, y1 + 2 * half, curve->colour);
    }
}

static void draw_legend(bitmap_t *canvas, const curve_t *curve, int64_t n_curve) {
    double y = SCALE * (TOP + 10);
    for (int64_t i = 0; i < n_curve; i++) {
        if (!curve[i].name || curve[i].n == 0) continue;
        const double x = SCALE * (WIDTH - RIGHT - 10) - text_width(curve[i].name);
        fill(canvas, x - 26 * SCALE, y + 3 * SCALE, x - 8 * SCALE, y + 6 * SCALE, curve[i].colour);
        write_text(canvas, x, y, curve[i].name, 0x222222);
        y += 16 * SCALE;
    }
}

void plot_write(const char *path, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name) {
    const range_t x = x_range(curve, n_curve), y = y_range(curve, n_curve);
    bitmap_t canvas = bitmap_new(HEIGHT * SCALE, WIDTH * SCALE, 3, 255);
    bitmap_t picture = bitmap_new(HEIGHT, WIDTH, 3, 255);
    draw_axes(&canvas, &x, &y, x_name, y_name);
    for (int64_t i = 0; i < n_curve; i++) draw_curve(&canvas, &curve[i], &x, &y);
    draw_legend(&canvas, curve, n_curve);
    bitmap_fit(&canvas, HEIGHT, WIDTH, 3, picture.pixel);
    bitmap_write(&picture, path);
    bitmap_free(&canvas);
    bitmap_free(&picture);
}
