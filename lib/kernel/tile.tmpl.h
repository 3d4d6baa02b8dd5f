/* SPDX-License-Identifier: MIT
 * tile.tmpl.h - the two inner loops of all products, over the vectors of simd_*.h.
 *
 *   dot_tile     c[i][j] = init + sum_t sum_k a[t][i][k] b[t][k][j]     rows of a are contiguous in k; their values are broadcast
 *                (dot_tile_plain: t = 0, and rows of b any distance apart)
 *   outer_tile   c[i][j] (+)= sum_p a[p][i] b[p][j]                     the gradient of a weight
 *
 * A block of m x n outputs stays in registers while the reduction index ascends, with one FMA for each output and step. This is the order
 * that kernel.h defines, whatever the width of a vector. If there are more rows than registers, they are divided into passes of nearly
 * equal size over the same columns: few rows of four vectors read less for each FMA than many rows of two. The bodies take the rows of a
 * pass and the number of vectors as constants, and a table chooses among them, so that a partial block costs only its own work.
 *
 * A file must include its simd_*.h and vec.tmpl.h before this one, and define TILE_MR (rows of a pass, at most 12), TILE_NV (vectors of a
 * row, at most 4) and TILE_SUMS (registers for sums: rows times vectors of one pass). This file defines the statics dot_tile,
 * dot_tile_plain and outer_tile. */

#define TILE_NR (TILE_NV * V_WIDTH)

/* The accumulators are arrays that must become registers, so every loop over them is unrolled before any other optimisation. The loop
 * around them is unrolled a few times, because its own instructions are a tenth of those that a core shared by two threads has to issue. */
#if defined(__clang__)
#define TILE_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define TILE_UNROLL _Pragma("GCC unroll 16")
#else
#define TILE_UNROLL
#endif
#if defined(TILE_LOOP)
/* the file that includes this one has chosen */
#elif defined(__clang__)
#define TILE_LOOP _Pragma("clang loop unroll_count(4)")
#elif defined(__GNUC__)
#define TILE_LOOP _Pragma("GCC unroll 4")
#else
#define TILE_LOOP
#endif

/* Loads vector j of a row of n values: all of it, or the part that exists. */
V_FN v_f32 tile_load(const float *x, const int whole, int64_t n) {
    return whole ? v_load(x) : v_load_part(x, n);
}

/* The number of values in vector j of n. */
V_FN int64_t tile_part(int64_t n, int j) {
    return n - (int64_t)j * V_WIDTH;
}

/* The number of vectors for n columns. */
V_FN int64_t tile_vectors(int64_t n) {
    return (n + V_WIDTH - 1) / V_WIDTH;
}

/* The rows of the next tap are `step` pointers further. */
V_FN void dot_body(const int m, const int nv, const int whole, int64_t n, int64_t taps, int64_t depth, int64_t step, const float *const *a,
                   const float *b, int64_t ldb, float *const *c, const float *bias, int32_t accumulate) {
    v_f32 acc[TILE_SUMS];
    if (accumulate) {
        TILE_UNROLL for (int i = 0; i < m; i++) {
            TILE_UNROLL for (int j = 0; j < nv; j++) {
                acc[i * nv + j] = tile_load(c[i] + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j));
            }
        }
    } else {
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            const v_f32 start = bias ? flush(tile_load(bias + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j))) : v_zero();
            TILE_UNROLL for (int i = 0; i < m; i++) acc[i * nv + j] = start;
        }
    }
    for (int64_t t = 0; t < taps; t++, a += step) {
        TILE_LOOP for (int64_t k = 0; k < depth; k++, b += ldb) {
            v_f32 right[TILE_NV];
            TILE_UNROLL for (int j = 0; j < nv; j++) {
                right[j] = tile_load(b + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j));
            }
            TILE_UNROLL for (int i = 0; i < m; i++) {
                const v_f32 left = v_set(a[i][k]);
                TILE_UNROLL for (int j = 0; j < nv; j++) acc[i * nv + j] = v_fma(left, right[j], acc[i * nv + j]);
            }
        }
    }
    TILE_UNROLL for (int i = 0; i < m; i++) {
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            if (whole || j < nv - 1) {
                v_store(c[i] + j * V_WIDTH, acc[i * nv + j]);
            } else {
                v_store_part(c[i] + j * V_WIDTH, tile_part(n, j), acc[i * nv + j]);
            }
        }
    }
}

/* Works on the rows of a from `from` on. */
V_FN void outer_body(const int m, const int nv, const int whole, int64_t n, int64_t depth, int64_t from, const float *const *a,
                     const float *const *b, float *c, int64_t ldc, int32_t accumulate) {
    v_f32 acc[TILE_SUMS];
    TILE_UNROLL for (int i = 0; i < m; i++) {
        TILE_UNROLL for (int j = 0; j < nv; j++) acc[i * nv + j] = v_zero();
    }
    for (int64_t p = 0; p < depth; p++) {
        const float *const x = a[p] + from, *const y = b[p];
        v_f32 right[TILE_NV];
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            right[j] = tile_load(y + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j));
        }
        TILE_UNROLL for (int i = 0; i < m; i++) {
            const v_f32 left = v_set(x[i]);
            TILE_UNROLL for (int j = 0; j < nv; j++) acc[i * nv + j] = v_fma(left, right[j], acc[i * nv + j]);
        }
    }
    TILE_UNROLL for (int i = 0; i < m; i++) {
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            float *const out = c + i * ldc + j * V_WIDTH;
            if (whole || j < nv - 1) {
                v_store(out, accumulate ? v_add(v_load(out), acc[i * nv + j]) : acc[i * nv + j]);
            } else {
                v_store_part(out, tile_part(n, j),
                             accumulate ? v_add(v_load_part(out, tile_part(n, j)), acc[i * nv + j]) : acc[i * nv + j]);
            }
        }
    }
}

/* One function for each number of rows and of vectors whose sums fit into the registers. */
#define TILE_FUNCTIONS(m, nv)                                                                                                           \
    VAEI_TARGET static void dot_##m##_##nv(int64_t n, int64_t taps, int64_t depth, int64_t step, const float *const *a, const float *b, \
                                           int64_t ldb, float *const *c, const float *bias, int32_t accumulate) {                       \
        if (n == nv * V_WIDTH) dot_body(m, nv, 1, n, taps, depth, step, a, b, ldb, c, bias, accumulate);                                \
        else dot_body(m, nv, 0, n, taps, depth, step, a, b, ldb, c, bias, accumulate);                                                  \
    }                                                                                                                                   \
    VAEI_TARGET static void outer_##m##_##nv(int64_t n, int64_t depth, int64_t from, const float *const *a, const float *const *b,      \
                                             float *c, int64_t ldc, int32_t accumulate) {                                               \
        if (n == nv * V_WIDTH) outer_body(m, nv, 1, n, depth, from, a, b, c, ldc, accumulate);                                          \
        else outer_body(m, nv, 0, n, depth, from, a, b, c, ldc, accumulate);                                                            \
    }
#define TILE_DOT(m, nv)   dot_##m##_##nv,
#define TILE_OUTER(m, nv) outer_##m##_##nv,

#define TILE_6(x, nv)  x(1, nv) x(2, nv) x(3, nv) x(4, nv) x(5, nv) x(6, nv)
#define TILE_8(x, nv)  TILE_6(x, nv) x(7, nv) x(8, nv)
#define TILE_12(x, nv) TILE_8(x, nv) x(9, nv) x(10, nv) x(11, nv) x(12, nv)

#if TILE_MR == 12
#define TILE_ALL(x, nv) TILE_12(x, nv)
#else
#define TILE_ALL(x, nv) TILE_6(x, nv)
#endif
TILE_ALL(TILE_FUNCTIONS, 1)
TILE_ALL(TILE_FUNCTIONS, 2)
#if TILE_NV == 4
TILE_8(TILE_FUNCTIONS, 3)
TILE_6(TILE_FUNCTIONS, 4)
#define TILE_TABLE(x)                                         \
    {                                                         \
        {TILE_ALL(x, 1)}, {TILE_ALL(x, 2)}, {TILE_8(x, 3)}, { \
            TILE_6(x, 4)                                      \
        }                                                     \
    }
#else
#define TILE_TABLE(x)       \
    {                       \
        {TILE_ALL(x, 1)}, { \
            TILE_ALL(x, 2)  \
        }                   \
    }
#endif

/* The number of passes over m rows, and the rows of pass i. */
V_FN int64_t tile_passes(int64_t m, int64_t vectors) {
    const int64_t fit = TILE_SUMS / vectors, most = fit < TILE_MR ? fit : TILE_MR;
    return (m + most - 1) / most;
}
V_FN int64_t tile_rows(int64_t m, int64_t passes, int64_t i) {
    return m / passes + (i < m % passes);
}

V_FN void dot_passes(int64_t m, int64_t n, int64_t taps, int64_t depth, const float *const *a, const float *b, int64_t ldb, float *const *c,
                     const float *bias, int32_t accumulate) {
    static void (*const table[TILE_NV][TILE_MR])(int64_t, int64_t, int64_t, int64_t, const float *const *, const float *, int64_t,
                                                 float *const *, const float *, int32_t) = TILE_TABLE(TILE_DOT);
    const int64_t vectors = tile_vectors(n), passes = tile_passes(m, vectors);
    for (int64_t i = 0, row = 0, rows; i < passes; i++, row += rows) {
        rows = tile_rows(m, passes, i);
        table[vectors - 1][rows - 1](n, taps, depth, m, a + row, b, ldb, c + row, bias, accumulate);
    }
}

VAEI_TARGET static void dot_tile(int64_t m, int64_t n, int64_t taps, int64_t depth, const float *const *a, const float *b, float *const *c,
                                 const float *bias, int32_t accumulate) {
    dot_passes(m, n, taps, depth, a, b, tile_vectors(n) * V_WIDTH, c, bias, accumulate);
}

VAEI_TARGET static void dot_tile_plain(int64_t m, int64_t n, int64_t depth, const float *const *a, const float *b, int64_t ldb,
                                       float *const *c, const float *bias, int32_t accumulate) {
    dot_passes(m, n, 1, depth, a, b, ldb, c, bias, accumulate);
}

VAEI_TARGET static void outer_tile(int64_t m, int64_t n, int64_t depth, const float *const *a, const float *const *b, float *c, int64_t ldc,
                                   int32_t accumulate) {
    static void (*const table[TILE_NV][TILE_MR])(int64_t, int64_t, int64_t, const float *const *, const float *const *, float *, int64_t,
                                                 int32_t) = TILE_TABLE(TILE_OUTER);
    const int64_t vectors = tile_vectors(n), passes = tile_passes(m, vectors);
    for (int64_t i = 0, row = 0, rows; i < passes; i++, row += rows) {
        rows = tile_rows(m, passes, i);
        table[vectors - 1][rows - 1](n, depth, row, a, b, c + row * ldc, ldc, accumulate);
    }
}
