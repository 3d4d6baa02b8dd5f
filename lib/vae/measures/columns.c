/* SPDX-License-Identifier: MIT
 * columns.c - computes the moments of columns (columns.h). */
#include "vae/measures/columns.h"

#include <math.h>

vaei_moments vaei_column_moments(const float *x, int64_t n, int64_t size, int64_t c) {
    vaei_moments m = {0, 0};
    for (int64_t i = 0; i < n; i++) m.mean += (double)x[i * size + c];
    m.mean /= (double)n;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)x[i * size + c] - m.mean;
        m.variance += d * d;
    }
    m.variance /= (double)n;
    return m;
}

int32_t vaei_column_standardize(const float *x, int64_t n, int64_t size, int64_t c, double *out) {
    const vaei_moments m = vaei_column_moments(x, n, size, c);
    const double scale = m.variance > 0 ? 1 / sqrt(m.variance) : 0;
    for (int64_t i = 0; i < n; i++) out[i] = ((double)x[i * size + c] - m.mean) * scale;
    return m.variance > 0;
}
