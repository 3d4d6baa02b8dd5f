/* SPDX-License-Identifier: MIT
 * schedule_inverse_sqrt.c - the learning rate decreases with one over the square root of the step.
 *
 *     factor(t) = (t + 1) / warmup for t < warmup, then sqrt(warmup / (t + 1)); warmup = 0 counts as 1
 *
 * The full learning rate is reached at the end of the warm-up. Vaswani et al. 2017 (arXiv:1706.03762) also have a factor for
 * the width of the model; here it is part of the learning rate. */
#include <math.h>

#include "vae/objectives/warmup.h"
#include "vae/optimizer.h"

typedef struct conf {
    int64_t warmup;
} conf;

static const vaei_option options[] = {
    VAEI_WARMUP_OPTION(conf),
    {0},
};

static double factor(const void *options_filled, int64_t t) {
    const conf *c = options_filled;
    if (t < c->warmup) return vaei_warmup(c->warmup, t);
    return sqrt((double)(c->warmup > 0 ? c->warmup : 1) / (double)(t + 1));
}

const vaei_schedule_ops vaei_schedule_inverse_sqrt = {
    .module = {.name = "inverse_sqrt",
               .summary = "the learning rate falls as one over the square root of the step",
               .examples = "inverse_sqrt\n"
                           "inverse_sqrt warmup=10",
               .paper = "Vaswani et al. 2017 (arXiv:1706.03762)",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = factor,
};
