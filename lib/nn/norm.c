/* SPDX-License-Identifier: MIT
 * norm.c - computes sums and linear maps for each channel, in parallel over chunks of rows. */
#include "nn/norm.h"

#include <math.h>

#include "nn/ranges.h"

#define CHUNKS         64 /* at once, of rows that come one after another */
#define CHUNK_ROWS_MIN 16 /* keeps the partial sums small compared with the activations, for any number of channels */

static int64_t chunk_rows(const vaei_norm *g) {
    const int64_t rows = VAEI_RANGE_FLOATS / g->channels;
    return rows > CHUNK_ROWS_MIN ? rows : CHUNK_ROWS_MIN;
}

static int64_t chunk_count(const vaei_norm *g) {
    return (g->rows - 1) / chunk_rows(g) + 1;
}

vaei_norm_scratch vaei_norm_carve(vaei_carve *c, const vaei_norm *g, int64_t coefficients, int32_t banded) {
    const int64_t chunks = chunk_count(g), room = banded && chunks > CHUNKS ? CHUNKS : chunks;
    const int64_t pairs = g->rows < 0 ? -1 : vaei_count_of(g->segments, 2 * g->channels);
    vaei_norm_scratch s;
    s.sums = vaei_carve_array(c, pairs, sizeof(double));
    s.partial = vaei_carve_array(c, vaei_count_of(room, pairs), sizeof(double));
    s.coefficients = vaei_carve_floats(c, vaei_count_of(g->segments, coefficients * g->channels));
    return s;
}

/* One chunk of one segment, found by its index among all chunks. */
typedef struct chunk {
    int64_t segment, first, rows; /* first: value index of its first row */
} chunk;

static chunk chunk_at(const vaei_norm *g, int64_t i) {
    const int64_t count = chunk_count(g), step = chunk_rows(g), begin = i % count * step;
    return (chunk){i / count, (i / count * g->rows + begin) * g->channels, g->rows - begin < step ? g->rows - begin : step};
}

typedef struct job {
    const vaei_norm *g;
    const vaei_kernels *k;
    const vaei_norm_scratch *s;
    const vaei_epilogue *epilogue;
    const float *coefficients, *x, *dy;
    float *y;
    int64_t chunk, begin; /* of some rows: their first chunk, the value that x begins with */
} job;

static void parallel_chunks(const vaei_pool *pool, vaei_range_task task, job *j) {
    const int64_t rows = j->g->rows < chunk_rows(j->g) ? j->g->rows : chunk_rows(j->g);
    vaei_parallel_ranges(pool, j->g->segments * chunk_count(j->g), rows * j->g->channels, task, j);
}

static void sum_chunks(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->g->channels;
    for (int64_t i = begin; i < end; i++) {
        const chunk c = chunk_at(j->g, j->chunk + i);
        const int64_t at = c.first - j->begin;
        double *partial = j->s->partial + i * 2 * channels;
        memset(partial, 0, (size_t)(2 * channels) * sizeof(*partial));
        j->k->column_sums(c.rows, channels, j->x + at, j->dy + at, partial, partial + channels);
    }
}

/* sums[pairs] of partial[count][pairs], or these added to it */
static void join_chunks(int64_t count, int64_t pairs, const double *partial, int32_t adds, double *sums) {
    if (!adds) memcpy(sums, partial, (size_t)pairs * sizeof(*sums));
    for (int64_t i = adds ? 0 : 1; i < count; i++)
        for (int64_t p = 0; p < pairs; p++) sums[p] += partial[i * pairs + p];
}

static void join_segments(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t count = chunk_count(j->g), pairs = 2 * j->g->channels;
    for (int64_t s = begin; s < end; s++) join_chunks(count, pairs, j->s->partial + s * count * pairs, 0, j->s->sums + s * pairs);
}

void vaei_norm_sums(const vaei_kernels *k, const vaei_pool *pool, const vaei_norm *g, const vaei_norm_scratch *s, const float *x,
                    const float *y) {
    job j = {.g = g, .k = k, .s = s, .x = x, .dy = y};
    parallel_chunks(pool, sum_chunks, &j);
    vaei_parallel_ranges(pool, g->segments, chunk_count(g) * 2 * g->channels, join_segments, &j);
}

int64_t vaei_norm_begins(const vaei_norm *g, int64_t first) {
    return first < g->rows ? first / chunk_rows(g) * chunk_rows(g) : first;
}

void vaei_norm_sums_rows(const vaei_kernels *k, const vaei_pool *pool, const vaei_norm *g, const vaei_norm_scratch *s, int64_t first,
                         int64_t last, int64_t begin, const float *x) {
    job j = {.g = g, .k = k, .s = s, .x = x, .dy = x, .begin = begin * g->channels, .chunk = first / chunk_rows(g)};
    const int64_t end = last < g->rows ? last / chunk_rows(g) : chunk_count(g);
    for (int64_t n; j.chunk < end; j.chunk += n) {
        n = end - j.chunk < CHUNKS ? end - j.chunk : CHUNKS;
        vaei_parallel_ranges(pool, n, chunk_rows(g) * g->channels, sum_chunks, &j);
        join_chunks(n, 2 * g->channels, s->partial, j.chunk > 0, s->sums);
    }
}

static void apply_chunks(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->g->channels;
    for (int64_t i = begin; i < end; i++) {
        const chunk c = chunk_at(j->g, i);
        const float *scale = j->coefficients + c.segment * 2 * channels;
        j->k->affine(c.rows, channels, scale, scale + channels, j->x + c.first, j->y + c.first);
        if (j->epilogue) j->epilogue->apply(j->epilogue->arg, j->k, c.rows * channels, j->y + c.first);
    }
}

void vaei_norm_apply(const vaei_kernels *k, const vaei_pool *pool, const vaei_norm *g, const float *coefficients, const float *x,
                     const vaei_epilogue *epilogue, float *y) {
    job j = {.g = g, .k = k, .epilogue = epilogue, .coefficients = coefficients, .x = x, .y = y};
    parallel_chunks(pool, apply_chunks, &j);
}

static void apply_grad_chunks(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->g->channels;
    for (int64_t i = begin; i < end; i++) {
        const chunk c = chunk_at(j->g, i);
        const float *a = j->coefficients + c.segment * 3 * channels, *b = a + channels, *shift = b + channels;
        for (int64_t r = 0; r < c.rows; r++) {
            const float *x = j->x + c.first + r * channels, *dy = j->dy + c.first + r * channels;
            float *dx = j->y + c.first + r * channels;
            for (int64_t p = 0; p < channels; p++) dx[p] = a[p] * dy[p] + (b[p] * x[p] + shift[p]);
        }
    }
}

void vaei_norm_apply_grad(const vaei_pool *pool, const vaei_norm *g, const float *coefficients, const float *x, const float *dy,
                          float *dx) {
    job j = {.g = g, .coefficients = coefficients, .x = x, .dy = dy, .y = dx};
    parallel_chunks(pool, apply_grad_chunks, &j);
}

double vaei_norm_statistics(double sum, double sum_squares, double count, double eps, double *mean, double *variance) {
    *mean = sum / count;
    const double v = sum_squares / count - *mean * *mean;
    *variance = v > 0 ? v : 0; /* rounding may make it slightly negative */
    return 1 / sqrt(*variance + eps);
}

void vaei_norm_row(const vaei_kernels *k, int64_t channels, double eps, const float *weight, const float *bias, const float *x, float *y,
                   float *mean, float *rstd) {
    double exact_mean, variance;
    const double sum = k->sum(channels, x), squares = k->sum_squares(channels, x);
    const float r = (float)vaei_norm_statistics(sum, squares, (double)channels, eps, &exact_mean, &variance), m = (float)exact_mean;
    for (int64_t c = 0; c < channels; c++) y[c] = (x[c] - m) * r * vaei_flushed(weight[c]) + vaei_flushed(bias[c]);
    *mean = m;
    *rstd = r;
}
