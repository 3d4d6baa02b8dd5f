/* SPDX-License-Identifier: MIT
 * adam.h - the options, two slots, and the step of Adam and AdamW. */
#ifndef VAEI_ADAM_H
#define VAEI_ADAM_H

#include "vae/optimizer.h"

typedef struct vaei_adam {
    float lr, beta1, beta2, eps, weight_decay;
} vaei_adam;

/* The rows of the table, and its end. */
#define VAEI_ADAM_OPTION(field, flag, def, doc) \
    { #field, VAEI_OPT_FLOAT, flag, offsetof(vaei_adam, field), def, 0, 1, NULL, doc }
#define VAEI_ADAM_OPTIONS(decay, decay_doc)                                                                     \
    VAEI_OPTION_FLOAT(vaei_adam, lr, 0.001, 0, 1e6, "learning rate"),                                           \
        VAEI_ADAM_OPTION(beta1, VAEI_OPT_OPEN_HI, 0.9, "decay of the running mean of the gradients"),           \
        VAEI_ADAM_OPTION(beta2, VAEI_OPT_OPEN_HI, 0.999, "decay of the running mean of the squared gradients"), \
        VAEI_ADAM_OPTION(eps, VAEI_OPT_OPEN_LO, 1e-8, "added to the root of the mean squared gradient"),        \
        VAEI_OPTION_FLOAT(vaei_adam, weight_decay, decay, 0, 1e6, decay_doc), {                                 \
        0                                                                                                       \
    }

int32_t vaei_adam_slots(const void *conf);

/* Makes one step by g + decay w; slot[0] is m, slot[1] is v. */
void vaei_adam_step(const vaei_adam *c, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                    float *const *slot);

#endif
