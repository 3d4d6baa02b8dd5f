/* SPDX-License-Identifier: MIT
 * layer_avgpool.c - the mean of each window
 *
 *       y[n][oy][ox][c] = 1 / (kh kw) sum_{ky,kx} x[n][oy sy + ky - top][ox sx + kx - left][c]
 *
 *   Zeros outside the image count as values, as in PyTorch (count_include_pad). If no stride is given, it is the
 *   kernel size. */
#include "nn/image.h"
#include "nn/ranges.h"

static const vaei_option options[] = {
    VAEI_OPTION(vaei_pool_conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the window"),
    VAEI_OPTION_EXTENT(vaei_pool_conf, stride, 0, 0, VAEI_WINDOW_MAX,
                       "distance in pixels between neighbouring windows; 0: the kernel's size"),
    VAEI_OPTION_PAD(vaei_pool_conf, pad, 0, 0, VAEI_WINDOW_MAX, "padding of zeros around the image: pixels, or same"),
    {0},
};

typedef struct job {
    const vaei_conv *g;
    const float *from;
    float *to;
} job;

/* Computes row i of y, counted over all examples. */
static void average_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_conv *g = j->g;
    const float share = 1 / (float)(g->kh * g->kw);
    for (int64_t i = begin; i < end; i++) {
        const float *x = j->from + i / g->oh * g->h * g->w * g->c;
        for (int64_t ox = 0; ox < g->ow; ox++) {
            const vaei_window in = vaei_window_at(g, i % g->oh, ox);
            float *y = j->to + (i * g->ow + ox) * g->c;
            memset(y, 0, (size_t)g->c * sizeof(float));
            for (int64_t iy = in.y0; iy < in.y1; iy++)
                for (int64_t ix = in.x0; ix < in.x1; ix++)
                    for (int64_t c = 0; c < g->c; c++) y[c] += x[(iy * g->w + ix) * g->c + c];
            for (int64_t c = 0; c < g->c; c++) y[c] *= share;
        }
    }
}

static void share_examples(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_conv *g = j->g;
    const float share = 1 / (float)(g->kh * g->kw);
    memset(j->to + begin * g->h * g->w * g->c, 0, (size_t)((end - begin) * g->h * g->w * g->c) * sizeof(float));
    for (int64_t i = begin * g->oh; i < end * g->oh; i++) {
        float *dx = j->to + i / g->oh * g->h * g->w * g->c;
        for (int64_t ox = 0; ox < g->ow; ox++) {
            const vaei_window in = vaei_window_at(g, i % g->oh, ox);
            const float *dy = j->from + (i * g->ow + ox) * g->c;
            for (int64_t iy = in.y0; iy < in.y1; iy++)
                for (int64_t ix = in.x0; ix < in.x1; ix++)
                    for (int64_t c = 0; c < g->c; c++) dx[(iy * g->w + ix) * g->c + c] += dy[c] * share;
        }
    }
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_conv *g = l->state;
    job j = {g, x, y};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n * g->oh, g->ow * g->kh * g->kw * g->c, average_rows, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const vaei_conv *g = l->state;
    job j = {g, dy, dx};
    (void)m, (void)x, (void)y;
    if (dx) vaei_parallel_ranges(r->pool, r->n, g->oh * g->ow * g->kh * g->kw * g->c, share_examples, &j);
}

const vaei_layer_ops vaei_layer_avgpool = {
    .module = {"avgpool", "mean of each window",
               "avgpool kernel=3x2 stride=2 pad=1x0\n"
               "avgpool kernel=3x2 pad=same stride=2x3\n"
               "avgpool kernel=2",
               "", sizeof(vaei_pool_conf), options},
    .plan = vaei_pool_plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_with_zero,
};
