/* SPDX-License-Identifier: MIT
 * softmax.c - computes e^(x - max x) and its sum, in the kernels' lanes. */
#include "nn/softmax.h"

double vaei_exponentials(const vaei_kernels *k, int64_t n, float *x, float *top) {
    float most = x[0];
    for (int64_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (int64_t i = 0; i < n; i++) x[i] -= most;
    k->map[VAEI_MAP_EXP](n, 0, x, x);
    *top = most;
    return k->sum(n, x);
}

void vaei_softmax(const vaei_kernels *k, int64_t n, float *x) {
    float top;
    k->scale(n, (float)(1.0 / vaei_exponentials(k, n, x, &top)), x);
    k->flush(n, x, x);
}

int64_t vaei_largest(int64_t n, const float *x) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}
