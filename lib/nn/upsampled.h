/* SPDX-License-Identifier: MIT
 * upsampled.h - computes nearest upsampling by 2 x 2 and the 3x3 convolution behind it in one pass, at inference.
 *
 * The upsampled image has each pixel twice along each axis, so two of three taps read the same value. Their weights are
 * added before, so that a transposed convolution of the small image with kernel 4, stride 2, padding 1 remains:
 *
 *   y[2 i]     = w0 x[i - 1] + (w1 + w2) x[i]                              k3 = w0    k1 = w1 + w2
 *   y[2 i + 1] = (w0 + w1) x[i] + w2 x[i + 1]                              k2 = w0 + w1    k0 = w2
 *
 * along either axis: a value of y needs 4 products, not 9, and the upsampled image is not stored. The outermost pixels agree,
 * because there are zeros around both images. The sums of weights are computed in double and rounded once, which changes y by
 * at most 2^-24 of the sum of its terms' magnitudes, in addition to the error of the convolution itself (together 1e-6 of the
 * largest such sum in an image, tests/check_fusion.c). */
#ifndef VAEI_UPSAMPLED_H
#define VAEI_UPSAMPLED_H

#include "nn/layer.h"

/* Whether this applies: g reads an image upsampled by factor[2]. */
int32_t vaei_upsampled_fits(const vaei_conv *g, const int64_t factor[2]);

const char *vaei_upsampled_algorithm(const vaei_kernels *k, const vaei_conv *g);

/* The rows of the small image that rows [first, last) of y are made of: vaei_layer_ops.band */
void vaei_upsampled_band(const vaei_conv *g, vaei_band *b);

/* The layer ops of a convolution g whose step also does the upsampling. */
void vaei_upsampled_layout(const vaei_layer *l, const vaei_kernels *k, const vaei_conv *g, int64_t n, vaei_memory *m, void *pieces);
void vaei_upsampled_pack(const vaei_layer *l, const vaei_run *r, const vaei_conv *g, void *pack);
void vaei_upsampled_forward(const vaei_layer *l, const vaei_run *r, const vaei_conv *g, const vaei_slot *m, const float *x, float *y);

#endif
