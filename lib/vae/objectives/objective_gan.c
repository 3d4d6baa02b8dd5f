/* SPDX-License-Identifier: MIT
 * objective_gan.c - trains reconstructions that a critic of x cannot distinguish from data.
 *
 *     loss += weight mean_i g(s(m_i))        m_i: the mean of the likelihood; g and the critic's own loss: adversarial.h
 *
 * Before step `start` the term is 0 and the critic is not trained. Larsen et al. 2016 (arXiv:1512.09300); the hinge as in Esser,
 * Rombach, Ommer 2021 (arXiv:2012.09841). Not here: a weight from the ratio of gradients; features of the critic as a distance. */
#include "vae/objectives/adversarial.h"

enum { HINGE, LOGISTIC };

typedef struct conf {
    float weight;
    int64_t start;
    int32_t loss;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, weight, 0.1, 0, 1e6, "weight of the term"),
    VAEI_OPTION_INT(conf, start, 0, 0, 1e12, "first step in which the term counts and the critic is trained"),
    VAEI_OPTION_CHOICE(conf, loss, HINGE, "hinge|logistic", "loss of the critic's scores"),
    {0},
};

static float cost(const void *options_filled, const vaei_kernels *k, int32_t of, float score, float *slope) {
    const conf *const c = options_filled;
    return c->loss == HINGE ? vaei_hinge_cost(of, score, slope) : vaei_logistic_cost(k, of, score, slope);
}

static int64_t start(const void *options_filled) {
    const conf *const c = options_filled;
    return c->start;
}

static void eval(const void *options_filled, vaei_terms *t) {
    const conf *const c = options_filled;
    const vaei_game game = {.cost = cost, .conf = c};
    if (t->step >= c->start) vaei_terms_fool(t, &game, (double)c->weight);
}

const vaei_objective_ops vaei_objective_gan = {
    .module = {.name = "gan",
               .summary = "reconstructions that a critic of x cannot tell from data",
               .examples = "gan\n"
                           "gan weight=0.5 loss=logistic\n"
                           "gan weight=2 start=1",
               .paper = "Larsen et al. 2016 (arXiv:1512.09300); Esser, Rombach, Ommer 2021 (arXiv:2012.09841)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_NO_NLL | VAEI_OBJECTIVE_SEES_MEAN,
    .eval = eval,
    .cost = cost,
    .start = start,
};
