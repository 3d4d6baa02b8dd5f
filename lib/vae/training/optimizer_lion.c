/* SPDX-License-Identifier: MIT
 * optimizer_lion.c - Lion: every step has the same size and the sign of a mean of gradients.
 *
 *     w *= 1 - lr weight_decay        w -= lr sign(beta1 m + (1 - beta1) g)        m = beta2 m + (1 - beta2) g
 *
 * Every weight moves by lr, so the learning rate should be a third to a tenth of Adam's, and the decay as much larger. It needs one slot,
 * half of Adam's memory. Chen et al. 2023 (arXiv:2302.06675). */
#include "vae/training/weight_step.h"

typedef struct conf {
    float lr, beta1, beta2, weight_decay;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, lr, 0.0001, 0, 1e6, "learning rate: what each weight moves by"),
    {"beta1", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_HI, offsetof(conf, beta1), 0.9, 0, 1, NULL, "share of the mean in the sign that is taken"},
    {"beta2", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_HI, offsetof(conf, beta2), 0.99, 0, 1, NULL, "share of the mean of gradients kept each step"},
    VAEI_OPTION_FLOAT(conf, weight_decay, 0, 0, 1e6, "share of the weight removed, times lr"),
    {0},
};

static int32_t slots(const void *options_filled) {
    (void)options_filled;
    return 1;
}

static void step(const void *options_filled, const vaei_kernels *k, int64_t n, int64_t t, float rate, float decayed, float *g, float *w,
                 float *const *slot) {
    const conf *c = options_filled;
    const float left = (float)(1 - (double)rate * (double)decayed);
    float *const m = slot[0];
    (void)k, (void)t;
    for (int64_t i = 0; i < n; i++) {
        const float d = vaei_take_gradient(&g[i], 0, w[i]), along = vaei_moved_mean(c->beta1, m[i], d);
        m[i] = vaei_flushed(vaei_moved_mean(c->beta2, m[i], d));
        w[i] = vaei_flushed(w[i] * left - (along > 0 ? rate : along < 0 ? -rate : 0));
    }
}

const vaei_optimizer_ops vaei_optimizer_lion = {
    .module = {.name = "lion",
               .summary = "steps of one size, by the sign of a mean of gradients",
               .examples = "lion lr=0.01\n"
                           "lion lr=0.003 beta1=0.8 beta2=0.9 weight_decay=0.1",
               .paper = "Chen et al. 2023 (arXiv:2302.06675)",
               .conf_size = sizeof(conf),
               .options = options},
    .slots = slots,
    .step = step,
};
