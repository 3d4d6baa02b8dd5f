/* SPDX-License-Identifier: MIT
 * layer_maxpool.c - the largest value of each window
 *
 *       y[n][oy][ox][c] = max_{ky,kx} x[n][oy sy + ky - top][ox sx + kx - left][c]        over pixels inside the image
 *
 *   The gradient goes to the first of equal maxima in the order (ky, kx). A NaN counts as the largest value. If no stride is
 *   given, it is the kernel size. */
#include <math.h>

#include "nn/image.h"
#include "nn/ranges.h"

static const vaei_option options[] = {
    VAEI_OPTION(vaei_pool_conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the window"),
    VAEI_OPTION_EXTENT(vaei_pool_conf, stride, 0, 0, VAEI_WINDOW_MAX,
                       "distance in pixels between neighbouring windows; 0: the kernel's size"),
    VAEI_OPTION_PAD(vaei_pool_conf, pad, 0, 0, VAEI_WINDOW_MAX, "padding around the image: pixels, or same"),
    {0},
};

typedef struct parts {
    int32_t *winner; /* cache of training: [n][oh][ow][c], ky kw + kx counted from the window's first pixel inside the image */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (training) p->winner = vaei_carve_array(&m->cache, vaei_count_of(n, vaei_shape_size(&l->out)), sizeof(int32_t));
}

typedef struct job {
    const vaei_conv *g;
    int32_t *winner; /* or NULL */
    const float *from;
    float *to;
} job;

/* Computes row i of y, counted over all examples. */
static void compete_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_conv *g = j->g;
    for (int64_t i = begin; i < end; i++) {
        const float *x = j->from + i / g->oh * g->h * g->w * g->c;
        for (int64_t ox = 0; ox < g->ow; ox++) {
            const vaei_window in = vaei_window_at(g, i % g->oh, ox);
            const int64_t at = (i * g->ow + ox) * g->c;
            float *y = j->to + at;
            memcpy(y, x + (in.y0 * g->w + in.x0) * g->c, (size_t)g->c * sizeof(float));
            if (j->winner) memset(j->winner + at, 0, (size_t)g->c * sizeof(int32_t));
            for (int64_t iy = in.y0; iy < in.y1; iy++) {
                for (int64_t ix = in.x0; ix < in.x1; ix++) {
                    const float *v = x + (iy * g->w + ix) * g->c;
                    const int32_t tap = (int32_t)((iy - in.y0) * g->kw + ix - in.x0);
                    for (int64_t c = 0; c < g->c; c++) {
                        if (!(v[c] > y[c]) && !isnan(v[c])) continue;
                        y[c] = v[c];
                        if (j->winner) j->winner[at + c] = tap;
                    }
                }
            }
        }
    }
}

static void reward_examples(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_conv *g = j->g;
    memset(j->to + begin * g->h * g->w * g->c, 0, (size_t)((end - begin) * g->h * g->w * g->c) * sizeof(float));
    for (int64_t i = begin * g->oh; i < end * g->oh; i++) {
        float *dx = j->to + i / g->oh * g->h * g->w * g->c;
        for (int64_t ox = 0; ox < g->ow; ox++) {
            const vaei_window in = vaei_window_at(g, i % g->oh, ox);
            const int64_t at = (i * g->ow + ox) * g->c;
            for (int64_t c = 0; c < g->c; c++) {
                const int64_t tap = j->winner[at + c];
                dx[((in.y0 + tap / g->kw) * g->w + in.x0 + tap % g->kw) * g->c + c] += j->from[at + c];
            }
        }
    }
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_conv *g = l->state;
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {g, p.winner, x, y};
    vaei_parallel_ranges(r->pool, r->n * g->oh, g->ow * g->kh * g->kw * g->c, compete_rows, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const vaei_conv *g = l->state;
    parts p;
    (void)x, (void)y;
    vaei_layer_pieces(l, r, m, &p);
    job j = {g, p.winner, dy, dx};
    if (dx) vaei_parallel_ranges(r->pool, r->n, g->h * g->w * g->c, reward_examples, &j);
}

const vaei_layer_ops vaei_layer_maxpool = {
    .module = {"maxpool", "largest value of each window",
               "maxpool kernel=3x2 stride=2 pad=1x0\n"
               "maxpool kernel=2x3",
               "", sizeof(vaei_pool_conf), options},
    .plan = vaei_pool_plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
