/* SPDX-License-Identifier: MIT
 * gamma_draw.h - draws from the gamma distribution with shape a and scale 1, for the samples of likelihoods.
 *
 *     a >= 1: y = d (1 + c n)^3, d = a - 1/3, c = 1 / sqrt(9 d)        n standard normal; taken if ln u < n^2/2 + d - d v + d ln v, v = y/d
 *     a < 1:  y = y(a + 1) u^(1/a)        computed as a logarithm, which cannot overflow
 *
 * Each value has VAEI_DRAW_BLOCKS blocks of four words of the item's noise, so that no value depends on how often another
 * value was rejected. More than 19 of 20 first attempts are accepted. After 15 rejections (one in 10^19 values) y is d. Marsaglia, Tsang
 * 2000 (ACM TOMS 26). */
#ifndef VAEI_GAMMA_DRAW_H
#define VAEI_GAMMA_DRAW_H

#include "kernel/kernel.h"

enum { VAEI_DRAW_BLOCKS = 32 };

/* Returns ln y for value number `value` of the item. */
double vaei_log_gamma_draw(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t value, double shape);

/* Returns four numbers in (0, 1) from the value's last block, which the draw from the gamma distribution does not use. */
void vaei_draw_uniforms(vaei_noise_key key, uint32_t item, int64_t value, double u[4]);

#endif
