/* SPDX-License-Identifier: MIT
 * data_shapes.c - generates a data set of pictures with one shape each, drawn from known factors.
 *
 *     factor      drawn from        factor     drawn from
 *     shape       disc, square,     angle      [0, 2 pi)
 *                 triangle, ring    value      [0.5, 1): brightness
 *     x, y        [0.3, 0.7)        hue        [0, 1), three channels only (else 0)
 *     size        [0.12, 0.28)      all lengths as parts of the picture's side
 *
 * Edges are anti-aliased by the signed distance to the shape's border: coverage = clamp(1/2 - distance in pixels).
 * Example i is a function of i only, so every run on every machine has the same pictures. The data set is similar to
 * dSprites (Matthey et al. 2017). */
#include "console.h"
#include "data.h"
#include "mem.h"
#include "shuffle.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DISC, SQUARE, TRIANGLE, RING, SHAPES };
enum { N_FACTOR = 7, N_TRAIN = 10000, MOST_TRAIN = 10000000 };

typedef struct shape {
    float kind, x, y, size, angle, value, hue;
} shape_t;

static shape_t draw_shape(uint64_t example, int64_t channels) {
    uint64_t state = draw_stream(0x5ea9e5, example);
    shape_t s;
    s.kind = (float)draw_below(&state, SHAPES);
    s.x = (float)(0.3 + 0.4 * draw_unit(&state));
    s.y = (float)(0.3 + 0.4 * draw_unit(&state));
    s.size = (float)(0.12 + 0.16 * draw_unit(&state));
    s.angle = (float)(6.283185307179586 * draw_unit(&state));
    s.value = (float)(0.5 + 0.5 * draw_unit(&state));
    s.hue = channels == 3 ? (float)draw_unit(&state) : 0.0f;
    return s;
}

/* The signed distance from (x, y), in the coordinates of the shape, to the border of a shape of radius r; negative inside. */
static double distance(int kind, double x, double y, double r) {
    switch (kind) {
    case DISC: return hypot(x, y) - r;
    case SQUARE: return fmax(fabs(x), fabs(y)) - 0.85 * r;
    case TRIANGLE: /* the half-planes of an equilateral triangle with inradius r / 2 */
        return fmax(y, fmax(-0.5 * y + 0.8660254037844386 * x, -0.5 * y - 0.8660254037844386 * x)) - 0.55 * r;
    default: return fabs(hypot(x, y) - 0.75 * r) - 0.25 * r;
    }
}

/* The red, green or blue part of a pure hue. */
static double hue_part(double hue, int64_t channel) {
    const double h = fmod(hue + (double)channel / 3.0, 1.0);
    return fmin(fmax(fabs(h * 6.0 - 3.0) - 1.0, 0.0), 1.0);
}

static void paint(const shape_t *s, int64_t h, int64_t w, int64_t c, uint8_t *pixel) {
    const double side = (double)(h < w ? h : w);
    const double ca = cos((double)s->angle), sa = sin((double)s->angle);
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++) {
            const double dx = (double)j + 0.5 - (double)s->x * (double)w;
            const double dy = (double)i + 0.5 - (double)s->y * (double)h;
            const double d = distance((int)s->kind, ca * dx + sa * dy, ca * dy - sa * dx, (double)s->size * side);
            const double cover = fmin(fmax(0.5 - d, 0.0), 1.0) * (double)s->value;
            for (int64_t k = 0; k < c; k++) {
                const double colour = c == 3 ? 0.25 + 0.75 * hue_part((double)s->hue, k) : 1.0;
                pixel[(i * w + j) * c + k] = (uint8_t)lround(255.0 * cover * colour);
            }
        }
}

static void generate(data_t *data, uint64_t first, int64_t n, const data_shape_t *to) {
    const int64_t h = to->h, w = to->w, c = to->c;
    *data = (data_t){.n = n, .extent = extent_image(h, w, c), .n_factor = N_FACTOR};
    data->u8 = mem_alloc(n, (size_t)(h * w * c));
    data->label = mem_alloc(n, sizeof *data->label);
    data->factor = mem_alloc(n * N_FACTOR, sizeof *data->factor);
    for (int64_t i = 0; i < n; i++) {
        const shape_t s = draw_shape(first + (uint64_t)i, c);
        const float factor[N_FACTOR] = {s.kind, s.x, s.y, s.size, s.angle, s.value, s.hue};
        data->label[i] = (int32_t)s.kind;
        memcpy(data->factor + i * N_FACTOR, factor, sizeof factor);
        paint(&s, h, w, c, data->u8 + i * h * w * c);
    }
}

void data_load_shapes(data_set_t *set) {
    int64_t n = N_TRAIN;
    if (set->source[6] == ':') {
        char *end;
        errno = 0;
        n = strtoll(set->source + 7, &end, 10);
        if (errno || *end != '\0' || n < 1 || n > MOST_TRAIN)
            die(EXIT_USAGE, "%s: wanted shapes:N with 1 <= N <= %d", set->source, MOST_TRAIN);
    }
    const data_shape_t to = data_shape(set, n, 32, 32, 3);
    /* the test examples come from a part of the stream that no training set uses */
    generate(&set->train, 0, n, &to);
    generate(&set->test, MOST_TRAIN, (n + 9) / 10, &to);
    set->classes = mem_text("disc\nsquare\ntriangle\nring\n");
}
