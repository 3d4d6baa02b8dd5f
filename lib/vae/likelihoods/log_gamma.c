/* SPDX-License-Identifier: MIT
 * log_gamma.c - the series of log_gamma.h. */
#include "vae/likelihoods/log_gamma.h"

#define FAR            10.0
#define HALF_LN_TWO_PI 0.91893853320467274178

/* sum of term[i] y^i */
static double series(const double *term, size_t count, double y) {
    double sum = 0;
    while (count-- > 0) sum = sum * y + term[count];
    return sum;
}

double vaei_log_gamma(double x) {
    static const double term[] = {1.0 / 12,   -1.0 / 360,        1.0 / 1260,  -1.0 / 1680,
                                  1.0 / 1188, -691.0 / 360360.0, 1.0 / 156.0, -3617.0 / 122400.0};
    double product = 1, far = x;
    for (; far < FAR; far += 1) product *= far;
    const double sum = series(term, VAEI_COUNT(term), 1 / (far * far)) / far;
    return (far - 0.5) * vaei_natural_log(far) - far + HALF_LN_TWO_PI + sum - vaei_natural_log(product);
}

double vaei_digamma(double x) {
    static const double term[] = {-1.0 / 12, 1.0 / 120, -1.0 / 252, 1.0 / 240, -1.0 / 132, 691.0 / 32760, -1.0 / 12};
    double steps = 0, far = x;
    for (; far < FAR; far += 1) steps += 1 / far;
    const double square = 1 / (far * far);
    return vaei_natural_log(far) - 0.5 / far + square * series(term, VAEI_COUNT(term), square) - steps;
}
