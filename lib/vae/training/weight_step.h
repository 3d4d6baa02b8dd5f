/* SPDX-License-Identifier: MIT
 * weight_step.h - what optimizers share that are written for one weight at a time, in place of a kernel: the decayed gradient, which is
 * taken out of the array, values below VAEI_TINY, and powers. Every operation is rounded by itself, so the compiler may use any vectors. */
#ifndef VAEI_WEIGHT_STEP_H
#define VAEI_WEIGHT_STEP_H

#include <float.h>

#include "vae/optimizer.h"

/* g + decay w, and g becomes 0 */
VAEI_INLINE float vaei_take_gradient(float *g, float decay, float w) {
    const float d = decay > 0 ? *g + decay * w : *g;
    *g = 0;
    return vaei_flushed(d);
}

/* Of a sum of squares: below the square of VAEI_TINY it counts as 0. */
VAEI_INLINE float vaei_flushed_squares(float x) {
    return x < FLT_MIN ? 0 : x;
}

/* share a + (1 - share) b */
VAEI_INLINE float vaei_moved_mean(float share, float a, float b) {
    return share * a + (1 - share) * b;
}

/* x^t by squaring: the same bits everywhere, unlike the system's pow. */
VAEI_INLINE double vaei_power(double x, int64_t t) {
    double y = 1;
    for (; t > 0; t >>= 1, x *= x) {
        if (t & 1) y *= x;
    }
    return y;
}

#endif
