/* SPDX-License-Identifier: MIT
 * adversarial.c - computes the losses of scores and their derivatives; adversarial.h has the formulas. */
#include "vae/objectives/adversarial.h"

float vaei_logistic_cost(const vaei_kernels *k, int32_t of, float score, float *slope) {
    const float sign = of == VAEI_SCORE_MADE ? 1 : -1, v = sign * score;
    float cost;
    k->map[VAEI_MAP_SOFTPLUS](1, 0, &v, &cost);
    k->map[VAEI_MAP_SIGMOID](1, 0, &v, slope);
    *slope *= sign;
    return cost;
}

float vaei_hinge_cost(int32_t of, float score, float *slope) {
    const float sign = of == VAEI_SCORE_MADE ? 1 : -1, cost = 1 + sign * score;
    *slope = sign;
    if (of == VAEI_SCORE_FOOLED) return -score;
    if (cost <= 0) *slope = 0;
    return cost <= 0 ? 0 : cost; /* a NaN is kept */
}
