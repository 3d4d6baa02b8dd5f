/* SPDX-License-Identifier: MIT
 * columns.h - moments of the columns of x[n][size], in double: for measures that compare latents with factors. */
#ifndef VAEI_COLUMNS_H
#define VAEI_COLUMNS_H

#include "base/base.h"

typedef struct vaei_moments {
    double mean, variance; /* over the n rows, divided by n */
} vaei_moments;

/* Of column c. Two passes: the values may be far from 0. */
vaei_moments vaei_column_moments(const float *x, int64_t n, int64_t size, int64_t c);

/* out[n] = (column c - mean) / deviation, and returns 1; or 0, with out[n] = 0: the column is constant. */
int32_t vaei_column_standardize(const float *x, int64_t n, int64_t size, int64_t c, double *out);

#endif
