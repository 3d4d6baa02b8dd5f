/* SPDX-License-Identifier: MIT
 * objective_iwae.c - the importance-weighted bound of K samples, which approaches log p(x) as K grows.
 *
 *     log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x)        z_k: K draws from q(z|x)
 *
 *     loss = mean_i -log( 1/K sum_k w_ik )
 *     d loss / d log w_ik = -v_ik / n,   v_ik = w_ik / sum_l w_il
 *
 * nll and kl of a sample are the two parts of -log w: kl is log q(z|x) - log p(z) at z, of all latents. The reported recon and rate are
 * their means over the samples, so that their sum is the bound of one sample. With samples=1 that is the ELBO with a sampled rate.
 *
 * Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519). Not here: the doubly reparameterised gradient. */
#include <math.h>

#include "vae/objective.h"

typedef struct conf {
    int64_t samples;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, samples, 8, 1, 4096, "number of draws from the posterior of each example"),
    {0},
};

static int64_t samples(const void *options_filled) {
    return ((const conf *)options_filled)->samples;
}

static double kl_of(const vaei_rates *v, int64_t i) {
    double kl = 0;
    for (int64_t d = i * v->dim; d < (i + 1) * v->dim; d++) kl += (double)v->kl[d];
    return kl;
}

static double log_weight(const vaei_terms *t, int64_t i) {
    double log_w = -t->nll[i];
    for (int32_t l = 0; l < t->levels; l++) log_w -= kl_of(&t->level[l], i);
    return log_w;
}

static void pass_back(vaei_terms *t, int64_t i, float slope) {
    t->d_nll[i] += slope;
    for (int32_t l = 0; l < t->levels; l++) {
        const vaei_rates *const v = &t->level[l];
        for (int64_t d = i * v->dim; d < (i + 1) * v->dim; d++) v->d_kl[d] += slope;
    }
}

static void eval(const void *options_filled, vaei_terms *t) {
    const int64_t K = t->samples;
    double bound = 0;
    (void)options_filled;
    for (int64_t first = 0; first < t->n; first += K) {
        const double share = vaei_batch_weight(t->batch, first) / t->batch->total;
        double top = -INFINITY, sum = 0;
        for (int64_t i = first; i < first + K; i++) {
            const double log_w = log_weight(t, i);
            if (log_w > top) sum = sum * exp(top - log_w) + 1, top = log_w;
            else sum += exp(log_w - top);
        }
        bound += (double)K * share * (top + log(sum / (double)K));
        for (int64_t i = first; i < first + K; i++) {
            pass_back(t, i, (float)((double)K * share * exp(log_weight(t, i) - top) / sum));
            t->recon += share * t->nll[i];
            for (int32_t l = 0; l < t->levels; l++) t->level[l].rate += share * kl_of(&t->level[l], i);
        }
    }
    for (int32_t l = 0; l < t->levels; l++) t->rate += t->level[l].rate;
    t->beta = 1;
    t->loss -= bound;
}

const vaei_objective_ops vaei_objective_iwae = {
    .module = {.name = "iwae",
               .summary = "the importance-weighted bound of several samples",
               .examples = "iwae samples=2\n"
                           "iwae samples=3",
               .paper = "Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_AT_Z,
    .eval = eval,
    .samples = samples,
};
