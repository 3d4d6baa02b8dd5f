/* SPDX-License-Identifier: MIT
 * norm.h - functions that batch norm and group norm share: sums over the rows of each channel, and maps that are linear in
 * each channel; also one row of layer norm.
 *
 * A segment is the rows that share a set of statistics: batch norm has one segment of n H W rows, group norm one for each example.
 *
 *     x[segment][row][channel]  ->  sums[segment][2][channel]  ->  coefficients[segment][..][channel]  ->  y or dx
 *
 * The shape alone divides the rows of a segment into chunks. Chunks are summed in double and added in ascending order, so
 * the result depends neither on the threads nor, for group norm, on the batch.
 *
 * The variance is E[x^2] - E[x]^2, in double. Its relative error grows with (mean / deviation)^2 2^-53, while the rounding of
 * x to float has already an error of (mean / deviation) 2^-24, which is larger for every ratio at which x has digits left. */
#ifndef VAEI_NORM_H
#define VAEI_NORM_H

#include "nn/layer.h"

typedef struct vaei_norm {
    int64_t segments, rows, channels;
} vaei_norm;

typedef struct vaei_norm_scratch {
    double *sums;        /* [segments][2][channels]: sum x, sum x y */
    double *partial;     /* [segments][chunks][2][channels] */
    float *coefficients; /* [segments][2 or 3][channels] */
} vaei_norm_scratch;

/* banded: for vaei_norm_sums_rows(), where partial has room for some chunks at a time. */
vaei_norm_scratch vaei_norm_carve(vaei_carve *c, const vaei_norm *g, int64_t coefficients, int32_t banded);

/* s->sums of x and of x y, over the rows */
void vaei_norm_sums(const vaei_kernels *k, const vaei_pool *pool, const vaei_norm *g, const vaei_norm_scratch *s, const float *x,
                    const float *y);

/* The same of one segment, from rows as they come: [first, last) are new, and x begins with row `begin`, at most
 * vaei_norm_begins(). s->sums are known when the last row has come. */
void vaei_norm_sums_rows(const vaei_kernels *k, const vaei_pool *pool, const vaei_norm *g, const vaei_norm_scratch *s, int64_t first,
                         int64_t last, int64_t begin, const float *x);
/* The first row that is wanted again when [0, first) have come: that of the chunk which they end in. */
int64_t vaei_norm_begins(const vaei_norm *g, int64_t first);

/* y = coefficient[0] x + coefficient[1], then the epilogue */
void vaei_norm_apply(const vaei_kernels *k, const vaei_pool *pool, const vaei_norm *g, const float *coefficients, const float *x,
                     const vaei_epilogue *epilogue, float *y);

/* dx = coefficient[0] dy + (coefficient[1] x + coefficient[2]) */
void vaei_norm_apply_grad(const vaei_pool *pool, const vaei_norm *g, const float *coefficients, const float *x, const float *dy, float *dx);

/* One row of layer normalisation: y = weight (x - mean) rstd + bias; *mean and *rstd receive the statistics of the row. */
void vaei_norm_row(const vaei_kernels *k, int64_t channels, double eps, const float *weight, const float *bias, const float *x, float *y,
                   float *mean, float *rstd);

/* Returns 1 / sqrt(variance + eps) from sums over `count` values; *mean and *variance (divided by count) receive these. */
double vaei_norm_statistics(double sum, double sum_squares, double count, double eps, double *mean, double *variance);

#endif
