/* SPDX-License-Identifier: MIT
 * simd_wasm128.h - the vector primitives of simd_portable.h for WebAssembly with 128-bit vectors: 4 lanes, doubles in two halves.
 *
 * There is no fused multiply-add that is sure to round once (relaxed SIMD leaves it to the engine), so v_fma is that of fused.h, by lanes:
 * the product is exact in double, and the sum is rounded to double and then to float. The second rounding may be wrong only where the first
 * one has put the sum half way between two floats, or below 2^-126, where floats have fewer bits. Few sums are so. If one of four is, all
 * four are rounded to odd first, which is right for every sum. */
#ifndef VAEI_SIMD_H
#define VAEI_SIMD_H

#include "kernel/fused.h"
#include <wasm_simd128.h>

#define VAEI_TARGET
#define V_FN    VAEI_TARGET VAEI_INLINE
#define V_WIDTH 4

typedef v128_t v_f32;
typedef v128_t v_i32;
typedef struct v_f64 {
    v128_t low, high; /* lanes 0-1, 2-3 */
} v_f64;
typedef v128_t v_mask;

V_FN v_f32 v_load(const float *p) {
    return wasm_v128_load(p);
}
V_FN void v_store(float *p, v_f32 x) {
    wasm_v128_store(p, x);
}
V_FN v_f32 v_load_part(const float *p, int64_t j) {
    float buf[4] = {0};
    for (int64_t i = 0; i < j; i++) buf[i] = p[i];
    return wasm_v128_load(buf);
}
V_FN void v_store_part(float *p, int64_t j, v_f32 x) {
    float buf[4];
    wasm_v128_store(buf, x);
    for (int64_t i = 0; i < j; i++) p[i] = buf[i];
}
/* four floats of each of V_WIDTH / 4 rows */
V_FN v_f32 v_load_fours(const float *p, int64_t stride) {
    (void)stride;
    return v_load(p);
}
V_FN v_i32 v_iload(const uint32_t *p) {
    return wasm_v128_load(p);
}
V_FN v_i32 v_iload_part(const uint32_t *p, int64_t j) {
    uint32_t buf[4] = {0};
    for (int64_t i = 0; i < j; i++) buf[i] = p[i];
    return wasm_v128_load(buf);
}
V_FN void v_istore(int32_t *p, v_i32 x) {
    wasm_v128_store(p, x);
}
V_FN v_f32 v_set(float x) {
    return wasm_f32x4_splat(x);
}
V_FN v_f32 v_zero(void) {
    return v_set(0.0f);
}
V_FN v_i32 v_iset(int32_t x) {
    return wasm_i32x4_splat(x);
}

V_FN v_f32 v_add(v_f32 a, v_f32 b) {
    return wasm_f32x4_add(a, b);
}
V_FN v_f32 v_sub(v_f32 a, v_f32 b) {
    return wasm_f32x4_sub(a, b);
}
V_FN v_f32 v_mul(v_f32 a, v_f32 b) {
    return wasm_f32x4_mul(a, b);
}
V_FN v_f32 v_div(v_f32 a, v_f32 b) {
    return wasm_f32x4_div(a, b);
}
V_FN v_f32 v_sqrt(v_f32 a) {
    return wasm_f32x4_sqrt(a);
}
/* p + c rounded to odd (fused.h). Where the sum is not finite, e is NaN and changes nothing. */
V_FN v128_t v_odd_sum(v128_t p, v128_t c) {
    const v128_t s = wasm_f64x2_add(p, c), t = wasm_f64x2_sub(s, p);
    const v128_t e = wasm_f64x2_add(wasm_f64x2_sub(p, wasm_f64x2_sub(s, t)), wasm_f64x2_sub(c, t));
    const v128_t inexact = wasm_f64x2_gt(wasm_f64x2_abs(e), wasm_f64x2_splat(0.0));
    const v128_t even = wasm_i64x2_eq(wasm_v128_and(s, wasm_i64x2_splat(1)), wasm_i64x2_splat(0));
    const v128_t unit = wasm_v128_or(wasm_i64x2_shr(wasm_v128_xor(e, s), 63), wasm_i64x2_splat(1)); /* away from 0 or toward it */
    return wasm_i64x2_add(s, wasm_v128_and(unit, wasm_v128_and(inexact, even)));
}
V_FN v_f32 v_of_halves(v128_t low, v128_t high) {
    return wasm_i64x2_shuffle(wasm_f32x4_demote_f64x2_zero(low), wasm_f32x4_demote_f64x2_zero(high), 0, 2);
}
V_FN v128_t v_upper(v_f32 x) {
    return wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(x, x, 1, 1));
}
/* Lanes whose sum, rounded to double and then to y, may be wrong: it is half way between two floats (its last 29 bits are 1 0...0), or
 * 0 < |y| <= 2^-126, where 0 wraps around. */
V_FN v_mask v_is_unsure(v128_t low, v128_t high, v_f32 y) {
    const v128_t last = wasm_i32x4_shl(wasm_i32x4_shuffle(low, high, 0, 2, 4, 6), 3), midpoint = wasm_i32x4_splat(INT32_MIN);
    const v128_t magnitude = wasm_i32x4_shl(y, 1), least = wasm_i32x4_splat(1 << 24), one = wasm_i32x4_splat(1);
    return wasm_v128_or(wasm_i32x4_eq(last, midpoint), wasm_u32x4_lt(wasm_i32x4_sub(magnitude, one), least));
}
/* Out of line: it is called seldom, and would be most of the code of a kernel */
__attribute__((noinline)) static v_f32 v_fma_by_odd(v_f32 a, v_f32 b, v_f32 c) {
    const v128_t p0 = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a), wasm_f64x2_promote_low_f32x4(b));
    const v128_t p1 = wasm_f64x2_mul(v_upper(a), v_upper(b));
    return v_of_halves(v_odd_sum(p0, wasm_f64x2_promote_low_f32x4(c)), v_odd_sum(p1, v_upper(c)));
}
V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) {
    const v128_t p0 = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a), wasm_f64x2_promote_low_f32x4(b));
    const v128_t p1 = wasm_f64x2_mul(v_upper(a), v_upper(b));
    const v128_t s0 = wasm_f64x2_add(p0, wasm_f64x2_promote_low_f32x4(c)), s1 = wasm_f64x2_add(p1, v_upper(c));
    const v_f32 y = v_of_halves(s0, s1);
    return wasm_v128_any_true(v_is_unsure(s0, s1, y)) ? v_fma_by_odd(a, b, c) : y;
}
V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c) {
    return v_fma(wasm_f32x4_neg(a), b, c);
}
/* pmin(x, y) is y < x ? y : x */
V_FN v_f32 v_min(v_f32 a, v_f32 b) {
    return wasm_f32x4_pmin(b, a);
}
V_FN v_f32 v_max(v_f32 a, v_f32 b) {
    return wasm_f32x4_pmax(b, a);
}
V_FN v_f32 v_abs(v_f32 a) {
    return wasm_f32x4_abs(a);
}
V_FN v_f32 v_copysign(v_f32 a, v_f32 sign) {
    return wasm_v128_bitselect(sign, a, wasm_i32x4_splat(INT32_MIN));
}

V_FN v_mask v_lt(v_f32 a, v_f32 b) {
    return wasm_f32x4_lt(a, b);
}
V_FN v_mask v_le(v_f32 a, v_f32 b) {
    return wasm_f32x4_le(a, b);
}
/* where m is set, the sign alone */
V_FN v_f32 v_zero_where(v_mask m, v_f32 x) {
    return wasm_v128_andnot(x, wasm_v128_andnot(m, wasm_i32x4_splat(INT32_MIN)));
}
V_FN v_f32 v_select(v_mask m, v_f32 a, v_f32 b) {
    return wasm_v128_bitselect(a, b, m);
}
V_FN v_f32 v_keep_part(v_f32 x, int64_t j) {
    return wasm_v128_and(x, wasm_i32x4_lt(wasm_i32x4_const(0, 1, 2, 3), wasm_i32x4_splat((int32_t)j)));
}

V_FN v_i32 v_bits(v_f32 x) {
    return x;
}
V_FN v_f32 v_float_of_bits(v_i32 x) {
    return x;
}
V_FN v_f32 v_to_float(v_i32 x) {
    return wasm_f32x4_convert_i32x4(x);
}
V_FN v_i32 v_iadd(v_i32 a, v_i32 b) {
    return wasm_i32x4_add(a, b);
}
V_FN v_i32 v_isub(v_i32 a, v_i32 b) {
    return wasm_i32x4_sub(a, b);
}
V_FN v_i32 v_iand(v_i32 a, v_i32 b) {
    return wasm_v128_and(a, b);
}
/* the products by m, unsigned: high and low halves */
V_FN void v_imul_wide(v_i32 a, uint32_t m, v_i32 *high, v_i32 *low) {
    const v128_t factor = wasm_i32x4_splat((int32_t)m);
    const v128_t first = wasm_u64x2_extmul_low_u32x4(a, factor), last = wasm_u64x2_extmul_high_u32x4(a, factor);
    *low = wasm_i32x4_shuffle(first, last, 0, 2, 4, 6);
    *high = wasm_i32x4_shuffle(first, last, 1, 3, 5, 7);
}
V_FN v_i32 v_ixor(v_i32 a, v_i32 b) {
    return wasm_v128_xor(a, b);
}
V_FN v_i32 v_imax(v_i32 a, v_i32 b) {
    return wasm_i32x4_max(a, b);
}
V_FN v_mask v_idisjoint(v_i32 a, v_i32 b) { /* a & b is 0 */
    return wasm_i32x4_eq(wasm_v128_and(a, b), wasm_i32x4_splat(0));
}
#define v_shl(x, count) wasm_i32x4_shl(x, count)
#define v_shr(x, count) wasm_u32x4_shr(x, count)
#define v_sar(x, count) wasm_i32x4_shr(x, count)

V_FN v_i32 v_even(v_i32 a, v_i32 b) {
    return wasm_i32x4_shuffle(a, b, 0, 2, 4, 6);
}
V_FN v_i32 v_odd(v_i32 a, v_i32 b) {
    return wasm_i32x4_shuffle(a, b, 1, 3, 5, 7);
}
V_FN v_f32 v_zip_low(v_f32 even, v_f32 odd) {
    return wasm_i32x4_shuffle(even, odd, 0, 4, 1, 5);
}
V_FN v_f32 v_zip_high(v_f32 even, v_f32 odd) {
    return wasm_i32x4_shuffle(even, odd, 2, 6, 3, 7);
}

V_FN v_f64 v_wide(v_f32 x) {
    return (v_f64){wasm_f64x2_promote_low_f32x4(x), v_upper(x)};
}
V_FN v_f32 v_narrow(v_f64 x) {
    return v_of_halves(x.low, x.high);
}
V_FN v_f64 v_wide_set(double x) {
    return (v_f64){wasm_f64x2_splat(x), wasm_f64x2_splat(x)};
}
V_FN v_f64 v_wide_load(const double *p) {
    return (v_f64){wasm_v128_load(p), wasm_v128_load(p + 2)};
}
V_FN void v_wide_store(double *p, v_f64 x) {
    wasm_v128_store(p, x.low);
    wasm_v128_store(p + 2, x.high);
}
V_FN v_f64 v_wide_add(v_f64 a, v_f64 b) {
    return (v_f64){wasm_f64x2_add(a.low, b.low), wasm_f64x2_add(a.high, b.high)};
}
V_FN v_f64 v_wide_sub(v_f64 a, v_f64 b) {
    return (v_f64){wasm_f64x2_sub(a.low, b.low), wasm_f64x2_sub(a.high, b.high)};
}
V_FN v_f64 v_wide_mul(v_f64 a, v_f64 b) {
    return (v_f64){wasm_f64x2_mul(a.low, b.low), wasm_f64x2_mul(a.high, b.high)};
}
/* Products of widened floats are exact, as in vaei_fused_double() */
V_FN v128_t v_half_fma(v128_t a, v128_t b, v128_t c) {
    const v128_t p = wasm_f64x2_mul(a, b), size = wasm_f64x2_abs(p), zero = wasm_f64x2_splat(0.0);
    const v128_t in_range = wasm_v128_and(wasm_f64x2_ge(size, wasm_f64x2_splat(0x1p-900)), wasm_f64x2_le(size, wasm_f64x2_splat(DBL_MAX)));
    const v128_t exact = wasm_v128_or(in_range, wasm_v128_or(wasm_f64x2_eq(a, zero), wasm_f64x2_eq(b, zero)));
    const v128_t low_bits = wasm_v128_and(wasm_v128_or(a, b), wasm_i64x2_splat(0x1FFFFFFF));
    if (!wasm_v128_any_true(low_bits) && wasm_i64x2_all_true(exact)) return wasm_f64x2_add(p, c);
    return wasm_f64x2_make(vaei_fused_double(wasm_f64x2_extract_lane(a, 0), wasm_f64x2_extract_lane(b, 0), wasm_f64x2_extract_lane(c, 0)),
                           vaei_fused_double(wasm_f64x2_extract_lane(a, 1), wasm_f64x2_extract_lane(b, 1), wasm_f64x2_extract_lane(c, 1)));
}
V_FN v_f64 v_wide_fma(v_f64 a, v_f64 b, v_f64 c) {
    return (v_f64){v_half_fma(a.low, b.low, c.low), v_half_fma(a.high, b.high, c.high)};
}

#endif
