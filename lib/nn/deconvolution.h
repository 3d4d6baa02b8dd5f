/* SPDX-License-Identifier: MIT
 * deconvolution.h - the functions that deconv2d and deconv1d share. A sequence of T steps is an image of one line of T pixels. */
#ifndef VAEI_DECONVOLUTION_H
#define VAEI_DECONVOLUTION_H

#include "nn/image.h"

typedef struct vaei_deconvolution_conf {
    int64_t out, kernel[2], stride[2], pad[4], output_pad[2], dilation[2], groups;
    int32_t bias, init;
    const char *tie;
} vaei_deconvolution_conf;

/* Plans the transposed convolution of an image; the weight is [in][out / groups] and the last `axes` sizes of the kernel. */
vae_status_t vaei_deconvolution_plan(vaei_layer *l, vaei_build *b, const vaei_deconvolution_conf *o, int32_t axes, const vaei_shape *image,
                                     vaei_shape *made);

/* Functions of vaei_layer_ops. */
void vaei_deconvolution_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
void vaei_deconvolution_pack(const vaei_layer *l, const vaei_run *r, void *memory);
void vaei_deconvolution_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
void vaei_deconvolution_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                                 float *dx);
const char *vaei_deconvolution_algorithm(const vaei_layer *l, const vaei_kernels *k, int32_t training);

#endif
