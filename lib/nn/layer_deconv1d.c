/* SPDX-License-Identifier: MIT
 * layer_deconv1d.c - transposed convolution over the steps of a sequence x[T][C], as torch.nn.ConvTranspose1d
 *
 *       y[n][t s + k d - before][o] += x[n][t][c] w[c][o][k]                    y starts at b[o]
 *       T' = (T - 1) s - before - behind + d (k - 1) + 1 + output_pad
 *
 *   w[in][out / groups][k], the shape of the weight of a conv1d from y's channels to x's, to which it may be tied. `pad` crops the result;
 *   pad=same: T' = T s, as in deconv2d. Its functions are in deconvolution.c: a sequence is an image of one line. */
#include "nn/deconvolution.h"
#include "nn/sequence.h"
#include "nn/weights.h"

typedef struct conf {
    int64_t out, kernel, stride, pad[4], output_pad, dilation, groups;
    int32_t bias, init;
    const char *tie;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "number of output channels"),
    VAEI_OPTION(conf, kernel, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "steps of the kernel"),
    VAEI_OPTION_INT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "distance in steps between neighbouring kernels in the output"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "steps cropped from the result: on both sides, or before x after (1x2), or same"),
    VAEI_OPTION_INT(conf, output_pad, 0, 0, VAEI_WINDOW_MAX, "steps added at the end"),
    VAEI_OPTION_INT(conf, dilation, 1, 1, VAEI_WINDOW_MAX, "distance in steps between neighbouring taps of the kernel"),
    VAEI_OPTION_INT(conf, groups, 1, 1, VAEI_CHANNELS_MAX, "number of independent groups of channels"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias to each channel"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weight"),
    VAEI_OPTION_TIE(conf),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    (void)node;
    vaei_shape line, made;
    VAEI_TRY(vaei_sequence_line(l, in, &line));
    VAEI_TRY(vaei_sequence_check_pad("deconv1d", o->pad));
    const int64_t same = o->pad[0] < 0 ? -1 : 0;
    const vaei_deconvolution_conf c = {.out = o->out,
                                       .kernel = {1, o->kernel},
                                       .stride = {1, o->stride},
                                       .pad = {same, same, o->pad[0], o->pad[2]},
                                       .output_pad = {0, o->output_pad},
                                       .dilation = {1, o->dilation},
                                       .groups = o->groups,
                                       .bias = o->bias,
                                       .init = o->init,
                                       .tie = o->tie};
    VAEI_TRY(vaei_deconvolution_plan(l, b, &c, 1, &line, &made));
    *out = (vaei_shape){2, {made.d[1], made.d[2], 0, 0}};
    return VAE_OK;
}

const vaei_layer_ops vaei_layer_deconv1d = {
    .module = {"deconv1d", "transposed convolution over the steps of a sequence, for longer outputs",
               "deconv1d out=3 kernel=3 stride=2 pad=1 output_pad=1\n"
               "deconv1d out=4 kernel=3 pad=1x0 groups=2 init=xavier\n"
               "deconv1d out=3 kernel=4 stride=2 pad=same dilation=2 bias=false\n"
               "deconv1d out=3 kernel=4 stride=2 | conv1d out=6 kernel=4 stride=2 tie=encoder.0",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .layout = vaei_deconvolution_layout,
    .pack = vaei_deconvolution_pack,
    .forward = vaei_deconvolution_forward,
    .backward = vaei_deconvolution_backward,
    .algorithm = vaei_deconvolution_algorithm,
};
