/* SPDX-License-Identifier: MIT
 * causal_conv.h - a masked convolution over a grid of positions: each output depends on earlier positions in raster order only.
 *
 *     y[p] = b + sum_t W_t x[p + t]        t: the taps of the window before the centre (mask A), or with it (mask B); outside are zeros
 *
 *        o o o        A: o        Other programs multiply weights by a mask. Here the masked weights do not exist: the other taps are
 *        o c .        B: o, c     gathered into a row, and one linear map does the rest, forward, backward and position by position:
 *        . . .
 *                                     cols[row][tap][channel] --W[out][tap][channel]--> y[row][out]
 *
 * Rows are gathered CAUSAL_BLOCK at a time. Taps that are outside the grid for every position are left out too. */
#ifndef VAEI_CAUSAL_CONV_H
#define VAEI_CAUSAL_CONV_H

#include "vae/codes/code_rows.h"

#define VAEI_CAUSAL_BLOCK 1024

typedef struct vaei_causal_conv {
    int64_t H, W;           /* of the grid; row = example H W + y W + x */
    int64_t channels;       /* of x */
    int64_t up, side, taps; /* the window: `up` rows above, `side` columns to each side */
    int32_t blind;          /* 1: it reads no position at all */
    vaei_linear_map map;    /* "<path>.weight" [out][taps channels] */
} vaei_causal_conv;

/* kernel: odd; center: mask B */
vae_status_t vaei_causal_declare(vaei_causal_conv *g, vaei_build *b, const char *path, int64_t H, int64_t W, int64_t channels, int64_t out,
                                 int64_t kernel, int32_t center);

typedef struct vaei_causal_workspace {
    float *cols, *dcols, *outer; /* the last two in training */
} vaei_causal_workspace;

vaei_causal_workspace vaei_causal_carve(const vaei_causal_conv *g, const vaei_kernels *k, int64_t rows, int32_t training, vaei_carve *c);

void vaei_causal_forward(const vaei_causal_conv *g, const vaei_run *r, const vaei_linear_pack *p, const vaei_rows *at, const float *x,
                         const vaei_causal_workspace *workspace, float *y);
/* Writes dx. */
void vaei_causal_backward(const vaei_causal_conv *g, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x,
                          const float *dy, const vaei_causal_workspace *workspace, float *dx);

#endif
