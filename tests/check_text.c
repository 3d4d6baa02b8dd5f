/* SPDX-License-Identifier: MIT
 * check_text.c - tests text.c and number.c: numbers without a locale, the writer, the nearest name. The C library's strtod, strtof and
 * printf, which round correctly, are the oracle. */
#include "base/base.h"

#include <check.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RANDOM_NUMBERS 60000

static uint64_t next_random(uint64_t *state) { /* xorshift64 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- whole numbers ---------------------------------------------------------------------------------------------- */

START_TEST(test_int_reads_the_whole_range) {
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"7", 7},
                {"-30", -30},
                {"65536", 65536},
                {"4294967296", (int64_t)1 << 32},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < VAEI_COUNT(good); i++) {
        int64_t got = 77;
        ck_assert_msg(vaei_text_to_int(good[i].text, strlen(good[i].text), &got), "%s", good[i].text);
        ck_assert_int_eq(got, good[i].want);
    }
}
END_TEST

START_TEST(test_int_refuses_all_else_and_leaves_out_alone) {
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-01",
                                      "1.5",
                                      "1e3",
                                      "0x10",
                                      " 1",
                                      "1 ",
                                      "--1",
                                      "1-",
                                      "true",
                                      "1,0",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < VAEI_COUNT(bad); i++) {
        int64_t got = 77;
        ck_assert_msg(!vaei_text_to_int(bad[i], strlen(bad[i]), &got), "'%s'", bad[i]);
        ck_assert_int_eq(got, 77);
    }
    int64_t got = 77;
    ck_assert(!vaei_text_to_int("1\0002", 3, &got));
    ck_assert(vaei_text_to_int("123", 2, &got) && got == 12);
}
END_TEST

/* ---- decimals --------------------------------------------------------------------------------------------------- */

static void same_as_strtod(const char *text) {
    const double want = strtod(text, NULL);
    double got = -99;
    const int ok = vaei_text_to_double(text, strlen(text), &got);
    if (isinf(want)) {
        ck_assert_msg(!ok, "%.60s is too large", text);
    } else {
        ck_assert_msg(ok && memcmp(&got, &want, sizeof got) == 0, "%.60s: got %.17g, wanted %.17g", text, got, want);
    }
}

START_TEST(test_double_hard_cases_round_correctly) {
    static const char *const text[] = {"0",
                                       "-0",
                                       "0.0",
                                       "0e999",
                                       "1",
                                       "-1.5e-3",
                                       ".5",
                                       "1.",
                                       "-.5e1",
                                       "1e-05",
                                       "1E+5",
                                       "0.1",
                                       "123456789012345678901234567890",
                                       "9007199254740993",
                                       "9007199254740993.00000000000000000000000000000000000000000000001",
                                       "9007199254740992.999999",
                                       "2.2250738585072011e-308",
                                       "2.2250738585072014e-308",
                                       "2.225073858507201136057409796709131975934819546351645648e-308",
                                       "4.9406564584124654e-324",
                                       "2.4703282292062327e-324",
                                       "2.4703282292062328e-324",
                                       "2.4703282292062327208299493256381432103219e-324",
                                       "1e-400",
                                       "1e-99999999999999999999",
                                       "0.000e99999999999999999999",
                                       "1.7976931348623157e308",
                                       "1.7976931348623158e308",
                                       "1.7976931348623159e308",
                                       "1e309",
                                       "1e99999999999999999999",
                                       "6.631236846766476e-316",
                                       "3.237883913302901e-319",
                                       "8.41e21",
                                       "5e-324",
                                       "1e23",
                                       "1.8446744073709551616e19"};
    for (size_t i = 0; i < VAEI_COUNT(text); i++) same_as_strtod(text[i]);
}
END_TEST

START_TEST(test_double_refuses_all_else_and_leaves_out_alone) {
    static const char *const bad[] = {"",    "-",        ".",    "-.",    "e5",   "1e",    "1e+",   "1e-",   "+1",
                                      "01",  "-00.5",    "1..2", "1.2.3", "1e5.", "1e5e5", "0x1p3", "inf",   "nan",
                                      "NaN", "infinity", "1 ",   " 1",    "1,5",  "1f",    "1e309", "-1e309"};
    for (size_t i = 0; i < VAEI_COUNT(bad); i++) {
        double got = -99;
        ck_assert_msg(!vaei_text_to_double(bad[i], strlen(bad[i]), &got), "'%s'", bad[i]);
        ck_assert_double_eq(got, -99);
    }
}
END_TEST

START_TEST(test_double_random_digits_round_correctly) {
    uint64_t state = 88172645463325252u;
    char text[128];
    for (int i = 0; i < RANDOM_NUMBERS; i++) {
        const double value = double_of(next_random(&state));
        if (isfinite(value)) {
            snprintf(text, sizeof text, "%.*g", (int)(next_random(&state) % 25) + 1, value);
            same_as_strtod(text);
        }
        const unsigned long long a = next_random(&state) >> (next_random(&state) % 60) | 1, b = next_random(&state);
        snprintf(text, sizeof text, "%llu.%llue%d", a, b, (int)(next_random(&state) % 700) - 350);
        same_as_strtod(text);
    }
}
END_TEST

START_TEST(test_double_ties_are_seen_through_a_thousand_digits) {
    uint64_t state = 7;
    char text[2000];
    for (int i = 0; i < 300; i++) {
        const uint64_t bits = next_random(&state) >> 1;
        const double a = double_of(bits), b = double_of(bits + 1);
        if (!isfinite(a) || !isfinite(b)) continue;
        snprintf(text, sizeof text, "%.1100Le", ((long double)a + b) / 2); /* where long double is wider: exactly between */
        same_as_strtod(text);
        char *exponent = strchr(text, 'e');
        exponent[-1] = '1'; /* just above the middle, 1100 digits in */
        same_as_strtod(text);
    }
}
END_TEST

START_TEST(test_double_long_texts_are_read_in_whole) {
    char *text = malloc(60001);
    double got;
    memset(text, '0', 60000);
    memcpy(text, "0.", 2);
    memcpy(text + 59990, "25e59988", 9); /* 0.{59988 zeros}25e59988 */
    ck_assert(vaei_text_to_double(text, strlen(text), &got));
    ck_assert_double_eq(got, 0.25);
    memset(text, '9', 60000);
    text[60000] = '\0';
    ck_assert(!vaei_text_to_double(text, 60000, &got));
    memcpy(text + 59993, "e-59993", 7);
    ck_assert(vaei_text_to_double(text, 60000, &got));
    ck_assert_double_eq(got, 1);
    free(text);
}
END_TEST

START_TEST(test_double_does_not_depend_on_the_rounding_mode) {
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    double want, got;
    ck_assert(vaei_text_to_double("0.1", 3, &want));
    fesetround(modes[_i]);
    const int ok = vaei_text_to_double("0.1", 3, &got);
    fesetround(FE_TONEAREST);
    ck_assert(ok && memcmp(&got, &want, sizeof got) == 0);
}
END_TEST

/* ---- printing floats -------------------------------------------------------------------------------------------- */

START_TEST(test_float_prints_as_a_person_would) {
    static const struct {
        double value;
        const char *want;
    } is[] = {{0, "0"},
              {-0.0, "-0"},
              {1, "1"},
              {-30, "-30"},
              {0.1, "0.1"},
              {0.001, "0.001"},
              {0.0001, "0.0001"},
              {1e-5, "1e-5"},
              {1.5e-7, "1.5e-7"},
              {0.999, "0.999"},
              {100, "100"},
              {65536, "65536"},
              {1000000, "1000000"},
              {1e7, "1e7"},
              {16777216, "16777216"},
              {3.5e20, "3.5e20"},
              {-1e-30, "-1e-30"},
              {0.333333343, "0.33333334"},
              {3.4028234663852886e38, "3.4028235e38"},
              {1.401298464324817e-45, "1e-45"},
              {9.999999e9, "9.999999e9"},
              {2.5, "2.5"},
              {1e300, "inf"},
              {-1e300, "-inf"}};
    for (size_t i = 0; i < VAEI_COUNT(is); i++) {
        char text[32];
        const size_t length = vaei_text_float(text, sizeof text, is[i].value);
        ck_assert_str_eq(text, is[i].want);
        ck_assert_uint_eq(length, strlen(text));
    }
    char text[32];
    (void)vaei_text_float(text, sizeof text, (double)NAN);
    ck_assert_str_eq(text, "nan");
}
END_TEST

/* Digits without zeros at either end. */
static int significant(const char *text) {
    int n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0')) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        n++;
    }
    return n - zeros;
}

static int fewest_digits(float value) {
    char text[64];
    int digits = 1;
    for (; digits < 9; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, (double)value);
        if (!(strtof(text, NULL) < value || strtof(text, NULL) > value)) break;
    }
    return digits;
}

START_TEST(test_float_text_is_short_and_reads_back) {
    uint64_t state = 123456789;
    for (int i = 0; i < RANDOM_NUMBERS; i++) {
        const float value = float_of((uint32_t)(next_random(&state) >> 16));
        char text[32];
        double again;
        if (!isfinite(value)) continue;
        const size_t length = vaei_text_float(text, sizeof text, (double)value);
        ck_assert_uint_le(length, 24);
        ck_assert(vaei_text_to_double(text, length, &again));
        const float narrow = (float)again, theirs = strtof(text, NULL);
        ck_assert_msg(memcmp(&narrow, &value, sizeof value) == 0, "%s is not %.9g", text, (double)value);
        ck_assert_msg(memcmp(&theirs, &value, sizeof value) == 0, "%s is not %.9g", text, (double)value);
        ck_assert_msg(significant(text) <= fewest_digits(value), "%s is long for %.9g", text, (double)value);
    }
}
END_TEST

START_TEST(test_float_powers_of_two_read_back) {
    for (uint32_t field = 0; field < 255; field++) {
        for (int32_t near = -1; near <= 1; near++) {
            const uint32_t bits = (field << 23) + (uint32_t)near;
            if (bits >= 0x7F800000) continue;
            char text[32];
            const size_t length = vaei_text_float(text, sizeof text, (double)float_of(bits));
            double again;
            ck_assert(vaei_text_to_double(text, length, &again));
            const float narrow = (float)again, want = float_of(bits);
            ck_assert_mem_eq(&narrow, &want, sizeof want);
        }
    }
}
END_TEST

/* ---- writer ----------------------------------------------------------------------------------------------------- */

START_TEST(test_writer_counts_past_the_end_and_stays_inside) {
    char buf[9];
    for (size_t cap = 0; cap < sizeof buf; cap++) {
        vaei_writer w = {buf, cap, 0};
        memset(buf, '#', sizeof buf);
        vaei_write(&w, "%s", "abc");
        vaei_write_float(&w, 0.5);
        vaei_write(&w, "-%d", 12);
        ck_assert_uint_eq(w.length, 9);
        ck_assert_int_eq(buf[cap], '#');
        if (cap > 0) {
            ck_assert_uint_eq(strlen(buf), cap - 1);
            ck_assert_int_eq(strncmp(buf, "abc0.5-12", cap - 1), 0);
        }
    }
}
END_TEST

START_TEST(test_writer_without_a_buffer_only_measures) {
    vaei_writer w = {NULL, 0, 0};
    vaei_write(&w, "%s", "encoder");
    ck_assert_uint_eq(w.length, 7);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------------------------ */

static const char *const names[] = {"kernel", "stride", "pad", "out", "bias", "momentum"};

START_TEST(test_nearest_finds_common_slips) {
    static const struct {
        const char *wanted, *nearest;
    } slip[] = {{"kernal", "kernel"}, {"krenel", "kernel"}, {"kernl", "kernel"},      {"kkernel", "kernel"}, {"padd", "pad"},
                {"pda", "pad"},       {"stirde", "stride"}, {"momentun", "momentum"}, {"oot", "out"},        {"bais", "bias"}};
    for (size_t i = 0; i < VAEI_COUNT(slip); i++) {
        const char *got = vaei_text_nearest(slip[i].wanted, strlen(slip[i].wanted), names, VAEI_COUNT(names));
        ck_assert_ptr_nonnull(got);
        ck_assert_str_eq(got, slip[i].nearest);
    }
}
END_TEST

START_TEST(test_nearest_does_not_guess_wildly) {
    static const char *const far[] = {"xyzzy", "p", "tuo", "kern", "zzz", "dilation"};
    char buf[96];
    for (size_t i = 0; i < VAEI_COUNT(far); i++) {
        ck_assert_msg(!vaei_text_nearest(far[i], strlen(far[i]), names, VAEI_COUNT(names)), "%s", far[i]);
        ck_assert_str_eq(vaei_text_hint(buf, far[i], names, VAEI_COUNT(names)), "");
    }
    ck_assert_ptr_null(vaei_text_nearest("kernel", 6, names, 0));
}
END_TEST

START_TEST(test_nearest_ignores_words_of_absurd_length) {
    char word[5001];
    memset(word, 'k', 5000);
    word[5000] = '\0';
    ck_assert_ptr_null(vaei_text_nearest(word, 5000, names, VAEI_COUNT(names)));
    const char *const long_name = word;
    ck_assert_ptr_null(vaei_text_nearest("kkk", 3, &long_name, 1));
}
END_TEST

/* Each word of ours in the table of synonyms is one that a text may hold, and none of theirs is ours in the same place. */
START_TEST(test_words_of_other_programs_are_translated) {
    static const char *const ours[] = {"linear", "conv2d", "gaussian", "bernoulli", "dim", "silu", "out"};
    static const struct {
        const char *theirs, *ours;
    } words[] = {{"Dense", "linear"},  {"nn.Linear", "linear"}, {"torch.nn.Conv2d", "conv2d"},
                 {"BCE", "bernoulli"}, {"mse", "gaussian"},     {"Normal", "gaussian"},
                 {"z_dim", "dim"},     {"swish", "silu"},       {"out_channels", "out"},
                 {"LINEAR", "linear"}};
    char buf[96], wanted[96];
    for (size_t i = 0; i < VAEI_COUNT(words); i++) {
        (void)snprintf(wanted, sizeof wanted, " (did you mean '%s'?)", words[i].ours);
        ck_assert_str_eq(vaei_text_hint(buf, words[i].theirs, ours, VAEI_COUNT(ours)), wanted);
    }
    ck_assert_str_eq(vaei_text_hint(buf, "padding", ours, VAEI_COUNT(ours)), ""); /* nothing of it may stand here */
}
END_TEST

START_TEST(test_hint_is_a_half_sentence) {
    char buf[96];
    ck_assert_str_eq(vaei_text_hint(buf, "kernal", names, VAEI_COUNT(names)), " (did you mean 'kernel'?)");
}
END_TEST

Suite *suite_text(void);

Suite *suite_text(void) {
    Suite *s = suite_create("text");
    TCase *read = tcase_create("read"), *write = tcase_create("write"), *near = tcase_create("names");
    tcase_set_timeout(read, 60);
    tcase_set_timeout(write, 60);
    tcase_add_test(read, test_int_reads_the_whole_range);
    tcase_add_test(read, test_int_refuses_all_else_and_leaves_out_alone);
    tcase_add_test(read, test_double_hard_cases_round_correctly);
    tcase_add_test(read, test_double_refuses_all_else_and_leaves_out_alone);
    tcase_add_test(read, test_double_random_digits_round_correctly);
    tcase_add_test(read, test_double_ties_are_seen_through_a_thousand_digits);
    tcase_add_test(read, test_double_long_texts_are_read_in_whole);
    tcase_add_loop_test(read, test_double_does_not_depend_on_the_rounding_mode, 0, 3);
    tcase_add_test(write, test_float_prints_as_a_person_would);
    tcase_add_test(write, test_float_text_is_short_and_reads_back);
    tcase_add_test(write, test_float_powers_of_two_read_back);
    tcase_add_test(write, test_writer_counts_past_the_end_and_stays_inside);
    tcase_add_test(write, test_writer_without_a_buffer_only_measures);
    tcase_add_test(near, test_nearest_finds_common_slips);
    tcase_add_test(near, test_nearest_does_not_guess_wildly);
    tcase_add_test(near, test_nearest_ignores_words_of_absurd_length);
    tcase_add_test(near, test_words_of_other_programs_are_translated);
    tcase_add_test(near, test_hint_is_a_half_sentence);
    suite_add_tcase(s, read);
    suite_add_tcase(s, write);
    suite_add_tcase(s, near);
    return s;
}
