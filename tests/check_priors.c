/* SPDX-License-Identifier: MIT
 * check_priors.c - tests priors over codes alone: probabilities that add up to 1, gradients, causality, classes, samples that follow the
 * probabilities. */
#include "prior_rig.h"

static const char *const code_priors[] = {"pixelcnn channels=8 layers=2 first_kernel=3",
                                          "pixelcnn channels=8 layers=2 first_kernel=3 classes=3",
                                          "transformer channels=8 layers=2 heads=2"};
#define CODE_PRIORS (sizeof(code_priors) / sizeof(code_priors[0]))

static const vaei_shape grid2 = {3, {2, 2, 5}}, grid34 = {3, {3, 4, 2}}, grid1 = {3, {1, 1, 4}}, line6 = {1, {6}};

/* Code i of `number` written with K digits. */
static void digits(int64_t number, int64_t count, int64_t K, int32_t *codes) {
    for (int64_t i = 0; i < count; i++, number /= K) codes[i] = (int32_t)(number % K);
}

/* So they do only if each code is judged by those before it and no other. */
START_TEST(test_probabilities_of_all_grids_add_up_to_one) {
    enum { MOST = 4096 };
    const struct {
        vaei_shape z;
        int64_t places, K, all;
    } cases[] = {{grid2, 4, 3, 81}, {grid1, 1, 5, 5}, {line6, 6, 2, 64}, {grid34, 12, 2, MOST}};
    int32_t *codes = malloc(MOST * 12 * sizeof(*codes));
    double *nll = malloc(MOST * sizeof(*nll));
    for (size_t c = 0; c < 4; c++) {
        rig g;
        double sum = 0;
        rig_open(&g, code_priors[_i], cases[c].z, cases[c].places, cases[c].K, cases[c].all);
        for (int64_t i = 0; i < cases[c].all; i++) digits(i, cases[c].places, cases[c].K, codes + i * cases[c].places);
        score(&g, 0, cases[c].all, &(vaei_points){.codes = codes}, nll);
        for (int64_t i = 0; i < cases[c].all; i++) sum += exp(-nll[i]);
        ck_assert_double_eq_tol(sum, 1, 1e-5);
        rig_close(&g);
    }
    free(codes), free(nll);
}
END_TEST

START_TEST(test_samples_follow_the_distribution) {
    enum { DRAWS = 20000 };
    rig g;
    int32_t all[81 * 4], *codes = malloc(DRAWS * 4 * sizeof(*codes));
    double nll[81], chi = 0;
    int64_t seen[81] = {0};
    rig_open(&g, code_priors[_i], grid2, 4, 3, DRAWS);
    for (int64_t i = 0; i < 81; i++) digits(i, 4, 3, all + i * 4);
    score(&g, 0, 81, &(vaei_points){.codes = all}, nll);
    draw(&g, 5, 0, DRAWS, &(vaei_points){.codes = codes});
    for (int64_t i = 0; i < DRAWS; i++) {
        const int32_t *c = codes + i * 4;
        seen[c[0] + 3 * c[1] + 9 * c[2] + 27 * c[3]]++;
    }
    for (int64_t i = 0; i < 81; i++) {
        const double expected = DRAWS * exp(-nll[i]);
        chi += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
    }
    ck_assert_double_lt(chi, 138.0); /* 80 degrees of freedom: 0.9999 of all draws */
    ck_assert_double_gt(chi, 36.0);
    free(codes);
    rig_close(&g);
}
END_TEST

START_TEST(test_samples_are_those_of_the_whole_grid) {
    /* Place by place the sampler sees what nll sees: with temperature 0 each code is the likeliest given the ones before it. */
    char text[100];
    rig g;
    int32_t best[12], other[4 * 12];
    double nll[4];
    snprintf(text, sizeof(text), "%s temperature=0", code_priors[_i]);
    rig_open(&g, text, grid34, 12, 4, 4);
    draw(&g, 1, 0, 1, &(vaei_points){.codes = best});
    for (int64_t k = 0; k < 4; k++) {
        memcpy(other + k * 12, best, sizeof(best));
        other[k * 12 + 11] = (int32_t)k;
    }
    score(&g, 0, 4, &(vaei_points){.codes = other}, nll);
    for (int64_t k = 0; k < 4; k++) ck_assert_double_ge(nll[k], nll[best[11]]);
    rig_close(&g);
}
END_TEST

START_TEST(test_top_keeps_the_likeliest_codes) {
    char text[100];
    rig g, plain;
    int32_t a[64 * 12], b[64 * 12];
    snprintf(text, sizeof(text), "%s top_k=1", code_priors[_i]);
    rig_open(&g, text, grid34, 12, 4, 64);
    snprintf(text, sizeof(text), "%s temperature=0", code_priors[_i]);
    rig_open(&plain, text, grid34, 12, 4, 64);
    draw(&g, 1, 0, 64, &(vaei_points){.codes = a});
    draw(&plain, 2, 0, 64, &(vaei_points){.codes = b});
    ck_assert_mem_eq(a, b, sizeof(a));
    rig_close(&g);
    rig_close(&plain);
}
END_TEST

START_TEST(test_scores_and_samples_do_not_depend_on_the_batch) {
    enum { ALL = 40 };
    rig g;
    int32_t codes[ALL * 12], parts[ALL * 12];
    double whole[ALL], trained[ALL], single[ALL];
    rig_open(&g, code_priors[_i], grid34, 12, 4, ALL);
    draw(&g, 3, 0, ALL, &(vaei_points){.codes = codes});
    for (int64_t i = 0; i < ALL; i += 7) draw(&g, 3, (uint64_t)i, ALL - i < 7 ? ALL - i : 7, &(vaei_points){.codes = parts + i * 12});
    ck_assert_mem_eq(codes, parts, sizeof(codes));
    score(&g, 0, ALL, &(vaei_points){.codes = codes}, whole);
    score(&g, 1, ALL, &(vaei_points){.codes = codes}, trained);
    for (int64_t i = 0; i < ALL; i++) score(&g, 0, 1, &(vaei_points){.codes = codes + i * 12}, single + i);
    ck_assert_mem_eq(whole, single, sizeof(whole));
    ck_assert_mem_eq(whole, trained, sizeof(whole));
    rig_close(&g);
}
END_TEST

static double weighted(rig *g, int64_t n, const vaei_points *at, const float *weight) {
    double nll[8], sum = 0;
    pack(g);
    score(g, 0, n, at, nll);
    for (int64_t i = 0; i < n; i++) sum += (double)weight[i] * nll[i];
    return sum;
}

/* One side of a kink is smooth: where left and right differ, the gradient is that of one of them. */
static int32_t is_slope(double got, double left, double right) {
    const double central = (left + right) / 2, near = 2e-3 * (1 + fabs(central)), wide = 1e-2 * (1 + fabs(central));
    if (fabs(got - central) <= near) return 1;
    return fabs(left - right) > wide && (fabs(got - left) <= wide || fabs(got - right) <= wide);
}

START_TEST(test_gradients_are_finite_differences) {
    enum { ALL = 3 };
    rig g;
    int32_t codes[ALL * 12];
    const float weight[ALL] = {0.5f, -1.25f, 2}, h = 2e-3f;
    double nll[ALL];
    rig_open(&g, code_priors[_i], grid34, 12, 4, ALL);
    for (int64_t p = 0; p < g.table.count; p++) { /* embeddings that start near 0 bend too much in front of a layer norm */
        const vaei_param *q = g.table.at[p];
        if (q->init.fan_in > 1000) g.run.k->scale(q->count, 30, g.params + q->offset);
    }
    pack(&g);
    const vaei_points at = {.codes = codes};
    for (int32_t i = 0; i < ALL; i++) g.label[i] = (i + 2) % 3;
    draw(&g, 9, 0, ALL, &at);
    for (int64_t i = 0; i < ALL * 12; i += 5) codes[i] = (int32_t)(i % 4);
    score(&g, 1, ALL, &at, nll);
    g.prior.ops->backward(&g.prior, &g.run, &g.train, &at, weight);
    const double here = weighted(&g, ALL, &at, weight);
    for (int64_t p = 0; p < g.table.count; p++) {
        const vaei_param *q = g.table.at[p];
        for (int64_t i = 0; i < q->count; i += q->count / 9 + 1) {
            float *w = g.params + q->offset + i;
            const float kept = *w;
            *w = kept + h;
            const double right = (weighted(&g, ALL, &at, weight) - here) / (double)h;
            *w = kept - h;
            const double left = (here - weighted(&g, ALL, &at, weight)) / (double)h;
            *w = kept;
            const double got = (double)g.grads[q->offset + i];
            ck_assert_msg(is_slope(got, left, right), "%s[%d]: %g, wanted %g or %g", q->name, (int)i, got, left, right);
        }
    }
    rig_close(&g);
}
END_TEST

/* Every class is a distribution of its own, whoever stands beside it. */
START_TEST(test_classes_are_apart) {
    rig g;
    int32_t all[3 * 81 * 4];
    double mixed[3 * 81], alone[81], sum[3] = {0, 0, 0}, apart = 0;
    rig_open(&g, "pixelcnn channels=8 layers=2 first_kernel=3 classes=3", grid2, 4, 3, 3 * 81);
    for (int64_t i = 0; i < 3 * 81; i++) {
        digits(i / 3, 4, 3, all + i * 4);
        g.label[i] = (int32_t)(i % 3);
    }
    score(&g, 0, 3 * 81, &(vaei_points){.codes = all}, mixed);
    for (int64_t i = 0; i < 3 * 81; i++) sum[i % 3] += exp(-mixed[i]);
    for (int c = 0; c < 3; c++) ck_assert_double_eq_tol(sum[c], 1, 1e-5);
    for (int32_t c = 0; c < 3; c++) {
        for (int64_t i = 0; i < 81; i++) {
            digits(i, 4, 3, all + i * 4);
            g.label[i] = c;
        }
        score(&g, 0, 81, &(vaei_points){.codes = all}, alone);
        for (int64_t i = 0; i < 81; i++) {
            ck_assert_mem_eq(&alone[i], &mixed[i * 3 + c], sizeof(double));
            apart += fabs(alone[i] - mixed[i * 3 + (c + 1) % 3]);
        }
    }
    ck_assert_double_gt(apart, 1);
    rig_close(&g);
}
END_TEST

Suite *suite_priors(void);
Suite *suite_priors(void) {
    Suite *suite = suite_create("priors");
    TCase *codes = tcase_create("priors alone");
    tcase_set_timeout(codes, 60);
    tcase_add_loop_test(codes, test_probabilities_of_all_grids_add_up_to_one, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_samples_follow_the_distribution, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_samples_are_those_of_the_whole_grid, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_top_keeps_the_likeliest_codes, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_scores_and_samples_do_not_depend_on_the_batch, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_gradients_are_finite_differences, 0, CODE_PRIORS);
    tcase_add_test(codes, test_classes_are_apart);
    suite_add_tcase(suite, codes);
    return suite;
}
