/* SPDX-License-Identifier: MIT
 * codebook.h - one table of K codes of D values, and its learning without gradients by moving averages and revival, for vq and rvq.
 * Vectors are rows x[p * ld], p < P; their codes are code[p * stride], where -1 is no code. */
#ifndef VAEI_CODEBOOK_H
#define VAEI_CODEBOOK_H

#include "kernel/nearest.h"

typedef struct vaei_vectors {
    int64_t P, D, ld, stride;
    const float *x;
    int32_t *code;
} vaei_vectors;

/* The vectors sorted by code: those of code k are order[first[k]..first[k + 1]), ascending. */
typedef struct vaei_code_order {
    int32_t *first; /* [K + 1] */
    int32_t *order; /* [P] */
    float *sum;     /* [K][D]: the sum of the vectors of each code */
} vaei_code_order;

vaei_code_order vaei_order_carve(int64_t P, int64_t K, int64_t D, vaei_carve *c);
/* Fills first, order and sum. A sum runs over its vectors in ascending order, in double. */
void vaei_order_vectors(const vaei_kernels *k, const vaei_pool *pool, int64_t K, const vaei_vectors *v, const vaei_code_order *o);

/* The moving averages of a table. */
typedef struct vaei_averages {
    float *count, *sum; /* [K], [K][D]; sum NULL: the codes are learned by gradient */
    float decay, eps;
    int32_t debias; /* 1: the first batch has its full weight; 0: the averages start at one vector, the code itself */
    double steps;   /* t: the number of batches, with this one */
} vaei_averages;

/* Adds a batch to the averages count and sum. */
void vaei_averages_track(const vaei_averages *a, int64_t K, int64_t D, const vaei_code_order *o);
/* Sets the codes to the averages; used[k] is the number of vectors of this batch that chose k. unit: codes have length 1. */
void vaei_averages_refresh(const vaei_averages *a, const vaei_kernels *k, int64_t K, int64_t D, const int32_t *used, int32_t unit,
                           float *codes);
/* Replaces each code whose count is below the threshold, with its count and sum, by a vector of the batch. The draws are those of (key,
 * item) from `block` on, one block for four vectors. */
void vaei_averages_revive(const vaei_averages *a, const vaei_kernels *k, int64_t K, const vaei_vectors *v, float threshold,
                          vaei_noise_key key, uint32_t item, uint32_t block, int32_t unit, float *codes);
/* Counts the codes whose count is below the threshold; threshold 0 means a hundredth of an even share. */
int64_t vaei_averages_dead(const float *count, int64_t K, float threshold);

/* Computes x / max(|x|, 1e-6) for a row and returns the length. */
float vaei_unit_row(const vaei_kernels *k, int64_t D, float *x);
/* Turns d = dL/dx into dL/dy for x = size y / max(|y|, 1e-6) of D values; length is |y|. */
void vaei_unit_backward(const vaei_kernels *k, int64_t D, const float *x, float length, float size, float *d);

#endif
