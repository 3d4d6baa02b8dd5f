/* SPDX-License-Identifier: MIT
 * gemm.h - matrix products over the tiles of a kernel table. The shape alone divides them into tasks.
 *
 *   vaei_matmul   y[M][N]  = a[M][K] b[K][N] (+ bias)      b is packed once into panels of nr columns, the last one with whole vectors:
 *
 *        b[K][N]   ->   | K x nr | K x nr | K x vaei_panel_columns |
 *
 *   vaei_outer    c[M][N] += sum_p a[p][M] b[p][N]         gradients of weights; P is divided into chunks of a fixed length, whose
 *                                                          sums are added in ascending order */
#ifndef VAEI_GEMM_H
#define VAEI_GEMM_H

#include "kernel/kernel.h"

/* A function for finished rows while they are in the cache: apply(arg, kernels, count, y), y contiguous. NULL: there is none. */
typedef struct vaei_epilogue {
    void (*apply)(const void *arg, const vaei_kernels *k, int64_t count, float *y);
    const void *arg;
} vaei_epilogue;

/* The epilogue that makes values below VAEI_TINY zero (kernel.h). */
extern const vaei_epilogue vaei_flush_rows;

/* A matrix in memory: element (r, c) is at[r * ld + c]. The first struct is for reading, the second for writing. */
typedef struct vaei_matrix {
    const float *at;
    int64_t rows, columns, ld;
} vaei_matrix;
typedef struct vaei_matrix_out {
    float *at;
    int64_t rows, columns, ld;
} vaei_matrix_out;
VAEI_INLINE vaei_matrix vaei_matrix_of(const float *at, int64_t rows, int64_t columns, int64_t ld) {
    return (vaei_matrix){at, rows, columns, ld};
}
VAEI_INLINE vaei_matrix_out vaei_matrix_to(float *at, int64_t rows, int64_t columns, int64_t ld) {
    return (vaei_matrix_out){at, rows, columns, ld};
}

/* Packs b[K][N], given as src[k * stride_k + n * stride_n]; each column is multiplied by scale[n] (NULL: 1). */
int64_t vaei_pack_floats(const vaei_kernels *k, int64_t K, int64_t N);
void vaei_pack(const vaei_kernels *k, const vaei_pool *pool, int64_t K, int64_t N, const float *src, int64_t stride_k, int64_t stride_n,
               const float *scale, float *dst);

/* y[M][N] = a[M][K] b, with bias[N] or NULL; accumulate: the product is added to y (bias must be NULL). The epilogue may be NULL, and
 * needs rows of y without gaps. */
void vaei_matmul(const vaei_kernels *k, const vaei_pool *pool, vaei_matrix a, const float *packed, const float *bias, int32_t accumulate,
                 vaei_matrix_out y, const vaei_epilogue *epilogue);

/* Computes the same bits from an unpacked b[K][N], for a b that is used in one product only. The rows of y have no gaps. If M is small,
 * b is read without a copy, otherwise it is packed into scratch of vaei_matmul_plain_scratch() floats. */
int64_t vaei_matmul_plain_scratch(const vaei_kernels *k, int64_t M, int64_t K, int64_t N);
void vaei_matmul_plain(const vaei_kernels *k, const vaei_pool *pool, vaei_matrix a, const float *b, int32_t accumulate, vaei_matrix_out y,
                       const vaei_epilogue *epilogue, float *scratch);

/* c[M][N] += a[P][M]^T b[P][N]; scratch of vaei_outer_scratch() floats. */
int64_t vaei_outer_scratch(const vaei_kernels *k, int64_t M, int64_t N, int64_t P);
void vaei_outer(const vaei_kernels *k, const vaei_pool *pool, vaei_matrix a, vaei_matrix b, vaei_matrix_out c, float *scratch);

/* db[N] += sum_m dy[m][N], for biases; M fixes the order. */
void vaei_bias_grad(const vaei_kernels *k, const vaei_pool *pool, int64_t M, int64_t N, const float *dy, float *db);

#endif
