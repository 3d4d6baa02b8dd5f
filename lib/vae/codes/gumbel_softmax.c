/* SPDX-License-Identifier: MIT
 * gumbel_softmax.c - implements gumbel_softmax.h. The sums over K are in double; a row of noise begins with a new block of random words. */
#include "vae/codes/gumbel_softmax.h"

#include <math.h>

#include "nn/softmax.h"

/* p = softmax(x); x = ln p */
static void log_softmax(const vaei_kernels *k, int64_t K, float *x, float *p) {
    float top;
    memcpy(p, x, (size_t)K * sizeof *p);
    const double sum = vaei_exponentials(k, K, p, &top);
    const float log_sum = (float)log(sum);
    for (int64_t i = 0; i < K; i++) x[i] = x[i] - top - log_sum;
    k->scale(K, (float)(1 / sum), p);
}

double vaei_gumbel_draw(const vaei_gumbel *g, uint32_t item, int64_t row, float *x, float *y, int32_t *code) {
    const int64_t K = g->K;
    const uint32_t first = (uint32_t)(row * ((K + 3) / 4));
    double kl = log((double)K);
    uint32_t bits[4];
    log_softmax(g->k, K, x, y);
    for (int64_t i = 0; i < K; i++) kl += (double)y[i] * (double)x[i];
    for (int64_t i = 0; i < K; i++) {
        if (i % 4 == 0) vaei_philox(g->key, item, first + (uint32_t)(i / 4), 1, bits);
        const double u = ((double)bits[i % 4] + 0.5) * 0x1p-32;
        y[i] = (float)(((double)x[i] - log(-log(u))) / g->temperature);
    }
    *code = (int32_t)vaei_largest(K, y);
    vaei_softmax(g->k, K, y);
    return kl;
}

void vaei_gumbel_backward(const vaei_gumbel *g, const float *log_p, const float *y, double dkl, float *dy) {
    const double even = log((double)g->K);
    double along = 0, kl = even;
    for (int64_t i = 0; i < g->K; i++) {
        along += (double)y[i] * (double)dy[i];
        kl += exp((double)log_p[i]) * (double)log_p[i];
    }
    for (int64_t i = 0; i < g->K; i++) {
        const double p = exp((double)log_p[i]), through_y = (double)y[i] * ((double)dy[i] - along) / g->temperature;
        dy[i] = (float)(through_y + dkl * p * ((double)log_p[i] + even - kl));
    }
}
