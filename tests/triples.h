/* SPDX-License-Identifier: MIT
 * triples.h - numbers a, b, c for which a b + c is hard to round once: the sum is half way between two numbers or next to that, most of it
 * cancels, or it is near the least or the largest number. */
#ifndef TRIPLES_H
#define TRIPLES_H

#include <math.h>

#include "base/base.h"

/* splitmix64 */
static uint64_t state;
static uint64_t draw(void) {
    uint64_t z = state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* A number within [low, high] */
static int between(int low, int high) {
    return low + (int)(draw() % (uint64_t)(high - low + 1));
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* +-1.m 2^exponent; the first `bits` bits of m are drawn, the others are 0 */
static double number(int exponent, int bits) {
    const uint64_t fraction = bits == 0 ? 0 : draw() >> (64 - bits) << (52 - bits);
    const double magnitude = ldexp(double_of(UINT64_C(0x3FF0000000000000) | fraction), exponent);
    return draw() & 1 ? -magnitude : magnitude;
}

/* A step of at most two places up or down */
static float float_near(float x) {
    for (int n = between(-2, 2); n != 0; n += n < 0 ? 1 : -1) x = nextafterf(x, n < 0 ? -INFINITY : INFINITY);
    return x;
}
static double double_near(double x) {
    for (int n = between(-2, 2); n != 0; n += n < 0 ? 1 : -1) x = nextafter(x, n < 0 ? -INFINITY : INFINITY);
    return x;
}

enum { ANY, CANCEL, TIE_BY_PRODUCT, TIE_OF_PRODUCT, LEAST, LARGEST, FEW_BITS, KINDS };

/* `digits` is 24 or 53, `lowest` and `highest` the exponents of normal numbers */
static void triple(int kind, int digits, int lowest, int highest, double *a, double *b, double *c) {
    const int bits = digits - 1, i = between(-60, 60), j = between(-60, 60);
    *a = number(i, bits);
    *b = number(j, bits);
    *c = number(i + j + between(-60, 60), bits);
    switch (kind) {
    case CANCEL: /* what is left is the part of the product that no number of this width can hold */ *c = -*a * *b; break;
    case TIE_BY_PRODUCT: /* the product is half of the last place of c, or very near to that */
        *a = number(i, 0);
        *b = number(j, 0);
        *c = number(i + j + digits, bits);
        break;
    case TIE_OF_PRODUCT: /* the product has one digit too many and c is tiny */
        *a = number(i, between(1, bits));
        *b = number(j, bits + 1 > 52 ? 52 : digits - between(0, 2));
        *c = number(i + j - between(digits, 3 * digits), bits);
        break;
    case LEAST: /* sums around the least normal number and below */
        *a = number(lowest / 2 - between(0, digits), between(0, bits));
        *b = number(lowest / 2 + between(-digits / 2, 2), between(0, bits));
        *c = number(lowest - between(-3, digits), between(0, bits));
        break;
    case LARGEST:
        *a = number(highest / 2 + between(0, 2), bits);
        *b = number(highest / 2 - between(0, 2), bits);
        *c = number(highest - between(0, digits + 2), bits);
        break;
    case FEW_BITS: /* ties that are exact */
        *a = number(between(-8, 8), between(0, digits / 2));
        *b = number(between(-8, 8), between(0, digits / 2));
        *c = number(between(-digits, digits), between(0, digits / 2));
        break;
    default: break;
    }
}

static const double specials[] = {0.0,
                                  -0.0,
                                  1,
                                  -1,
                                  2,
                                  0.5,
                                  0x1p-149,
                                  -0x1p-149,
                                  0x1p-126,
                                  0x1.fffffep127,
                                  -0x1.fffffep127,
                                  0x1p-75,
                                  0x1.000002p0,
                                  0x1p-1074,
                                  -0x1p-1074,
                                  0x1p-1022,
                                  0x1.fffffffffffffp1023,
                                  -0x1.fffffffffffffp1023,
                                  0x1p-537,
                                  0x1p512,
                                  0x1.0000000000001p0,
                                  INFINITY,
                                  -INFINITY,
                                  NAN};
#define SPECIALS ((int)VAEI_COUNT(specials))

#endif
