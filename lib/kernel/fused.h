/* SPDX-License-Identifier: MIT
 * fused.h - computes a b + c, rounded once, without the processor's instruction, for portable kernels of targets that do not have it. It
 * does not call the C library, because mingw's fmaf() rounds twice, and WebAssembly's is right but slow.
 *
 * float:
 *
 *     p = a b      exact in double: 24 + 24 of its 53 bits, and every exponent fits
 *     s = p + c    rounded to double
 *
 *   (float)s is the result unless s is the midpoint between two floats. Rounding to double is monotonic and every such midpoint is a
 *   double, so no midpoint is between p + c and s. But s may have been rounded to a midpoint, and then the tie would be decided by chance.
 *   For a midpoint the error of s is computed (TwoSum, Knuth 1969; it is a double),
 *
 *     t = s - p    e = (p - (s - t)) + (c - t)    p + c = s + e
 *
 *   and if e is not 0, s moves by a unit of its last place toward s + e when its last bit is 0: rounding to odd (Boldo and Melquiond 2008,
 *   "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd"). The last 29 bits of a midpoint are 1 0...0
 *   from 2^-126 on. Below that, floats have fewer bits, and rounding to odd is always done, because a midpoint is never odd.
 *
 * double: a product of two widened floats is exact, so that only the sum rounds. All other cases use integer arithmetic (fused.c).
 *
 * Rounding is to nearest, ties to even, which is the mode during every call of the library (float_env.h). */
#ifndef VAEI_FUSED_H
#define VAEI_FUSED_H

#include "base/base.h"

/* Every processor of the target has the instruction, and the compiler emits it for fma() and fmaf(). */
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__s390x__) || defined(__powerpc64__)
#define VAEI_HARDWARE_FMA 1
#elif defined(__riscv_flen)
#if __riscv_flen >= 64
#define VAEI_HARDWARE_FMA 1
#endif
#endif

/* Takes any a, b, c, finite or not. */
double vaei_fused_whole(double a, double b, double c);
/* p + c as a float, given s = p + c rounded to double, where s may be a midpoint between two floats or is below 2^-126. Of sums of
 * other sizes, one in 2^29 comes here. */
float vaei_fused_midpoint(double p, double c, double s);

VAEI_INLINE uint64_t vaei_fused_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VAEI_INLINE float vaei_fused_float(float a, float b, float c) {
    const double p = (double)a * b, s = p + c;
    const uint64_t magnitude = vaei_fused_bits(s) << 1, least = UINT64_C(0x3810000000000000) << 1; /* 2^-126 */
    /* 0, which is exact, wraps around and is large */
    if ((magnitude & 0x3FFFFFFF) != 0x20000000 && magnitude - 1 >= least - 1) return (float)s;
    return vaei_fused_midpoint(p, c, s);
}

VAEI_INLINE double vaei_fused_double(double a, double b, double c) {
    const double p = a * b, magnitude = p < 0 ? -p : p;
    const int widened = !((vaei_fused_bits(a) | vaei_fused_bits(b)) & 0x1FFFFFFF);
    if (widened && (a == 0 || b == 0 || (magnitude >= 0x1p-900 && magnitude <= DBL_MAX))) return p + c;
    return vaei_fused_whole(a, b, c);
}

#endif
