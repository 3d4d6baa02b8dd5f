/* SPDX-License-Identifier: MIT
 * schedule_cosine.c - the learning rate follows half a cosine from 1 down to `final`, without restarts.
 *
 *     factor(t) = final + (1 - final) (1 + cos(pi u)) / 2        u = (t - warmup) / (steps - warmup), at most 1
 *
 * `steps` includes the warm-up. Loshchilov, Hutter 2016 (arXiv:1608.03983). */
#include <math.h>

#include "vae/optimizer.h"
#include "vae/objectives/warmup.h"

#define PI 3.14159265358979323846

typedef struct conf {
    int64_t steps, warmup;
    float final;
} conf;

static const vaei_option options[] = {
    {"steps", VAEI_OPT_INT, VAEI_OPT_REQUIRED, offsetof(conf, steps), 0, 1, 1e12, NULL,
     "step at which the learning rate reaches its last value"},
    VAEI_OPTION_FLOAT(conf, final, 0, 0, 1, "factor of the learning rate from that step on"),
    VAEI_WARMUP_OPTION(conf),
    {0},
};

static double factor(const void *options_filled, int64_t t) {
    const conf *c = options_filled;
    if (t < c->warmup) return vaei_warmup(c->warmup, t);
    if (t >= c->steps) return c->final;
    const double u = (double)(t - c->warmup) / (double)(c->steps - c->warmup);
    return c->final + (1 - (double)c->final) * 0.5 * (1 + cos(PI * u));
}

const vaei_schedule_ops vaei_schedule_cosine = {
    .module = {.name = "cosine",
               .summary = "the learning rate falls along half a cosine",
               .examples = "cosine steps=1000\n"
                           "cosine steps=110 warmup=10 final=0.5",
               .paper = "Loshchilov, Hutter 2016 (arXiv:1608.03983)",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = factor,
};
