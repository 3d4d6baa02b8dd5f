/* SPDX-License-Identifier: MIT
 * nearest.h - finds for each of many vectors the nearest of K codes, exactly.
 *
 *     index[m] = argmin_k |e_k|^2 - 2 x_m . e_k        ties to the lowest index
 *
 * |x|^2 is the same for every k and is left out. Each score is one chain of FMA that starts at |e_k|^2 and runs over the dimensions,
 * ascending, by dot_tile. So the bits are equal on every CPU, for any number of threads and any split of the vectors. A vector with a
 * NaN gets code 0.
 *
 * A packed codebook holds the start of each score, then panels of nr codes, multiplied by -2, dimension by dimension:
 *
 *     | |e_k|^2, infinite past K | D x nr | D x nr | ... | */
#ifndef VAEI_NEAREST_H
#define VAEI_NEAREST_H

#include "kernel/gemm.h"

/* The code with the smallest distance, or with the largest product x . e, which is the nearest in angle if all codes have one length. */
enum { VAEI_NEAREST_DISTANCE, VAEI_NEAREST_PRODUCT };

/* Packs codes[K][D]. */
int64_t vaei_nearest_floats(const vaei_kernels *k, int64_t K, int64_t D);
void vaei_nearest_pack(const vaei_kernels *k, int64_t K, int64_t D, const float *codes, int32_t by, float *packed);

/* index[m * stride] for the rows x[m * ldx], m < M */
void vaei_nearest(const vaei_kernels *k, const vaei_pool *pool, int64_t M, int64_t D, const float *x, int64_t ldx, int64_t K,
                  const float *packed, int32_t *index, int64_t stride);

/* Writes all scores of a few rows, score[m * K + k], in the calling thread; M <= VAEI_NEAREST_ROWS. */
#define VAEI_NEAREST_ROWS 16
void vaei_nearest_scores(const vaei_kernels *k, int64_t M, int64_t D, const float *x, int64_t ldx, int64_t K, const float *packed,
                         float *score);

#endif
