/* SPDX-License-Identifier: MIT
 * gumbel_softmax.h - a draw from a categorical distribution over K codes, relaxed so that it has a gradient.
 *
 *     p = softmax(l)        kl = sum_k p_k (ln p_k + ln K)        y = softmax((ln p + g) / temperature), g_k = -ln(-ln u_k)
 *     dl = y (dy - y.dy) / temperature + dkl p (ln p + ln K - kl)
 *
 * argmax y is a draw from p. Jang, Gu, Poole 2016 (arXiv:1611.01144); Maddison, Mnih, Teh 2016 (arXiv:1611.00712). */
#ifndef VAEI_GUMBEL_SOFTMAX_H
#define VAEI_GUMBEL_SOFTMAX_H

#include "kernel/kernel.h"

typedef struct vaei_gumbel {
    const vaei_kernels *k;
    int64_t K;
    double temperature;
    vaei_noise_key key;
} vaei_gumbel;

/* Turns the logits x[K] into ln p. Writes y[K] and argmax y; returns kl. Each row `row` of an item has its own random words. */
double vaei_gumbel_draw(const vaei_gumbel *g, uint32_t item, int64_t row, float *x, float *y, int32_t *code);

/* Turns dy[K] into dl, from the ln p and y of the draw. */
void vaei_gumbel_backward(const vaei_gumbel *g, const float *log_p, const float *y, double dkl, float *dy);

#endif
