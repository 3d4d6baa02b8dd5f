/* SPDX-License-Identifier: MIT
 * causal_conv.c - gathers the positions before each position into a row, and scatters the gradient of the row back.
 *
 * The taps are in raster order: `up` whole rows of 2 side + 1 taps, then those to the left, then, with mask B, the centre. */
#include "vae/priors/causal_conv.h"

#include "nn/ranges.h"

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

vae_status_t vaei_causal_declare(vaei_causal_conv *g, vaei_build *b, const char *path, int64_t H, int64_t W, int64_t channels, int64_t out,
                                 int64_t kernel, int32_t center) {
    *g = (vaei_causal_conv){.H = H, .W = W, .channels = channels, .up = lesser(kernel / 2, H - 1), .side = lesser(kernel / 2, W - 1)};
    g->taps = g->up * (2 * g->side + 1) + g->side + (center != 0);
    g->blind = g->taps == 0; /* in a grid of one place, nothing is before it; one tap outside of the grid is used */
    g->taps += g->blind;
    return vaei_linear_declare(&g->map, b, path, g->taps * channels, out);
}

static int64_t block_of(int64_t rows) {
    return lesser(rows, VAEI_CAUSAL_BLOCK);
}

vaei_causal_workspace vaei_causal_carve(const vaei_causal_conv *g, const vaei_kernels *k, int64_t rows, int32_t training, vaei_carve *c) {
    const int64_t block = block_of(rows), floats = vaei_count_of(block, g->map.in);
    vaei_causal_workspace workspace = {NULL, NULL, NULL};
    workspace.cols = vaei_carve_floats(c, floats);
    if (!training) return workspace;
    workspace.dcols = vaei_carve_floats(c, floats);
    workspace.outer = vaei_carve_floats(c, rows < 0 ? -1 : vaei_outer_scratch(k, g->map.out, g->map.in, block));
    return workspace;
}

/* The row that tap t of a row reads, or -1 outside the grid. */
static int64_t tap_row(const vaei_causal_conv *g, int64_t row, int64_t t) {
    const int64_t wide = 2 * g->side + 1, place = row % (g->H * g->W);
    const int64_t dy = t / wide - g->up, dx = t % wide - g->side, x = place % g->W + dx;
    return g->blind || place / g->W + dy < 0 || x < 0 || x >= g->W ? -1 : row + dy * g->W + dx;
}

typedef struct gather_job {
    const vaei_causal_conv *g;
    const vaei_rows *at;
    int64_t first;
    const float *x;
    float *cols;
} gather_job;

static void gather_range(void *arg, int64_t begin, int64_t end) {
    const gather_job *j = arg;
    const int64_t channels = j->g->channels;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = j->at->first + (j->first + i) * j->at->stride;
        for (int64_t t = 0; t < j->g->taps; t++) {
            const int64_t from = tap_row(j->g, row, t);
            float *out = j->cols + (i * j->g->taps + t) * channels;
            if (from < 0) memset(out, 0, (size_t)channels * sizeof(*out));
            else memcpy(out, j->x + from * channels, (size_t)channels * sizeof(*out));
        }
    }
}

static void gather(const vaei_causal_conv *g, const vaei_run *r, const vaei_rows *at, int64_t first, int64_t m, const float *x,
                   float *cols) {
    gather_job j = {g, at, first, x, cols};
    vaei_parallel_ranges(r->pool, m, g->map.in, gather_range, &j);
}

void vaei_causal_forward(const vaei_causal_conv *g, const vaei_run *r, const vaei_linear_pack *p, const vaei_rows *at, const float *x,
                         const vaei_causal_workspace *workspace, float *y) {
    const int64_t out = g->map.out;
    for (int64_t i = 0; i < at->count; i += VAEI_CAUSAL_BLOCK) {
        const int64_t m = block_of(at->count - i);
        gather(g, r, at, i, m, x, workspace->cols);
        vaei_linear_apply(&g->map, r, p, vaei_matrix_of(workspace->cols, m, g->map.in, g->map.in),
                          vaei_matrix_to(y + (at->first + i * at->stride) * out, m, g->map.out, at->stride * out), NULL);
    }
}

void vaei_causal_backward(const vaei_causal_conv *g, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x,
                          const float *dy, const vaei_causal_workspace *workspace, float *dx) {
    const vaei_rows all = {0, rows, 1};
    const int64_t channels = g->channels;
    memset(dx, 0, (size_t)(rows * channels) * sizeof(*dx));
    for (int64_t i = 0; i < rows; i += VAEI_CAUSAL_BLOCK) {
        const int64_t m = block_of(rows - i);
        gather(g, r, &all, i, m, x, workspace->cols);
        vaei_linear_backward(&g->map, r, p, m, workspace->cols, dy + i * g->map.out, workspace->dcols, workspace->outer);
        for (int64_t row = 0; row < m; row++) {
            for (int64_t t = 0; t < g->taps; t++) {
                const int64_t from = tap_row(g, i + row, t);
                if (from >= 0) r->k->add(channels, workspace->dcols + (row * g->taps + t) * channels, dx + from * channels);
            }
        }
    }
}
