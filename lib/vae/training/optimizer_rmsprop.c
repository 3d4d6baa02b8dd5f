/* SPDX-License-Identifier: MIT
 * optimizer_rmsprop.c - RMSprop, as torch.optim.RMSprop.
 *
 *     g' = g + weight_decay w        v = alpha v + (1 - alpha) g'^2        s = g' / (sqrt(v) + eps)
 *     centered: a = alpha a + (1 - alpha) g', and v - a^2 in place of v under the root
 *     w -= lr s, or with momentum    b = momentum b + s, w -= lr b
 *
 * eps is outside of the root, as in PyTorch; TensorFlow has it inside. Hinton 2012 (lecture 6e of Neural networks for machine learning);
 * centered: Graves 2013 (arXiv:1308.0850). */
#include <math.h>

#include "vae/training/weight_step.h"

typedef struct conf {
    float lr, alpha, eps, momentum, weight_decay;
    int32_t centered;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, lr, 0.01, 0, 1e6, "learning rate"),
    {"alpha", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_HI, offsetof(conf, alpha), 0.99, 0, 1, NULL, "share of the mean of squares kept each step"},
    {"eps", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, eps), 1e-8, 0, 1, NULL, "added to the root of the squares"},
    {"momentum", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_HI, offsetof(conf, momentum), 0, 0, 1, NULL,
     "share of the previous step that is added to the new one"},
    VAEI_OPTION_BOOL(conf, centered, 0, "the variance of the gradient in place of the mean of its squares"),
    VAEI_OPTION_FLOAT(conf, weight_decay, 0, 0, 1e6, "L2 penalty: weight_decay times the weight is added to the gradient"),
    {0},
};

static int32_t slots(const void *options_filled) {
    const conf *c = options_filled;
    return 1 + (c->momentum > 0) + c->centered;
}

static void step(const void *options_filled, const vaei_kernels *k, int64_t n, int64_t t, float rate, float decayed, float *g, float *w,
                 float *const *slot) {
    const conf *c = options_filled;
    float *const v = slot[0], *const b = c->momentum > 0 ? slot[1] : NULL, *const a = c->centered ? slot[1 + (b != NULL)] : NULL;
    (void)k, (void)t;
    for (int64_t i = 0; i < n; i++) {
        const float d = vaei_take_gradient(&g[i], decayed, w[i]);
        float under = v[i] = vaei_flushed_squares(vaei_moved_mean(c->alpha, v[i], d * d));
        if (a) {
            a[i] = vaei_flushed(vaei_moved_mean(c->alpha, a[i], d));
            under = fmaxf(under - a[i] * a[i], 0); /* it is below 0 only by rounding */
        }
        float by = d / (sqrtf(under) + c->eps);
        if (b) by = b[i] = vaei_flushed(c->momentum * b[i] + by);
        w[i] = vaei_flushed(w[i] - rate * by);
    }
}

const vaei_optimizer_ops vaei_optimizer_rmsprop = {
    .module = {.name = "rmsprop",
               .summary = "steps scaled by the root of a running mean of squared gradients",
               .examples = "rmsprop lr=0.001\n"
                           "rmsprop lr=0.01 alpha=0.9 momentum=0.5 eps=0.001 weight_decay=0.1\n"
                           "rmsprop lr=0.001 centered=true eps=0.01",
               .paper = "Hinton 2012; Graves 2013 (arXiv:1308.0850)",
               .conf_size = sizeof(conf),
               .options = options},
    .slots = slots,
    .step = step,
};
