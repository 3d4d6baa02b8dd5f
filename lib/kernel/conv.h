/* SPDX-License-Identifier: MIT
 * conv.h - 2-D convolution (cross-correlation) and both its gradients, channels last.
 *
 *   y[n][oy][ox][o] = bias[o] + sum_{ky,kx,c} x[n][oy sy + ky dy - top][ox sx + kx dx - left][c] w[o][c][ky][kx]     zero outside
 *
 * One geometry describes both directions of two layers. A transposed convolution is the gradient of a convolution by its input, so
 * deconv2d calls vaei_conv_data forward and vaei_conv_forward backward, with c and oc exchanged; its weight [in,out,kh,kw] is then this
 * w[oc][c / groups][kh][kw].
 *
 * Order of sums: taps ascending (ky, kx), channels inside. For the gradient by the input, the taps that belong to the phase of a pixel,
 * ascending. For the gradient by the weight, positions ascending in chunks fixed by the shape. Kernels of up to three taps, six with
 * stride 2, use Winograd's algorithm if its rule over shapes says so; conv_winograd.c states its order and its error. */
#ifndef VAEI_CONV_H
#define VAEI_CONV_H

#include "kernel/gemm.h"

typedef struct vaei_conv {
    int64_t h, w, c;    /* x[n][h][w][c] */
    int64_t oh, ow, oc; /* y[n][oh][ow][oc] */
    int64_t kh, kw;     /* kernel */
    int64_t sy, sx;     /* stride */
    int64_t dy, dx;     /* dilation */
    int64_t top, left;  /* zeros before the image; the zeros after it follow from the sizes */
    int64_t groups;     /* their number; it divides c and oc */
    /* 1: the packed weights are used for one pass over a batch, and not for many passes over one image each; the choice of an algorithm
     * depends on whether a costly packing is used often enough */
    int32_t training;
    /* The convolution of which this makes some rows, from a multiple of VAEI_BAND_ALIGN on, with its algorithm, its packed weights and its
     * bits. NULL: this is a whole convolution. */
    const struct vaei_conv *whole;
} vaei_conv;

#define VAEI_BAND_ALIGN 8 /* rows: whole tiles of every algorithm, in either direction */

/* An input that is computed when it is needed: `count` pixels of row y of an image, from column x on. Several threads call it at once. */
typedef struct vaei_prologue {
    void (*pixels)(const void *arg, const vaei_kernels *k, int64_t image, int64_t y, int64_t x, int64_t count, float *out);
    const void *arg;
} vaei_prologue;

/* The names of the algorithms chosen for the shape: for y, and for the gradient by the input. */
const char *vaei_conv_forward_algorithm(const vaei_kernels *k, const vaei_conv *g);
const char *vaei_conv_data_algorithm(const vaei_kernels *k, const vaei_conv *g);

/* Pack the weights, from PyTorch's w[oc][c / groups][kh][kw] to the form that _forward and _data read. scale[oc] (NULL: 1) multiplies
 * each output channel, as folded normalisation does. If both the packed form and the image are large, the pack may hold w itself, which
 * must then not change until the next pack. */
int64_t vaei_conv_forward_pack_floats(const vaei_kernels *k, const vaei_conv *g);
void vaei_conv_forward_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale, float *dst);
int64_t vaei_conv_data_pack_floats(const vaei_kernels *k, const vaei_conv *g);
/* scale_c[c] (NULL: 1) multiplies each channel of x, for a deconv2d with folded normalisation */
void vaei_conv_data_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale_c, float *dst);

/* y = conv(x) + bias, then the epilogue on finished runs of whole pixels (its count is a multiple of oc). Scratch is in floats. */
int64_t vaei_conv_forward_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n);
void vaei_conv_forward(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *packed,
                       const float *bias, const vaei_epilogue *epilogue, float *y, float *scratch);

/* Computes the same, with y += add before the epilogue, and with x from memory or from the prologue. add may be y. Allowed only if
 * vaei_conv_fuses(). */
int32_t vaei_conv_fuses(const vaei_conv *g);
void vaei_conv_forward_fused(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x,
                             const vaei_prologue *prologue, const float *packed, const float *bias, const float *add,
                             const vaei_epilogue *epilogue, float *y, float *scratch);

/* dx = conv^T(dy) + bias[c] (bias for deconv2d, otherwise NULL), then the epilogue. It writes every element of dx. */
int64_t vaei_conv_data_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n);
void vaei_conv_data(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *dy, const float *packed,
                    const float *bias, const vaei_epilogue *epilogue, float *dx, float *scratch);

/* dw[oc][c / groups][kh][kw] += gradient */
int64_t vaei_conv_weight_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n);
void vaei_conv_weight(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                      float *dw, float *scratch);

#endif
