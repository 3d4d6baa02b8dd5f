/* SPDX-License-Identifier: MIT
 * simd_neon.h - the vector primitives of simd_portable.h for AArch64, whose base instruction set has all of them: 4
 * lanes, doubles in two halves. */
#ifndef VAEI_SIMD_H
#define VAEI_SIMD_H

#include "base/base.h"
#include <arm_neon.h>

#define VAEI_TARGET
#define V_FN    VAEI_TARGET VAEI_INLINE
#define V_WIDTH 4

typedef float32x4_t v_f32;
typedef int32x4_t v_i32;
typedef struct v_f64 {
    float64x2_t low, high; /* lanes 0-1, 2-3 */
} v_f64;
typedef uint32x4_t v_mask;

V_FN v_f32 v_load(const float *p) {
    return vld1q_f32(p);
}
V_FN void v_store(float *p, v_f32 x) {
    vst1q_f32(p, x);
}
V_FN v_f32 v_load_part(const float *p, int64_t j) {
    float buf[4] = {0};
    for (int64_t i = 0; i < j; i++) buf[i] = p[i];
    return vld1q_f32(buf);
}
V_FN void v_store_part(float *p, int64_t j, v_f32 x) {
    float buf[4];
    vst1q_f32(buf, x);
    for (int64_t i = 0; i < j; i++) p[i] = buf[i];
}
/* loads four floats of each of V_WIDTH / 4 rows */
V_FN v_f32 v_load_fours(const float *p, int64_t stride) {
    (void)stride;
    return v_load(p);
}
V_FN v_i32 v_iload(const uint32_t *p) {
    return vreinterpretq_s32_u32(vld1q_u32(p));
}
V_FN v_i32 v_iload_part(const uint32_t *p, int64_t j) {
    uint32_t buf[4] = {0};
    for (int64_t i = 0; i < j; i++) buf[i] = p[i];
    return vreinterpretq_s32_u32(vld1q_u32(buf));
}
V_FN void v_istore(int32_t *p, v_i32 x) {
    vst1q_s32(p, x);
}
V_FN v_f32 v_set(float x) {
    return vdupq_n_f32(x);
}
V_FN v_f32 v_zero(void) {
    return v_set(0.0f);
}
V_FN v_i32 v_iset(int32_t x) {
    return vdupq_n_s32(x);
}

V_FN v_f32 v_add(v_f32 a, v_f32 b) {
    return vaddq_f32(a, b);
}
V_FN v_f32 v_sub(v_f32 a, v_f32 b) {
    return vsubq_f32(a, b);
}
V_FN v_f32 v_mul(v_f32 a, v_f32 b) {
    return vmulq_f32(a, b);
}
V_FN v_f32 v_div(v_f32 a, v_f32 b) {
    return vdivq_f32(a, b);
}
V_FN v_f32 v_sqrt(v_f32 a) {
    return vsqrtq_f32(a);
}
V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) {
    return vfmaq_f32(c, a, b);
}
V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c) {
    return vfmsq_f32(c, a, b);
}
/* vminq and vmaxq would return NaN if either argument is NaN, and they order the zeros */
V_FN v_f32 v_min(v_f32 a, v_f32 b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
V_FN v_f32 v_max(v_f32 a, v_f32 b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
V_FN v_f32 v_abs(v_f32 a) {
    return vabsq_f32(a);
}
V_FN v_f32 v_copysign(v_f32 a, v_f32 sign) {
    return vbslq_f32(vdupq_n_u32(0x80000000u), sign, a);
}

V_FN v_mask v_lt(v_f32 a, v_f32 b) {
    return vcltq_f32(a, b);
}
V_FN v_mask v_le(v_f32 a, v_f32 b) {
    return vcleq_f32(a, b);
}
/* keeps the sign alone where m is set */
V_FN v_f32 v_zero_where(v_mask m, v_f32 x) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vbicq_u32(m, vdupq_n_u32(0x80000000u))));
}
V_FN v_f32 v_select(v_mask m, v_f32 a, v_f32 b) {
    return vbslq_f32(m, a, b);
}
V_FN v_f32 v_keep_part(v_f32 x, int64_t j) {
    static const int32_t lane[4] = {0, 1, 2, 3};
    return vbslq_f32(vcltq_s32(vld1q_s32(lane), vdupq_n_s32((int32_t)j)), x, vdupq_n_f32(0.0f));
}

V_FN v_i32 v_bits(v_f32 x) {
    return vreinterpretq_s32_f32(x);
}
V_FN v_f32 v_float_of_bits(v_i32 x) {
    return vreinterpretq_f32_s32(x);
}
V_FN v_f32 v_to_float(v_i32 x) {
    return vcvtq_f32_s32(x);
}
V_FN v_i32 v_iadd(v_i32 a, v_i32 b) {
    return vaddq_s32(a, b);
}
V_FN v_i32 v_isub(v_i32 a, v_i32 b) {
    return vsubq_s32(a, b);
}
V_FN v_i32 v_iand(v_i32 a, v_i32 b) {
    return vandq_s32(a, b);
}
/* the unsigned products by m: high and low halves */
V_FN void v_imul_wide(v_i32 a, uint32_t m, v_i32 *high, v_i32 *low) {
    const uint32x4_t x = vreinterpretq_u32_s32(a);
    const uint32x4_t first = vreinterpretq_u32_u64(vmull_n_u32(vget_low_u32(x), m));
    const uint32x4_t last = vreinterpretq_u32_u64(vmull_n_u32(vget_high_u32(x), m));
    *low = vreinterpretq_s32_u32(vuzp1q_u32(first, last));
    *high = vreinterpretq_s32_u32(vuzp2q_u32(first, last));
}
V_FN v_i32 v_ixor(v_i32 a, v_i32 b) {
    return veorq_s32(a, b);
}
V_FN v_i32 v_imax(v_i32 a, v_i32 b) {
    return vmaxq_s32(a, b);
}
V_FN v_mask v_idisjoint(v_i32 a, v_i32 b) { /* whether a & b is 0 */
    return vceqzq_s32(vandq_s32(a, b));
}
#define v_shl(x, count) vshlq_n_s32(x, count)
#define v_shr(x, count) vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(x), count))
#define v_sar(x, count) vshrq_n_s32(x, count)

V_FN v_i32 v_even(v_i32 a, v_i32 b) {
    return vuzp1q_s32(a, b);
}
V_FN v_i32 v_odd(v_i32 a, v_i32 b) {
    return vuzp2q_s32(a, b);
}
V_FN v_f32 v_zip_low(v_f32 even, v_f32 odd) {
    return vzip1q_f32(even, odd);
}
V_FN v_f32 v_zip_high(v_f32 even, v_f32 odd) {
    return vzip2q_f32(even, odd);
}

V_FN v_f64 v_wide(v_f32 x) {
    return (v_f64){vcvt_f64_f32(vget_low_f32(x)), vcvt_high_f64_f32(x)};
}
V_FN v_f32 v_narrow(v_f64 x) {
    return vcvt_high_f32_f64(vcvt_f32_f64(x.low), x.high);
}
V_FN v_f64 v_wide_set(double x) {
    return (v_f64){vdupq_n_f64(x), vdupq_n_f64(x)};
}
V_FN v_f64 v_wide_load(const double *p) {
    return (v_f64){vld1q_f64(p), vld1q_f64(p + 2)};
}
V_FN void v_wide_store(double *p, v_f64 x) {
    vst1q_f64(p, x.low);
    vst1q_f64(p + 2, x.high);
}
V_FN v_f64 v_wide_add(v_f64 a, v_f64 b) {
    return (v_f64){vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)};
}
V_FN v_f64 v_wide_sub(v_f64 a, v_f64 b) {
    return (v_f64){vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high)};
}
V_FN v_f64 v_wide_mul(v_f64 a, v_f64 b) {
    return (v_f64){vmulq_f64(a.low, b.low), vmulq_f64(a.high, b.high)};
}
V_FN v_f64 v_wide_fma(v_f64 a, v_f64 b, v_f64 c) {
    return (v_f64){vfmaq_f64(c.low, a.low, b.low), vfmaq_f64(c.high, a.high, b.high)};
}

#endif
