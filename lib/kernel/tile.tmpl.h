/* SPDX-License-Identifier: MIT
 * tile.tmpl.h - the two inner loops of all products, written once over the vectors of simd_*.h.
 *
 *   dot_tile     c[i][j] = init + sum_t sum_k a[t][i][k] b[t][k][j]     rows of a are contiguous in k: numbers are broadcast
 *                (dot_tile_plain: t = 0, and rows of b any distance apart)
 *   outer_tile   c[i][j] += sum_p a[p][i] b[p][j]                       the gradient of a weight
 *
 * A block of m x n outputs stays in registers while the reduction index runs, ascending, one FMA per output and step: the order of
 * the definition in kernel.h, whatever the width of a vector. The bodies take m and the number of vectors as constants; a switch
 * over them chooses, so that a partial block costs what it computes.
 *
 * The file that includes this one has included its simd_*.h and defines TILE_MR (rows, at most 12) and TILE_NV (vectors across, 1
 * or 2). It gives dot_tile, dot_tile_plain and outer_tile, static. */

#define TILE_NR (TILE_NV * V_WIDTH)

/* The accumulators are arrays that must become registers: every loop over them is unrolled before anything else. */
#if defined(__clang__)
#define TILE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TILE_UNROLL _Pragma("GCC unroll 16")
#endif

/* Vectors j of a row of n numbers: whole, or what is left of it. */
V_FN v_f32 tile_load(const float *x, const int whole, int64_t n) {
    return whole ? v_load(x) : v_load_part(x, n);
}

/* The count of numbers in vector j of n. */
V_FN int64_t tile_part(int64_t n, int j) {
    return n - (int64_t)j * V_WIDTH;
}

V_FN void dot_body(const int m, const int nv, const int whole, int64_t n, int64_t taps, int64_t depth, const float *const *a,
                   const float *b, int64_t ldb, float *const *c, const float *bias, int32_t accumulate) {
    v_f32 acc[TILE_MR * TILE_NV];
    if (accumulate) {
        TILE_UNROLL for (int i = 0; i < m; i++) {
            TILE_UNROLL for (int j = 0; j < nv; j++) {
                acc[i * TILE_NV + j] = tile_load(c[i] + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j));
            }
        }
    } else {
        TILE_UNROLL for (int i = 0; i < m; i++) {
            TILE_UNROLL for (int j = 0; j < nv; j++) {
                acc[i * TILE_NV + j] = bias ? tile_load(bias + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j)) : v_zero();
            }
        }
    }
    for (int64_t t = 0; t < taps; t++, a += m) {
        for (int64_t k = 0; k < depth; k++, b += ldb) {
            v_f32 right[TILE_NV];
            TILE_UNROLL for (int j = 0; j < nv; j++) {
                right[j] = tile_load(b + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j));
            }
            TILE_UNROLL for (int i = 0; i < m; i++) {
                const v_f32 left = v_set(a[i][k]);
                TILE_UNROLL for (int j = 0; j < nv; j++) acc[i * TILE_NV + j] = v_fma(left, right[j], acc[i * TILE_NV + j]);
            }
        }
    }
    TILE_UNROLL for (int i = 0; i < m; i++) {
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            if (whole || j < nv - 1) {
                v_store(c[i] + j * V_WIDTH, acc[i * TILE_NV + j]);
            } else {
                v_store_part(c[i] + j * V_WIDTH, tile_part(n, j), acc[i * TILE_NV + j]);
            }
        }
    }
}

V_FN void outer_body(const int m, const int nv, const int whole, int64_t n, int64_t depth, const float *const *a,
                     const float *const *b, float *c, int64_t ldc) {
    v_f32 acc[TILE_MR * TILE_NV];
    TILE_UNROLL for (int i = 0; i < m; i++) {
        TILE_UNROLL for (int j = 0; j < nv; j++) acc[i * TILE_NV + j] = v_zero();
    }
    for (int64_t p = 0; p < depth; p++) {
        const float *const x = a[p], *const y = b[p];
        v_f32 right[TILE_NV];
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            right[j] = tile_load(y + j * V_WIDTH, whole || j < nv - 1, tile_part(n, j));
        }
        TILE_UNROLL for (int i = 0; i < m; i++) {
            const v_f32 left = v_set(x[i]);
            TILE_UNROLL for (int j = 0; j < nv; j++) acc[i * TILE_NV + j] = v_fma(left, right[j], acc[i * TILE_NV + j]);
        }
    }
    TILE_UNROLL for (int i = 0; i < m; i++) {
        TILE_UNROLL for (int j = 0; j < nv; j++) {
            float *const out = c + i * ldc + j * V_WIDTH;
            if (whole || j < nv - 1) {
                v_store(out, v_add(v_load(out), acc[i * TILE_NV + j]));
            } else {
                v_store_part(out, tile_part(n, j), v_add(v_load_part(out, tile_part(n, j)), acc[i * TILE_NV + j]));
            }
        }
    }
}

/* One function per number of rows; inside, by the vectors that n needs. Panels have one of their own: their stride is a constant. */
#define TILE_ROWS(m)                                                                                                   \
    VAEI_TARGET static void dot_rows_##m(int64_t n, int64_t taps, int64_t depth, const float *const *a,                \
                                         const float *b, float *const *c, const float *bias, int32_t accumulate) {     \
        if (n == TILE_NR) {                                                                                            \
            dot_body(m, TILE_NV, 1, n, taps, depth, a, b, TILE_NR, c, bias, accumulate);                               \
        } else if (n > TILE_NR - V_WIDTH) {                                                                            \
            dot_body(m, TILE_NV, 0, n, taps, depth, a, b, TILE_NR, c, bias, accumulate);                               \
        } else {                                                                                                       \
            dot_body(m, 1, 0, n, taps, depth, a, b, TILE_NR, c, bias, accumulate);                                     \
        }                                                                                                              \
    }                                                                                                                  \
    VAEI_TARGET static void plain_rows_##m(int64_t n, int64_t depth, const float *const *a, const float *b, int64_t ldb,\
                                           float *const *c, const float *bias, int32_t accumulate) {                   \
        if (n == TILE_NR) {                                                                                            \
            dot_body(m, TILE_NV, 1, n, 1, depth, a, b, ldb, c, bias, accumulate);                                      \
        } else if (n > TILE_NR - V_WIDTH) {                                                                            \
            dot_body(m, TILE_NV, 0, n, 1, depth, a, b, ldb, c, bias, accumulate);                                      \
        } else {                                                                                                       \
            dot_body(m, 1, 0, n, 1, depth, a, b, ldb, c, bias, accumulate);                                            \
        }                                                                                                              \
    }                                                                                                                  \
    VAEI_TARGET static void outer_rows_##m(int64_t n, int64_t depth, const float *const *a, const float *const *b,     \
                                           float *c, int64_t ldc) {                                                    \
        if (n == TILE_NR) {                                                                                            \
            outer_body(m, TILE_NV, 1, n, depth, a, b, c, ldc);                                                         \
        } else if (n > TILE_NR - V_WIDTH) {                                                                            \
            outer_body(m, TILE_NV, 0, n, depth, a, b, c, ldc);                                                         \
        } else if (n == V_WIDTH) {                                                                                     \
            outer_body(m, 1, 1, n, depth, a, b, c, ldc);                                                               \
        } else {                                                                                                       \
            outer_body(m, 1, 0, n, depth, a, b, c, ldc);                                                               \
        }                                                                                                              \
    }

TILE_ROWS(1)
TILE_ROWS(2)
TILE_ROWS(3)
TILE_ROWS(4)
TILE_ROWS(5)
TILE_ROWS(6)
#if TILE_MR > 6
TILE_ROWS(7)
TILE_ROWS(8)
TILE_ROWS(9)
TILE_ROWS(10)
TILE_ROWS(11)
TILE_ROWS(12)
#endif

VAEI_TARGET static void dot_tile(int64_t m, int64_t n, int64_t taps, int64_t depth, const float *const *a, const float *b,
                                 float *const *c, const float *bias, int32_t accumulate) {
    static void (*const rows[])(int64_t, int64_t, int64_t, const float *const *, const float *, float *const *, const float *,
                                int32_t) = {
        dot_rows_1, dot_rows_2, dot_rows_3, dot_rows_4,  dot_rows_5,  dot_rows_6,
#if TILE_MR > 6
        dot_rows_7, dot_rows_8, dot_rows_9, dot_rows_10, dot_rows_11, dot_rows_12,
#endif
    };
    rows[m - 1](n, taps, depth, a, b, c, bias, accumulate);
}

VAEI_TARGET static void dot_tile_plain(int64_t m, int64_t n, int64_t depth, const float *const *a, const float *b, int64_t ldb,
                                       float *const *c, const float *bias, int32_t accumulate) {
    static void (*const rows[])(int64_t, int64_t, const float *const *, const float *, int64_t, float *const *, const float *,
                                int32_t) = {
        plain_rows_1, plain_rows_2, plain_rows_3, plain_rows_4,  plain_rows_5,  plain_rows_6,
#if TILE_MR > 6
        plain_rows_7, plain_rows_8, plain_rows_9, plain_rows_10, plain_rows_11, plain_rows_12,
#endif
    };
    rows[m - 1](n, depth, a, b, ldb, c, bias, accumulate);
}

VAEI_TARGET static void outer_tile(int64_t m, int64_t n, int64_t depth, const float *const *a, const float *const *b, float *c,
                                   int64_t ldc) {
    static void (*const rows[])(int64_t, int64_t, const float *const *, const float *const *, float *, int64_t) = {
        outer_rows_1, outer_rows_2, outer_rows_3, outer_rows_4,  outer_rows_5,  outer_rows_6,
#if TILE_MR > 6
        outer_rows_7, outer_rows_8, outer_rows_9, outer_rows_10, outer_rows_11, outer_rows_12,
#endif
    };
    rows[m - 1](n, depth, a, b, c, ldc);
}
