/* SPDX-License-Identifier: MIT
 * check_tile.c - tests that dot_tile and outer_tile of every table equal their definition bit for bit for every possible block, and use no
 * memory beyond it. */
#include "guarded.h"

enum { TAPS = 3, DEPTH = 21, POSITIONS = 37, MAX_TILE = 64, APART = 5 };

/* Rows lie apart and unaligned, the last one at the guard. */
static void check_dot(const vaei_kernels *k, dice *d, int64_t m, int64_t n, int64_t taps, int64_t depth) {
    const int64_t stride = depth + dice_range(d, 0, 3), ldc = n + dice_range(d, 0, APART), columns = vaei_panel_columns(k, n);
    guarded a = guarded_random(d, (taps * m - 1) * stride + depth), b = guarded_random(d, taps * depth * columns);
    guarded bias = guarded_random(d, n), c = guarded_floats((m - 1) * ldc + n);
    float before[MAX_TILE * (MAX_TILE + APART)];
    const float *rows[TAPS * MAX_TILE];
    float *out[MAX_TILE];
    for (int64_t i = 0; i < taps * m; i++) rows[i] = a.at + i * stride;
    for (int64_t i = 0; i < m; i++) out[i] = c.at + i * ldc;
    for (int64_t t = 0; t < taps * depth; t++) memset(b.at + t * columns + n, 0, (size_t)(columns - n) * sizeof(float));
    for (int32_t init = 0; init < 3; init++) {
        dice_fill(d, c.count, c.at);
        memcpy(before, c.at, (size_t)c.count * sizeof(float));
        k->dot_tile(m, n, taps, depth, rows, b.at, out, init == 1 ? bias.at : NULL, init == 2);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < ldc && i * ldc + j < c.count; j++) {
                float want = before[i * ldc + j];
                if (j < n) {
                    if (init == 0) want = 0;
                    if (init == 1) want = bias.at[j];
                    for (int64_t t = 0; t < taps; t++) {
                        for (int64_t x = 0; x < depth; x++) want = fmaf(rows[t * m + i][x], b.at[(t * depth + x) * columns + j], want);
                    }
                }
                ck_assert_each_msg(memcmp(&want, &c.at[i * ldc + j], sizeof want) == 0,
                                   "%s: dot m=%d n=%d taps=%d depth=%d init=%d, output %d %d", k->name, (int)m, (int)n, (int)taps,
                                   (int)depth, (int)init, (int)i, (int)j);
            }
        }
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&bias);
    guarded_free(&c);
}

/* The same chain with rows of b apart, of which nothing beyond n is read. */
static void check_dot_plain(const vaei_kernels *k, dice *d, int64_t m, int64_t n, int64_t depth) {
    const int64_t ldb = n + dice_range(d, 0, 40), columns = vaei_panel_columns(k, n);
    guarded a = guarded_random(d, m * depth), b = guarded_random(d, (depth - 1) * ldb + n), bias = guarded_random(d, n);
    guarded packed = guarded_floats(depth * columns), got = guarded_random(d, m * n), want = guarded_floats(m * n);
    const float *rows[MAX_TILE];
    float *out[2][MAX_TILE];
    memset(packed.at, 0, (size_t)packed.count * sizeof(float));
    for (int64_t x = 0; x < depth; x++) memcpy(packed.at + x * columns, b.at + x * ldb, (size_t)n * sizeof(float));
    for (int64_t i = 0; i < m; i++) {
        rows[i] = a.at + i * depth;
        out[0][i] = got.at + i * n;
        out[1][i] = want.at + i * n;
    }
    for (int32_t init = 0; init < 3; init++) {
        memcpy(want.at, got.at, (size_t)want.count * sizeof(float));
        k->dot_tile_plain(m, n, depth, rows, b.at, ldb, out[0], init == 1 ? bias.at : NULL, init == 2);
        k->dot_tile(m, n, 1, depth, rows, packed.at, out[1], init == 1 ? bias.at : NULL, init == 2);
        ck_assert_msg(memcmp(want.at, got.at, (size_t)want.count * sizeof(float)) == 0, "%s: plain m=%d n=%d depth=%d init=%d", k->name,
                      (int)m, (int)n, (int)depth, (int)init);
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&bias);
    guarded_free(&packed);
    guarded_free(&got);
    guarded_free(&want);
}

static void check_outer(const vaei_kernels *k, dice *d, int64_t m, int64_t n, int64_t depth) {
    const int64_t lda = m + dice_range(d, 0, 3), ldb = n + dice_range(d, 0, 3), ldc = n + dice_range(d, 0, APART);
    guarded a = guarded_random(d, (depth - 1) * lda + m), b = guarded_random(d, (depth - 1) * ldb + n);
    guarded c = guarded_random(d, (m - 1) * ldc + n);
    float before[MAX_TILE * (MAX_TILE + APART)];
    const float *left[POSITIONS], *right[POSITIONS];
    for (int64_t p = 0; p < depth; p++) {
        left[p] = a.at + p * lda;
        right[p] = b.at + p * ldb;
    }
    memcpy(before, c.at, (size_t)c.count * sizeof(float));
    const int32_t accumulate = dice_range(d, 0, 2) > 0;
    k->outer_tile(m, n, depth, left, right, c.at, ldc, accumulate);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < ldc && i * ldc + j < c.count; j++) {
            float sum = 0;
            for (int64_t p = 0; j < n && p < depth; p++) sum = fmaf(left[p][i], right[p][j], sum);
            const float want = j >= n ? before[i * ldc + j] : accumulate ? before[i * ldc + j] + sum : sum;
            ck_assert_each_msg(memcmp(&want, &c.at[i * ldc + j], sizeof want) == 0, "%s: outer m=%d n=%d depth=%d, output %d %d", k->name,
                               (int)m, (int)n, (int)depth, (int)i, (int)j);
        }
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&c);
}

START_TEST(test_dot_tile_is_one_chain_of_fma) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t depths[] = {1, 2, 7, DEPTH};
    dice d = {17};
    if (!k) return;
    for (int64_t m = 1; m <= k->mr; m++) {
        for (int64_t n = 1; n <= k->nr; n++) {
            for (size_t i = 0; i < VAEI_COUNT(depths); i++) { check_dot(k, &d, m, n, 1 + (m + n + (int64_t)i) % TAPS, depths[i]); }
        }
    }
}
END_TEST

/* Panels larger than the first cache */
START_TEST(test_dot_tile_of_a_deep_panel_is_the_same_chain) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t depths[] = {128, 129, 300};
    dice d = {20};
    if (!k) return;
    for (size_t i = 0; i < VAEI_COUNT(depths); i++) {
        for (int64_t n = k->nr / 2; n <= k->nr; n += 5) check_dot(k, &d, k->mr - n % 2, n, 1 + n % 2, depths[i]);
        check_dot(k, &d, k->mr, k->nr, 1, depths[i]);
        check_dot(k, &d, k->mr - 1, k->nr - 1, 2, depths[i]);
    }
}
END_TEST

/* More rows than one pass has registers for, as even as can be */
START_TEST(test_tiles_of_many_rows_are_the_same_chains) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {21};
    if (!k) return;
    for (int64_t m = k->mr + 1; m <= MAX_TILE; m += 1 + m % 3) {
        for (int64_t n = 1; n <= k->nr; n += 1 + k->nr / 5) {
            check_dot(k, &d, m, n, 1 + m % TAPS, DEPTH);
            check_dot_plain(k, &d, m, n, DEPTH);
            check_outer(k, &d, m, n, DEPTH);
        }
        check_dot(k, &d, m, k->nr, 1, 300);
        check_outer(k, &d, m, k->nr, DEPTH);
    }
}
END_TEST

START_TEST(test_dot_tile_plain_is_dot_tile_on_rows_apart) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t depths[] = {1, 2, 7, DEPTH};
    dice d = {19};
    if (!k) return;
    for (int64_t m = 1; m <= k->mr; m++) {
        for (int64_t n = 1; n <= k->nr; n++) {
            for (size_t i = 0; i < VAEI_COUNT(depths); i++) check_dot_plain(k, &d, m, n, depths[i]);
        }
    }
}
END_TEST

START_TEST(test_outer_tile_sums_first_then_adds) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t depths[] = {1, 2, 5, POSITIONS};
    dice d = {18};
    if (!k) return;
    for (int64_t m = 1; m <= k->mr; m++) {
        for (int64_t n = 1; n <= k->nr; n++) {
            for (size_t i = 0; i < VAEI_COUNT(depths); i++) check_outer(k, &d, m, n, depths[i]);
        }
    }
}
END_TEST

/* No tap: what a pixel gets that no tap of a strided gradient meets. */
START_TEST(test_dot_tile_without_taps_writes_the_bias) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    if (!k) return;
    float c[MAX_TILE], bias[MAX_TILE], *out[] = {c};
    for (int64_t n = 1; n <= k->nr; n++) {
        for (int64_t j = 0; j < MAX_TILE; j++) {
            c[j] = 7;
            bias[j] = (float)j;
        }
        k->dot_tile(1, n, 0, 1, NULL, NULL, out, bias, 0);
        for (int64_t j = 0; j < MAX_TILE; j++) ck_assert(memcmp(&c[j], &(float){j < n ? (float)j : 7}, sizeof *c) == 0);
    }
}
END_TEST

START_TEST(test_tiles_fit_what_callers_reserve) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    if (!k) return;
    ck_assert_int_ge(k->mr, 1);
    ck_assert_int_le(k->mr, 12);
    ck_assert_int_eq(12 % k->mr, 0);
    ck_assert_int_le(k->nr, MAX_TILE);
}
END_TEST

Suite *suite_tile(void);
Suite *suite_tile(void) {
    Suite *const s = suite_create("tile");
    TCase *const t = tcase_create("tile");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_dot_tile_is_one_chain_of_fma, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_dot_tile_of_a_deep_panel_is_the_same_chain, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_tiles_of_many_rows_are_the_same_chains, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_dot_tile_plain_is_dot_tile_on_rows_apart, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_outer_tile_sums_first_then_adds, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_dot_tile_without_taps_writes_the_bias, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_tiles_fit_what_callers_reserve, ISA_FIRST, ISA_END);
    suite_add_tcase(s, t);
    return s;
}
