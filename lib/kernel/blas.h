/* SPDX-License-Identifier: MIT
 * blas.h - the products of gemm.h and conv.h by cblas, for tables with `blas` set. They run in the calling thread; the settings
 * of the BLAS decide how many threads it starts. In a build without a BLAS the functions do nothing, and no table calls them. */
#ifndef VAEI_BLAS_H
#define VAEI_BLAS_H

#include "kernel/conv.h"

/* y[m * ldy + n] = a b (+ bias or + y), b[K][N] dense */
void vaei_blas_product(int64_t M, int64_t K, int64_t N, const float *a, int64_t lda, const float *b, const float *bias, int32_t accumulate,
                       float *y, int64_t ldy);
/* c[m * ldc + n] += sum_p a[p * lda + m] b[p * ldb + n] */
void vaei_blas_outer(int64_t M, int64_t N, int64_t P, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc);

/* Convolution by columns col[pixel][tap][c], for one block of pixels at a time in scratch. Weights are dense: [group][tap][c][o] for
 * forward, [group][o][tap][c] for data; the packing functions of conv.h write them. */
int64_t vaei_blas_conv_scratch(const vaei_conv *g, int64_t n);
void vaei_blas_conv_forward(const vaei_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y, float *scratch);
void vaei_blas_conv_data(const vaei_conv *g, int64_t n, const float *dy, const float *w, const float *bias, float *dx, float *scratch);
void vaei_blas_conv_weight(const vaei_conv *g, int64_t n, const float *x, const float *dy, float *dw, float *scratch);

#endif
