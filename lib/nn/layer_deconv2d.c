/* SPDX-License-Identifier: MIT
 * layer_deconv2d.c - transposed 2-D convolution, as torch.nn.ConvTranspose2d
 *
 *   Each input pixel adds a kernel to the output. The kernels have the distance of the stride, so the image grows:
 *
 *       y[n][iy s + ky d - top][ix s + kx d - left][o] += x[n][iy][ix][c] w[c][o][ky][kx]          y starts at b[o]
 *       oh = (h - 1) s - top - bottom + d (k - 1) + 1 + output_pad
 *
 *   w[in][out / groups][kh][kw], the shape of the weight of a convolution from y's channels to x's, to which it may be tied. `pad`
 *   crops the result, for each side on its own; output_pad adds at the bottom and the right. pad=same: oh = h s. A kernel that
 *   spans r = d (k - 1) + 1 pixels makes r - s pixels too many: half of them (rounded down) are cropped at the top and the rest at the
 *   bottom, as in TensorFlow. If r is smaller than s, the missing pixels are added at the bottom.
 *
 *   Its functions are in deconvolution.c. */
#include "nn/deconvolution.h"

#include "nn/weights.h"

typedef vaei_deconvolution_conf conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "number of output channels"),
    VAEI_OPTION(conf, kernel, EXTENT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "size of the kernel"),
    VAEI_OPTION_EXTENT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "distance in pixels between neighbouring kernels in the output"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "pixels cropped from the result, or same"),
    VAEI_OPTION_EXTENT(conf, output_pad, 0, 0, VAEI_WINDOW_MAX, "pixels added at the bottom and the right"),
    VAEI_OPTION_EXTENT(conf, dilation, 1, 1, VAEI_WINDOW_MAX, "distance in pixels between neighbouring taps of the kernel"),
    VAEI_OPTION_INT(conf, groups, 1, 1, VAEI_CHANNELS_MAX, "number of independent groups of channels"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias to each channel"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weight"),
    VAEI_OPTION_TIE(conf),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)node;
    return vaei_deconvolution_plan(l, b, l->conf, 2, in, out);
}

const vaei_layer_ops vaei_layer_deconv2d = {
    .module = {"deconv2d", "transposed 2-D convolution, for outputs larger than the input",
               "deconv2d out=3 kernel=3 stride=2 pad=1 output_pad=1x0\n"
               "deconv2d out=4 kernel=3x2 stride=2x1 pad=1x0x0x1 groups=2\n"
               "deconv2d out=3 kernel=4 stride=2 pad=same dilation=2 bias=false init=kaiming\n"
               "deconv2d out=8 kernel=3 stride=1 pad=1 groups=4 init=xavier\n"
               "deconv2d out=3 kernel=4x3 stride=2 | conv2d out=4 kernel=4x3 pad=2 tie=encoder.0",
               "", sizeof(vaei_deconvolution_conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .layout = vaei_deconvolution_layout,
    .pack = vaei_deconvolution_pack,
    .forward = vaei_deconvolution_forward,
    .backward = vaei_deconvolution_backward,
    .algorithm = vaei_deconvolution_algorithm,
};
