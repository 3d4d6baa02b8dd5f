/* SPDX-License-Identifier: MIT
 * optimizer_radam.c - Adam with rectified early steps, when the mean square is known from few gradients, as torch.optim.RAdam.
 *
 *     g' = g + weight_decay w
 *     m = beta1 m + (1 - beta1) g'        v = beta2 v + (1 - beta2) g'^2        M = m / (1 - beta1^t)
 *     p = P - 2 t beta2^t / (1 - beta2^t)        P = 2 / (1 - beta2) - 1
 *
 *     p > 5:  w -= lr M r sqrt(1 - beta2^t) / (sqrt(v) + eps)        r = sqrt((p - 4) (p - 2) P / ((P - 4) (P - 2) p))
 *     else:   w -= lr M
 *
 * Liu et al. 2019 (arXiv:1908.03265). */
#include <math.h>

#include "vae/training/adam.h"
#include "vae/training/weight_step.h"

static const vaei_option options[] = {VAEI_ADAM_OPTIONS(0, "added to the gradient, times the weight")};

/* r sqrt(1 - beta2^t), or 0 if there are too few squares. */
static double rectification(double beta2, int64_t t) {
    const double kept = vaei_power(beta2, t), most = 2 / (1 - beta2) - 1, known = most - 2 * (double)t * kept / (1 - kept);
    if (!(known > 5)) return 0;
    return sqrt((known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known) * (1 - kept));
}

static void step(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                 float *const *slot) {
    const vaei_adam *c = conf;
    const double rate = (double)lr / (1 - vaei_power(c->beta1, t)), rectified = rectification(c->beta2, t);
    const float plain = (float)rate, scaled = (float)(rate * rectified);
    float *const m = slot[0], *const v = slot[1];
    (void)k;
    for (int64_t i = 0; i < n; i++) {
        const float d = vaei_take_gradient(&g[i], decay, w[i]);
        m[i] = vaei_flushed(vaei_moved_mean(c->beta1, m[i], d));
        v[i] = vaei_flushed_squares(vaei_moved_mean(c->beta2, v[i], d * d));
        w[i] = vaei_flushed(w[i] - (rectified > 0 ? scaled * (m[i] / (sqrtf(v[i]) + c->eps)) : plain * m[i]));
    }
}

const vaei_optimizer_ops vaei_optimizer_radam = {
    .module = {.name = "radam",
               .summary = "Adam with steps that are plain until enough squares are known",
               .examples = "radam lr=0.001\n"
                           "radam lr=0.01 beta1=0.8 beta2=0.9 eps=0.001 weight_decay=0.1",
               .paper = "Liu et al. 2019 (arXiv:1908.03265)",
               .conf_size = sizeof(vaei_adam),
               .options = options},
    .slots = vaei_adam_slots,
    .step = step,
};
