/* SPDX-License-Identifier: MIT
 * check_anomaly.c - every score of the registry: features by hand or by other calls, parts and order change nothing, files keep it all,
 * memory may be refused; then p-values and thresholds, beside definitions and exact tails, and the guarantee by simulation. */
#include "conformance.h"
#include "support.h"

#include <unistd.h>

#include "vae/scores/calibration.h"

enum { n_normal = 41, n_new = 9, S = 12, D = 3 };

static const char *const spec = "input 3x4x1\nencoder flatten | linear out=7 | tanh\nlatent gaussian dim=3\n"
                                "decoder linear out=5 | tanh | linear out=12 | reshape 3x4x1\nlikelihood gaussian\n";

static vae_batch_t batch_of(const float *x, int64_t n) {
    return (vae_batch_t){.struct_size = sizeof(vae_batch_t), .n = n, .x = x};
}

static vae_anomaly_t *make(const vae_model_t *m, const char *text, int64_t max_batch) {
    vae_anomaly_t *a;
    ck_assert_ok(vae_anomaly_create(&a, m, text, max_batch));
    return a;
}

static vae_anomaly_t *fitted(const vae_model_t *m, const char *text, int64_t max_batch) {
    float *x = filled(n_normal * S, 3);
    const vae_batch_t all = batch_of(x, n_normal);
    vae_anomaly_t *a = make(m, text, max_batch);
    ck_assert_ok(vae_anomaly_add(a, &all));
    ck_assert_ok(vae_anomaly_fit(a));
    free(x);
    return a;
}

/* ---- promises of each score ------------------------------------------------------------------------------------------- */

typedef struct results {
    float score[n_new];
    double p_value[n_new];
} results;

static results score_new(vae_anomaly_t *a) {
    results r;
    float *x = filled(n_new * S, 5);
    const vae_batch_t batch = batch_of(x, n_new);
    ck_assert_ok(vae_anomaly_score(a, &batch, r.score, r.p_value));
    free(x);
    return r;
}

static void check_same(const results *a, const results *b) {
    ck_assert_mem_eq(a->score, b->score, sizeof(a->score));
    ck_assert_mem_eq(a->p_value, b->p_value, sizeof(a->p_value));
}

START_TEST(test_parts_threads_and_files_change_nothing) {
    char text[EXAMPLE_MAX], path[80], canonical[200];
    vae_ctx_t *ctx = test_ctx(NULL, 3, 0);
    vae_model_t *m, *threaded;
    (void)example_of(vaei_scores, vaei_scores_count, _i, text);
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    ck_assert_ok(vae_model_create(&threaded, ctx, spec, 1));
    vae_anomaly_t *a = fitted(m, text, 64), *b = make(threaded, text, 2), *c;
    float *x = filled(n_normal * S, 3);
    for (int64_t i = 0; i < n_normal; i += 3) {
        const vae_batch_t part = batch_of(x + i * S, n_normal - i < 3 ? n_normal - i : 3);
        ck_assert_ok(vae_anomaly_add(b, &part));
    }
    ck_assert_ok(vae_anomaly_fit(b));
    ck_assert_int_eq(vae_anomaly_count(a), vae_anomaly_count(b));
    ck_assert_mem_eq(vae_anomaly_scores(a), vae_anomaly_scores(b), (size_t)vae_anomaly_count(a) * sizeof(float));
    const results one = score_new(a), two = score_new(b);
    check_same(&one, &two);
    snprintf(path, sizeof(path), "/tmp/vae-anomaly-%ld-%d.safetensors", (long)getpid(), _i);
    ck_assert_ok(vae_anomaly_save(a, path));
    ck_assert_ok(vae_anomaly_load(&c, NULL, path, 5));
    const results three = score_new(c);
    check_same(&one, &three);
    ck_assert_ok(vae_anomaly_text(c, canonical, sizeof(canonical), NULL));
    ck_assert_int_eq(strncmp(canonical, text, strcspn(text, " ")), 0);
    vae_model_t *alone;
    ck_assert_ok(vae_model_load(&alone, NULL, path)); /* the model, without the detector */
    vae_model_destroy(alone);
    unlink(path);
    vae_anomaly_destroy(a), vae_anomaly_destroy(b), vae_anomaly_destroy(c);
    vae_model_destroy(m), vae_model_destroy(threaded);
    vae_ctx_destroy(ctx);
    free(x);
}
END_TEST

START_TEST(test_every_refused_allocation_is_a_status) {
    char text[EXAMPLE_MAX];
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    vae_model_t *m;
    float *x = filled(n_normal * S, 3);
    (void)example_of(vaei_scores, vaei_scores_count, _i, text);
    ck_assert_ok(vae_model_create(&m, ctx, spec, 1));
    const int64_t live = h.live;
    vae_status_t status = VAE_E_NOMEM;
    for (int64_t k = 1; status == VAE_E_NOMEM; k++) {
        vae_anomaly_t *a = NULL;
        const vae_batch_t first = batch_of(x, 11), rest = batch_of(x + 11 * S, n_normal - 11);
        h.calls = 0;
        h.fail_at = k;
        status = vae_anomaly_create(&a, m, text, 4);
        if (status == VAE_OK) status = vae_anomaly_add(a, &first);
        if (status == VAE_OK) status = vae_anomaly_add(a, &rest);
        if (status == VAE_OK) status = vae_anomaly_fit(a);
        ck_assert_msg(status == VAE_OK || status == VAE_E_NOMEM, "%s: %s", text, vae_last_error());
        ck_assert_msg(status != VAE_OK || k > h.calls, "%s: allocation %d failed and nobody said so", text, (int)k);
        vae_anomaly_destroy(a);
        ck_assert_int_eq(h.live, live);
    }
    h.fail_at = 0;
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    free(x);
}
END_TEST

/* ---- values ----------------------------------------------------------------------------------------------------------- */

/* By vae_elbo() with the noise that every example has: the first of a stream that a detector of one sample shows. */
START_TEST(test_scores_are_those_of_the_other_calls) {
    vae_model_t *m;
    vae_session_t *s;
    float *x = filled(n_new * S, 5), y[n_new * S];
    double error[n_new];
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    ck_assert_ok(vae_session_create(&s, m, n_new));
    ck_assert_ok(vae_reconstruct(s, n_new, x, y));
    vae_anomaly_t *pixels = fitted(m, "pixels", 4), *elbo = fitted(m, "elbo samples=3", 4), *recon = fitted(m, "recon samples=3", 4),
                  *rate = fitted(m, "rate samples=3", 4), *bound = fitted(m, "bound samples=3", 4), *one = fitted(m, "bound samples=1", 4),
                  *elbo_of_one = fitted(m, "elbo", 4);
    const results p = score_new(pixels), e = score_new(elbo), r = score_new(recon), k = score_new(rate), b = score_new(bound),
                  o = score_new(one), f = score_new(elbo_of_one);
    for (int i = 0; i < n_new; i++) {
        error[i] = 0;
        for (int v = 0; v < S; v++)
            error[i] += ((double)x[i * S + v] - (double)y[i * S + v]) * ((double)x[i * S + v] - (double)y[i * S + v]) / S;
        ck_assert_double_eq_tol((double)p.score[i], error[i], 1e-6 * error[i]);
        ck_assert_double_eq_tol((double)e.score[i], (double)r.score[i] + (double)k.score[i], 1e-5 * (double)e.score[i]);
        ck_assert(b.score[i] <= e.score[i] + 1e-4f); /* Jensen */
        ck_assert_float_eq(o.score[i], f.score[i]);
        for (int j = 0; j < i; j++) ck_assert((p.score[i] < p.score[j]) ? p.p_value[i] >= p.p_value[j] : p.p_value[i] <= p.p_value[j]);
    }
    vae_anomaly_destroy(pixels), vae_anomaly_destroy(elbo), vae_anomaly_destroy(recon), vae_anomaly_destroy(rate);
    vae_anomaly_destroy(bound), vae_anomaly_destroy(one), vae_anomaly_destroy(elbo_of_one);
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

/* (m - mu)^T (C + ridge I)^-1 (m - mu), of every other example, by Gaussian elimination. */
START_TEST(test_mahalanobis_is_its_formula) {
    enum { learn = (n_normal + 1) / 2 };
    vae_model_t *m;
    vae_session_t *s;
    float *x = filled(n_normal * S, 3), *fresh = filled(n_new * S, 5), mean[n_normal * D], other[n_new * D];
    double mu[D] = {0}, C[D][D] = {{0}}, trace = 0;
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    ck_assert_ok(vae_session_create(&s, m, n_normal));
    ck_assert_ok(vae_encode(s, n_normal, x, mean, NULL));
    ck_assert_ok(vae_encode(s, n_new, fresh, other, NULL));
    for (int i = 0; i < learn; i++)
        for (int a = 0; a < D; a++) mu[a] += (double)mean[2 * i * D + a] / learn;
    for (int i = 0; i < learn; i++)
        for (int a = 0; a < D; a++)
            for (int b = 0; b < D; b++) C[a][b] += ((double)mean[2 * i * D + a] - mu[a]) * ((double)mean[2 * i * D + b] - mu[b]) / learn;
    for (int a = 0; a < D; a++) trace += C[a][a];
    for (int a = 0; a < D; a++) C[a][a] += 0.01 * trace / D;
    vae_anomaly_t *a = fitted(m, "mahalanobis ridge=0.01", 4);
    ck_assert_int_eq(vae_anomaly_count(a), n_normal / 2);
    const results r = score_new(a);
    for (int i = 0; i < n_new; i++) {
        double A[D][D + 1], square = 0;
        for (int p = 0; p < D; p++) {
            for (int q = 0; q < D; q++) A[p][q] = C[p][q];
            A[p][D] = (double)other[i * D + p] - mu[p];
        }
        for (int p = 0; p < D; p++)
            for (int q = 0; q < D; q++)
                if (q != p)
                    for (int t = D; t >= p; t--) A[q][t] -= A[q][p] / A[p][p] * A[p][t];
        for (int p = 0; p < D; p++) square += A[p][D] / A[p][p] * ((double)other[i * D + p] - mu[p]);
        ck_assert_double_eq_tol((double)r.score[i], sqrt(square), 1e-4 * sqrt(square));
    }
    vae_anomaly_destroy(a);
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(fresh);
}
END_TEST

/* |bound - mean of the bounds of every other example|: both sides are strange. */
START_TEST(test_typicality_is_the_distance_from_the_mean) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    vae_anomaly_t *bound = fitted(m, "bound samples=2", 4), *typical = fitted(m, "typicality samples=2", 4);
    float *x = filled(n_normal * S, 3), score[n_normal];
    const vae_batch_t all = batch_of(x, n_normal);
    double mean = 0;
    ck_assert_ok(vae_anomaly_score(bound, &all, score, NULL));
    for (int i = 0; i < n_normal; i += 2) mean -= (double)score[i] / ((n_normal + 1) / 2);
    const results b = score_new(bound), t = score_new(typical);
    for (int i = 0; i < n_new; i++) ck_assert_double_eq_tol((double)t.score[i], fabs(-(double)b.score[i] - mean), 1e-4);
    vae_anomaly_destroy(bound), vae_anomaly_destroy(typical);
    vae_model_destroy(m);
    free(x);
}
END_TEST

/* ---- calibration ------------------------------------------------------------------------------------------------------ */

static double threshold(const float *sorted, int64_t n, int32_t how, double alpha) {
    double t = 0;
    ck_assert_int_eq(vaei_calibration_threshold(sorted, n, how, alpha, &t), VAE_OK);
    return t;
}

START_TEST(test_p_values_and_ranks_by_definition) {
    const float sorted[9] = {1, 2, 3, 4, 5, 5, 5, 8, 9};
    ck_assert_double_eq_tol(vaei_calibration_p_value(sorted, 9, 0.5f), 1.0, 1e-15);
    ck_assert_double_eq_tol(vaei_calibration_p_value(sorted, 9, 5), 0.6, 1e-15);
    ck_assert_double_eq_tol(vaei_calibration_p_value(sorted, 9, 5.5f), 0.3, 1e-15);
    ck_assert_double_eq_tol(vaei_calibration_p_value(sorted, 9, 9), 0.2, 1e-15);
    ck_assert_double_eq_tol(vaei_calibration_p_value(sorted, 9, 10), 0.1, 1e-15);
    ck_assert_double_eq(threshold(sorted, 9, VAEI_THRESHOLD_CONFORMAL, 0.1), 9); /* ceil(10 * 0.9) = 9 */
    ck_assert_double_eq(threshold(sorted, 9, VAEI_THRESHOLD_CONFORMAL, 0.3), 5); /* 7 */
    ck_assert(isinf(threshold(sorted, 9, VAEI_THRESHOLD_CONFORMAL, 0.05)));
    ck_assert_double_eq(threshold(sorted, 9, VAEI_THRESHOLD_QUANTILE, 0.1), 9); /* ceil(8.1) */
    ck_assert_double_eq(threshold(sorted, 9, VAEI_THRESHOLD_QUANTILE, 0.99), 1);
    double t;
    ck_assert_int_eq(vaei_calibration_threshold(sorted, 9, VAEI_THRESHOLD_TAIL, 0.01, &t), VAE_E_ARG);
}
END_TEST

/* p <= alpha is the same as a score above the conformal threshold. */
START_TEST(test_p_values_and_the_conformal_threshold_agree) {
    float sorted[200];
    fill(sorted, 200, 9);
    vaei_calibration_sort(sorted, 200);
    for (int k = 1; k < 60; k++) {
        const double alpha = 0.005 * k, t = threshold(sorted, 200, VAEI_THRESHOLD_CONFORMAL, alpha);
        for (int i = 0; i < 1000; i++) {
            const float s = (float)i / 1000.0f;
            ck_assert_int_eq((double)s > t, vaei_calibration_p_value(sorted, 200, s) <= alpha + 1e-12);
        }
    }
}
END_TEST

/* The rate of p <= alpha over 4,000 calibrations of 99 scores, one new score each: alpha (n + 1) is whole, so it is alpha exactly, with a
 * standard error of 0.0047 at 0.1. */
START_TEST(test_the_guarantee_holds_on_new_examples) {
    enum { calibrations = 4000, n = 99 };
    int alarms = 0;
    for (int c = 0; c < calibrations; c++) {
        float scores[n + 1];
        fill(scores, n + 1, (uint32_t)(c + 1));
        vaei_calibration_sort(scores, n);
        alarms += vaei_calibration_p_value(scores, n, scores[n]) <= 0.1;
    }
    ck_assert_double_eq_tol((double)alarms / calibrations, 0.1, 3.5 * 0.0047);
}
END_TEST

/* Quantiles of the uniform (xi = -1), the exponential (xi = 0) and a Pareto distribution (xi = 0.25), at the n scores that stand exactly at
 * (i - 1/2) / n: the tail is found to 5 percent, ten times beyond the last of them too. */
START_TEST(test_the_tail_reaches_beyond_the_scores) {
    enum { n = 4000 };
    static float sorted[3][n];
    for (int i = 0; i < n; i++) {
        const double rest = 1 - (i + 0.5) / n;
        sorted[0][i] = (float)(1 - rest), sorted[1][i] = (float)-log(rest), sorted[2][i] = (float)pow(rest, -0.25);
    }
    for (int k = 0; k < 3; k++) {
        const double alpha = k == 0 ? 0.01 : k == 1 ? 1e-3 : 1e-3, far = 2.5e-5;
        const double exact[3] = {1 - alpha, -log(alpha), pow(alpha, -0.25)}, beyond[3] = {1 - far, -log(far), pow(far, -0.25)};
        ck_assert_double_eq_tol(threshold(sorted[k], n, VAEI_THRESHOLD_TAIL, alpha), exact[k], 0.02 * exact[k]);
        ck_assert_double_eq_tol(threshold(sorted[k], n, VAEI_THRESHOLD_TAIL, far), beyond[k], 0.08 * beyond[k]);
    }
}
END_TEST

/* ---- mistakes --------------------------------------------------------------------------------------------------------- */

START_TEST(test_the_order_of_calls_is_kept) {
    vae_model_t *m;
    vae_anomaly_t *a;
    float *x = filled(4 * S, 3), score[4] = {7, 7, 7, 7};
    double t = 7;
    vae_batch_t batch = batch_of(x, 4);
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    ck_assert_fails(vae_anomaly_create(&a, m, "bond", 4), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "did you mean 'bound'"));
    ck_assert_ptr_null(a);
    a = make(m, "pixels", 4);
    ck_assert_fails(vae_anomaly_fit(a), VAE_E_STATE);
    ck_assert_fails(vae_anomaly_score(a, &batch, score, NULL), VAE_E_STATE);
    ck_assert_fails(vae_anomaly_threshold(a, VAE_THRESHOLD_CONFORMAL, 0.01, &t), VAE_E_STATE);
    ck_assert_fails(vae_anomaly_save(a, "build/never.safetensors"), VAE_E_STATE);
    ck_assert_int_eq(vae_anomaly_count(a), 0);
    ck_assert_ptr_null(vae_anomaly_scores(a));
    x[3 * S] = NAN;
    ck_assert_fails(vae_anomaly_add(a, &batch), VAE_E_NUMERIC);
    batch.n = 3;
    ck_assert_ok(vae_anomaly_add(a, &batch));
    ck_assert_ok(vae_anomaly_fit(a));
    ck_assert_int_eq(vae_anomaly_count(a), 3); /* of the failed call, nothing */
    ck_assert_fails(vae_anomaly_fit(a), VAE_E_STATE);
    ck_assert_fails(vae_anomaly_add(a, &batch), VAE_E_STATE);
    batch.n = 4;
    ck_assert_fails(vae_anomaly_score(a, &batch, score, NULL), VAE_E_NUMERIC);
    ck_assert_float_eq(score[0], 7);
    ck_assert_fails(vae_anomaly_threshold(a, 3, 0.01, &t), VAE_E_ARG);
    ck_assert_fails(vae_anomaly_threshold(a, VAE_THRESHOLD_QUANTILE, 0, &t), VAE_E_ARG);
    ck_assert_fails(vae_anomaly_threshold(a, VAE_THRESHOLD_QUANTILE, NAN, &t), VAE_E_ARG);
    ck_assert_double_eq(t, 7);
    ck_assert_ok(vae_model_save(m, "build/plain.safetensors"));
    vae_anomaly_destroy(a);
    ck_assert_fails(vae_anomaly_load(&a, NULL, "build/plain.safetensors", 4), VAE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "not a detector"));
    unlink("build/plain.safetensors");
    vae_model_destroy(m);
    free(x);
}
END_TEST

/* Models with codes, without a distribution, and with a condition. */
START_TEST(test_other_models) {
    static const struct {
        const char *spec, *score;
        vae_status_t status;
    } rows[] = {
        {"input 3x4x1\nencoder flatten | linear out=4\nlatent none\ndecoder linear out=12 | reshape 3x4x1\nlikelihood gaussian\n", "pixels",
         VAE_OK},
        {"input 3x4x1\nencoder flatten | linear out=4\nlatent none\ndecoder linear out=12 | reshape 3x4x1\nlikelihood gaussian\n", "bound",
         VAE_E_UNSUPPORTED},
        {"input 3x4x1\nencoder flatten | linear out=4\nlatent vq codes=4 dim=4\ndecoder linear out=12 | reshape 3x4x1\n"
         "likelihood gaussian\n",
         "elbo", VAE_OK},
        {"input 3x4x1\ncondition classes=3\nencoder flatten | condition | linear out=4\nlatent gaussian dim=2\n"
         "decoder linear out=12 | reshape 3x4x1\nlikelihood gaussian\n",
         "mahalanobis", VAE_OK},
    };
    const int32_t label[4] = {0, 2, 1, 0};
    vae_model_t *m;
    float *x = filled(4 * S, 3);
    vae_batch_t batch = batch_of(x, 4);
    ck_assert_ok(vae_model_create(&m, NULL, rows[_i].spec, 1));
    vae_anomaly_t *a = make(m, rows[_i].score, 3);
    if (vae_model_class_count(m) > 0) {
        ck_assert_fails(vae_anomaly_add(a, &batch), VAE_E_ARG);
        batch.label = label;
    }
    const vae_status_t status = vae_anomaly_add(a, &batch);
    ck_assert_msg(status == rows[_i].status, "%s: %s", rows[_i].score, vae_last_error());
    if (status == VAE_OK) ck_assert_ok(vae_anomaly_fit(a));
    vae_anomaly_destroy(a);
    vae_model_destroy(m);
    free(x);
}
END_TEST

Suite *suite_anomaly(void);
Suite *suite_anomaly(void) {
    Suite *s = suite_create("anomaly");
    TCase *t = tcase_create("promises"), *v = tcase_create("values"), *c = tcase_create("calibration"), *o = tcase_create("mistakes");
    tcase_add_loop_test(t, test_parts_threads_and_files_change_nothing, 0, examples_of(vaei_scores, vaei_scores_count));
    tcase_add_loop_test(t, test_every_refused_allocation_is_a_status, 0, examples_of(vaei_scores, vaei_scores_count));
    tcase_add_test(v, test_scores_are_those_of_the_other_calls);
    tcase_add_test(v, test_mahalanobis_is_its_formula);
    tcase_add_test(v, test_typicality_is_the_distance_from_the_mean);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, test_p_values_and_ranks_by_definition);
    tcase_add_test(c, test_p_values_and_the_conformal_threshold_agree);
    tcase_add_test(c, test_the_guarantee_holds_on_new_examples);
    tcase_add_test(c, test_the_tail_reaches_beyond_the_scores);
    tcase_add_test(o, test_the_order_of_calls_is_kept);
    tcase_add_loop_test(o, test_other_models, 0, 4);
    suite_add_tcase(s, t);
    suite_add_tcase(s, v);
    suite_add_tcase(s, c);
    suite_add_tcase(s, o);
    return s;
}
