/* SPDX-License-Identifier: MIT
 * objective_capacity.c - keeps the rate near a capacity that grows during training.
 *
 *     loss += weight |R - C(t)|        R: the mean over the batch of the rates of all latents, nats
 *     C(t) = max min(1, t / steps)     at step t; max from the start if steps is 0
 *     d loss / d kl_id = weight sign(R - C) w_i / W,  W = sum_i w_i;  0 where R = C
 *
 * Together with `elbo beta=0`, the reconstruction alone, this is the objective of Burgess et al. 2018 (arXiv:1804.03599): as the capacity
 * grows, the latents first encode the factors that improve the reconstruction most. */
#include "vae/objective.h"

#include <math.h>

typedef struct conf {
    float weight, max;
    int64_t steps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, weight, 100, 0, 1e6, "factor of the distance between rate and capacity"),
    VAEI_OPTION_FLOAT(conf, max, 25, 0, 1e6, "final capacity, in nats"),
    VAEI_OPTION_INT(conf, steps, 0, 0, 1e12, "number of steps in which the capacity grows from 0 to max"),
    {0},
};

static double capacity_at(const conf *c, int64_t step) {
    return step < c->steps ? (double)c->max * (double)step / (double)c->steps : (double)c->max;
}

/* The mean over the batch of the rate of one latent. */
static double rate_of(const vaei_terms *t, const vaei_rates *v) {
    double rate = 0;
    for (int64_t i = 0; i < t->n; i++) {
        double of_example = 0;
        for (int64_t d = 0; d < v->dim; d++) of_example += (double)v->kl[i * v->dim + d];
        rate += vaei_batch_weight(t->batch, i) / t->batch->total * of_example;
    }
    return rate;
}

static void eval(const void *options_filled, vaei_terms *t) {
    const conf *const c = options_filled;
    double excess = -capacity_at(c, t->step);
    for (int32_t l = 0; l < t->levels; l++) excess += rate_of(t, &t->level[l]);
    const double slope = (double)c->weight * (double)((excess > 0) - (excess < 0)), cost = (double)c->weight * fabs(excess);
    for (int32_t l = 0; l < t->levels; l++) {
        const vaei_rates *const v = &t->level[l];
        for (int64_t i = 0; i < t->n; i++) {
            const float share = (float)(slope * vaei_batch_weight(t->batch, i) / t->batch->total);
            for (int64_t d = i * v->dim; d < (i + 1) * v->dim; d++) v->d_kl[d] += share;
        }
    }
    t->other += cost;
    t->loss += cost;
}

const vaei_objective_ops vaei_objective_capacity = {
    .module = {.name = "capacity",
               .summary = "the distance of the rate from a capacity that grows",
               .examples = "capacity\n"
                           "capacity weight=0.5 max=2 steps=10",
               .paper = "Burgess et al. 2018 (arXiv:1804.03599)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_NO_NLL,
    .eval = eval,
};
