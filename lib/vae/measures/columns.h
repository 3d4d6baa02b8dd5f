/* SPDX-License-Identifier: MIT
 * columns.h - computes moments of the columns of x[n][size] in double, for measures that compare latents with factors. */
#ifndef VAEI_COLUMNS_H
#define VAEI_COLUMNS_H

#include "base/base.h"

typedef struct vaei_moments {
    double mean, variance; /* over the n rows, divided by n */
} vaei_moments;

/* The moments of column c. It makes two passes, because the values may be far from 0. */
vaei_moments vaei_column_moments(const float *x, int64_t n, int64_t size, int64_t c);

/* Writes out[n] = (column c - mean) / standard deviation and returns 1. If the column is constant, it writes 0 and returns 0. */
int32_t vaei_column_standardize(const float *x, int64_t n, int64_t size, int64_t c, double *out);

#endif
