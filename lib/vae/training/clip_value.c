/* SPDX-License-Identifier: MIT
 * clip_value.c - clamps each value of the gradient to [-max, max], as torch.nn.utils.clip_grad_value_ does. This changes the direction of
 * the step, which `norm` keeps. */
#include "vae/optimizer.h"

typedef struct conf {
    float max;
} conf;

static const vaei_option options[] = {
    {"max", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, max), 1, 0, 1e30, NULL, "largest magnitude of a gradient"},
    {0},
};

static void limit(const void *options_filled, const vaei_kernels *k, int64_t rows, int64_t columns, const float *w, float *g) {
    const float max = ((const conf *)options_filled)->max;
    (void)k, (void)w;
    for (int64_t i = 0; i < rows * columns; i++) g[i] = g[i] > max ? max : g[i] < -max ? -max : g[i];
}

const vaei_clip_ops vaei_clip_value = {
    .module = {.name = "value",
               .summary = "each gradient is cut to at most max in magnitude",
               .examples = "value\n"
                           "value max=0.001",
               .paper = "",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = vaei_clip_nothing,
    .limit = limit,
};
