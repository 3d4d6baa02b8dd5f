/* SPDX-License-Identifier: MIT
 * layer_conv2d.c - 2-D convolution (cross-correlation, as in PyTorch)
 *
 *       y[n][oy][ox][o] = b[o] + sum_{ky,kx,c} x[n][oy s + ky d - top][ox s + kx d - left][c] w[o][c][ky][kx]
 *
 *   w[out][in / groups][kh][kw]; outside the image there are zeros, or values by `pad_mode` (padding.h). Each side may have
 *   its own padding; "same" is TensorFlow's rule, which for stride 1 is PyTorch's too. Output channels of a group depend on input
 *   channels of that group only. Its functions are in convolution.c. */
#include "nn/convolution.h"

#include "nn/padding.h"
#include "nn/weights.h"

typedef vaei_convolution_conf conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "number of output channels"),
    VAEI_OPTION(conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the kernel"),
    VAEI_OPTION_EXTENT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "distance in pixels between neighbouring windows"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "padding around the image: pixels, or same"),
    VAEI_OPTION_EXTENT(conf, dilation, 1, 1, VAEI_WINDOW_MAX, "distance in pixels between neighbouring taps of the kernel"),
    VAEI_OPTION_INT(conf, groups, 1, 1, VAEI_CHANNELS_MAX, "number of independent groups of channels"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias to each channel"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weight"),
    VAEI_OPTION_CHOICE(conf, pad_mode, VAEI_PADDING_ZEROS, VAEI_PADDING_CHOICES, "values of the padding"),
    VAEI_OPTION_CHOICE(conf, pad_mode_x, 0, "pad_mode|" VAEI_PADDING_CHOICES,
                       "padding mode of the left and the right; pad_mode: the same as pad_mode"),
    VAEI_OPTION_TIE(conf),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)node;
    return vaei_convolution_plan(l, b, l->conf, 2, in, out);
}

const vaei_layer_ops vaei_layer_conv2d = {
    .module = {"conv2d", "2-D convolution",
               "conv2d out=3 kernel=3 stride=2x1 pad=1\n"
               "conv2d out=4 kernel=3x2 stride=2 pad=1x0x0x1 groups=2\n"
               "conv2d out=3 kernel=3 dilation=2 pad=same bias=false\n"
               "conv2d out=8 kernel=3 stride=2 pad=same groups=4 init=kaiming\n"
               "conv2d out=5 kernel=1\n"
               "conv2d out=2 kernel=3x2 stride=2 pad=2x1x0x3 pad_mode=reflect pad_mode_x=circular\n"
               "conv2d out=4 kernel=3 pad=1 | tanh | conv2d out=4 kernel=3 stride=2 pad=1 tie=encoder.0\n"
               "conv2d out=6 kernel=4 stride=2 pad=1 groups=2 | deconv2d out=4 kernel=4 stride=2 pad=1 groups=2 tie=encoder.0",
               "", sizeof(vaei_convolution_conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .layout = vaei_convolution_layout,
    .pack = vaei_convolution_pack,
    .forward = vaei_convolution_forward,
    .backward = vaei_convolution_backward,
    .fuses = vaei_convolution_fuses,
    .overwrites = vaei_convolution_overwrites,
    .band = vaei_convolution_band,
    .takes_upsample = vaei_convolution_takes_upsample,
    .algorithm = vaei_convolution_algorithm,
};
