/* SPDX-License-Identifier: MIT
 * softmax.h - exponentials of a row that do not overflow and do not all underflow. */
#ifndef VAEI_SOFTMAX_H
#define VAEI_SOFTMAX_H

#include "kernel/kernel.h"

/* x = e^(x - top), top = max x; returns their sum, at least 1. n >= 1. */
double vaei_exponentials(const vaei_kernels *k, int64_t n, float *x, float *top);

/* x = softmax(x) */
void vaei_softmax(const vaei_kernels *k, int64_t n, float *x);

/* Returns the index of the first of the largest of x[n]. */
int64_t vaei_largest(int64_t n, const float *x);

#endif
