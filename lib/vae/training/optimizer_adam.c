/* SPDX-License-Identifier: MIT
 * optimizer_adam.c - Adam, as torch.optim.Adam.
 *
 *     g' = g + weight_decay w
 *     m = beta1 m + (1 - beta1) g'        v = beta2 v + (1 - beta2) g'^2
 *     w -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * eps is outside the corrected root, as in PyTorch; TensorFlow adds it to the uncorrected one.
 *
 * Kingma, Ba 2014 (arXiv:1412.6980). */
#include "vae/training/adam.h"

#include <math.h>

#include "vae/training/weight_step.h"

int32_t vaei_adam_slots(const void *conf) {
    (void)conf;
    return 2;
}

void vaei_adam_step(const vaei_adam *c, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                    float *const *slot) {
    const double step = (double)lr / (1 - vaei_power(c->beta1, t));
    const double root = 1 / sqrt(1 - vaei_power(c->beta2, t));
    const vaei_adam_rates rates = {(float)step, (float)root, c->beta1, c->beta2, c->eps, decay};
    k->adam(n, &rates, g, w, slot[0], slot[1]);
}

static const vaei_option options[] = {VAEI_ADAM_OPTIONS(0, "L2 penalty: weight_decay times the weight is added to the gradient")};

static void step(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                 float *const *slot) {
    vaei_adam_step(conf, k, n, t, lr, decay, g, w, slot);
}

const vaei_optimizer_ops vaei_optimizer_adam = {
    .module = {.name = "adam",
               .summary = "steps from the running means of the gradient and of its square",
               .examples = "adam lr=0.001\n"
                           "adam lr=0.01 beta1=0.8 beta2=0.9 eps=0.001 weight_decay=0.1",
               .paper = "Kingma, Ba 2014 (arXiv:1412.6980)",
               .conf_size = sizeof(vaei_adam),
               .options = options},
    .slots = vaei_adam_slots,
    .step = step,
};
