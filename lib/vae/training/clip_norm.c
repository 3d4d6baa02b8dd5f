/* SPDX-License-Identifier: MIT
 * clip_norm.c - scales all gradients by one factor so that their 2-norm is at most `max`.
 *
 *     factor = norm > max ? max / norm : 1        Pascanu, Mikolov, Bengio 2012 (arXiv:1211.5063) */
#include "vae/optimizer.h"

typedef struct conf {
    float max;
} conf;

static const vaei_option options[] = {
    {"max", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, max), 1, 0, 1e30, NULL, "largest 2-norm of all gradients together"},
    {0},
};

static double factor(const void *options_filled, double norm) {
    const conf *c = options_filled;
    return norm > (double)c->max ? (double)c->max / norm : 1;
}

const vaei_clip_ops vaei_clip_norm = {
    .module = {.name = "norm",
               .summary = "gradients are scaled down if their 2-norm is larger than max",
               .examples = "norm max=1\n"
                           "norm max=0.001",
               .paper = "Pascanu, Mikolov, Bengio 2012 (arXiv:1211.5063)",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = factor,
};
