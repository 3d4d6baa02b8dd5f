/* SPDX-License-Identifier: MIT
 * check_gmm.c - tests mixtures of Gaussians: the results of EM, densities in closed form, samples, points without variance. */
#include "prior_rig.h"

static void learn(rig *g, int64_t n, const vaei_points *at, double *nll) {
    pack(g);
    g->run.n = n;
    g->run.training = 1;
    ck_assert_int_eq(g->prior.ops->prepare(&g->prior, &g->run, &g->train, at), VAE_OK);
    g->prior.ops->nll(&g->prior, &g->run, &g->train, at, nll);
    g->prior.ops->commit(&g->prior, &g->run, &g->train, at, g->params);
    pack(g);
}

static float *param_of(const rig *g, const char *name) {
    for (int64_t i = 0; i < g->table.count; i++)
        if (strcmp(g->table.at[i]->name, name) == 0) return g->params + g->table.at[i]->offset;
    ck_abort_msg("no %s", name);
    return NULL;
}

enum { POINTS = 6000 };

/* 0.3 of N((-2, 1), ((1, 0.6), (0.6, 0.5))), 0.7 of N((2, 0), ((0.3, -0.2), (-0.2, 0.4))) */
static const double true_share[2] = {0.3, 0.7}, true_mean[2][2] = {{-2, 1}, {2, 0}},
                    true_covariance[2][3] = {{1, 0.6, 0.5}, {0.3, -0.2, 0.4}};

static void make_points(float *z) {
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    const vaei_noise_key key = {.seed = 77};
    for (int i = 0; i < POINTS; i++) {
        float e[2];
        const int c = i % 10 >= 3;
        const double *m = true_mean[c], *C = true_covariance[c], a = sqrt(C[0]), b = C[1] / a, d = sqrt(C[2] - b * b);
        vaei_noise_normal(k, key, (uint32_t)i, 2, e);
        z[2 * i] = (float)(m[0] + a * (double)e[0]);
        z[2 * i + 1] = (float)(m[1] + b * (double)e[0] + d * (double)e[1]);
    }
}

static double mean_of(int64_t n, const double *x) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static const vaei_shape plane = {1, {2}};

START_TEST(test_em_finds_the_mixture_and_never_falls) {
    rig g;
    float *z = malloc(POINTS * 2 * sizeof(*z));
    double *nll = malloc(POINTS * sizeof(*nll)), last = 1e30;
    make_points(z);
    rig_open(&g, "gmm components=2 covariance=full learning_decay=0", plane, 0, 0, POINTS);
    const vaei_points at = {.z = z};
    for (int i = 0; i < 40; i++) {
        learn(&g, POINTS, &at, nll);
        const double now = mean_of(POINTS, nll);
        ck_assert_double_le(now, last + 1e-7);
        last = now;
    }
    const float *w = param_of(&g, "prior.weight"), *m = param_of(&g, "prior.mean"), *C = param_of(&g, "prior.covariance");
    const int swap = m[0] > 0;
    for (int k = 0; k < 2; k++) {
        const int t = k ^ swap;
        ck_assert_double_eq_tol((double)w[k], true_share[t], 0.02);
        for (int d = 0; d < 2; d++) ck_assert_double_eq_tol((double)m[k * 2 + d], true_mean[t][d], 0.06);
        for (int d = 0; d < 3; d++) ck_assert_double_eq_tol((double)C[k * 4 + (d < 2 ? d : 3)], true_covariance[t][d], 0.06);
    }
    free(z), free(nll);
    rig_close(&g);
}
END_TEST

/* One component: the Gaussian of the sample's mean and covariance; its density by hand. */
START_TEST(test_one_gaussian_is_the_closed_form) {
    rig g;
    float z[8] = {1, 2, -1, 0.5f, 0.25f, -2, 3, 1};
    double nll[4], m[2] = {0, 0}, C[2][2] = {{1e-6, 0}, {0, 1e-6}};
    rig_open(&g, _i ? "gmm components=1 covariance=full" : "gmm components=1", plane, 0, 0, 4);
    const vaei_points at = {.z = z};
    score(&g, 0, 4, &at, nll); /* before the first step: N(0, I) */
    ck_assert_double_eq_tol(nll[0], 0.5 * (1 + 4) + 1.8378770664093453, 1e-12);
    learn(&g, 4, &at, nll);
    for (int i = 0; i < 8; i++) m[i % 2] += (double)z[i] / 4;
    for (int i = 0; i < 16; i++) {
        const int a = i / 2 % 2, b = i % 2;
        C[a][b] += ((double)z[i / 4 * 2 + a] - m[a]) * ((double)z[i / 4 * 2 + b] - m[b]) / 4;
    }
    if (!_i) C[0][1] = C[1][0] = 0;
    const double det = C[0][0] * C[1][1] - C[0][1] * C[1][0];
    score(&g, 0, 4, &at, nll);
    for (int i = 0; i < 4; i++) {
        const double a = (double)z[2 * i] - m[0], b = (double)z[2 * i + 1] - m[1];
        const double square = (C[1][1] * a * a - 2 * C[0][1] * a * b + C[0][0] * b * b) / det;
        ck_assert_double_eq_tol(nll[i], 0.5 * (square + log(det)) + 1.8378770664093453, 1e-5);
    }
    rig_close(&g);
}
END_TEST

START_TEST(test_samples_of_a_mixture_have_its_moments) {
    rig g;
    float *z = malloc(POINTS * 2 * sizeof(*z)), *y = malloc(POINTS * 2 * sizeof(*y));
    double *nll = malloc(POINTS * sizeof(*nll)), m[2][2] = {{0}}, C[2][3] = {{0}};
    make_points(z);
    rig_open(&g, _i ? "gmm components=4 covariance=full" : "gmm components=8", plane, 0, 0, POINTS);
    for (int i = 0; i < 20; i++) learn(&g, 500, &(vaei_points){.z = z + i % 12 * 1000}, nll);
    draw(&g, 4, 0, POINTS, &(vaei_points){.z = y});
    for (int s = 0; s < 2; s++) {
        const float *x = s ? y : z;
        for (int i = 0; i < POINTS * 2; i++) m[s][i % 2] += (double)x[i] / POINTS;
        for (int i = 0; i < POINTS; i++) {
            const double a = (double)x[2 * i] - m[s][0], b = (double)x[2 * i + 1] - m[s][1];
            C[s][0] += a * a / POINTS, C[s][1] += a * b / POINTS, C[s][2] += b * b / POINTS;
        }
    }
    for (int d = 0; d < 2; d++) ck_assert_double_eq_tol(m[1][d], m[0][d], 0.1);
    for (int d = 0; d < 3; d++) ck_assert_double_eq_tol(C[1][d], C[0][d], 0.2);
    free(z), free(y), free(nll);
    rig_close(&g);
}
END_TEST

START_TEST(test_degenerate_points_keep_a_density) {
    rig g;
    float z[40];
    double nll[20];
    for (int i = 0; i < 40; i++) z[i] = i < 20 ? 1.0f : -1.0f; /* two places, five components, no spread */
    rig_open(&g, _i ? "gmm components=5 covariance=full" : "gmm components=5", plane, 0, 0, 20);
    const vaei_points at = {.z = z};
    for (int i = 0; i < 5; i++) learn(&g, 20, &at, nll);
    score(&g, 0, 20, &at, nll);
    for (int i = 0; i < 20; i++) ck_assert(nll[i] - nll[i] <= 0);
    rig_close(&g);
}
END_TEST

Suite *suite_gmm(void);
Suite *suite_gmm(void) {
    Suite *suite = suite_create("gmm");
    TCase *tc = tcase_create("gmm");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_em_finds_the_mixture_and_never_falls);
    tcase_add_loop_test(tc, test_one_gaussian_is_the_closed_form, 0, 2);
    tcase_add_loop_test(tc, test_samples_of_a_mixture_have_its_moments, 0, 2);
    tcase_add_loop_test(tc, test_degenerate_points_keep_a_density, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
