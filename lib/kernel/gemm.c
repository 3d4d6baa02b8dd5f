/* SPDX-License-Identifier: MIT
 * gemm.c - matrix products: the loops around dot_tile and outer_tile.
 *
 *   for each task: a band of rows of y and a band of panels of b
 *     for each group of panels that stays in the second cache with its block of K
 *       for each block of K: for some rows: for each panel: dot_tile
 *
 * A block of K after the first adds to the sums of the blocks before in y, so every output is one chain of FMA over K and blocks do not
 * change a bit. Blocks are deep, because loading sums again costs more than reading a panel from the second cache, which is read in
 * order, four vectors for a tile's 24 multiply-adds. */
#include "kernel/product_parts.h"
#include "kernel/blas.h"

enum {
    BLOCK_FLOATS = 64 * 1024, /* of b, used by all rows of a band in turn, */
    BLOCK_K = 1024,           /* of that depth, or */
    PLAIN_K = 256,            /* if b is not packed, because each of its rows may be in a page of its own */
    ROWS = 96,                /* rows of one tile */
    BAND_ROWS = 384,
    CONFLICT = 512, /* floats: rows of b at a distance that is a multiple of this share a few sets of the caches */
    PACK_ROWS = 16,
    PACK_FLOATS = 1 << 14, /* floats of a task */
    TASKS = 16,            /* tasks wanted, for products that give each of them at least */
    TASK_WORK = 1 << 18    /* multiplications */
};

static void flush_rows(const void *arg, const vaei_kernels *k, int64_t count, float *y) {
    (void)arg;
    k->flush(count, y, y);
}

const vaei_epilogue vaei_flush_rows = {flush_rows, NULL};

int64_t vaei_pack_floats(const vaei_kernels *k, int64_t K, int64_t N) {
    return k->blas ? K * N : vaei_divide_up(N, k->lanes) * k->lanes * K;
}

/* Packs K rows of one panel, `count` columns, flushed: by a transposition, by a copy, or a few rows at a time. Few rows stay in the
 * cache while the columns, which are far apart in src, are read along k. */
static void pack_columns(const vaei_kernels *k, int64_t K, int64_t count, const float *src, int64_t stride_k, int64_t stride_n,
                         const float *scale, float *out, int64_t ldo) {
    if (stride_k == 1 && !scale) {
        k->flush_turned(count, K, src, stride_n, out, ldo);
        return;
    }
    if (stride_n == 1 && !scale) {
        k->flush_lines(K, count, src, stride_k, out, ldo);
        return;
    }
    for (int64_t i0 = 0; i0 < K; i0 += PACK_ROWS) {
        const int64_t rows = vaei_min(PACK_ROWS, K - i0);
        for (int64_t j = 0; j < count; j++) {
            const float *const column = src + i0 * stride_k + j * stride_n;
            const float factor = scale ? scale[j] : 1.0f;
            for (int64_t i = 0; i < rows; i++) out[(i0 + i) * ldo + j] = vaei_flushed(column[i * stride_k]) * factor;
        }
        k->flush_lines(rows, count, out + i0 * ldo, ldo, out + i0 * ldo, ldo); /* flushes the products */
    }
}

void vaei_pack_rows(const vaei_kernels *k, int64_t depth, int64_t k0, int64_t K, int64_t N, const float *src, int64_t stride_k,
                    int64_t stride_n, const float *scale, float *dst) {
    for (int64_t n = 0, columns; n < N; n += columns) {
        columns = k->blas ? N : vaei_panel_columns(k, N - n);
        const int64_t count = vaei_min(columns, N - n);
        float *const out = dst + n * depth + k0 * columns;
        pack_columns(k, K, count, src + n * stride_n, stride_k, stride_n, scale ? scale + n : NULL, out, columns);
        if (count == columns) continue;
        for (int64_t i = 0; i < K; i++) memset(out + i * columns + count, 0, (size_t)(columns - count) * sizeof *out);
    }
}

typedef struct packing {
    const vaei_kernels *k;
    int64_t K, N, columns, rows, stride_k, stride_n;
    const float *src, *scale;
    float *dst;
} packing;

static void pack_panels_task(void *arg, int32_t index) {
    const packing *const p = arg;
    const int64_t n = index * p->columns, count = vaei_min(p->columns, p->N - n);
    vaei_pack_rows(p->k, p->K, 0, p->K, count, p->src + n * p->stride_n, p->stride_k, p->stride_n, p->scale ? p->scale + n : NULL,
                   p->dst + n * p->K);
}

static void pack_rows_task(void *arg, int32_t index) {
    const packing *const p = arg;
    const int64_t first = index * p->rows, last = vaei_min(first + p->rows, p->K);
    for (int64_t i = first; i < last; i += PACK_ROWS) {
        vaei_pack_rows(p->k, p->K, i, vaei_min(PACK_ROWS, last - i), p->N, p->src + i * p->stride_k, p->stride_k, p->stride_n, p->scale,
                       p->dst);
    }
}

/* Tasks read src in its own order: each has a band of its longer lines. */
void vaei_pack(const vaei_kernels *k, const vaei_pool *pool, int64_t K, int64_t N, const float *src, int64_t stride_k, int64_t stride_n,
               const float *scale, float *dst) {
    packing p = {k, K, N, N, K, stride_k, stride_n, src, scale, dst};
    if (K <= 0 || N <= 0) return;
    if (stride_n == 1) {
        p.rows = vaei_divide_up(PACK_FLOATS, PACK_ROWS * N) * PACK_ROWS;
        vaei_parallel(pool, (int32_t)vaei_divide_up(K, p.rows), pack_rows_task, &p);
    } else {
        if (!k->blas) p.columns = vaei_divide_up(PACK_FLOATS, k->nr * K) * k->nr;
        vaei_parallel(pool, (int32_t)vaei_divide_up(N, p.columns), pack_panels_task, &p);
    }
}

typedef struct product {
    const vaei_kernels *k;
    int64_t M, K, N, lda, ldy;
    const float *a, *b, *bias;
    int64_t ldb; /* 0: b is packed */
    float *y;
    const vaei_epilogue *epilogue;
    int32_t accumulate;
    int64_t band_rows, band_columns, column_bands; /* band_columns is a multiple of nr */
    int64_t block, block_columns;                  /* of b, used by all tiles of a band in turn */
} product;

/* Computes rows [m0, m0 + m) of block [k0, k0 + depth) times columns [n0, n1). */
static void tile_times_panels(const product *p, int64_t m0, int64_t m, const float *const *a, int64_t k0, int64_t depth, int64_t n0,
                              int64_t n1) {
    const vaei_kernels *const k = p->k;
    const int32_t more = p->accumulate || k0 > 0;
    float *c[ROWS];
    for (int64_t i = 0; i < m; i++) c[i] = p->y + (m0 + i) * p->ldy + n0;
    for (int64_t n = n0; n < n1; n += k->nr) {
        const int64_t columns = vaei_min(k->nr, n1 - n);
        const float *const bias = more || !p->bias ? NULL : p->bias + n;
        if (p->ldb > 0) {
            k->dot_tile_plain(m, columns, depth, a, p->b + k0 * p->ldb + n, p->ldb, c, bias, more);
        } else {
            k->dot_tile(m, columns, 1, depth, a, p->b + n * p->K + k0 * vaei_panel_columns(k, p->N - n), c, bias, more);
        }
        for (int64_t i = 0; i < m; i++) c[i] += k->nr;
    }
}

/* Computes rows [m0, m1) times columns [n0, n1), which stay in the cache with a block of K. */
static void rows_times_panels(const product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    const float *a[ROWS];
    const int64_t parts = vaei_divide_up(m1 - m0, ROWS);
    int64_t k0 = 0;
    do { /* runs once even without K, for the bias alone */
        const int64_t depth = vaei_min(p->block, p->K - k0);
        for (int64_t m = m0, part = 0, rows; part < parts; part++, m += rows) {
            rows = vaei_divide_up(m1 - m, parts - part);
            for (int64_t i = 0; i < rows; i++) a[i] = p->a + (m + i) * p->lda + k0;
            tile_times_panels(p, m, rows, a, k0, depth, n0, n1);
        }
        k0 += depth;
    } while (k0 < p->K);
}

static void product_task(void *arg, int32_t index) {
    const product *const p = arg;
    const int64_t m0 = index / p->column_bands * p->band_rows, m1 = vaei_min(m0 + p->band_rows, p->M);
    const int64_t first = index % p->column_bands * p->band_columns, last = vaei_min(first + p->band_columns, p->N);
    for (int64_t n = first; n < last; n += p->block_columns) rows_times_panels(p, m0, m1, n, vaei_min(n + p->block_columns, last));
    if (p->epilogue && p->column_bands == 1) { p->epilogue->apply(p->epilogue->arg, p->k, (m1 - m0) * p->N, p->y + m0 * p->ldy); }
}

static void epilogue_task(void *arg, int32_t index) {
    const product *const p = arg;
    const int64_t m0 = index * p->band_rows, m1 = vaei_min(m0 + p->band_rows, p->M);
    p->epilogue->apply(p->epilogue->arg, p->k, (m1 - m0) * p->N, p->y + m0 * p->ldy);
}

static void run_product(const vaei_pool *pool, product p) {
    const vaei_kernels *const k = p.k;
    const int64_t M = p.M, K = p.K, N = p.N;
    p.column_bands = 1;
    if (M <= 0 || N <= 0) return;
    if (k->blas) {
        vaei_blas_product(M, K, N, p.a, p.lda, p.b, p.bias, p.accumulate, p.y, p.ldy);
        if (p.epilogue) p.epilogue->apply(p.epilogue->arg, k, M * N, p.y);
        return;
    }
    const int64_t panels = vaei_divide_up(N, k->nr);
    const int64_t tiles = vaei_divide_up(M, k->mr);
    int64_t row_bands = vaei_divide_up(M, BAND_ROWS);
    if (row_bands > INT32_MAX / TASKS) row_bands = INT32_MAX / TASKS;
    p.band_rows = vaei_divide_up(tiles, row_bands) * k->mr;
    row_bands = vaei_divide_up(M, p.band_rows);
    const int64_t enough = vaei_divide_up(TASK_WORK, p.band_rows * k->nr * vaei_max(K, 1)); /* panels that are enough for a task */
    const int64_t column_bands = vaei_max(vaei_min(TASKS / row_bands, panels / enough), 1);
    p.band_columns = vaei_divide_up(panels, column_bands) * k->nr;
    p.column_bands = vaei_divide_up(N, p.band_columns);
    if (tiles > 1) {
        const int64_t deepest = p.ldb > 0 ? PLAIN_K : BLOCK_K;
        p.block = vaei_divide_up(K, vaei_max(vaei_divide_up(K, deepest), 1));
        p.block_columns = vaei_max(BLOCK_FLOATS / k->nr / vaei_max(p.block, 1), 1) * k->nr;
    } else {
        p.block = K;
        p.block_columns = N;
    }
    vaei_parallel(pool, (int32_t)(row_bands * p.column_bands), product_task, &p);
    if (p.epilogue && p.column_bands > 1) vaei_parallel(pool, (int32_t)row_bands, epilogue_task, &p);
}

void vaei_matmul(const vaei_kernels *k, const vaei_pool *pool, vaei_matrix a, const float *packed, const float *bias, int32_t accumulate,
                 vaei_matrix_out y, const vaei_epilogue *epilogue) {
    VAEI_ASSERT(a.rows == y.rows && (!epilogue || !epilogue->apply || y.rows <= 1 || y.ld == y.columns));
    run_product(pool, (product){.k = k,
                                .M = y.rows,
                                .K = a.columns,
                                .N = y.columns,
                                .lda = a.ld,
                                .ldy = y.ld,
                                .a = a.at,
                                .b = packed,
                                .bias = bias,
                                .y = y.at,
                                .epilogue = epilogue && epilogue->apply ? epilogue : NULL,
                                .accumulate = accumulate});
}

/* Few rows read each panel only a few times. But if rows of b fall into the same sets of the caches, they evict each other. */
static int32_t reads_plain(const vaei_kernels *k, int64_t M, int64_t N) {
    return k->blas || (M <= ROWS && N % CONFLICT != 0);
}

int64_t vaei_matmul_plain_scratch(const vaei_kernels *k, int64_t M, int64_t K, int64_t N) {
    return reads_plain(k, M, N) ? 0 : vaei_pack_floats(k, K, N);
}

void vaei_matmul_plain(const vaei_kernels *k, const vaei_pool *pool, vaei_matrix a, const float *b, int32_t accumulate, vaei_matrix_out y,
                       const vaei_epilogue *epilogue, float *scratch) {
    const int64_t M = y.rows, K = a.columns, N = y.columns;
    VAEI_ASSERT(a.rows == M && y.ld == N);
    VAEI_ASSERT_MEMORY(scratch, (size_t)vaei_matmul_plain_scratch(k, M, K, N) * sizeof *scratch);
    const int32_t plain = reads_plain(k, M, N);
    if (!plain) vaei_pack(k, pool, K, N, b, N, 1, NULL, scratch);
    run_product(pool, (product){.k = k,
                                .M = M,
                                .K = K,
                                .N = N,
                                .lda = a.ld,
                                .ldb = plain ? N : 0,
                                .ldy = N,
                                .a = a.at,
                                .b = plain ? b : scratch,
                                .y = y.at,
                                .epilogue = epilogue && epilogue->apply ? epilogue : NULL,
                                .accumulate = accumulate});
}

/* ---- vaei_outer ------------------------------------------------------------------------------------------------- */

enum {
    OUTER_BLOCK = 128,  /* positions whose products are summed before they are added to c */
    OUTER_TILES = 8,    /* tiles of rows, whose values stay in the cache with those positions */
    OUTER_CHUNK = 2048, /* positions of one partial sum, at least */
    OUTER_CHUNKS = 8,
    OUTER_FLOATS = 1 << 22 /* of partial sums */
};

/* The number of partial sums for P positions and a result of `floats` values. */
static int64_t outer_chunks(int64_t floats, int64_t P) {
    const int64_t wanted = vaei_min(P / OUTER_CHUNK, OUTER_CHUNKS), room = OUTER_FLOATS / (floats > 0 ? floats : 1);
    return vaei_min(wanted, room) > 1 ? vaei_min(wanted, room) : 1;
}

int64_t vaei_outer_scratch(const vaei_kernels *k, int64_t M, int64_t N, int64_t P) {
    if (k->blas) return 0;
    const int64_t chunks = outer_chunks(M * N, P);
    return chunks > 1 ? chunks * M * N : 0;
}

typedef struct outer {
    const vaei_kernels *k;
    int64_t M, N, P, lda, ldb, ldc, chunk, chunk_stride;
    int64_t bands, band_rows, column_bands, band_columns; /* bands: those of rows times those of columns */
    const float *a, *b;
    float *c;
} outer;

/* c[m0..m1)[n0..n1) += the products of positions [p0, p0 + count). The pointers to a are computed once for all panels of b. */
static void outer_block(const outer *o, float *c, int64_t p0, int64_t count, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    const vaei_kernels *const k = o->k;
    const float *a[OUTER_BLOCK], *b[OUTER_BLOCK];
    for (int64_t p = 0; p < count; p++) a[p] = o->a + (p0 + p) * o->lda + m0;
    for (int64_t n = n0; n < n1; n += k->nr) {
        for (int64_t p = 0; p < count; p++) b[p] = o->b + (p0 + p) * o->ldb + n;
        k->outer_tile(m1 - m0, vaei_min(k->nr, n1 - n), count, a, b, c + m0 * o->ldc + n, o->ldc, 1);
    }
}

static void outer_task(void *arg, int32_t index) {
    const outer *const o = arg;
    const int64_t chunk = index / o->bands, band = index % o->bands, row_band = band / o->column_bands;
    const int64_t m0 = row_band * o->band_rows, m1 = vaei_min(m0 + o->band_rows, o->M);
    const int64_t n0 = band % o->column_bands * o->band_columns, n1 = vaei_min(n0 + o->band_columns, o->N);
    const int64_t first = chunk * o->chunk, last = vaei_min(first + o->chunk, o->P), rows = OUTER_TILES * o->k->mr;
    float *const c = o->c + chunk * o->chunk_stride;
    if (o->chunk_stride > 0) {
        for (int64_t m = m0; m < m1; m++) memset(c + m * o->N + n0, 0, (size_t)(n1 - n0) * sizeof *c);
    }
    for (int64_t p = first; p < last; p += OUTER_BLOCK) {
        for (int64_t m = m0; m < m1; m += rows) outer_block(o, c, p, vaei_min(OUTER_BLOCK, last - p), m, vaei_min(m + rows, m1), n0, n1);
    }
}

typedef struct join {
    int64_t N, ldc, chunks, stride;
    const float *partial;
    float *c;
} join;

static void join_task(void *arg, int32_t row) {
    const join *const j = arg;
    for (int64_t n = 0; n < j->N; n++) {
        float sum = j->partial[row * j->N + n];
        for (int64_t chunk = 1; chunk < j->chunks; chunk++) sum += j->partial[chunk * j->stride + row * j->N + n];
        j->c[row * j->ldc + n] += sum;
    }
}

void vaei_outer(const vaei_kernels *k, const vaei_pool *pool, vaei_matrix a, vaei_matrix b, vaei_matrix_out c, float *scratch) {
    const int64_t M = c.rows, N = c.columns, P = a.rows;
    VAEI_ASSERT(a.columns == M && b.columns == N && b.rows == P);
    if (M <= 0 || N <= 0 || P <= 0) return;
    VAEI_ASSERT_MEMORY(scratch, (size_t)vaei_outer_scratch(k, M, N, P) * sizeof *scratch);
    if (k->blas) {
        vaei_blas_outer(M, N, P, a.at, a.ld, b.at, b.ld, c.at, c.ld);
        return;
    }
    const int64_t chunks = outer_chunks(M * N, P), tiles = vaei_divide_up(M, k->mr);
    const int64_t panels = vaei_divide_up(N, k->nr);
    outer o = {.k = k,
               .M = M,
               .N = N,
               .P = P,
               .lda = a.ld,
               .ldb = b.ld,
               .ldc = c.ld,
               .chunk = vaei_divide_up(P, chunks),
               .a = a.at,
               .b = b.at,
               .c = c.at};
    /* whole blocks of rows share a panel of b; the remaining tasks divide the columns */
    const int64_t row_bands = vaei_min(vaei_divide_up(TASKS, chunks), vaei_divide_up(tiles, OUTER_TILES));
    o.band_rows = vaei_divide_up(tiles, row_bands) * k->mr;
    const int64_t bands = vaei_divide_up(M, o.band_rows);
    o.band_columns = vaei_divide_up(panels, vaei_min(vaei_divide_up(TASKS, chunks * bands), panels)) * k->nr;
    o.column_bands = vaei_divide_up(N, o.band_columns);
    o.bands = bands * o.column_bands;
    if (chunks > 1) {
        o.c = scratch;
        o.ldc = N;
        o.chunk_stride = M * N;
    }
    vaei_parallel(pool, (int32_t)(chunks * o.bands), outer_task, &o);
    if (chunks > 1) {
        join j = {N, c.ld, chunks, M * N, scratch, c.at};
        vaei_parallel(pool, (int32_t)M, join_task, &j);
    }
}

/* ---- vaei_bias_grad --------------------------------------------------------------------------------------------- */

enum {
    BIAS_SUMS = 1024, /* doubles in use at once: 8 KiB of stack */
    BIAS_CHUNKS = 16,
    BIAS_ROWS = 256 /* rows of a chunk, at least */
};

typedef struct bias_sums {
    const vaei_kernels *k;
    int64_t M, N, chunk; /* chunk: rows */
    const float *dy;
    double sums[BIAS_SUMS];
} bias_sums;

static void bias_chunk_task(void *arg, int32_t index) {
    bias_sums *const s = arg;
    const int64_t first = index * s->chunk, rows = vaei_min(s->chunk, s->M - first);
    if (rows > 0) s->k->column_sums(rows, s->N, s->dy + first * s->N, NULL, s->sums + index * s->N, NULL);
}

typedef struct bias_wide {
    int64_t M, N;
    const float *dy;
    float *db;
} bias_wide;

static void bias_columns_task(void *arg, int32_t index) {
    const bias_wide *const w = arg;
    const int64_t n0 = (int64_t)index * BIAS_SUMS, count = vaei_min(BIAS_SUMS, w->N - n0);
    double sums[BIAS_SUMS] = {0};
    for (int64_t m = 0; m < w->M; m++) {
        const float *const row = w->dy + m * w->N + n0;
        for (int64_t n = 0; n < count; n++) sums[n] += (double)row[n];
    }
    for (int64_t n = 0; n < count; n++) w->db[n0 + n] += (float)sums[n];
}

void vaei_bias_grad(const vaei_kernels *k, const vaei_pool *pool, int64_t M, int64_t N, const float *dy, float *db) {
    if (M <= 0 || N <= 0) return;
    if (N > BIAS_SUMS) {
        bias_wide w = {M, N, dy, db};
        vaei_parallel(pool, (int32_t)vaei_divide_up(N, BIAS_SUMS), bias_columns_task, &w);
        return;
    }
    const int64_t chunks = vaei_min(vaei_min(BIAS_SUMS / N, BIAS_CHUNKS), vaei_divide_up(M, BIAS_ROWS));
    bias_sums s = {k, M, N, vaei_divide_up(M, chunks), dy, {0}};
    vaei_parallel(pool, (int32_t)chunks, bias_chunk_task, &s);
    for (int64_t n = 0; n < N; n++) {
        double sum = s.sums[n];
        for (int64_t chunk = 1; chunk < chunks; chunk++) sum += s.sums[chunk * N + n];
        db[n] += (float)sum;
    }
}
