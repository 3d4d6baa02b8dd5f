/* SPDX-License-Identifier: MIT
 * weight_step.h - functions of optimizers that are written for one weight at a time, without a kernel: the gradient with the decay, which
 * is removed from its array, values below VAEI_TINY, and powers. Every operation is rounded separately, so the compiler may use any
 * vectors. */
#ifndef VAEI_WEIGHT_STEP_H
#define VAEI_WEIGHT_STEP_H

#include <float.h>

#include "vae/optimizer.h"

/* Returns g + decay w and sets g to 0. */
VAEI_INLINE float vaei_take_gradient(float *g, float decay, float w) {
    const float d = decay > 0 ? *g + decay * w : *g;
    *g = 0;
    return vaei_flushed(d);
}

/* Flushes a mean of squares: below the square of VAEI_TINY it becomes 0. */
VAEI_INLINE float vaei_flushed_squares(float x) {
    return x < FLT_MIN ? 0 : x;
}

/* Returns share a + (1 - share) b. */
VAEI_INLINE float vaei_moved_mean(float share, float a, float b) {
    return share * a + (1 - share) * b;
}

/* Returns x^t by squaring, whose bits are the same everywhere, unlike those of the system's pow. */
VAEI_INLINE double vaei_power(double x, int64_t t) {
    double y = 1;
    for (; t > 0; t >>= 1, x *= x) {
        if (t & 1) y *= x;
    }
    return y;
}

#endif
