/* SPDX-License-Identifier: MIT
 * vec.tmpl.h - the functions on plain arrays: elementary functions, maps and their gradients, sums, optimizer steps,
 * Box-Muller.
 *
 * The functions use the vectors of simd_*.h, and isa_*.c instantiate them. A lane never reads another one, so elementwise
 * results cannot depend on the width; sums have 16 double lanes in any width. Every map of NaN is NaN.
 *
 * scripts/make_polynomials.py prints the coefficients and states each fit. The largest errors, in ulp of the float
 * result, over every float with 2^-30 <= |x| < 128 and every 97th of the others, against double functions (gelu:
 * x/2 erfc(-x / sqrt 2)):
 *
 *     exp 0.90   log 0.87   tanh 1.83   sigmoid 1.999   silu 1.999   gelu 1.85   softplus 1.75   elu 1.01
 *
 * Below 2^-63 the functions of layers return 0 (kernel.h), but exp and log do not: if the true e^x is below the normal range,
 * the ulp is that of the denormals. Limits: exp(-inf) = 0, log(0) = -inf, log(x < 0) = NaN, silu(-inf) = -0,
 * gelu(-inf) = 0. */

#include <math.h>

/* ---- loops: a body takes i, the first element, and j, the number of elements, which is a constant except in the tail ---- */
V_FN v_f32 get(const float *p, int64_t j) {
    return j == V_WIDTH ? v_load(p) : v_load_part(p, j);
}
V_FN void put(float *p, int64_t j, v_f32 x) {
    if (j == V_WIDTH) {
        v_store(p, x);
    } else {
        v_store_part(p, j, x);
    }
}
#define FOR_EACH(n, ...)                           \
    do {                                           \
        int64_t i = 0;                             \
        for (; i + V_WIDTH <= (n); i += V_WIDTH) { \
            const int64_t j = V_WIDTH;             \
            __VA_ARGS__;                           \
        }                                          \
        if (i < (n)) {                             \
            const int64_t j = (n)-i;               \
            __VA_ARGS__;                           \
        }                                          \
    } while (0)

/* ---- the rule of VAEI_TINY (kernel.h), by bits, because a comparison of floats may be slow too. Zeros keep their sign. The exponent of
 * 2^-63 is 64 + 0 and that of 2^-126 is 1: x is smaller if none of the exponent's upper two bits is set, or none at all. */
V_FN v_f32 flushed(v_f32 x, int32_t of_the_rest) {
    return v_zero_where(v_idisjoint(v_bits(x), v_iset(of_the_rest)), x);
}
V_FN v_f32 flush(v_f32 x) {
    return flushed(x, 0x60000000);
}
V_FN v_f32 flush_squares(v_f32 x) { /* flushes values below VAEI_TINY^2 */
    return flushed(x, 0x7f800000);
}

/* ---- e^x = 2^n e^r, n = round(x / ln 2), r = x - n ln 2; e^r - 1 = r + r^2 q(r) -------------------------------- */
#define LN2_HIGH 0x1.62e400p-1f /* 15 bits: n LN2_HIGH is exact */
#define LN2_LOW  0x1.7f7d1cp-20f
#define LOG2_E   0x1.715476p+0f
#define ROUND    0x1.8p23f /* adding it leaves an integer in the low bits */

#ifndef V_SCALE
/* 2^n of an integral n, -126 <= n <= 127: n moves from the low bits of n + ROUND to the exponent field. */
V_FN v_f32 v_exp2i(v_f32 n) {
    return v_float_of_bits(v_iadd(v_shl(v_bits(v_add(n, v_set(ROUND))), 23), v_iset(0x3f800000)));
}
/* x 2^n of an integral n, |n| <= 252, |x| near 1: multiplies by two factors, of which only the second can round. */
V_FN v_f32 v_ldexp(v_f32 x, v_f32 n) {
    const v_i32 k = v_bits(v_add(n, v_set(ROUND))), k1 = v_sar(k, 1), k2 = v_isub(k, k1);
    const v_f32 f1 = v_float_of_bits(v_iadd(v_shl(k1, 23), v_iset(0x3f800000)));
    const v_f32 f2 = v_float_of_bits(v_iadd(v_shl(k2, 23), v_iset(0x3f800000)));
    return v_mul(v_mul(x, f1), f2);
}
#endif

typedef struct reduced {
    v_f32 n, high, low; /* r = high + low; high is exact */
} reduced;
V_FN reduced exp_reduce(v_f32 x) {
    const v_f32 n = v_sub(v_fma(x, v_set(LOG2_E), v_set(ROUND)), v_set(ROUND));
    return (reduced){n, v_fnma(n, v_set(LN2_HIGH), x), v_mul(n, v_set(-LN2_LOW))};
}
/* e^r - 1 */
V_FN v_f32 expm1_reduced(reduced x) {
    const v_f32 r = v_add(x.high, x.low);
    v_f32 q = v_fma(v_set(0x1.6ab132p-10f), r, v_set(0x1.122c88p-7f));
    q = v_fma(q, r, v_set(0x1.55579ep-5f));
    q = v_fma(q, r, v_set(0x1.5554aap-3f));
    q = v_fma(q, r, v_set(0x1.fffffep-2f));
    return v_add(x.high, v_fma(v_mul(r, r), q, x.low));
}
V_FN v_f32 exp_of(v_f32 x) { /* beyond the clamps the result is already 0 or inf */
    const reduced r = exp_reduce(v_max(v_set(-104.0f), v_min(v_set(89.0f), x)));
    return v_ldexp(v_add(v_set(1.0f), expm1_reduced(r)), r.n);
}
V_FN v_f32 minus_abs(v_f32 x) {
    return v_sub(v_zero(), v_abs(x));
}

/* ---- log(2^e (1 + f)) = e ln 2 + f + f^2 q(f), 1 + f in [sqrt 1/2, sqrt 2] ------------------------------------- */
V_FN v_f32 log_join(v_f32 f, v_f32 e) {
    v_f32 q = v_fma(v_set(0x1.bcedc0p-5f), f, v_set(-0x1.c0f9fcp-4f));
    q = v_fma(q, f, v_set(0x1.ef57c4p-4f));
    q = v_fma(q, f, v_set(-0x1.00d824p-3f));
    q = v_fma(q, f, v_set(0x1.230738p-3f));
    q = v_fma(q, f, v_set(-0x1.5531b0p-3f));
    q = v_fma(q, f, v_set(0x1.99a532p-3f));
    q = v_fma(q, f, v_set(-0x1.00006ap-2f));
    q = v_fma(q, f, v_set(0x1.555548p-2f));
    q = v_fma(q, f, v_set(-0.5f));
    const v_f32 low = v_fma(e, v_set(LN2_LOW), v_mul(v_mul(f, f), q));
    return v_fma(e, v_set(LN2_HIGH), v_add(low, f));
}
/* log x + e0 ln 2 of a positive normal x */
V_FN v_f32 log_of_normal(v_f32 x, v_f32 e0) {
    const v_i32 e = v_sar(v_isub(v_bits(x), v_iset(0x3f3504f3)), 23); /* the bits of sqrt 1/2 */
    const v_f32 m = v_float_of_bits(v_isub(v_bits(x), v_shl(e, 23)));
    return log_join(v_sub(m, v_set(1.0f)), v_add(v_to_float(e), e0));
}
V_FN v_f32 log_of(v_f32 x) {
    const v_mask tiny = v_lt(x, v_set(0x1p-126f));
    v_f32 y = log_of_normal(v_select(tiny, v_mul(x, v_set(0x1p23f)), x), v_select(tiny, v_set(-23.0f), v_zero()));
    y = v_select(v_lt(x, v_set(INFINITY)), y, x); /* keeps inf and NaN */
    return v_select(v_le(x, v_zero()), v_select(v_lt(x, v_zero()), v_set(NAN), v_set(-INFINITY)), y);
}
/* log(1 + u), 0 <= u <= 1: from sqrt 2 - 1 on it is computed as ln 2 + log(1 + (u - 1) / 2) */
V_FN v_f32 log1p_of(v_f32 u) {
    const v_mask big = v_lt(v_set(0x1.a8279ap-2f), u);
    const v_f32 f = v_select(big, v_fma(v_set(0.5f), u, v_set(-0.5f)), u);
    return log_join(f, v_select(big, v_set(1.0f), v_zero()));
}

/* ---- the sigmoid family ---------------------------------------------------------------------------------------- */

/* w sigmoid(x) = w / (1 + e^-x), e^-x = (1 + p) 2^n. If n > 64, both terms are divided by 2^64, and at the end the quotient too, so that
 * only the result may be denormal. From x = 87 on the denominator is 1. */
V_FN v_f32 logistic(v_f32 x, v_f32 w) {
    const reduced r = exp_reduce(v_max(v_set(-87.0f), v_min(v_set(128.0f), v_sub(v_zero(), x))));
    const v_mask large = v_lt(v_set(64.0f), r.n);
    const v_f32 one = v_select(large, v_set(0x1p-64f), v_set(1.0f));
    const v_f32 s = v_exp2i(v_select(large, v_sub(r.n, v_set(64.0f)), r.n));
    return v_mul(v_div(w, v_add(s, v_fma(s, expm1_reduced(r), one))), one);
}
V_FN v_f32 sigmoid_of(v_f32 x) {
    return logistic(x, v_set(1.0f));
}
V_FN v_f32 silu_of(v_f32 x) {
    return logistic(x, v_max(v_set(-128.0f), x));
}
V_FN v_f32 softplus_of(v_f32 x) {
    return v_add(v_max(v_zero(), x), log1p_of(exp_of(minus_abs(x))));
}

/* |x| < 1/2: x + x^3 t(x^2); beyond: 1 - 2 / (e^2|x| + 1), which is 1 from 10 on */
V_FN v_f32 tanh_of(v_f32 x) {
    const v_f32 a = v_abs(x), z = v_mul(x, x);
    const reduced r = exp_reduce(v_min(v_set(20.0f), v_add(a, a)));
    const v_f32 s = v_exp2i(r.n), e = v_fma(s, expm1_reduced(r), v_add(s, v_set(1.0f)));
    v_f32 t = v_fma(v_set(0x1.1ac796p-6f), z, v_set(-0x1.b29ef0p-5f));
    t = v_fma(t, z, v_set(0x1.10eaacp-3f));
    t = v_fma(t, z, v_set(-0x1.5554dap-2f));
    const v_f32 center = v_fma(v_mul(a, z), t, a), outer = v_sub(v_set(1.0f), v_div(v_set(2.0f), e));
    return v_copysign(v_select(v_lt(a, v_set(0.5f)), center, outer), x);
}
/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1) */
V_FN v_f32 elu_of(v_f32 x, v_f32 a) {
    const reduced r = exp_reduce(v_max(v_set(-32.0f), v_min(v_zero(), x)));
    const v_f32 s = v_exp2i(r.n), d = v_fma(s, expm1_reduced(r), v_sub(s, v_set(1.0f)));
    return v_select(v_lt(v_zero(), x), x, v_mul(a, d));
}

/* ---- gelu: x Phi(x) = max(x, 0) - t Phi(-t), t = |x|, Phi the normal distribution function ----------------------
 * t < 1.296875: Phi(-t) = 1/2 - t (d + t^2 p(t^2)), d = 1 / sqrt(2 pi)
 * beyond:       t Phi(-t) = e^(-t^2 / 2) m(1 / t - 25/64); no digits cancel. t^2 is exact, in two parts; otherwise the
 *               exponential would lose as many digits as t^2 has before the point. */
#define GELU_BORDER  1.296875f
#define DENSITY_HIGH 0x1.988454p-2f
#define DENSITY_LOW  -0x1.857936p-27f
V_FN v_f32 phi_center(v_f32 t) {
    const v_f32 z = v_mul(t, t);
    v_f32 p = v_fma(v_set(0x1.e77880p-22f), z, v_set(-0x1.2c5fb4p-17f));
    p = v_fma(p, z, v_set(0x1.e1aae2p-14f));
    p = v_fma(p, z, v_set(-0x1.3726b0p-10f));
    p = v_fma(p, z, v_set(0x1.46cf46p-7f));
    p = v_fma(p, z, v_set(-0x1.105834p-4f));
    p = v_fma(p, z, v_set(DENSITY_LOW));
    return v_fnma(t, p, v_fnma(t, v_set(DENSITY_HIGH), v_set(0.5f))); /* the large terms are added first, so that little is lost */
}
/* m(s - 25/64) = high + low, where low is the rounding error of the last step */
V_FN v_f32 gelu_tail(v_f32 s, v_f32 *low) {
    const v_f32 v = v_sub(s, v_set(0.390625f)), m0 = v_set(0x1.6b719ep-2f);
    v_f32 m = v_fma(v_set(-0x1.13f054p+2f), v, v_set(0x1.d80c3cp+1f));
    m = v_fma(m, v, v_set(0x1.104d24p-2f));
    m = v_fma(m, v, v_set(-0x1.861900p+0f));
    m = v_fma(m, v, v_set(0x1.07516ap+0f));
    m = v_fma(m, v, v_set(-0x1.e0bc18p-2f));
    m = v_fma(m, v, v_set(0x1.cd2b7ep-5f));
    m = v_fma(m, v, v_set(0x1.999c5cp-3f));
    m = v_fma(m, v, v_set(-0x1.171eaep-2f));
    m = v_fma(m, v, v_set(0x1.8f07f6p-3f));
    m = v_fma(m, v, v_set(-0x1.c756ecp-6f));
    m = v_fma(m, v, v_set(-0x1.5c6e4cp-3f));
    const v_f32 high = v_fma(m, v, m0);
    *low = v_fma(m, v, v_sub(m0, high));
    return high;
}
/* -t^2 / 2 = n ln 2 + r */
V_FN reduced gauss_reduce(v_f32 t) {
    const v_f32 z = v_mul(t, t), lost = v_fnma(t, t, z);
    reduced r = exp_reduce(v_mul(v_set(-0.5f), z));
    r.low = v_fma(v_set(0.5f), lost, r.low);
    return r;
}
V_FN v_f32 gelu_of(v_f32 x) {
    const v_f32 t = v_min(v_set(15.0f), v_abs(x)), base = v_max(v_zero(), x);
    v_f32 low;
    const v_f32 high = gelu_tail(v_div(v_set(1.0f), v_max(v_set(1.0f), t)), &low);
    const reduced r = gauss_reduce(t);
    const v_f32 outer = v_sub(base, v_ldexp(v_add(high, v_fma(high, expm1_reduced(r), low)), r.n));
    return v_select(v_lt(t, v_set(GELU_BORDER)), v_fnma(t, phi_center(t), base), outer);
}
/* Phi(x) + x phi(x), by the value at -t, which is 1 minus the value at t */
V_FN v_f32 gelu_slope(v_f32 x) {
    const v_f32 one = v_set(1.0f), t = v_min(v_set(15.0f), v_abs(x)), s = v_div(one, v_max(one, t));
    v_f32 low;
    const v_f32 high = gelu_tail(s, &low);
    const reduced r = gauss_reduce(t);
    const v_f32 e = v_ldexp(v_add(one, expm1_reduced(r)), r.n);
    const v_f32 phi = v_select(v_lt(t, v_set(GELU_BORDER)), phi_center(t), v_mul(e, v_mul(high, s)));
    const v_f32 below = v_fnma(t, v_mul(v_set(DENSITY_HIGH), e), phi);
    return v_select(v_lt(x, v_zero()), below, v_sub(one, below));
}

/* ---- maps and their gradients ---------------------------------------------------------------------------------- */
#define MAP(name, finish, value)                                                       \
    static VAEI_TARGET void map_##name(int64_t n, float a, const float *x, float *y) { \
        const v_f32 va = v_set(a);                                                     \
        (void)va;                                                                      \
        FOR_EACH(n, const v_f32 v = get(x + i, j); put(y + i, j, finish(value)));      \
    }
MAP(relu, flush, v_max(v_zero(), v))
MAP(leaky_relu, flush, v_select(v_lt(v_zero(), v), v, v_mul(va, v)))
MAP(elu, flush, elu_of(v, va))
MAP(tanh, flush, tanh_of(v))
MAP(sigmoid, flush, sigmoid_of(v))
MAP(silu, flush, silu_of(v))
MAP(gelu, flush, gelu_of(v))
MAP(softplus, flush, softplus_of(v))
MAP(exp, , exp_of(v))
MAP(log, , log_of(v))

/* s (1 + x (1 - s)), s = sigmoid(x) */
V_FN v_f32 silu_slope(v_f32 x) {
    const v_f32 s = sigmoid_of(x), one = v_set(1.0f);
    return v_mul(s, v_fma(v_max(v_set(-128.0f), v_min(v_set(128.0f), x)), v_sub(one, s), one));
}

#define GRAD(name, value)                                                                                         \
    static VAEI_TARGET void grad_##name(int64_t n, float a, const float *s, const float *dy, float *dx) {         \
        const v_f32 va = v_set(a), one = v_set(1.0f);                                                             \
        (void)va, (void)one;                                                                                      \
        FOR_EACH(n, const v_f32 v = get(s + i, j); const v_f32 d = get(dy + i, j); put(dx + i, j, flush(value))); \
    }
GRAD(relu, v_select(v_lt(v_zero(), v), d, v_zero()))
GRAD(leaky_relu, v_select(v_lt(v_zero(), v), d, v_mul(va, d)))
GRAD(elu, v_select(v_lt(v_zero(), v), d, v_mul(v_add(v, va), d)))
GRAD(tanh, v_mul(v_fnma(v, v, one), d))
GRAD(sigmoid, v_mul(v_fnma(v, v, v), d))
GRAD(silu, v_mul(silu_slope(v), d))
GRAD(gelu, v_mul(gelu_slope(v), d))
GRAD(softplus, v_mul(sigmoid_of(v), d))
GRAD(exp, v_mul(v, d))
GRAD(log, v_div(d, v))

/* ---- arithmetic ------------------------------------------------------------------------------------------------ */
static VAEI_TARGET void vec_flush(int64_t n, const float *x, float *y) {
    FOR_EACH(n, put(y + i, j, flush(get(x + i, j))));
}
static VAEI_TARGET void vec_add(int64_t n, const float *x, float *y) {
    FOR_EACH(n, put(y + i, j, v_add(get(y + i, j), get(x + i, j))));
}
static VAEI_TARGET void vec_axpy(int64_t n, float a, const float *x, float *y) {
    const v_f32 va = v_set(a);
    FOR_EACH(n, put(y + i, j, v_fma(va, get(x + i, j), get(y + i, j))));
}
static VAEI_TARGET void vec_scale(int64_t n, float a, float *y) {
    const v_f32 va = v_set(a);
    FOR_EACH(n, put(y + i, j, v_mul(va, get(y + i, j))));
}
V_FN v_f32 row_sum(int64_t rows, const float *const *x, float start, int64_t i, int64_t j) {
    v_f32 sum = v_set(start);
    for (int64_t r = 0; r < rows; r++) sum = v_add(sum, get(x[r] + i, j));
    return sum;
}
static VAEI_TARGET void vec_add_rows(int64_t n, int64_t rows, const float *const *x, float start, float *y) {
    FOR_EACH(n, put(y + i, j, row_sum(rows, x, start, i, j)));
}
static VAEI_TARGET void vec_keep_lower(int64_t n, const float *x, int32_t tag, float *low, int32_t *from) {
    const v_f32 tags = v_float_of_bits(v_iset(tag));
    int64_t i = 0;
    for (; i + V_WIDTH <= n; i += V_WIDTH) {
        const v_f32 a = v_load(x + i), b = v_load(low + i);
        const v_f32 old = v_float_of_bits(v_iload((const uint32_t *)from + i));
        const v_mask less = v_lt(a, b);
        v_store(low + i, v_select(less, a, b));
        v_istore(from + i, v_bits(v_select(less, tags, old)));
    }
    for (; i < n; i++) {
        if (!(x[i] < low[i])) continue;
        low[i] = x[i];
        from[i] = tag;
    }
}
static VAEI_TARGET void vec_affine(int64_t rows, int64_t channels, const float *scale, const float *shift, const float *x, float *y) {
    for (int64_t r = 0; r < rows; r++, x += channels, y += channels) {
        FOR_EACH(channels, put(y + i, j, v_fma(get(x + i, j), get(scale + i, j), get(shift + i, j))));
    }
}

/* ---- sums: vector l of a run of 16 elements is added to accumulator l ---------------------------------------------- */
#define ACCUMULATORS (16 / V_WIDTH)

/* Lane j += lane j + 8, + 4, + 2, + 1. */
V_FN double join_lanes(const v_f64 *acc) {
    double lane[16];
    for (int l = 0; l < ACCUMULATORS; l++) v_wide_store(lane + l * V_WIDTH, acc[l]);
    for (int width = 8; width > 0; width /= 2) {
        for (int j = 0; j < width; j++) lane[j] += lane[j + width];
    }
    return lane[0];
}
V_FN v_f64 step_sum(v_f64 acc, v_f32 x, v_f32 y, int64_t j) {
    (void)y, (void)j;
    return v_wide_add(acc, v_wide(x));
}
V_FN v_f64 step_squares(v_f64 acc, v_f32 x, v_f32 y, int64_t j) {
    (void)y, (void)j;
    return v_wide_fma(v_wide(x), v_wide(x), acc);
}
V_FN v_f64 step_dot(v_f64 acc, v_f32 x, v_f32 y, int64_t j) {
    (void)j;
    return v_wide_fma(v_wide(x), v_wide(y), acc);
}
V_FN v_f64 step_difference(v_f64 acc, v_f32 x, v_f32 y, int64_t j) {
    const v_f64 d = v_wide(v_sub(x, y));
    (void)j;
    return v_wide_fma(d, d, acc);
}
/* softplus(a) - x a, limited to the j elements that exist, because a 0 would have a loss too */
V_FN v_f64 step_bernoulli(v_f64 acc, v_f32 a, v_f32 x, int64_t j) {
    const v_f32 term = v_add(v_fnma(a, flush(x), v_max(v_zero(), a)), log1p_of(exp_of(minus_abs(a))));
    return v_wide_add(acc, v_wide(j == V_WIDTH ? term : v_keep_part(term, j)));
}
#define SUM_BODY(step, x, y)                                                                                \
    v_f64 acc[ACCUMULATORS];                                                                                \
    int64_t at = 0;                                                                                         \
    for (int l = 0; l < ACCUMULATORS; l++) acc[l] = v_wide_set(0.0);                                        \
    for (; at + 16 <= n; at += 16) {                                                                        \
        for (int l = 0; l < ACCUMULATORS; l++) {                                                            \
            acc[l] = step(acc[l], v_load((x) + at + l * V_WIDTH), v_load((y) + at + l * V_WIDTH), V_WIDTH); \
        }                                                                                                   \
    }                                                                                                       \
    for (int l = 0; at < n; at += V_WIDTH, l++) {                                                           \
        const int64_t left = n - at < V_WIDTH ? n - at : V_WIDTH;                                           \
        acc[l] = step(acc[l], v_load_part((x) + at, left), v_load_part((y) + at, left), left);              \
    }                                                                                                       \
    return join_lanes(acc)

static VAEI_TARGET double sum(int64_t n, const float *x) {
    SUM_BODY(step_sum, x, x);
}
static VAEI_TARGET double sum_squares(int64_t n, const float *x) {
    SUM_BODY(step_squares, x, x);
}
static VAEI_TARGET double dot(int64_t n, const float *x, const float *y) {
    SUM_BODY(step_dot, x, y);
}
static VAEI_TARGET double sum_squared_difference(int64_t n, const float *x, const float *y) {
    SUM_BODY(step_difference, x, y);
}
static VAEI_TARGET double bernoulli_nll(int64_t n, const float *a, const float *x) {
    SUM_BODY(step_bernoulli, a, x);
}
static VAEI_TARGET void bernoulli_grad(int64_t n, float w, const float *a, const float *x, float *da) {
    const v_f32 vw = v_set(w);
    FOR_EACH(n, put(da + i, j, flush(v_mul(vw, v_sub(sigmoid_of(get(a + i, j)), get(x + i, j))))));
}

/* Sums one vector of columns over a few rows, which stay in the cache between vectors. A sum starts from the value in `out`, so that
 * dividing the rows into several calls changes nothing. */
V_FN void column_block(int64_t rows, int64_t channels, const float *x, const float *y, double *out, double *out2, int64_t j) {
    double one[V_WIDTH] = {0}, two[V_WIDTH] = {0};
    for (int64_t c = 0; c < j; c++) {
        one[c] = out[c];
        if (out2) two[c] = out2[c];
    }
    v_f64 acc = v_wide_load(one), acc2 = v_wide_load(two);
    for (int64_t r = 0; r < rows; r++) {
        const v_f64 v = v_wide(get(x + r * channels, j));
        acc = v_wide_add(acc, v);
        if (out2) acc2 = v_wide_fma(v, v_wide(get(y + r * channels, j)), acc2);
    }
    v_wide_store(one, acc);
    v_wide_store(two, acc2);
    for (int64_t c = 0; c < j; c++) {
        out[c] = one[c];
        if (out2) out2[c] = two[c];
    }
}
/* Sums two whole vectors side by side, so that the sums of one do not wait for those of the other. */
V_FN void column_pair(int64_t rows, int64_t channels, const float *x, double *out) {
    v_f64 left = v_wide_load(out), right = v_wide_load(out + V_WIDTH);
    for (int64_t r = 0; r < rows; r++, x += channels) {
        left = v_wide_add(left, v_wide(v_load(x)));
        right = v_wide_add(right, v_wide(v_load(x + V_WIDTH)));
    }
    v_wide_store(out, left);
    v_wide_store(out + V_WIDTH, right);
}
static VAEI_TARGET void column_sums(int64_t rows, int64_t channels, const float *x, const float *y, double *out, double *out2) {
    enum { RUN = 32 };
    const int64_t pairs = out2 ? 0 : channels / (2 * V_WIDTH) * (2 * V_WIDTH);
    for (int64_t r = 0; r < rows; r += RUN) {
        const int64_t run = rows - r < RUN ? rows - r : RUN, at = r * channels;
        for (int64_t c = 0; c < pairs; c += 2 * V_WIDTH) column_pair(run, channels, x + at + c, out + c);
        if (out2) {
            FOR_EACH(channels, column_block(run, channels, x + at + i, y + at + i, out + i, out2 + i, j));
        } else {
            const float *const left = x + at + pairs;
            FOR_EACH(channels - pairs, column_block(run, channels, left + i, NULL, out + pairs + i, NULL, j));
        }
    }
}

/* The largest bit pattern without its sign; if it is at least that of inf, some values are not finite. */
static VAEI_TARGET int32_t all_finite(int64_t n, const float *x) {
    v_i32 top = v_iset(0);
    int32_t lane[V_WIDTH], most = 0;
    FOR_EACH(n, top = v_imax(top, v_iand(v_bits(get(x + i, j)), v_iset(0x7fffffff))));
    v_istore(lane, top);
    for (int l = 0; l < V_WIDTH; l++) most = lane[l] > most ? lane[l] : most;
    return most < 0x7f800000;
}

/* ---- optimizer steps ------------------------------------------------------------------------------------------- */
/* Returns g with the decayed weight. It clears g while g is in the cache, because the next gradient will be added to it. */
V_FN v_f32 take(float *g, v_f32 decay, int32_t decayed, const float *w, int64_t j) {
    const v_f32 x = get(g, j);
    put(g, j, v_zero());
    return decayed ? v_fma(decay, get(w, j), x) : x;
}
V_FN void adam_step(const vaei_adam_rates *a, int32_t decayed, float *g, float *w, float *m, float *v, int64_t j) {
    const v_f32 b1 = v_set(a->b1), b2 = v_set(a->b2), one = v_set(1.0f);
    const v_f32 vg = flush(take(g, v_set(a->decay), decayed, w, j));
    const v_f32 vm = flush(v_fma(b1, get(m, j), v_mul(v_sub(one, b1), vg)));
    const v_f32 vv = flush_squares(v_fma(b2, get(v, j), v_mul(v_mul(v_sub(one, b2), vg), vg)));
    put(m, j, vm);
    put(v, j, vv);
    put(w, j, flush(v_fnma(v_set(a->step), v_div(vm, v_fma(v_sqrt(vv), v_set(a->root), v_set(a->eps))), get(w, j))));
}
static VAEI_TARGET void adam(int64_t n, const vaei_adam_rates *rates, float *g, float *w, float *m, float *v) {
    const vaei_adam_rates a = *rates; /* a copy, which stores to the arrays cannot change */
    const int32_t decayed = a.decay > 0;
    FOR_EACH(n, adam_step(&a, decayed, g + i, w + i, m + i, v + i, j));
}
V_FN void sgd_step(const vaei_sgd_rates *a, int32_t decayed, float *g, float *w, float *v, int64_t j) {
    v_f32 d = take(g, v_set(a->decay), decayed, w, j);
    if (v) {
        const v_f32 mu = v_set(a->momentum), vv = flush(v_fma(mu, get(v, j), d));
        put(v, j, vv);
        d = a->nesterov ? v_fma(mu, vv, d) : vv;
    }
    put(w, j, flush(v_fnma(v_set(a->lr), d, get(w, j))));
}
static VAEI_TARGET void sgd(int64_t n, const vaei_sgd_rates *rates, float *g, float *w, float *v) {
    const vaei_sgd_rates a = *rates;
    const int32_t decayed = a.decay > 0;
    FOR_EACH(n, sgd_step(&a, decayed, g + i, w + i, v ? v + i : NULL, j));
}

/* ---- Box-Muller: sqrt(-2 ln u) (cos, sin)(2 pi v), u and v in (0, 1] ------------------------------------------- */

/* (unsigned x + 1/2) 2^-32, rounded once, because halves of 16 bits are exact */
V_FN v_f32 unit_of_bits(v_i32 x) {
    const v_f32 high = v_to_float(v_shr(x, 16)), low = v_to_float(v_iand(x, v_iset(0xffff)));
    return v_mul(v_fma(high, v_set(0x1p16f), v_add(low, v_set(0.5f))), v_set(0x1p-32f));
}
/* ---- Philox4x32-10 (base/philox.c), V_WIDTH blocks side by side ------------------------------------------------ */
V_FN void philox_blocks(vaei_noise_key key, uint32_t item, uint32_t first, int32_t word[4][V_WIDTH]) {
    int32_t block[V_WIDTH];
    uint32_t k0 = (uint32_t)key.seed, k1 = (uint32_t)(key.seed >> 32);
    for (uint32_t l = 0; l < V_WIDTH; l++) block[l] = (int32_t)(first + l);
    v_i32 c0 = v_iload((const uint32_t *)(const void *)block), c1 = v_iset((int32_t)item);
    v_i32 c2 = v_iset((int32_t)(uint32_t)key.step);
    v_i32 c3 = v_iset((int32_t)(key.stream << 24 | ((uint32_t)(key.step >> 32) & 0xFFFFFFu)));
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        v_i32 high0, low0, high1, low1;
        v_imul_wide(c0, 0xD2511F53u, &high0, &low0);
        v_imul_wide(c2, 0xCD9E8D57u, &high1, &low1);
        c0 = v_ixor(v_ixor(high1, c1), v_iset((int32_t)k0));
        c1 = low1;
        c2 = v_ixor(v_ixor(high0, c3), v_iset((int32_t)k1));
        c3 = low0;
    }
    v_istore(word[0], c0);
    v_istore(word[1], c1);
    v_istore(word[2], c2);
    v_istore(word[3], c3);
}
static VAEI_TARGET void philox(vaei_noise_key key, uint32_t item, uint32_t first, int64_t blocks, uint32_t *out) {
    for (int64_t b = 0; b < blocks; b += V_WIDTH) {
        int32_t word[4][V_WIDTH];
        const int64_t count = blocks - b < V_WIDTH ? blocks - b : V_WIDTH;
        philox_blocks(key, item, first + (uint32_t)b, word);
        for (int64_t l = 0; l < count; l++) {
            for (int64_t w = 0; w < 4; w++) out[4 * (b + l) + w] = (uint32_t)word[w][l];
        }
    }
}

/* The angle 2 pi (x + 1/2) 2^-32 = k pi / 2 + t, |t| <= pi / 4; k and t are computed from the integer, exactly. */
V_FN void sincos_of_bits(v_i32 x, v_f32 *sine, v_f32 *cosine) {
    const v_i32 k = v_shr(v_iadd(x, v_iset(1 << 29)), 30);
    const v_f32 t = v_fma(v_to_float(v_isub(x, v_shl(k, 30))), v_set(0x1.921fb6p-30f), v_set(0x1.921fb6p-31f));
    const v_f32 z = v_mul(t, t);
    v_f32 s = v_fma(v_set(-0x1.9956b6p-13f), z, v_set(0x1.11077ep-7f));
    s = v_fma(s, z, v_set(-0x1.555546p-3f));
    s = v_fma(v_mul(t, z), s, t);
    v_f32 c = v_fma(v_set(0x1.99e0eep-16f), z, v_set(-0x1.6c0c1ap-10f));
    c = v_fma(c, z, v_set(0x1.55554ap-5f));
    c = v_fma(v_mul(z, z), c, v_fma(z, v_set(-0.5f), v_set(1.0f)));
    /* quarter turns: (c, s), (-s, c), (-c, -s), (s, -c) */
    const v_mask even = v_idisjoint(k, v_iset(1));
    const v_i32 sine_sign = v_shl(v_shr(k, 1), 31), cosine_sign = v_shl(v_shr(v_iadd(k, v_iset(1)), 1), 31);
    *sine = v_float_of_bits(v_ixor(v_bits(v_select(even, s, c)), sine_sign));
    *cosine = v_float_of_bits(v_ixor(v_bits(v_select(even, c, s)), cosine_sign));
}
static VAEI_TARGET void normal(int64_t n, const uint32_t *bits, float *out) {
    for (int64_t i = 0; i < n; i += 2 * V_WIDTH) {
        const int64_t left = n - i, j = left < V_WIDTH ? left : V_WIDTH, j2 = left - j < V_WIDTH ? left - j : V_WIDTH;
        const v_i32 a = v_iload_part(bits + i, j), b = v_iload_part(bits + i + j, j2);
        v_f32 sine, cosine;
        const v_f32 u = unit_of_bits(v_even(a, b));
        const v_f32 radius = v_sqrt(v_mul(v_set(-2.0f), log_of_normal(u, v_zero())));
        sincos_of_bits(v_odd(a, b), &sine, &cosine);
        sine = v_mul(radius, sine);
        cosine = v_mul(radius, cosine);
        v_store_part(out + i, j, v_zip_low(cosine, sine));
        v_store_part(out + i + j, j2, v_zip_high(cosine, sine));
    }
}

/* ---- the table ------------------------------------------------------------------------------------------------- */
#define EACH_MAP(prefix)                                                                                                                   \
    {                                                                                                                                      \
        [VAEI_MAP_RELU] = prefix##relu, [VAEI_MAP_LEAKY_RELU] = prefix##leaky_relu, [VAEI_MAP_ELU] = prefix##elu,                          \
        [VAEI_MAP_TANH] = prefix##tanh, [VAEI_MAP_SIGMOID] = prefix##sigmoid, [VAEI_MAP_SILU] = prefix##silu,                              \
        [VAEI_MAP_GELU] = prefix##gelu, [VAEI_MAP_SOFTPLUS] = prefix##softplus, [VAEI_MAP_EXP] = prefix##exp, [VAEI_MAP_LOG] = prefix##log \
    }
#define VAEI_KERNELS_TABLE(name_, isa_, blas_)                                                                                            \
    {                                                                                                                                     \
        .name = name_, .isa = isa_, .blas = blas_, .mr = TILE_MR, .nr = TILE_NR, .lanes = V_WIDTH, .dot_tile = dot_tile,                  \
        .dot_tile_plain = dot_tile_plain, .outer_tile = outer_tile, .winograd_input = winograd_input, .winograd_output = winograd_output, \
        .winograd_error = winograd_error, .winograd_weight = winograd_weight, .winograd_weight_grad = winograd_weight_grad,               \
        .map = EACH_MAP(map_), .map_grad = EACH_MAP(grad_), .transpose = transpose, .flush_turned = flush_turned,                         \
        .flush_lines = flush_lines, .flush = vec_flush, .add = vec_add, .axpy = vec_axpy, .scale = vec_scale, .add_rows = vec_add_rows,   \
        .keep_lower = vec_keep_lower, .affine = vec_affine, .sum = sum, .sum_squares = sum_squares, .dot = dot,                           \
        .sum_squared_difference = sum_squared_difference, .column_sums = column_sums, .all_finite = all_finite,                           \
        .bernoulli_nll = bernoulli_nll, .bernoulli_grad = bernoulli_grad, .adam = adam, .sgd = sgd, .normal = normal, .philox = philox,   \
        .gru_forward = gru_forward, .gru_backward = gru_backward, .lstm_forward = lstm_forward, .lstm_backward = lstm_backward            \
    }
