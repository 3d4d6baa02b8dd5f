/* SPDX-License-Identifier: MIT
 * adversarial.h - the losses of a critic's score s, for the terms that use a critic.
 *
 *                 critic, real        critic, generated   network, generated
 *     logistic    ln(1 + e^-s)        ln(1 + e^s)         ln(1 + e^-s)                    Goodfellow et al. 2014, not saturating
 *     hinge       max(0, 1 - s)       max(0, 1 + s)       -s                              Lim, Ye 2017 (arXiv:1705.02894) */
#ifndef VAEI_ADVERSARIAL_H
#define VAEI_ADVERSARIAL_H

#include "vae/objective.h"

/* See vaei_game.cost. */
float vaei_logistic_cost(const vaei_kernels *k, int32_t of, float score, float *slope);
float vaei_hinge_cost(int32_t of, float score, float *slope);

#endif
