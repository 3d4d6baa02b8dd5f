/* SPDX-License-Identifier: MIT
 * schedule_one_cycle.c - the learning rate rises and falls once along half cosines, as in PyTorch's OneCycleLR with its default
 * three_phase=False.
 *
 *     up = rise steps - 1, down = steps - 1 - up        from a to b at u: b + (a - b) (1 + cos(pi u)) / 2
 *     factor(t) = from 1/div to 1 at u = t / up for t <= up, then from 1 to 1/(div final_div) at u = (t - up) / down
 *
 * From step `steps` on the factor keeps its last value. The learning rate of the optimizer is PyTorch's max_lr. Smith, Topin 2017
 * (arXiv:1708.07120). Not here: a cycle of the momentum (PyTorch: cycle_momentum=False). */
#include <math.h>

#include "vae/optimizer.h"

#define PI 3.14159265358979323846

typedef struct conf {
    int64_t steps;
    float rise, div, final_div;
} conf;

static const vaei_option options[] = {
    {"steps", VAEI_OPT_INT, VAEI_OPT_REQUIRED, offsetof(conf, steps), 0, 2, 1e12, NULL, "steps of the cycle"},
    VAEI_OPTION_FLOAT(conf, rise, 0.3, 0, 1, "share of the steps in which the learning rate rises"),
    VAEI_OPTION_FLOAT(conf, div, 25, 1, 1e9, "the first learning rate is the full one divided by this"),
    VAEI_OPTION_FLOAT(conf, final_div, 1e4, 1, 1e9, "the last learning rate is the first one divided by this"),
    {0},
};

static double along(double from, double to, double u) {
    return to + (from - to) * 0.5 * (1 + cos(PI * u));
}

static double factor(const void *options_filled, int64_t t) {
    const conf *c = options_filled;
    const double first = 1 / (double)c->div, last = first / (double)c->final_div, rise = (double)c->rise * (double)c->steps - 1;
    const double up = rise > 0 ? rise : 0, down = (double)(c->steps - 1) - up;
    if ((double)t <= up) return up > 0 ? along(first, 1, (double)t / up) : 1;
    if (t >= c->steps - 1) return last;
    return along(1, last, ((double)t - up) / down);
}

const vaei_schedule_ops vaei_schedule_one_cycle = {
    .module = {.name = "one_cycle",
               .summary = "the learning rate rises and falls once along half cosines",
               .examples = "one_cycle steps=50\n"
                           "one_cycle steps=40 rise=0.5 div=10 final_div=100",
               .paper = "Smith, Topin 2017 (arXiv:1708.07120)",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = factor,
};
