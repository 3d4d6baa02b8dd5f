/* SPDX-License-Identifier: MIT
 * conv.h - 2-D convolution (cross-correlation) and both its gradients, channels last.
 *
 *   y[n][oy][ox][o] = bias[o] + sum_{ky,kx,c} x[n][oy sy + ky dy - top][ox sx + kx dx - left][c] w[o][c][ky][kx]     zero outside
 *
 * One geometry serves four layers' directions: a transposed convolution is the gradient of a convolution by its input, so
 * deconv2d calls vaei_conv_data forward and vaei_conv_forward backward, with c and oc in swapped roles; its weight [in,out,kh,kw] is
 * then this w[oc][c / groups][kh][kw]. Order of sums: taps ascending (ky, kx), channels inside; for the gradient by the input the taps
 * that meet each output pixel's phase, ascending; for the gradient by the weight positions ascending in chunks fixed by the shape.
 * Kernels of up to three taps, six with stride 2, go by Winograd's way where the shape says so; order and error in
 * conv_winograd.c. */
#ifndef VAEI_CONV_H
#define VAEI_CONV_H

#include "kernel/gemm.h"

typedef struct vaei_conv {
    int64_t h, w, c;    /* x[n][h][w][c] */
    int64_t oh, ow, oc; /* y[n][oh][ow][oc] */
    int64_t kh, kw;     /* kernel */
    int64_t sy, sx;     /* stride */
    int64_t dy, dx;     /* dilation */
    int64_t top, left;  /* zeros before; what lies after follows from the sizes */
    int64_t groups;     /* divides c and oc */
    int32_t training;   /* weights serve one pass over a batch, not many passes over an image each: it may pay to turn
                             them into a form that takes fewer multiplications */
} vaei_conv;

/* An input that is made on demand: `count` pixels of row y of an image, from column x on. Called by several threads. */
typedef struct vaei_prologue {
    void (*pixels)(const void *arg, const vaei_kernels *k, int64_t image, int64_t y, int64_t x, int64_t count, float *out);
    const void *arg;
} vaei_prologue;

/* The names of the algorithms that the shape gets: of y, and of the gradient by the input. */
const char *vaei_conv_forward_algorithm(const vaei_kernels *k, const vaei_conv *g);
const char *vaei_conv_data_algorithm(const vaei_kernels *k, const vaei_conv *g);

/* Weights, from PyTorch's w[oc][c / groups][kh][kw] to what _forward and _data read. scale[oc] (NULL: 1) multiplies each output
 * channel: folded normalisation. Where the packed form is large and the image too, the pack may hold w itself, which must then stay
 * as it is until the next pack. */
int64_t vaei_conv_forward_pack_floats(const vaei_kernels *k, const vaei_conv *g);
void vaei_conv_forward_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale, float *dst);
int64_t vaei_conv_data_pack_floats(const vaei_kernels *k, const vaei_conv *g);
/* scale_c[c] (NULL: 1) multiplies each channel of x: for a deconv2d with folded normalisation */
void vaei_conv_data_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale_c, float *dst);

/* y = conv(x) + bias, then the epilogue on finished runs of whole pixels (it sees multiples of oc floats). Scratch in floats. */
int64_t vaei_conv_forward_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n);
void vaei_conv_forward(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *packed,
                       const float *bias, const vaei_epilogue *epilogue, float *y, float *scratch);

/* The same, y += add before the epilogue, with x from memory or made by the prologue. add may be y. Only where vaei_conv_fuses(). */
int32_t vaei_conv_fuses(const vaei_conv *g);
void vaei_conv_forward_fused(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x,
                             const vaei_prologue *prologue, const float *packed, const float *bias, const float *add,
                             const vaei_epilogue *epilogue, float *y, float *scratch);

/* dx = conv^T(dy) + bias[c] (bias for deconv2d, else NULL), then epilogue. Writes every element of dx. */
int64_t vaei_conv_data_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n);
void vaei_conv_data(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *dy, const float *packed,
                    const float *bias, const vaei_epilogue *epilogue, float *dx, float *scratch);

/* dw[oc][c / groups][kh][kw] += gradient */
int64_t vaei_conv_weight_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n);
void vaei_conv_weight(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                      float *dw, float *scratch);

#endif
