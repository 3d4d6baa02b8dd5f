/* SPDX-License-Identifier: MIT
 * check_samples.c - tests objectives of several samples: the loss is the bound of a session, every gradient, each sample has the members of
 * its example, threads, and refusals. */
#include "model_gradients.h"

#include <stdio.h>

static const char *const models[] = {
    "input 6\nencoder linear out=7 | silu\nlatent gaussian dim=3\ndecoder linear out=5 | tanh | linear out=6\nlikelihood gaussian\n",
    "input 6\nencoder linear out=7 | silu | tap wide | linear out=5 | tanh\nlatent gaussian dim=2\n"
    "decoder linear out=4 | silu | latent gaussian dim=3 from=wide | linear out=6\nlikelihood gaussian\n",
    "input 6\nencoder linear out=7 | silu\nlatent gaussian dim=3\ndecoder linear out=5 | tanh | linear out=6\nlikelihood gaussian\n"
    "prior vamp components=3\n",
};
#define MODELS 3
enum { N = 4, K = 3 };

static vae_model_t *make(vae_ctx_t *ctx, int i) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, ctx, models[i], 5));
    return m;
}

/* The same noise, and the same K samples of each example. */
START_TEST(test_the_loss_is_the_bound_of_a_session) {
    vae_model_t *m = make(NULL, _i);
    vae_session_t *s;
    float *x = filled(N * 6, 1), *noise = filled(N * K * vae_model_latent_size(m), 2);
    double bound[N], recon[N], rate[N], loss = 0, mean_recon = 0, mean_rate = 0;
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    ck_assert_ok(vae_session_create(&s, m, N));
    ck_assert_ok(vae_elbo(s, N, x, K, noise, bound, recon, rate));
    for (int i = 0; i < N; i++) loss -= bound[i] / N, mean_recon += recon[i] / N, mean_rate += rate[i] / N;
    ck_assert_ok(vae_trainer_create(&t, m, "objective iwae samples=3\n", N));
    ck_assert_ok(vae_trainer_backward(t, N, x, noise, &metrics));
    ck_assert_double_eq_tol(metrics.loss, loss, 1e-5 * (1 + fabs(loss)));
    ck_assert_double_eq_tol(metrics.recon, mean_recon, 1e-5 * (1 + fabs(mean_recon)));
    if (_i == 2) ck_assert_double_eq_tol(metrics.rate, mean_rate, 1e-5 * (1 + fabs(mean_rate))); /* a session's rate is sampled there */
    ck_assert(metrics.loss < metrics.recon + metrics.rate);
    vae_trainer_destroy(t);
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

START_TEST(test_every_gradient_is_its_finite_difference) {
    vae_model_t *m = make(NULL, _i);
    float *x = filled(N * 6, 1), *noise = filled(N * K * vae_model_latent_size(m), 2);
    ck_assert_int_gt(check_every_gradient(m, N, x, noise, "objective iwae samples=3\n"), 100);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

/* An example of weight 2 counts as two of it with the same noise. */
START_TEST(test_weights_and_conditions_go_with_each_sample) {
    enum { Z = 2 };
    static const char *const spec =
        "input 5\ncondition classes=3 vector=2\nencoder condition | linear out=6 | tanh\nlatent gaussian dim=2\n"
        "decoder condition mode=film | linear out=5\nlikelihood gaussian\n";
    const int32_t label[4] = {2, 0, 1, 1};
    const float weight[3] = {1, 1, 2};
    vae_model_t *m;
    vae_trainer_t *t;
    vae_metrics_t a = {.struct_size = sizeof(a)}, b = {.struct_size = sizeof(b)};
    float *x = filled(4 * 5, 1), *noise = filled(4 * K * Z, 2), *condition = filled(4 * 2, 3);
    memcpy(x + 15, x + 10, 5 * sizeof(*x));
    memcpy(noise + 3 * K * Z, noise + 2 * K * Z, K * Z * sizeof(*noise));
    memcpy(condition + 6, condition + 4, 2 * sizeof(*condition));
    ck_assert_ok(vae_model_create(&m, NULL, spec, 5));
    ck_assert_ok(vae_trainer_create(&t, m, "objective iwae samples=3\n", 4));
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = 4, .x = x, .label = label, .condition = condition, .noise = noise};
    ck_assert_int_eq(vae_trainer_samples(t), K);
    ck_assert_ok(vae_trainer_backward_batch(t, &batch, &a));
    vae_trainer_destroy(t);
    ck_assert_ok(vae_trainer_create(&t, m, "objective iwae samples=3\n", 4));
    batch.n = 3;
    batch.weight = weight;
    ck_assert_ok(vae_trainer_backward_batch(t, &batch, &b));
    ck_assert_double_eq_tol(a.loss, b.loss, 1e-6 * fabs(a.loss));
    ck_assert_double_eq_tol(a.rate, b.rate, 1e-6 * (1 + fabs(a.rate)));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(noise), free(condition);
}
END_TEST

static float *trained(int i, int32_t threads, int64_t *count) {
    vae_ctx_t *ctx = test_ctx(NULL, threads, 0);
    vae_model_t *m = make(ctx, i);
    vae_trainer_t *t;
    float *x = filled(33 * 6, 1);
    ck_assert_ok(vae_trainer_create(&t, m, "objective iwae samples=5\n", 33));
    for (int j = 0; j < 3; j++) ck_assert_ok(vae_trainer_step(t, 33, x, NULL));
    float *params = all_params(m, count);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    free(x);
    return params;
}

START_TEST(test_same_bits_for_threads) {
    int64_t count, other;
    float *one = trained(_i, 1, &count);
    for (int32_t threads = 2; threads <= 3; threads++) {
        float *same = trained(_i, threads, &other);
        ck_assert_int_eq(count, other);
        ck_assert_mem_eq(one, same, (size_t)count * sizeof(*one));
        free(same);
    }
    free(one);
}
END_TEST

START_TEST(test_what_cannot_be_is_refused) {
    vae_model_t *m = make(NULL, 0);
    vae_trainer_t *t;
    ck_assert_fails(vae_trainer_create(&t, m, "objective elbo | iwae\n", 4), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "elbo and iwae both contain the reconstruction"));
    ck_assert_fails(vae_trainer_create(&t, m, "objective iwae samples=0\n", 4), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "objective iwae samples=4096\n", INT32_MAX / 2), VAE_E_LIMIT);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_samples(void);
Suite *suite_samples(void) {
    Suite *suite = suite_create("samples");
    TCase *tc = tcase_create("samples");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_the_loss_is_the_bound_of_a_session, 0, MODELS);
    tcase_add_loop_test(tc, test_every_gradient_is_its_finite_difference, 0, MODELS);
    tcase_add_test(tc, test_weights_and_conditions_go_with_each_sample);
    tcase_add_loop_test(tc, test_same_bits_for_threads, 0, MODELS);
    tcase_add_test(tc, test_what_cannot_be_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
