/* SPDX-License-Identifier: MIT
 * nearest.h - for each of many vectors the nearest of K codes, exactly.
 *
 *     index[m] = argmin_k |e_k|^2 - 2 x_m . e_k        ties to the lowest index
 *
 * |x|^2 is the same for every k and left out. Each score is one chain of FMA that starts at |e_k|^2 and runs over the dimensions,
 * ascending, by dot_tile: equal bits on every CPU, for any number of threads and any split of the vectors. A vector with a NaN
 * is given code 0.
 *
 * A codebook packed for it: scores of nothing, then panels of nr codes, times -2, dimension by dimension:
 *
 *     | |e_k|^2, infinite past K | D x nr | D x nr | ... | */
#ifndef VAEI_NEAREST_H
#define VAEI_NEAREST_H

#include "kernel/gemm.h"

/* By distance, or by the largest product x . e: the nearest in angle if the codes have one length. */
enum { VAEI_NEAREST_DISTANCE, VAEI_NEAREST_PRODUCT };

/* Packing codes[K][D]. */
int64_t vaei_nearest_floats(const vaei_kernels *k, int64_t K, int64_t D);
void vaei_nearest_pack(const vaei_kernels *k, int64_t K, int64_t D, const float *codes, int32_t by, float *packed);

/* index[m * stride] for the rows x[m * ldx], m < M */
void vaei_nearest(const vaei_kernels *k, const vaei_pool *pool, int64_t M, int64_t D, const float *x, int64_t ldx, int64_t K,
                  const float *packed, int32_t *index, int64_t stride);

/* All scores of a few rows, score[m * K + k], in the calling thread; M <= VAEI_NEAREST_ROWS. */
#define VAEI_NEAREST_ROWS 16
void vaei_nearest_scores(const vaei_kernels *k, int64_t M, int64_t D, const float *x, int64_t ldx, int64_t K, const float *packed,
                         float *score);

#endif
