/* SPDX-License-Identifier: MIT
 * conv_phase.c - the phases of the gradient by the input along one axis: which taps contribute to which pixels.
 *
 * The taps k with (i + before - k d) divisible by the stride s contribute to pixel i of x. Pixels at a distance of s have the
 * same taps, and each next tap reads dy at a position that is a fixed number of pixels further. */
#include "kernel/product_parts.h"

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

vaei_phase vaei_phase_of(int64_t p, int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t before) {
    vaei_phase f = {0, stride / common_divisor(stride, dilation), 0, 0, 0, size > p ? vaei_divide_up(size - p, stride) : 0};
    const int64_t tried = vaei_min(kernel, f.period);
    while (f.first < tried && (p + before - f.first * dilation) % stride != 0) f.first++;
    if (f.first < tried) {
        f.count = vaei_divide_up(kernel - f.first, f.period);
        f.from = (p + before - f.first * dilation) / stride;
        f.step = -(f.period * dilation / stride);
    }
    return f;
}
