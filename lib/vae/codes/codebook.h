/* SPDX-License-Identifier: MIT
 * codebook.h - one table of K codes of D values, and its learning without gradients: moving averages and revival. Shared by vq and rvq.
 * Vectors are rows x[p * ld], p < P; their codes are code[p * stride], -1: none. */
#ifndef VAEI_CODEBOOK_H
#define VAEI_CODEBOOK_H

#include "kernel/nearest.h"

typedef struct vaei_vectors {
    int64_t P, D, ld, stride;
    const float *x;
    int32_t *code;
} vaei_vectors;

/* Vectors by code: those of code k are order[first[k]..first[k + 1]), ascending. */
typedef struct vaei_code_order {
    int32_t *first; /* [K + 1] */
    int32_t *order; /* [P] */
    float *sum;     /* [K][D]: the sum of each code's vectors */
} vaei_code_order;

vaei_code_order vaei_order_carve(int64_t P, int64_t K, int64_t D, vaei_carve *c);
/* Fills first, order and sum; a sum runs over its vectors ascending, in double. */
void vaei_order_vectors(const vaei_kernels *k, const vaei_pool *pool, int64_t K, const vaei_vectors *v, const vaei_code_order *o);

/* The moving averages of a table. */
typedef struct vaei_averages {
    float *count, *sum; /* [K], [K][D]; sum NULL: the codes are learnt by gradient */
    float decay, eps;
    int32_t debias; /* the first batch counts in full; else averages start at one vector, the code itself */
    double steps;   /* t: batches taken in, this one included */
} vaei_averages;

/* count and sum take in a batch. */
void vaei_averages_track(const vaei_averages *a, int64_t K, int64_t D, const vaei_code_order *o);
/* The codes become the averages; used[k] is how many vectors of this batch chose k. unit: codes have length 1. */
void vaei_averages_refresh(const vaei_averages *a, const vaei_kernels *k, int64_t K, int64_t D, const int32_t *used, int32_t unit,
                           float *codes);
/* Codes whose count is below the threshold become vectors of the batch, count and sum with them. The draws are those of (key, item) from
 * `block` on, a block for four vectors. */
void vaei_averages_revive(const vaei_averages *a, const vaei_kernels *k, int64_t K, const vaei_vectors *v, float threshold,
                          vaei_noise_key key, uint32_t item, uint32_t block, int32_t unit, float *codes);
/* How many of the counts are below it; threshold 0: below a hundredth of an even share. */
int64_t vaei_averages_dead(const float *count, int64_t K, float threshold);

/* x / max(|x|, 1e-6) for a row; the length is returned. */
float vaei_unit_row(const vaei_kernels *k, int64_t D, float *x);
/* d = dL/dx becomes dL/dy for x = size y / max(|y|, 1e-6) of D values; length: |y|. */
void vaei_unit_backward(const vaei_kernels *k, int64_t D, const float *x, float length, float size, float *d);

#endif
