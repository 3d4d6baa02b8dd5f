/* SPDX-License-Identifier: MIT
 * objective_adversary.c - trains latents that a critic of z cannot distinguish from draws from N(0, I).
 *
 *     loss += weight mean_i ln(1 + e^-s(z_i))
 *     critic: mean_i (ln(1 + e^-s(p_i)) + ln(1 + e^s(z_i))) / 2        p_i: draws from N(0, I)
 *
 * With `elbo beta=0` this is the adversarial autoencoder. With the rate it is a VAE whose distribution of the latents of all examples also
 * moves towards the prior. Makhzani et al. 2015 (arXiv:1511.05644). */
#include "vae/objectives/adversarial.h"

typedef struct conf {
    float weight;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, weight, 1, 0, 1e6, "weight of the term"),
    {0},
};

static float cost(const void *options_filled, const vaei_kernels *k, int32_t of, float score, float *slope) {
    (void)options_filled;
    return vaei_logistic_cost(k, of, score, slope);
}

static void eval(const void *options_filled, vaei_terms *t) {
    const conf *const c = options_filled;
    const vaei_game game = {.cost = cost, .conf = c};
    vaei_terms_fool(t, &game, (double)c->weight);
}

const vaei_objective_ops vaei_objective_adversary = {
    .module = {.name = "adversary",
               .summary = "latents that a critic of z cannot tell from draws of N(0, I)",
               .examples = "adversary\n"
                           "adversary weight=0.5",
               .paper = "Makhzani et al. 2015 (arXiv:1511.05644)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_NO_NLL | VAEI_OBJECTIVE_SEES_Z,
    .eval = eval,
    .cost = cost,
};
