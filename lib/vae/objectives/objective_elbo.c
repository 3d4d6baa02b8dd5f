/* SPDX-License-Identifier: MIT
 * objective_elbo.c - the negative evidence lower bound, whose rate has a weight with a warm-up, and is free below a floor.
 *
 *     loss = mean_i nll_i + beta(t) R        R = sum_d mean_i kl_id, with free bits sum_d max(free_bits, mean_i kl_id)
 *                                            d: the dimensions of all latents of the model
 *     beta(t) = beta min(1, t / warmup) min(1, ((t mod cycle) / cycle) / ratio)        a factor with 0 steps is 1
 *
 * A dimension below its floor has gradient 0. The reported rate has neither the weight nor the floor. With a prior that is trained
 * together with the model, the rate is an estimate without a value for each dimension, which may be below 0; the floor then applies to the
 * whole rate.
 *
 * Higgins et al. 2017 (beta), Fu et al. 2019 (arXiv:1903.10145, cycles), Kingma et al. 2016 (arXiv:1606.04934, free
 * bits). */
#include "vae/objective.h"

enum { COLUMNS = 64 }; /* dimensions that are summed at once */

typedef struct conf {
    float beta, ratio, free_bits;
    int64_t warmup, cycle;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, beta, 1, 0, 1e6, "weight of the rate, the KL divergence"),
    VAEI_OPTION_INT(conf, warmup, 0, 0, 1e12, "steps over which the weight of the rate rises from 0 to beta"),
    VAEI_OPTION_INT(conf, cycle, 0, 0, 1e12, "steps after which the weight of the rate restarts from 0; 0: never"),
    {"ratio", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, ratio), 0.5, 0, 1, NULL,
     "part of a cycle in which the weight of the rate rises"},
    VAEI_OPTION_FLOAT(conf, free_bits, 0, 0, 1e6, "nats of rate that each latent dimension is not charged for"),
    {0},
};

static double beta_at(const conf *c, int64_t step) {
    double beta = c->beta;
    if (step < c->warmup) beta *= (double)step / (double)c->warmup;
    if (c->cycle > 0) {
        const double rise = (double)(step % c->cycle) / (double)c->cycle / (double)c->ratio;
        if (rise < 1) beta *= rise;
    }
    return beta;
}

/* The rate of one latent, a weighted mean over the batch, and its sum with the floors. */
static void rate_of(const conf *c, const vaei_terms *t, double beta, vaei_rates *v, double *floored) {
    const double total = t->batch->total;
    for (int64_t d0 = 0; d0 < v->dim; d0 += COLUMNS) {
        const int64_t count = v->dim - d0 < COLUMNS ? v->dim - d0 : COLUMNS;
        double kl[COLUMNS] = {0};
        float slope[COLUMNS];
        for (int64_t i = 0; i < t->n; i++) {
            const double weight = vaei_batch_weight(t->batch, i);
            for (int64_t d = 0; d < count; d++) kl[d] += weight * (double)v->kl[i * v->dim + d0 + d];
        }
        for (int64_t d = 0; d < count; d++) {
            const double mean = kl[d] / total;
            const int is_free = c->free_bits > 0 && mean < (double)c->free_bits;
            slope[d] = is_free ? 0 : (float)(beta / total);
            v->rate += mean;
            *floored += is_free ? (double)c->free_bits : mean;
        }
        for (int64_t i = 0; i < t->n; i++) {
            const float weight = (float)vaei_batch_weight(t->batch, i);
            for (int64_t d = 0; d < count; d++) v->d_kl[i * v->dim + d0 + d] += weight * slope[d];
        }
    }
}

static void eval(const void *options_filled, vaei_terms *t) {
    const conf *c = options_filled;
    const double total = t->batch->total, beta = beta_at(c, t->step);
    double recon = 0, floored = 0;
    for (int64_t i = 0; i < t->n; i++) {
        const double weight = vaei_batch_weight(t->batch, i);
        recon += weight * t->nll[i];
        t->d_nll[i] += (float)(weight / total);
    }
    for (int32_t l = 0; l < t->levels; l++) {
        rate_of(c, t, beta, &t->level[l], &floored);
        t->rate += t->level[l].rate;
    }
    t->recon = recon / total;
    t->beta = beta;
    t->loss += t->recon + beta * floored;
}

const vaei_objective_ops vaei_objective_elbo = {
    .module = {.name = "elbo",
               .summary = "the negative evidence lower bound, with beta, warm-up, cycles and free bits",
               .examples = "elbo beta=0.5\n"
                           "elbo beta=4 warmup=10\n"
                           "elbo cycle=8 ratio=0.75 free_bits=0.5",
               .paper = "Higgins et al. 2017; Fu et al. 2019 (arXiv:1903.10145); Kingma et al. 2016 (arXiv:1606.04934)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_MEAN_NLL,
    .eval = eval,
};
