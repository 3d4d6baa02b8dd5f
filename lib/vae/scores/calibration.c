/* SPDX-License-Identifier: MIT
 * calibration.c - computes p-values and thresholds from the scores of normal examples (calibration.h). */
#include "vae/scores/calibration.h"

#include <math.h>
#include <stdlib.h>

enum { TAIL_LEAST = 10 };

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void vaei_calibration_sort(float *scores, int64_t n) {
    qsort(scores, (size_t)n, sizeof(*scores), ascending);
}

double vaei_calibration_p_value(const float *sorted, int64_t n, float score) {
    int64_t below = 0, end = n; /* the first that is not below the score */
    while (below < end) {
        const int64_t middle = below + (end - below) / 2;
        if (sorted[middle] < score) below = middle + 1;
        else end = middle;
    }
    return (double)(1 + n - below) / (double)(n + 1);
}

/* Returns s_(k), with k from 1. If only rounding makes k larger than a whole number, that number is used. */
static double at_rank(const float *sorted, int64_t n, double rank) {
    const double k = ceil(rank - 1e-9 * rank);
    return k > (double)n ? (double)INFINITY : (double)sorted[k < 1 ? 0 : (int64_t)k - 1];
}

static vae_status_t tail(const float *sorted, int64_t n, double alpha, double *threshold) {
    const int64_t N = n / 10;
    if (N < TAIL_LEAST || !(sorted[n - 1] > sorted[n - N]))
        return vaei_fail(VAE_E_ARG, "threshold: the tail of %lld scores has fewer than %d excesses that differ", (long long)n, TAIL_LEAST);
    const double u = (double)sorted[n - N - 1];
    double b = 0, a = 0;
    for (int64_t i = 0; i < N; i++) {
        const double excess = (double)sorted[n - N + i] - u;
        b += excess / (double)N;
        a += (1 - ((double)i + 1 - 0.35) / (double)N) * excess / (double)N;
    }
    const double xi = 2 - b / (b - 2 * a), sigma = 2 * a * b / (b - 2 * a), ratio = alpha * (double)n / (double)N;
    *threshold = u + (fabs(xi) > 1e-9 ? sigma / xi * (pow(ratio, -xi) - 1) : -sigma * log(ratio));
    return VAE_OK;
}

vae_status_t vaei_calibration_threshold(const float *sorted, int64_t n, int32_t how, double alpha, double *threshold) {
    if (how == VAEI_THRESHOLD_TAIL) return tail(sorted, n, alpha, threshold);
    *threshold = at_rank(sorted, n, (1 - alpha) * (double)(how == VAEI_THRESHOLD_CONFORMAL ? n + 1 : n));
    return VAE_OK;
}
