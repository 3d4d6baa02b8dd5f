/* SPDX-License-Identifier: MIT
 * layer_conv1d.c - convolution over the steps of a sequence x[T][C], as torch.nn.Conv1d
 *
 *       y[n][t][o] = b[o] + sum_{k,c} x[n][t s + k d - before][c] w[o][c][k]
 *
 *   w[out][in / groups][k]; before the first step and behind the last step there are zeros, `pad` of them on each side, or "same" as in
 *   conv2d. With pad=2x0 a kernel of three steps reads no later step.
 *
 *   Its functions are in convolution.c: a sequence is an image of one line. */
#include "nn/convolution.h"
#include "nn/sequence.h"
#include "nn/weights.h"

typedef struct conf {
    int64_t out, kernel, stride, pad[4], dilation, groups;
    int32_t bias, init;
    const char *tie;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_CHANNELS_MAX, "number of output channels"),
    VAEI_OPTION(conf, kernel, INT, VAEI_OPT_REQUIRED, 0, 1, VAEI_WINDOW_MAX, "steps of the kernel"),
    VAEI_OPTION_INT(conf, stride, 1, 1, VAEI_WINDOW_MAX, "distance in steps between neighbouring windows"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, VAEI_WINDOW_MAX, "steps of zeros: on both sides, or before x after (1x2), or same"),
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
    VAEI_TRY(vaei_sequence_check_pad("conv1d", o->pad));
    const int64_t reach = o->dilation * (o->kernel - 1) + 1;
    if (o->pad[0] >= 0 && reach > in->d[0] + o->pad[0] + o->pad[2])
        return vaei_fail(VAE_E_SHAPE, "conv1d: the kernel covers %lld steps, and the padded sequence has %lld", (long long)reach,
                         (long long)(in->d[0] + o->pad[0] + o->pad[2]));
    const int64_t same = o->pad[0] < 0 ? -1 : 0;
    const vaei_convolution_conf c = {.out = o->out,
                                     .kernel = {1, o->kernel},
                                     .stride = {1, o->stride},
                                     .pad = {same, same, o->pad[0], o->pad[2]},
                                     .dilation = {1, o->dilation},
                                     .groups = o->groups,
                                     .bias = o->bias,
                                     .init = o->init,
                                     .tie = o->tie};
    VAEI_TRY(vaei_convolution_plan(l, b, &c, 1, &line, &made));
    *out = (vaei_shape){2, {made.d[1], made.d[2], 0, 0}};
    return VAE_OK;
}

const vaei_layer_ops vaei_layer_conv1d = {
    .module = {"conv1d", "convolution over the steps of a sequence",
               "conv1d out=3 kernel=3 stride=2 pad=1\n"
               "conv1d out=4 kernel=3 pad=2x0 groups=2 init=kaiming\n"
               "conv1d out=3 kernel=2 dilation=2 pad=same bias=false\n"
               "conv1d out=6 kernel=3 pad=1 | tanh | conv1d out=6 kernel=3 pad=1 tie=encoder.0",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .layout = vaei_convolution_layout,
    .pack = vaei_convolution_pack,
    .forward = vaei_convolution_forward,
    .backward = vaei_convolution_backward,
    .algorithm = vaei_convolution_algorithm,
};
