/* SPDX-License-Identifier: MIT
 * fused.c - computes a b + c of doubles, rounded once, by integer arithmetic.
 *
 *     a = A 2^i, b = B 2^j, c = C 2^k      2^52 <= A, B, C < 2^53
 *     P = A B                              of 105 or 106 bits, at 2^(i + j)
 *     Q = C 2^54                           of 107 bits, at 2^(k - 54)
 *
 *   The one of P and Q with the smaller unit is shifted to the unit of the other. If a bit that is not 0 is lost, the last bit is set as a
 *   mark. That is enough: Q has 54 zeros at its end, so a mark appears only if one of the two is so much larger that their sum or
 *   difference has more than 55 bits; beyond the 53 bits of a double, one bit and a mark decide the rounding. */
#include "kernel/fused.h"

#include <math.h>

/* The number high 2^64 + low. */
typedef struct whole {
    uint64_t high, low;
} whole;

static whole multiply(uint64_t a, uint64_t b) {
    const uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    const uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (middle & UINT32_MAX);
    return (whole){a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (low & UINT32_MAX)};
}

/* x / 2^count; the last bit is set if any set bit was lost */
static whole shift_right(whole x, int count) {
    if (count == 0) return x;
    if (count >= 128) return (whole){0, (x.high | x.low) != 0};
    const uint64_t lost = count < 64 ? x.low << (64 - count) : count == 64 ? x.low : x.low | x.high << (128 - count);
    whole y = count < 64 ? (whole){x.high >> count, x.low >> count | x.high << (64 - count)} : (whole){0, x.high >> (count - 64)};
    y.low |= lost != 0;
    return y;
}

static whole add(whole x, whole y) {
    const uint64_t low = x.low + y.low;
    return (whole){x.high + y.high + (low < x.low), low};
}

static whole subtract(whole x, whole y) {
    return (whole){x.high - y.high - (x.low < y.low), x.low - y.low};
}

static int less(whole x, whole y) {
    return x.high != y.high ? x.high < y.high : x.low < y.low;
}

/* |x| = mantissa 2^exponent, for a finite x that is not 0 */
static uint64_t mantissa_of(double x, int *exponent) {
    const uint64_t bits = vaei_fused_bits(x), fraction = bits & ((UINT64_C(1) << 52) - 1);
    const int biased = (int)(bits >> 52 & 0x7FF);
    uint64_t mantissa = biased == 0 ? fraction : fraction | UINT64_C(1) << 52;
    *exponent = (biased == 0 ? 1 : biased) - 1075;
    for (; !(mantissa >> 52); mantissa <<= 1) --*exponent;
    return mantissa;
}

/* x 2^exponent as a double, for x > 0: rounded to 53 bits, or to the bits above 2^-1074 */
static double rounded(whole x, int exponent) {
    int above = 0, drop = 11;
    while (x.high >> above) above++;
    x = shift_right(x, above);
    exponent += above;
    for (; !(x.low >> 63); x.low <<= 1) exponent--;
    if (exponent + drop < -1074) drop = -1074 - exponent;
    if (drop > 64) drop = 65;
    const uint64_t kept = drop < 64 ? x.low >> drop : 0, half = drop < 65 ? x.low >> (drop - 1) & 1 : 0;
    const uint64_t rest = drop < 65 ? x.low & ((UINT64_C(1) << (drop - 1)) - 1) : 1;
    return ldexp((double)(kept + (half && (rest || kept & 1))), exponent + drop);
}

double vaei_fused_whole(double a, double b, double c) {
    int i, j, k;
    if (!isfinite(a) || !isfinite(b) || a == 0 || b == 0) return a * b + c;
    if (!isfinite(c)) return c;
    if (c == 0) return a * b;
    const whole product = multiply(mantissa_of(a, &i), mantissa_of(b, &j)), scaled = multiply(mantissa_of(c, &k), UINT64_C(1) << 54);
    const int ahead = k - 54 - (i + j), exponent = ahead > 0 ? k - 54 : i + j;
    const whole p = ahead > 0 ? shift_right(product, ahead) : product, q = ahead > 0 ? scaled : shift_right(scaled, -ahead);
    const int p_below_0 = (a < 0) != (b < 0), q_below_0 = c < 0;
    whole sum;
    int below_0 = p_below_0;
    if (p_below_0 == q_below_0) {
        sum = add(p, q);
    } else if (less(p, q)) {
        sum = subtract(q, p);
        below_0 = q_below_0;
    } else {
        sum = subtract(p, q);
    }
    if (sum.high == 0 && sum.low == 0) return 0;
    const double magnitude = rounded(sum, exponent);
    return below_0 ? -magnitude : magnitude;
}

float vaei_fused_midpoint(double p, double c, double s) {
    const double t = s - p, e = (p - (s - t)) + (c - t);
    uint64_t bits = vaei_fused_bits(s);
    double odd;
    if (e != 0 && !(bits & 1)) bits += (e > 0) == (s > 0) ? 1 : UINT64_MAX;
    memcpy(&odd, &bits, sizeof odd);
    return (float)odd;
}
