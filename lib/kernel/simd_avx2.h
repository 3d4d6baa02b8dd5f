/* SPDX-License-Identifier: MIT
 * simd_avx2.h - the vector primitives of simd_portable.h for x86 with AVX2 and FMA: 8 lanes, doubles in two halves.
 *
 * Every function has its own target attribute, so that no file needs a compiler flag. */
#ifndef VAEI_SIMD_H
#define VAEI_SIMD_H

#include "base/base.h"
#include <immintrin.h>

#define VAEI_TARGET __attribute__((target("avx2,fma")))
#define V_FN        VAEI_TARGET VAEI_INLINE
#define V_WIDTH     8

typedef __m256 v_f32;
typedef __m256i v_i32;
typedef struct v_f64 {
    __m256d low, high; /* lanes 0-3, 4-7 */
} v_f64;
typedef __m256 v_mask;

V_FN __m256i first_mask(int64_t j) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)j), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

V_FN v_f32 v_load(const float *p) {
    return _mm256_loadu_ps(p);
}
V_FN void v_store(float *p, v_f32 x) {
    _mm256_storeu_ps(p, x);
}
V_FN v_f32 v_load_part(const float *p, int64_t j) {
    return _mm256_maskload_ps(p, first_mask(j));
}
V_FN void v_store_part(float *p, int64_t j, v_f32 x) {
    _mm256_maskstore_ps(p, first_mask(j), x);
}
/* loads four floats of each of V_WIDTH / 4 rows */
V_FN v_f32 v_load_fours(const float *p, int64_t stride) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
}
V_FN v_i32 v_iload(const uint32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
V_FN v_i32 v_iload_part(const uint32_t *p, int64_t j) {
    return _mm256_maskload_epi32((const int *)(const void *)p, first_mask(j));
}
V_FN void v_istore(int32_t *p, v_i32 x) {
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}
V_FN v_f32 v_set(float x) {
    return _mm256_set1_ps(x);
}
V_FN v_f32 v_zero(void) {
    return v_set(0.0f);
}
V_FN v_i32 v_iset(int32_t x) {
    return _mm256_set1_epi32(x);
}

V_FN v_f32 v_add(v_f32 a, v_f32 b) {
    return _mm256_add_ps(a, b);
}
V_FN v_f32 v_sub(v_f32 a, v_f32 b) {
    return _mm256_sub_ps(a, b);
}
V_FN v_f32 v_mul(v_f32 a, v_f32 b) {
    return _mm256_mul_ps(a, b);
}
V_FN v_f32 v_div(v_f32 a, v_f32 b) {
    return _mm256_div_ps(a, b);
}
V_FN v_f32 v_sqrt(v_f32 a) {
    return _mm256_sqrt_ps(a);
}
V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) {
    return _mm256_fmadd_ps(a, b, c);
}
V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c) {
    return _mm256_fnmadd_ps(a, b, c);
}
V_FN v_f32 v_min(v_f32 a, v_f32 b) {
    return _mm256_min_ps(a, b);
}
V_FN v_f32 v_max(v_f32 a, v_f32 b) {
    return _mm256_max_ps(a, b);
}
V_FN v_f32 v_abs(v_f32 a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
V_FN v_f32 v_copysign(v_f32 a, v_f32 sign) {
    return _mm256_or_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign));
}

V_FN v_mask v_lt(v_f32 a, v_f32 b) {
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
V_FN v_mask v_le(v_f32 a, v_f32 b) {
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
/* keeps the sign alone where m is set */
V_FN v_f32 v_zero_where(v_mask m, v_f32 x) {
    return _mm256_andnot_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), m), x);
}
V_FN v_f32 v_select(v_mask m, v_f32 a, v_f32 b) {
    return _mm256_blendv_ps(b, a, m);
}
V_FN v_f32 v_keep_part(v_f32 x, int64_t j) {
    return _mm256_and_ps(x, _mm256_castsi256_ps(first_mask(j)));
}

V_FN v_i32 v_bits(v_f32 x) {
    return _mm256_castps_si256(x);
}
V_FN v_f32 v_float_of_bits(v_i32 x) {
    return _mm256_castsi256_ps(x);
}
V_FN v_f32 v_to_float(v_i32 x) {
    return _mm256_cvtepi32_ps(x);
}
V_FN v_i32 v_iadd(v_i32 a, v_i32 b) {
    return _mm256_add_epi32(a, b);
}
V_FN v_i32 v_isub(v_i32 a, v_i32 b) {
    return _mm256_sub_epi32(a, b);
}
V_FN v_i32 v_iand(v_i32 a, v_i32 b) {
    return _mm256_and_si256(a, b);
}
/* the unsigned products by m: high and low halves */
V_FN void v_imul_wide(v_i32 a, uint32_t m, v_i32 *high, v_i32 *low) {
    const __m256i factor = _mm256_set1_epi32((int32_t)m), even = _mm256_mul_epu32(a, factor);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), factor);
    *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
V_FN v_i32 v_ixor(v_i32 a, v_i32 b) {
    return _mm256_xor_si256(a, b);
}
V_FN v_i32 v_imax(v_i32 a, v_i32 b) {
    return _mm256_max_epi32(a, b);
}
V_FN v_mask v_idisjoint(v_i32 a, v_i32 b) { /* whether a & b is 0 */
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(a, b), _mm256_setzero_si256()));
}
#define v_shl(x, count) _mm256_slli_epi32(x, count)
#define v_shr(x, count) _mm256_srli_epi32(x, count)
#define v_sar(x, count) _mm256_srai_epi32(x, count)

/* works within 128-bit halves: even = a0 a2 b0 b2 | a4 a6 b4 b6 */
V_FN v_i32 v_even(v_i32 a, v_i32 b) {
    return v_bits(_mm256_shuffle_ps(v_float_of_bits(a), v_float_of_bits(b), 0x88));
}
V_FN v_i32 v_odd(v_i32 a, v_i32 b) {
    return v_bits(_mm256_shuffle_ps(v_float_of_bits(a), v_float_of_bits(b), 0xdd));
}
V_FN v_f32 v_zip_low(v_f32 even, v_f32 odd) {
    return _mm256_unpacklo_ps(even, odd);
}
V_FN v_f32 v_zip_high(v_f32 even, v_f32 odd) {
    return _mm256_unpackhi_ps(even, odd);
}

V_FN v_f64 v_wide(v_f32 x) {
    return (v_f64){_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};
}
V_FN v_f32 v_narrow(v_f64 x) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(x.low)), _mm256_cvtpd_ps(x.high), 1);
}
V_FN v_f64 v_wide_set(double x) {
    return (v_f64){_mm256_set1_pd(x), _mm256_set1_pd(x)};
}
V_FN v_f64 v_wide_load(const double *p) {
    return (v_f64){_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)};
}
V_FN void v_wide_store(double *p, v_f64 x) {
    _mm256_storeu_pd(p, x.low);
    _mm256_storeu_pd(p + 4, x.high);
}
V_FN v_f64 v_wide_add(v_f64 a, v_f64 b) {
    return (v_f64){_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
}
V_FN v_f64 v_wide_sub(v_f64 a, v_f64 b) {
    return (v_f64){_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)};
}
V_FN v_f64 v_wide_mul(v_f64 a, v_f64 b) {
    return (v_f64){_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)};
}
V_FN v_f64 v_wide_fma(v_f64 a, v_f64 b, v_f64 c) {
    return (v_f64){_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
}

#endif
