/* SPDX-License-Identifier: MIT
 * row_norm.h - the frame of layers that normalise each row over the last axis, a vector or the channels of one pixel, by statistics of that
 * row alone: layernorm and rmsnorm. A layer provides the functions for one row; row_norm.c has parameters, memory, threads and sums. */
#ifndef VAEI_ROW_NORM_H
#define VAEI_ROW_NORM_H

#include "nn/layer.h"

typedef struct vaei_row_statistics {
    float mean, rstd; /* of a row; rstd = 1 / sqrt(.. + eps) */
} vaei_row_statistics;

/* The functions for a row of C values. */
typedef struct vaei_row_norm_ops {
    /* Computes y[C] from x[C] by weight[C] and bias[C], which may be NULL; t receives the statistics that backward reads. */
    void (*forward)(const vaei_kernels *k, int64_t channels, double eps, const float *weight, const float *bias, const float *x, float *y,
                    vaei_row_statistics *t);
    /* Adds to dweight[C] and writes dx[C], either of which may be NULL; the frame computes the gradient of the bias. */
    void (*backward)(const vaei_kernels *k, int64_t channels, const vaei_row_statistics *t, const float *weight, const float *x,
                     const float *dy, double *dweight, float *dx);
} vaei_row_norm_ops;

/* Declares weight, which starts at 1, and with `bias` a bias, which starts at 0. */
vae_status_t vaei_row_norm_plan(const vaei_row_norm_ops *ops, vaei_layer *l, vaei_build *b, double eps, int32_t bias, const vaei_shape *in,
                                vaei_shape *out);
void vaei_row_norm_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
void vaei_row_norm_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
void vaei_row_norm_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                            float *dx);

#endif
