/* SPDX-License-Identifier: MIT
 * schedule_step.c - the learning rate is multiplied by `factor` every `every` steps, as StepLR in PyTorch.
 *
 *     factor(t) = factor^floor(t / every), times the warm-up */
#include <math.h>

#include "vae/optimizer.h"
#include "vae/objectives/warmup.h"

typedef struct conf {
    int64_t every, warmup;
    float factor;
} conf;

static const vaei_option options[] = {
    {"every", VAEI_OPT_INT, VAEI_OPT_REQUIRED, offsetof(conf, every), 0, 1, 1e12, NULL, "number of steps between reductions"},
    {"factor", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, factor), 0.1, 0, 1, NULL, "factor of each reduction"},
    VAEI_WARMUP_OPTION(conf),
    {0},
};

static double factor(const void *options_filled, int64_t t) {
    const conf *c = options_filled;
    return vaei_warmup(c->warmup, t) * pow(c->factor, (double)(t / c->every));
}

const vaei_schedule_ops vaei_schedule_step = {
    .module = {.name = "step",
               .summary = "the learning rate falls by a factor every so many steps",
               .examples = "step every=1000\n"
                           "step every=10 factor=0.5 warmup=20",
               .paper = "",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = factor,
};
