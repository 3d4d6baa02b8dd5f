/* SPDX-License-Identifier: MIT
 * check_fused.c - our own fused multiply-add gives the bits of the processor's, or of the C library's where the processor has none.
 *
 *     TRIPLES=1000000000 CK_FORK=no build/check_vae fused        so many triples of each width, not a million */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "kernel/fused.h"

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("fma"))) static float processor_float(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
}
__attribute__((target("fma"))) static double processor_double(double a, double b, double c) {
    return __builtin_fma(a, b, c);
}
static int has_fma; /* asked once: the question is slow on virtual machines */
static float exact_float(float a, float b, float c) {
    return has_fma ? processor_float(a, b, c) : fmaf(a, b, c);
}
static double exact_double(double a, double b, double c) {
    return has_fma ? processor_double(a, b, c) : fma(a, b, c);
}
static void setup(void) {
    has_fma = vaei_cpu_detect().avx2_fma;
}
#else
#define exact_float  fmaf
#define exact_double fma
static void setup(void) {}
#endif

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

static void compare_float(float a, float b, float c) {
    const float got = vaei_fused_float(a, b, c), wanted = exact_float(a, b, c);
    if (memcmp(&got, &wanted, sizeof got) == 0 || (isnan(got) && isnan(wanted))) return;
    ck_abort_msg("%a * %a + %a: %a, wanted %a", (double)a, (double)b, (double)c, (double)got, (double)wanted);
}

static void compare_double(double a, double b, double c) {
    const double wanted = exact_double(a, b, c), got[2] = {vaei_fused_double(a, b, c), vaei_fused_whole(a, b, c)};
    for (int i = 0; i < 2; i++) {
        if (memcmp(&got[i], &wanted, sizeof wanted) == 0 || (isnan(got[i]) && isnan(wanted))) continue;
        ck_abort_msg("%a * %a + %a: %a, wanted %a", a, b, c, got[i], wanted);
    }
}

static uint64_t triples(void) {
    const char *const given = getenv("TRIPLES");
    return given ? strtoull(given, NULL, 10) : 1000000;
}

START_TEST(test_floats_are_those_of_the_processor) {
    double a, b, c;
    state = 1;
    for (int i = 0; i < SPECIALS * SPECIALS * SPECIALS; i++)
        compare_float((float)specials[i % SPECIALS], (float)specials[i / SPECIALS % SPECIALS], (float)specials[i / SPECIALS / SPECIALS]);
    for (uint64_t n = triples(); n > 0; n--) {
        const int kind = (int)(n % (KINDS + 1));
        if (kind == KINDS) { /* any bits at all */
            compare_float(float_of((uint32_t)draw()), float_of((uint32_t)draw()), float_of((uint32_t)draw()));
            continue;
        }
        triple(kind, 24, -126, 127, &a, &b, &c);
        compare_float(kind == FEW_BITS ? (float)a : float_near((float)a), (float)b, (float)c);
    }
}
END_TEST

START_TEST(test_doubles_are_those_of_the_processor) {
    double a, b, c;
    state = 2;
    for (int i = 0; i < SPECIALS * SPECIALS * SPECIALS; i++)
        compare_double(specials[i % SPECIALS], specials[i / SPECIALS % SPECIALS], specials[i / SPECIALS / SPECIALS]);
    for (uint64_t n = triples(); n > 0; n--) {
        const int kind = (int)(n % (KINDS + 2));
        if (kind == KINDS) {
            compare_double(double_of(draw()), double_of(draw()), double_of(draw()));
            continue;
        }
        if (kind == KINDS + 1) { /* widened floats, whose product is exact */
            triple(between(0, KINDS - 1), 24, -126, 127, &a, &b, &c);
            compare_double((float)a, (float)b, c);
            continue;
        }
        triple(kind, 53, -1022, 1023, &a, &b, &c);
        compare_double(kind == FEW_BITS ? a : double_near(a), b, c);
    }
}
END_TEST

Suite *suite_fused(void) {
    Suite *s = suite_create("fused");
    TCase *c = tcase_create("fused");
    tcase_set_timeout(c, 0);
    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, test_floats_are_those_of_the_processor);
    tcase_add_test(c, test_doubles_are_those_of_the_processor);
    suite_add_tcase(s, c);
    return s;
}
