/* SPDX-License-Identifier: MIT
 * simd_portable.h - the vector primitives for any machine: one lane, plain C. The fused multiply-add is an instruction if every
 * processor of the target has it, otherwise the function of fused.h.
 *
 * This file is also the definition of the primitives; simd_avx2.h, simd_avx512.h and simd_neon.h do the same in each lane.
 *
 *   v_f32 V_WIDTH floats    v_i32 as many 32-bit integers    v_f64 as many doubles    v_mask as many truth values
 *
 * Every operation is that of IEEE 754, rounded once. Comparisons with NaN are false; v_min and v_max return their second
 * argument if either is NaN. Integers wrap. `part` functions read or write only the first j lanes in memory, 0 <= j <=
 * V_WIDTH; the others are read as 0. */
#ifndef VAEI_SIMD_H
#define VAEI_SIMD_H

#include <math.h>

#include "kernel/fused.h"

#define VAEI_TARGET
#define V_FN    VAEI_TARGET VAEI_INLINE
#define V_WIDTH 1

typedef float v_f32;
typedef int32_t v_i32;
typedef double v_f64;
typedef int v_mask;

/* ---- memory: any alignment of a float ---- */
V_FN v_f32 v_load(const float *p) {
    return *p;
}
V_FN void v_store(float *p, v_f32 x) {
    *p = x;
}
V_FN v_f32 v_load_part(const float *p, int64_t j) {
    return j > 0 ? *p : 0.0f;
}
V_FN void v_store_part(float *p, int64_t j, v_f32 x) {
    if (j > 0) *p = x;
}
V_FN v_i32 v_iload(const uint32_t *p) {
    return (int32_t)*p;
}
V_FN v_i32 v_iload_part(const uint32_t *p, int64_t j) {
    return j > 0 ? (int32_t)*p : 0;
}
V_FN void v_istore(int32_t *p, v_i32 x) {
    *p = x;
}
V_FN v_f32 v_set(float x) {
    return x;
}
V_FN v_f32 v_zero(void) {
    return v_set(0.0f);
}
V_FN v_i32 v_iset(int32_t x) {
    return x;
}

/* ---- floats ---- */
V_FN v_f32 v_add(v_f32 a, v_f32 b) {
    return a + b;
}
V_FN v_f32 v_sub(v_f32 a, v_f32 b) {
    return a - b;
}
V_FN v_f32 v_mul(v_f32 a, v_f32 b) {
    return a * b;
}
V_FN v_f32 v_div(v_f32 a, v_f32 b) {
    return a / b;
}
V_FN v_f32 v_sqrt(v_f32 a) {
    return sqrtf(a);
}
V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) {
#ifdef VAEI_HARDWARE_FMA
    return fmaf(a, b, c);
#else
    return vaei_fused_float(a, b, c);
#endif
} /* a b + c */
V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c) {
    return v_fma(-a, b, c);
} /* c - a b */
V_FN v_f32 v_min(v_f32 a, v_f32 b) {
    return a < b ? a : b;
}
V_FN v_f32 v_max(v_f32 a, v_f32 b) {
    return a > b ? a : b;
}
V_FN v_f32 v_abs(v_f32 a) {
    return fabsf(a);
}
V_FN v_f32 v_copysign(v_f32 a, v_f32 sign) {
    return copysignf(a, sign);
} /* a >= +0 */

V_FN v_mask v_lt(v_f32 a, v_f32 b) {
    return a < b;
}
V_FN v_mask v_le(v_f32 a, v_f32 b) {
    return a <= b;
}
V_FN v_f32 v_zero_where(v_mask m, v_f32 x) {
    return m ? copysignf(0, x) : x;
} /* keeps the sign alone where m is set */
V_FN v_f32 v_select(v_mask m, v_f32 a, v_f32 b) {
    return m ? a : b;
} /* m ? a : b */
V_FN v_f32 v_keep_part(v_f32 x, int64_t j) {
    return j > 0 ? x : 0.0f;
} /* 0 in the lanes from j on */

/* ---- integers; shift counts are constants ---- */
V_FN v_i32 v_bits(v_f32 x) {
    int32_t r;
    memcpy(&r, &x, sizeof r);
    return r;
}
V_FN v_f32 v_float_of_bits(v_i32 x) {
    float r;
    memcpy(&r, &x, sizeof r);
    return r;
}
V_FN v_f32 v_to_float(v_i32 x) {
    return (float)x;
} /* nearest, ties to even */
V_FN v_i32 v_iadd(v_i32 a, v_i32 b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}
V_FN v_i32 v_isub(v_i32 a, v_i32 b) {
    return (int32_t)((uint32_t)a - (uint32_t)b);
}
V_FN v_i32 v_iand(v_i32 a, v_i32 b) {
    return a & b;
}
/* the unsigned products by m: high and low halves */
V_FN void v_imul_wide(v_i32 a, uint32_t m, v_i32 *high, v_i32 *low) {
    const uint64_t product = (uint64_t)(uint32_t)a * m;
    *high = (int32_t)(uint32_t)(product >> 32);
    *low = (int32_t)(uint32_t)product;
}
V_FN v_i32 v_ixor(v_i32 a, v_i32 b) {
    return a ^ b;
}
V_FN v_i32 v_imax(v_i32 a, v_i32 b) {
    return a > b ? a : b;
}
V_FN v_mask v_idisjoint(v_i32 a, v_i32 b) {
    return (a & b) == 0;
}
#define v_shl(x, count) ((v_i32)((uint32_t)(x) << (count)))
#define v_shr(x, count) ((v_i32)((uint32_t)(x) >> (count))) /* shifts in zeros */
#define v_sar(x, count) ((v_i32)((x) >> (count)))           /* shifts in the sign */

/* ---- pairs: even and odd separate the elements that zip_low and zip_high interleave; the order inside differs between machines -- */
V_FN v_i32 v_even(v_i32 a, v_i32 b) {
    (void)b;
    return a;
}
V_FN v_i32 v_odd(v_i32 a, v_i32 b) {
    (void)a;
    return b;
}
V_FN v_f32 v_zip_low(v_f32 even, v_f32 odd) {
    (void)odd;
    return even;
}
V_FN v_f32 v_zip_high(v_f32 even, v_f32 odd) {
    (void)even;
    return odd;
}

/* ---- doubles ---- */
V_FN v_f64 v_wide(v_f32 x) {
    return x;
}
V_FN v_f64 v_wide_set(double x) {
    return x;
}
V_FN v_f64 v_wide_load(const double *p) {
    return *p;
}
V_FN void v_wide_store(double *p, v_f64 x) {
    *p = x;
}
V_FN v_f32 v_narrow(v_f64 x) {
    return (float)x;
}
V_FN v_f64 v_wide_add(v_f64 a, v_f64 b) {
    return a + b;
}
V_FN v_f64 v_wide_sub(v_f64 a, v_f64 b) {
    return a - b;
}
V_FN v_f64 v_wide_mul(v_f64 a, v_f64 b) {
    return a * b;
}
V_FN v_f64 v_wide_fma(v_f64 a, v_f64 b, v_f64 c) {
#ifdef VAEI_HARDWARE_FMA
    return fma(a, b, c);
#else
    return vaei_fused_double(a, b, c);
#endif
}

#endif
