/* SPDX-License-Identifier: MIT
 * optimizer_sgd.c - stochastic gradient descent with momentum, as torch.optim.SGD with dampening 0.
 *
 *     g' = g + weight_decay w        v = momentum v + g'        w -= lr (nesterov ? g' + momentum v : v)
 *
 * v starts at 0; without momentum there is no v. Sutskever et al. 2013. */
#include "vae/optimizer.h"

typedef struct conf {
    float lr, momentum, weight_decay;
    int32_t nesterov;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, lr, 0.01, 0, 1e6, "learning rate"),
    {"momentum", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_HI, offsetof(conf, momentum), 0, 0, 1, NULL,
     "share of the previous step that is added to the new one"},
    VAEI_OPTION_BOOL(conf, nesterov, 0, "Nesterov momentum: the gradient is taken ahead, by the momentum"),
    VAEI_OPTION_FLOAT(conf, weight_decay, 0, 0, 1e6, "L2 penalty: weight_decay times the weight is added to the gradient"),
    {0},
};

static int32_t slots(const void *options_filled) {
    const conf *c = options_filled;
    return c->momentum > 0;
}

static void step(const void *options_filled, const vaei_kernels *k, int64_t n, int64_t t, float rate, float decayed, float *g, float *w,
                 float *const *slot) {
    const conf *c = options_filled;
    const vaei_sgd_rates rates = {rate, c->momentum, decayed, c->nesterov};
    (void)t;
    k->sgd(n, &rates, g, w, c->momentum > 0 ? slot[0] : NULL);
}

const vaei_optimizer_ops vaei_optimizer_sgd = {
    .module = {.name = "sgd",
               .summary = "gradient descent with momentum",
               .examples = "sgd lr=0.01 momentum=0.9\n"
                           "sgd lr=0.05\n"
                           "sgd momentum=0.5 nesterov=true weight_decay=0.1",
               .paper = "Sutskever, Martens, Dahl, Hinton 2013",
               .conf_size = sizeof(conf),
               .options = options},
    .slots = slots,
    .step = step,
};
