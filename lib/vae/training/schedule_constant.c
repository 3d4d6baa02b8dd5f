/* SPDX-License-Identifier: MIT
 * schedule_constant.c - a constant learning rate after the warm-up. */
#include "vae/optimizer.h"
#include "vae/objectives/warmup.h"

typedef struct conf {
    int64_t warmup;
} conf;

static const vaei_option options[] = {VAEI_WARMUP_OPTION(conf), {0}};

static double factor(const void *options_filled, int64_t t) {
    const conf *c = options_filled;
    return vaei_warmup(c->warmup, t);
}

const vaei_schedule_ops vaei_schedule_constant = {
    .module = {.name = "constant",
               .summary = "a constant learning rate after the warm-up",
               .examples = "constant\n"
                           "constant warmup=4",
               .paper = "",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = factor,
};
