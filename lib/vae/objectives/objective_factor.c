/* SPDX-License-Identifier: MIT
 * objective_factor.c - makes the dimensions of z independent of each other, with a critic of z.
 *
 *     loss += weight mean_i -s(z_i)        -s(z) is ln q(z) / (q(z_1) ... q(z_D)), as far as the critic has learnt it
 *     critic: mean_i (ln(1 + e^-s(p_i)) + ln(1 + e^s(z_i))) / 2        p: the batch's z with each dimension permuted separately
 *
 * The mean of -s estimates the total correlation, the KL divergence of q(z) from the product of its marginals. Together with
 * `elbo` this term is FactorVAE. Its authors permute a second batch; this code permutes the same batch. Kim, Mnih 2018 (arXiv:1802.05983).
 * beta_tc estimates the same quantity without a critic. */
#include "vae/objectives/adversarial.h"

typedef struct conf {
    float weight;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, weight, 5, 0, 1e6, "factor of the total correlation"),
    {0},
};

/* The critic's losses are those of `adversary`; the loss of the network is the estimate itself. */
static float cost(const void *options_filled, const vaei_kernels *k, int32_t of, float score, float *slope) {
    (void)options_filled;
    if (of != VAEI_SCORE_FOOLED) return vaei_logistic_cost(k, of, score, slope);
    *slope = -1;
    return -score;
}

static void eval(const void *options_filled, vaei_terms *t) {
    const conf *const c = options_filled;
    const vaei_game game = {.cost = cost, .conf = c};
    vaei_terms_fool(t, &game, (double)c->weight);
}

const vaei_objective_ops vaei_objective_factor = {
    .module = {.name = "factor",
               .summary = "the total correlation of z, estimated by a critic that compares z with permuted dimensions",
               .examples = "factor\n"
                           "factor weight=2",
               .paper = "Kim, Mnih 2018 (arXiv:1802.05983)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_NO_NLL | VAEI_OBJECTIVE_SEES_Z | VAEI_OBJECTIVE_PERMUTES,
    .eval = eval,
    .cost = cost,
};
