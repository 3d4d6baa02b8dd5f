/* SPDX-License-Identifier: MIT
 * optimizer_adamw.c - Adam with weight decay that is separate from the gradient, as torch.optim.AdamW.
 *
 *     w *= 1 - lr weight_decay, then a step of Adam by g alone
 *
 * Loshchilov, Hutter 2017 (arXiv:1711.05101). */
#include "vae/training/adam.h"

static const vaei_option options[] = {
    VAEI_ADAM_OPTIONS(0.01, "decoupled weight decay: lr times weight_decay times the weight is subtracted")};

static void step(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                 float *const *slot) {
    if (decay > 0) k->scale(n, (float)(1 - (double)lr * (double)decay), w);
    vaei_adam_step(conf, k, n, t, lr, 0, g, w, slot);
}

const vaei_optimizer_ops vaei_optimizer_adamw = {
    .module = {.name = "adamw",
               .summary = "Adam with decoupled weight decay",
               .examples = "adamw lr=0.001 weight_decay=0.05\n"
                           "adamw lr=0.01 beta1=0.8 beta2=0.9 eps=0.001 weight_decay=0",
               .paper = "Loshchilov, Hutter 2017 (arXiv:1711.05101)",
               .conf_size = sizeof(vaei_adam),
               .options = options},
    .slots = vaei_adam_slots,
    .step = step,
};
