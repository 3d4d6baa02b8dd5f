/* SPDX-License-Identifier: MIT
 * image.h - functions that layers over images share: shapes H x W x C, the windows of a kernel, PyTorch's order C x H x W. */
#ifndef VAEI_IMAGE_H
#define VAEI_IMAGE_H

#include "nn/layer.h"

/* The upper bounds of the options of windows; they ensure that no product below overflows. */
#define VAEI_CHANNELS_MAX 65536
#define VAEI_WINDOW_MAX   1024 /* of kernel, stride, dilation, padding */

/* Checks that `in` is height x width x channels, otherwise VAE_E_SHAPE. */
vae_status_t vaei_image_check(const vaei_layer *l, const vaei_shape *in);

/* Makes h x w x c; the stack refuses sizes that are too large. */
VAEI_INLINE vaei_shape vaei_image_shape(int64_t h, int64_t w, int64_t c) {
    return (vaei_shape){3, {h, w, c, 0}};
}

/* Computes the windows of a convolution or a pool: kernel, stride, dilation [2] by height, width; pad[4] top, bottom, left, right. Fills
 * every size of g from `in`. pad[0] < 0 is "same", TensorFlow's rule: there are ceil(size / stride) windows, and half of the zeros that
 * they need (rounded down) are before the image, the rest behind it. VAE_E_SHAPE if a window is larger than the padded image. */
vae_status_t vaei_window_plan(const vaei_layer *l, const vaei_shape *in, int64_t out_channels, const int64_t kernel[2],
                              const int64_t stride[2], const int64_t dilation[2], const int64_t pad[4], vaei_conv *g);

/* The plan() of pools. vaei_pool_conf is their conf, and the vaei_conv of their windows their state. A stride of 0 means the kernel
 * size, the number of channels does not change, and no window may be wholly outside the image. */
typedef struct vaei_pool_conf {
    int64_t kernel[2], stride[2], pad[4];
} vaei_pool_conf;
vae_status_t vaei_pool_plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out);

/* The pixels [y0, y1) x [x0, x1) of the image in window (oy, ox), for dilation 1. */
typedef struct vaei_window {
    int64_t y0, y1, x0, x1;
} vaei_window;

VAEI_INLINE vaei_window vaei_window_at(const vaei_conv *g, int64_t oy, int64_t ox) {
    const int64_t y = oy * g->sy - g->top, x = ox * g->sx - g->left;
    return (vaei_window){y < 0 ? 0 : y, y + g->kh > g->h ? g->h : y + g->kh, x < 0 ? 0 : x, x + g->kw > g->w ? g->w : x + g->kw};
}

#define VAEI_BLOCK_FLOATS (INT64_C(1) << 19) /* 2 MiB: about a core's second cache */

/* The backward pass of a convolution runs through the batch in blocks of examples, so that the values that one gradient has read are
 * still in the cache for the next. This is the size of a block for examples of `size` floats. The shape fixes it, because it decides the
 * order in which the weight's gradient is summed. */
VAEI_INLINE int64_t vaei_backward_block(int64_t size) {
    return size < VAEI_BLOCK_FLOATS ? VAEI_BLOCK_FLOATS / size : 1;
}

/* Whether an example's values stand in the same order with channels first as with channels last: there is one channel or one pixel. */
VAEI_INLINE int32_t vaei_one_order(const vaei_shape *s) {
    const int64_t channels = s->d[s->n - 1];
    return channels == 1 || channels == vaei_shape_size(s);
}

/* y[i][cols][rows] = x[i][rows][cols] for i < n: channels last to channels first, or back. */
void vaei_transpose(const vaei_kernels *k, const vaei_pool *pool, int64_t n, int64_t rows, int64_t cols, const float *x, float *y);

#endif
