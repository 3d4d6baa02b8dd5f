/* SPDX-License-Identifier: MIT
 * nearest.c - finds the nearest codes by the tiles of a matrix product, each reduced while it is in the first cache.
 *
 *   for each task: a band of vectors
 *     for each block of panels that stays in the second cache
 *       for some vectors
 *         for each panel: dot_tile, then the smaller of old and new in every column
 *         for each vector: the smallest over the columns, then the smaller of old and new
 *
 * The whole product, 1e5 x 8192 numbers for a large codebook, is never stored. Column j of a vector stores its smallest score in the block
 * and the panel of that score. Panels and blocks ascend and only a smaller score replaces another, so that among equal scores the lowest
 * code is chosen. These values are few enough for the stack of a thread with 64 KiB. */
#include "kernel/nearest.h"

#include <math.h>

#include "kernel/product_parts.h"

enum {
    BAND = VAEI_BAND_ROWS,
    COLUMNS = 64, /* no table has a larger nr */
    ROWS = 18,    /* vectors that are scored at once: their scores and minima stay in the first cache */
    DEPTH = 256,  /* dimensions of one dot_tile */
    BLOCK_BYTES = 384 * 1024
};

int64_t vaei_nearest_floats(const vaei_kernels *k, int64_t K, int64_t D) {
    int64_t floats;
    if (!vaei_count_mul(vaei_divide_up(K, k->nr) * k->nr, D + 1, &floats)) return -1;
    return floats;
}

void vaei_nearest_pack(const vaei_kernels *k, int64_t K, int64_t D, const float *codes, int32_t by, float *packed) {
    const int64_t panels = vaei_divide_up(K, k->nr);
    float *const panel = packed + panels * k->nr;
    for (int64_t i = 0; i < panels * k->nr; i++) {
        const float *const code = codes + i * D;
        float *const column = panel + i / k->nr * k->nr * D + i % k->nr;
        const double square = i < K && by == VAEI_NEAREST_DISTANCE ? k->sum_squares(D, code) : 0;
        packed[i] = i < K ? (square < FLT_MIN ? 0 : (float)square) : HUGE_VALF;
        for (int64_t d = 0; d < D; d++) column[d * k->nr] = i < K ? -2 * vaei_flushed(code[d]) : 0;
    }
}

/* The scores of m <= ROWS rows against one panel: c[i][0..nr). */
static void score_panel(const vaei_kernels *k, int64_t m, int64_t D, const float *x, int64_t ldx, const float *panel, const float *start,
                        float *const *c) {
    const float *a[ROWS];
    for (int64_t d = 0; d < D; d += DEPTH) {
        for (int64_t i = 0; i < m; i++) a[i] = x + i * ldx + d;
        k->dot_tile(m, k->nr, 1, vaei_min(DEPTH, D - d), a, panel + d * k->nr, c, d > 0 ? NULL : start, d > 0);
    }
}

typedef struct search {
    const vaei_kernels *k;
    int64_t M, D, ldx, panels, stride;
    const float *x, *packed;
    int32_t *index;
} search;

/* The smallest score up to now, and its code. */
typedef struct best {
    float score;
    int32_t index;
} best;

static void take_lowest(int64_t columns, const float *low, const int32_t *where, best *b) {
    float score = low[0];
    int64_t index = where[0] * columns;
    for (int64_t j = 1; j < columns; j++) {
        const int64_t at = where[j] * columns + j;
        if (low[j] < score || (!(low[j] > score) && at < index)) {
            score = low[j];
            index = at;
        }
    }
    if (score < b->score) *b = (best){score, (int32_t)index};
}

/* Compares m <= ROWS vectors with the panels [p0, p1). */
static void search_block(const search *s, const float *x, int64_t m, int64_t p0, int64_t p1, best *found) {
    const vaei_kernels *const k = s->k;
    const int64_t nr = k->nr;
    const float *const panel = s->packed + s->panels * nr;
    _Alignas(VAEI_ALIGN) float low[ROWS * COLUMNS], score[ROWS * COLUMNS];
    _Alignas(VAEI_ALIGN) int32_t where[ROWS * COLUMNS];
    float *c[ROWS];
    for (int64_t i = 0; i < m * nr; i++) {
        low[i] = HUGE_VALF;
        where[i] = (int32_t)p0;
    }
    for (int64_t i = 0; i < m; i++) c[i] = score + i * nr;
    for (int64_t p = p0; p < p1; p++) {
        score_panel(k, m, s->D, x, s->ldx, panel + p * nr * s->D, s->packed + p * nr, c);
        k->keep_lower(m * nr, score, (int32_t)p, low, where);
    }
    for (int64_t i = 0; i < m; i++) take_lowest(nr, low + i * nr, where + i * nr, found + i);
}

static void search_task(void *arg, int32_t band) {
    const search *const s = arg;
    const int64_t m0 = band * (int64_t)BAND, rows = vaei_min(BAND, s->M - m0);
    const int64_t room = BLOCK_BYTES / (int64_t)sizeof(float) / s->k->nr / s->D, block = room > 1 ? room : 1;
    best found[BAND];
    for (int64_t i = 0; i < rows; i++) found[i] = (best){HUGE_VALF, 0};
    for (int64_t p0 = 0; p0 < s->panels; p0 += block) {
        for (int64_t i = 0; i < rows; i += ROWS) {
            search_block(s, s->x + (m0 + i) * s->ldx, vaei_min(ROWS, rows - i), p0, vaei_min(p0 + block, s->panels), found + i);
        }
    }
    for (int64_t i = 0; i < rows; i++) s->index[(m0 + i) * s->stride] = found[i].index;
}

void vaei_nearest(const vaei_kernels *k, const vaei_pool *pool, int64_t M, int64_t D, const float *x, int64_t ldx, int64_t K,
                  const float *packed, int32_t *index, int64_t stride) {
    search s = {k, M, D, ldx, vaei_divide_up(K, k->nr), stride, x, packed, index};
    vaei_parallel(pool, (int32_t)vaei_divide_up(M, BAND), search_task, &s);
}

void vaei_nearest_scores(const vaei_kernels *k, int64_t M, int64_t D, const float *x, int64_t ldx, int64_t K, const float *packed,
                         float *score) {
    const int64_t nr = k->nr, panels = vaei_divide_up(K, nr);
    float tile[ROWS * COLUMNS], *c[ROWS];
    for (int64_t i = 0; i < ROWS; i++) c[i] = tile + i * nr;
    for (int64_t m0 = 0; m0 < M; m0 += ROWS) {
        const int64_t m = vaei_min(ROWS, M - m0);
        for (int64_t p = 0; p < panels; p++) {
            score_panel(k, m, D, x + m0 * ldx, ldx, packed + (panels + p * D) * nr, packed + p * nr, c);
            for (int64_t i = 0; i < m; i++) memcpy(score + (m0 + i) * K + p * nr, c[i], (size_t)vaei_min(nr, K - p * nr) * sizeof *score);
        }
    }
}
