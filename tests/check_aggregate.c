/* SPDX-License-Identifier: MIT
 * check_aggregate.c - tests the aggregate posterior: the stored posteriors, its density by hand, samples, a plain autoencoder. */
#include "prior_rig.h"

#define LN_2PI 1.8378770664093453
#define FIT    "objective prior\n"

static const vaei_shape plane = {1, {2}};

static void learn(rig *g, int64_t n, const vaei_points *at) {
    g->run.n = n;
    g->run.training = 1;
    g->prior.ops->commit(&g->prior, &g->run, &g->train, at, g->params);
    pack(g);
}

START_TEST(test_the_density_is_the_mean_of_the_posteriors_kept) {
    const float mean[] = {-1, 0.5f, 2, 1, 0, 3}, logvar[] = {-1, 0, 0.5f, -2, 1, 1};
    const double eps = _i ? 0.25 : 0;
    float z[4] = {0.3f, -0.2f, 1.5f, 1};
    double nll[2];
    rig g;
    rig_open(&g, _i ? "aggregate posteriors=5 eps=0.25" : "aggregate posteriors=5", plane, 0, 0, 3);
    score(&g, 0, 2, &(vaei_points){.z = z}, nll);
    for (int i = 0; i < 2 && !_i; i++) { /* before anything is kept: N(0, I) */
        const double a = (double)z[2 * i], b = (double)z[2 * i + 1];
        ck_assert_double_eq_tol(nll[i], LN_2PI + 0.5 * (a * a + b * b), 1e-12);
    }
    learn(&g, 3, &(vaei_points){.z = z, .mean = mean, .logvar = logvar});
    score(&g, 0, 2, &(vaei_points){.z = z}, nll);
    for (int i = 0; i < 2; i++) {
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            double term = -LN_2PI;
            for (int d = 0; d < 2; d++) {
                const double v = exp((double)logvar[2 * k + d]) + eps, s = (double)z[2 * i + d] - (double)mean[2 * k + d];
                term -= 0.5 * (log(v) + s * s / v);
            }
            sum += exp(term) / 3;
        }
        ck_assert_double_eq_tol(nll[i], -log(sum), 1e-6);
    }
    rig_close(&g);
}
END_TEST

START_TEST(test_the_first_are_kept_and_no_more) {
    float mean[12], logvar[12] = {0};
    rig g;
    for (int i = 0; i < 12; i++) mean[i] = (float)i;
    rig_open(&g, "aggregate posteriors=5", plane, 0, 0, 6);
    learn(&g, 3, &(vaei_points){.mean = mean, .logvar = logvar});
    learn(&g, 6, &(vaei_points){.mean = mean, .logvar = logvar});
    learn(&g, 6, &(vaei_points){.mean = mean, .logvar = logvar});
    const float wanted[10] = {0, 1, 2, 3, 4, 5, 0, 1, 2, 3};
    ck_assert_mem_eq(g.params + g.table.at[0]->offset, wanted, sizeof(wanted));
    ck_assert_int_eq((int)g.params[g.table.at[2]->offset], 5);
    rig_close(&g);
}
END_TEST

START_TEST(test_samples_are_of_what_was_kept) {
    enum { DRAWS = 30000 };
    const float mean[] = {-6, 0, 0, 1, 6, -1}, logvar[] = {-1, 0, 0, -2, -2, 1};
    float *z = malloc(DRAWS * 2 * sizeof(*z)), part[14];
    double n[3] = {0}, m[3][2] = {{0}}, v[3][2] = {{0}};
    rig g;
    rig_open(&g, "aggregate posteriors=64", plane, 0, 0, DRAWS);
    learn(&g, 3, &(vaei_points){.mean = mean, .logvar = logvar});
    draw(&g, 9, 0, DRAWS, &(vaei_points){.z = z});
    for (int i = 0; i < DRAWS; i++) {
        const int k = z[2 * i] < -3 ? 0 : z[2 * i] < 3 ? 1 : 2;
        n[k]++;
        for (int d = 0; d < 2; d++) {
            const double s = (double)z[2 * i + d] - (double)mean[2 * k + d];
            m[k][d] += s;
            v[k][d] += s * s;
        }
    }
    for (int k = 0; k < 3; k++) {
        ck_assert_double_eq_tol(n[k] / DRAWS, 1.0 / 3, 0.012);
        for (int d = 0; d < 2; d++) {
            const double wanted = exp((double)logvar[2 * k + d]);
            ck_assert_double_eq_tol(m[k][d] / n[k], 0, 0.04 * sqrt(wanted) + 0.01);
            ck_assert_double_eq_tol(v[k][d] / n[k], wanted, 0.05 * wanted + 0.02);
        }
    }
    draw(&g, 9, 100, 7, &(vaei_points){.z = part}); /* whatever stands before */
    ck_assert_mem_eq(part, z + 200, sizeof(part));
    free(z);
    rig_close(&g);
}
END_TEST

/* Every sample of a fitted autoencoder lies near one of the examples' latents. */
START_TEST(test_a_plain_autoencoder_gets_something_to_sample_from) {
    vae_model_t *m;
    vae_trainer_t *t;
    vae_session_t *s;
    float *x = filled(20 * 6, 1), mean[20 * 2];
    ck_assert_ok(vae_model_create(&m, NULL,
                                  "input 6\nencoder linear out=2\nlatent none\ndecoder linear out=6\nlikelihood gaussian\n"
                                  "prior aggregate posteriors=20\n",
                                  2));
    ck_assert_ok(vae_trainer_create(&t, m, FIT, 20));
    ck_assert_ok(vae_trainer_step(t, 20, x, NULL));
    vae_trainer_destroy(t);
    ck_assert_ok(vae_session_create(&s, m, 20));
    ck_assert_ok(vae_encode(s, 20, x, mean, NULL));
    float *y = filled(50 * 6, 1), *again = filled(20 * 6, 1);
    ck_assert_ok(vae_sample(s, 50, NULL, y));
    ck_assert_ok(vae_decode(s, 20, mean, again));
    for (int i = 0; i < 50; i++) {
        double best = 1e30;
        for (int k = 0; k < 20; k++) {
            double d2 = 0;
            for (int j = 0; j < 6; j++) d2 += pow((double)y[i * 6 + j] - (double)again[k * 6 + j], 2);
            if (d2 < best) best = d2;
        }
        ck_assert_double_lt(best, 1e-9);
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(y), free(again);
}
END_TEST

/* A file may say anything. */
START_TEST(test_a_wrong_count_does_no_harm) {
    static const float counts[] = {-1, 1e30f, 2.5f, 1e9f};
    vae_model_t *m;
    vae_session_t *s;
    int64_t index;
    float x[16];
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_DENSE "prior aggregate posteriors=4\n", 0));
    ck_assert_ok(vae_model_param_find(m, "prior.count", &index));
    ck_assert_ok(vae_model_set_param(m, index, &counts[_i], 1));
    ck_assert_ok(vae_session_create(&s, m, 1));
    ck_assert_ok(vae_sample(s, 1, NULL, x));
    for (int i = 0; i < 16; i++) ck_assert(x[i] >= 0 && x[i] <= 1);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_aggregate(void);
Suite *suite_aggregate(void) {
    Suite *suite = suite_create("aggregate");
    TCase *tc = tcase_create("aggregate");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_the_density_is_the_mean_of_the_posteriors_kept, 0, 2);
    tcase_add_test(tc, test_the_first_are_kept_and_no_more);
    tcase_add_test(tc, test_samples_are_of_what_was_kept);
    tcase_add_test(tc, test_a_plain_autoencoder_gets_something_to_sample_from);
    tcase_add_loop_test(tc, test_a_wrong_count_does_no_harm, 0, 4);
    suite_add_tcase(suite, tc);
    return suite;
}
