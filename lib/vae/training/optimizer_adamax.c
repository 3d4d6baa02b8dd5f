/* SPDX-License-Identifier: MIT
 * optimizer_adamax.c - Adam with a decaying maximum of the gradients in place of the root of their mean square, as torch.optim.Adamax.
 *
 *     g' = g + weight_decay w
 *     m = beta1 m + (1 - beta1) g'        u = max(beta2 u, |g'| + eps)        w -= lr / (1 - beta1^t) * m / u
 *
 * Kingma, Ba 2014 (arXiv:1412.6980), section 7.1. */
#include <math.h>

#include "vae/training/adam.h"
#include "vae/training/weight_step.h"

static const vaei_option options[] = {VAEI_ADAM_OPTIONS(0, "added to the gradient, times the weight")};

static void step(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                 float *const *slot) {
    const vaei_adam *c = conf;
    const float rate = (float)((double)lr / (1 - vaei_power(c->beta1, t)));
    float *const m = slot[0], *const u = slot[1];
    (void)k;
    for (int64_t i = 0; i < n; i++) {
        const float d = vaei_take_gradient(&g[i], decay, w[i]);
        m[i] = vaei_flushed(vaei_moved_mean(c->beta1, m[i], d));
        u[i] = vaei_flushed(fmaxf(c->beta2 * u[i], fabsf(d) + c->eps));
        if (u[i] > 0) w[i] = vaei_flushed(w[i] - rate * (m[i] / u[i]));
    }
}

const vaei_optimizer_ops vaei_optimizer_adamax = {
    .module = {.name = "adamax",
               .summary = "steps scaled by the largest gradient so far, which fades",
               .examples = "adamax lr=0.002\n"
                           "adamax lr=0.01 beta1=0.8 beta2=0.9 eps=0.001 weight_decay=0.1",
               .paper = "Kingma, Ba 2014 (arXiv:1412.6980)",
               .conf_size = sizeof(vaei_adam),
               .options = options},
    .slots = vaei_adam_slots,
    .step = step,
};
