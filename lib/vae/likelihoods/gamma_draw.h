/* SPDX-License-Identifier: MIT
 * gamma_draw.h - draws from the gamma distribution of a shape a and scale 1, for the samples of likelihoods.
 *
 *     a >= 1: y = d (1 + c n)^3, d = a - 1/3, c = 1 / sqrt(9 d)        n standard normal; taken if ln u < n^2/2 + d - d v + d ln v, v = y/d
 *     a < 1:  y = y(a + 1) u^(1/a)        as a logarithm, which does not leave the range of numbers
 *
 * Each value has VAEI_DRAW_BLOCKS blocks of four words of the item's noise, so that no value depends on how often another one was
 * refused; more than 19 of 20 are taken at once, and after 15 refusals (one in 10^19 values) y is d. Marsaglia, Tsang 2000 (ACM
 * TOMS 26). */
#ifndef VAEI_GAMMA_DRAW_H
#define VAEI_GAMMA_DRAW_H

#include "kernel/kernel.h"

enum { VAEI_DRAW_BLOCKS = 32 };

/* ln y, by number `value` of the item. */
double vaei_log_gamma_draw(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t value, double shape);

/* Four numbers in (0, 1), those of the value's last block, which the draw of a gamma does not read. */
void vaei_draw_uniforms(vaei_noise_key key, uint32_t item, int64_t value, double u[4]);

#endif
