/* SPDX-License-Identifier: MIT
 * convolution.h - the functions that conv2d and conv1d share. A sequence of T steps is an image of one line of T pixels. */
#ifndef VAEI_CONVOLUTION_H
#define VAEI_CONVOLUTION_H

#include "nn/image.h"

typedef struct vaei_convolution_conf {
    int64_t out, kernel[2], stride[2], pad[4], dilation[2], groups;
    int32_t bias, init, pad_mode, pad_mode_x;
    const char *tie;
} vaei_convolution_conf;

/* Plans the convolution of an image; the weight is [out][in / groups] and the last `axes` sizes of the kernel. */
vae_status_t vaei_convolution_plan(vaei_layer *l, vaei_build *b, const vaei_convolution_conf *o, int32_t axes, const vaei_shape *image,
                                   vaei_shape *made);

/* Functions of vaei_layer_ops. */
void vaei_convolution_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
void vaei_convolution_pack(const vaei_layer *l, const vaei_run *r, void *memory);
void vaei_convolution_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
void vaei_convolution_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                               float *dx);
const char *vaei_convolution_algorithm(const vaei_layer *l, const vaei_kernels *k, int32_t training);
int32_t vaei_convolution_fuses(const vaei_layer *l);
int32_t vaei_convolution_overwrites(const vaei_layer *l);
int32_t vaei_convolution_band(const vaei_layer *l, vaei_band *b);
int32_t vaei_convolution_takes_upsample(const vaei_layer *l, const int64_t factor[2]);

#endif
