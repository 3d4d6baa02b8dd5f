/* SPDX-License-Identifier: MIT
 * check_fused.c - tests that the library's fused multiply-add gives the bits of the processor's, or of the C library's if the processor
 * has none.
 *
 *     TRIPLES=1000000000 CK_FORK=no build/check_vae fused        tests so many triples of each width, not a million */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "kernel/fused.h"
#include "triples.h"

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
