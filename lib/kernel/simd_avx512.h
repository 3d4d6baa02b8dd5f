/* SPDX-License-Identifier: MIT
 * simd_avx512.h - the vector primitives of simd_portable.h for x86 with AVX-512 F, VL, DQ and BW: 16 lanes, doubles
 * in two halves. */
#ifndef VAEI_SIMD_H
#define VAEI_SIMD_H

#include "base/base.h"
#include <immintrin.h>

#define VAEI_TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")))
#define V_FN        VAEI_TARGET VAEI_INLINE
#define V_WIDTH     16

typedef __m512 v_f32;
typedef __m512i v_i32;
typedef struct v_f64 {
    __m512d low, high; /* lanes 0-7, 8-15 */
} v_f64;
typedef __mmask16 v_mask;

V_FN __mmask16 first_mask(int64_t j) {
    return (__mmask16)((1u << j) - 1u);
}

V_FN v_f32 v_load(const float *p) {
    return _mm512_loadu_ps(p);
}
V_FN void v_store(float *p, v_f32 x) {
    _mm512_storeu_ps(p, x);
}
V_FN v_f32 v_load_part(const float *p, int64_t j) {
    return _mm512_maskz_loadu_ps(first_mask(j), p);
}
V_FN void v_store_part(float *p, int64_t j, v_f32 x) {
    _mm512_mask_storeu_ps(p, first_mask(j), x);
}
/* loads four floats of each of V_WIDTH / 4 rows */
V_FN v_f32 v_load_fours(const float *p, int64_t stride) {
    __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(p));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(p + stride), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 2 * stride), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(p + 3 * stride), 3);
}
V_FN v_i32 v_iload(const uint32_t *p) {
    return _mm512_loadu_si512(p);
}
V_FN v_i32 v_iload_part(const uint32_t *p, int64_t j) {
    return _mm512_maskz_loadu_epi32(first_mask(j), p);
}
V_FN void v_istore(int32_t *p, v_i32 x) {
    _mm512_storeu_si512(p, x);
}
V_FN v_f32 v_set(float x) {
    return _mm512_set1_ps(x);
}
V_FN v_f32 v_zero(void) {
    return v_set(0.0f);
}
V_FN v_i32 v_iset(int32_t x) {
    return _mm512_set1_epi32(x);
}

V_FN v_f32 v_add(v_f32 a, v_f32 b) {
    return _mm512_add_ps(a, b);
}
V_FN v_f32 v_sub(v_f32 a, v_f32 b) {
    return _mm512_sub_ps(a, b);
}
V_FN v_f32 v_mul(v_f32 a, v_f32 b) {
    return _mm512_mul_ps(a, b);
}
V_FN v_f32 v_div(v_f32 a, v_f32 b) {
    return _mm512_div_ps(a, b);
}
V_FN v_f32 v_sqrt(v_f32 a) {
    return _mm512_sqrt_ps(a);
}
V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) {
    return _mm512_fmadd_ps(a, b, c);
}
V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c) {
    return _mm512_fnmadd_ps(a, b, c);
}
V_FN v_f32 v_min(v_f32 a, v_f32 b) {
    return _mm512_min_ps(a, b);
}
V_FN v_f32 v_max(v_f32 a, v_f32 b) {
    return _mm512_max_ps(a, b);
}
V_FN v_f32 v_abs(v_f32 a) {
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}
V_FN v_f32 v_copysign(v_f32 a, v_f32 sign) {
    return _mm512_or_ps(a, _mm512_and_ps(_mm512_set1_ps(-0.0f), sign));
}

V_FN v_mask v_lt(v_f32 a, v_f32 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
V_FN v_mask v_le(v_f32 a, v_f32 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
/* keeps the sign alone where m is set */
V_FN v_f32 v_zero_where(v_mask m, v_f32 x) {
    return _mm512_mask_and_ps(x, m, x, _mm512_set1_ps(-0.0f));
}
V_FN v_f32 v_select(v_mask m, v_f32 a, v_f32 b) {
    return _mm512_mask_blend_ps(m, b, a);
}
V_FN v_f32 v_keep_part(v_f32 x, int64_t j) {
    return _mm512_maskz_mov_ps(first_mask(j), x);
}

V_FN v_i32 v_bits(v_f32 x) {
    return _mm512_castps_si512(x);
}
V_FN v_f32 v_float_of_bits(v_i32 x) {
    return _mm512_castsi512_ps(x);
}
V_FN v_f32 v_to_float(v_i32 x) {
    return _mm512_cvtepi32_ps(x);
}
V_FN v_i32 v_iadd(v_i32 a, v_i32 b) {
    return _mm512_add_epi32(a, b);
}
V_FN v_i32 v_isub(v_i32 a, v_i32 b) {
    return _mm512_sub_epi32(a, b);
}
V_FN v_i32 v_iand(v_i32 a, v_i32 b) {
    return _mm512_and_si512(a, b);
}
/* the unsigned products by m: high and low halves */
V_FN void v_imul_wide(v_i32 a, uint32_t m, v_i32 *high, v_i32 *low) {
    const __m512i factor = _mm512_set1_epi32((int32_t)m), even = _mm512_mul_epu32(a, factor);
    const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), factor);
    *high = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
    *low = _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}
V_FN v_i32 v_ixor(v_i32 a, v_i32 b) {
    return _mm512_xor_si512(a, b);
}
V_FN v_i32 v_imax(v_i32 a, v_i32 b) {
    return _mm512_max_epi32(a, b);
}
V_FN v_mask v_idisjoint(v_i32 a, v_i32 b) { /* whether a & b is 0 */
    return _mm512_testn_epi32_mask(a, b);
}
#define v_shl(x, count) _mm512_slli_epi32(x, count)
#define v_shr(x, count) _mm512_srli_epi32(x, count)
#define v_sar(x, count) _mm512_srai_epi32(x, count)

#define V_SCALE 1
/* scalef computes x 2^n as if the exponent had no bounds and then rounds; the result equals that of the two factors in vec.tmpl.h */
V_FN v_f32 v_exp2i(v_f32 n) {
    return _mm512_scalef_ps(_mm512_set1_ps(1.0f), n);
}
V_FN v_f32 v_ldexp(v_f32 x, v_f32 n) {
    return _mm512_scalef_ps(x, n);
}

/* works within 128-bit quarters: even = a0 a2 b0 b2 | ... */
V_FN v_i32 v_even(v_i32 a, v_i32 b) {
    return v_bits(_mm512_shuffle_ps(v_float_of_bits(a), v_float_of_bits(b), 0x88));
}
V_FN v_i32 v_odd(v_i32 a, v_i32 b) {
    return v_bits(_mm512_shuffle_ps(v_float_of_bits(a), v_float_of_bits(b), 0xdd));
}
V_FN v_f32 v_zip_low(v_f32 even, v_f32 odd) {
    return _mm512_unpacklo_ps(even, odd);
}
V_FN v_f32 v_zip_high(v_f32 even, v_f32 odd) {
    return _mm512_unpackhi_ps(even, odd);
}

V_FN v_f64 v_wide(v_f32 x) {
    return (v_f64){_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))};
}
V_FN v_f32 v_narrow(v_f64 x) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.low)), _mm512_cvtpd_ps(x.high), 1);
}
V_FN v_f64 v_wide_set(double x) {
    return (v_f64){_mm512_set1_pd(x), _mm512_set1_pd(x)};
}
V_FN v_f64 v_wide_load(const double *p) {
    return (v_f64){_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)};
}
V_FN void v_wide_store(double *p, v_f64 x) {
    _mm512_storeu_pd(p, x.low);
    _mm512_storeu_pd(p + 8, x.high);
}
V_FN v_f64 v_wide_add(v_f64 a, v_f64 b) {
    return (v_f64){_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}
V_FN v_f64 v_wide_sub(v_f64 a, v_f64 b) {
    return (v_f64){_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)};
}
V_FN v_f64 v_wide_mul(v_f64 a, v_f64 b) {
    return (v_f64){_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)};
}
V_FN v_f64 v_wide_fma(v_f64 a, v_f64 b, v_f64 c) {
    return (v_f64){_mm512_fmadd_pd(a.low, b.low, c.low), _mm512_fmadd_pd(a.high, b.high, c.high)};
}

#endif
