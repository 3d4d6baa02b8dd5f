/* SPDX-License-Identifier: MIT
 * check_batch.c - tests batches: the short calls equal the calls with a batch, weights count in loss and gradient, and a member that a call
 * does not read is refused. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define BATCH(...) (&(vae_batch_t){.struct_size = sizeof(vae_batch_t), __VA_ARGS__})

enum { S = 36, D = 4, N = 6, MOST = 16 };

static const char gaussian[] = "input 6x6x1\n"
                               "encoder conv2d out=5 kernel=3 pad=1 | silu | flatten | linear out=12 | tanh\n"
                               "latent gaussian dim=4\n"
                               "decoder linear out=20 | relu | linear out=36 | reshape 6x6x1\n"
                               "likelihood bernoulli\n";
static const char vq[] = "input 6x6x1\n"
                         "encoder conv2d out=4 kernel=2 stride=2\n"
                         "latent vq codes=8\n"
                         "decoder deconv2d out=1 kernel=2 stride=2\n"
                         "likelihood gaussian\n";
static const char mixture[] = "input 6x6x1\n"
                              "encoder flatten | linear out=12\n"
                              "latent gaussian dim=4\n"
                              "decoder linear out=36 | reshape 6x6x1\n"
                              "likelihood bernoulli\n"
                              "prior gmm components=2\n";

typedef struct rig {
    vae_model_t *model;
    vae_session_t *s;
    vae_trainer_t *t;
    float x[MOST * S], noise[MOST * D];
} rig;

static rig open_rig(const char *spec, const char *options) {
    rig r;
    uint32_t dice = 5;
    ck_assert_ok(vae_model_create(&r.model, NULL, spec, 3));
    ck_assert_ok(vae_session_create(&r.s, r.model, 3));
    ck_assert_ok(vae_trainer_create(&r.t, r.model, options, MOST));
    for (int i = 0; i < MOST * S; i++) r.x[i] = (float)((dice = dice * 1664525u + 1013904223u) >> 8) / 16777216.0f;
    for (int i = 0; i < MOST * D; i++) r.noise[i] = (float)((dice = dice * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
    return r;
}

static void close_rig(rig *r) {
    vae_trainer_destroy(r->t);
    vae_session_destroy(r->s);
    vae_model_destroy(r->model);
}

/* ---- short calls ---- */

START_TEST(test_short_calls_are_batches) {
    rig r = open_rig(gaussian, NULL);
    float one[N * S], two[N * S], var[N * D], var2[N * D];
    double elbo[N], elbo2[N];
    ck_assert_ok(vae_encode(r.s, N, r.x, one, var));
    ck_assert_ok(vae_encode_batch(r.s, BATCH(.n = N, .x = r.x), two, var2));
    ck_assert_mem_eq(one, two, N * D * sizeof(float));
    ck_assert_mem_eq(var, var2, N * D * sizeof(float));
    ck_assert_ok(vae_decode(r.s, N, r.noise, one));
    ck_assert_ok(vae_decode_batch(r.s, BATCH(.n = N), r.noise, two));
    ck_assert_mem_eq(one, two, sizeof(one));
    ck_assert_ok(vae_reconstruct(r.s, N, r.x, one));
    ck_assert_ok(vae_reconstruct_batch(r.s, BATCH(.n = N, .x = r.x), two));
    ck_assert_mem_eq(one, two, sizeof(one));
    ck_assert_ok(vae_sample(r.s, N, r.noise, one));
    ck_assert_ok(vae_sample_batch(r.s, BATCH(.n = N, .noise = r.noise), two));
    ck_assert_mem_eq(one, two, sizeof(one));
    ck_assert_ok(vae_elbo(r.s, N / 2, r.x, 2, r.noise, elbo, NULL, NULL));
    ck_assert_ok(vae_elbo_batch(r.s, BATCH(.n = N / 2, .x = r.x, .noise = r.noise), 2, elbo2, NULL, NULL));
    ck_assert_mem_eq(elbo, elbo2, N / 2 * sizeof(double));
    close_rig(&r);
}
END_TEST

START_TEST(test_decode_takes_values_or_codes) {
    rig r = open_rig(vq, NULL);
    float one[N * S], two[N * S];
    int32_t codes[N * 9];
    ck_assert_ok(vae_encode_codes(r.s, N, r.x, codes));
    ck_assert_ok(vae_decode_codes(r.s, N, codes, one));
    ck_assert_ok(vae_decode_batch(r.s, BATCH(.n = N, .codes = codes), NULL, two));
    ck_assert_mem_eq(one, two, sizeof(one));
    ck_assert_fails(vae_decode_batch(r.s, BATCH(.n = N, .codes = codes), one, two), VAE_E_ARG);
    ck_assert_fails(vae_decode_batch(r.s, BATCH(.n = N), NULL, two), VAE_E_ARG);
    close_rig(&r);
}
END_TEST

START_TEST(test_members_that_are_not_read_are_refused) {
    rig r = open_rig(gaussian, NULL);
    float y[N * S];
    const int32_t label[N] = {0};
    ck_assert_fails(vae_encode_batch(r.s, BATCH(.n = N, .x = r.x, .noise = r.noise), y, NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "noise: vae_encode_batch() does not read it"));
    ck_assert_fails(vae_sample_batch(r.s, BATCH(.n = N, .weight = r.noise), y), VAE_E_ARG);
    ck_assert_fails(vae_sample_batch(r.s, BATCH(.n = N, .label = label), y), VAE_E_UNSUPPORTED);
    ck_assert_fails(vae_trainer_step_batch(r.t, BATCH(.n = N, .x = r.x, .label = label), NULL), VAE_E_UNSUPPORTED);
    ck_assert_fails(vae_encode_batch(r.s, NULL, y, NULL), VAE_E_ARG);
    vae_batch_t later = {.struct_size = sizeof(later), .n = N, .x = r.x, .flags = VAE_BATCH_DRAW};
    ck_assert_fails(vae_encode_batch(r.s, &later, y, NULL), VAE_E_ARG);
    later.flags = 2;
    ck_assert_fails(vae_encode_batch(r.s, &later, y, NULL), VAE_E_VERSION);
    later.struct_size = 8;
    ck_assert_fails(vae_encode_batch(r.s, &later, y, NULL), VAE_E_ARG);
    close_rig(&r);
}
END_TEST

/* A program of a later version knows more members: its batch serves as long as these are not set. */
START_TEST(test_larger_batches_serve_if_the_rest_is_zero) {
    rig r = open_rig(gaussian, NULL);
    union {
        vae_batch_t batch;
        char room[sizeof(vae_batch_t) + 32];
    } u = {.batch = {.struct_size = sizeof(u), .n = N, .x = r.x}};
    float y[N * S];
    ck_assert_ok(vae_encode_batch(r.s, &u.batch, y, NULL));
    u.room[sizeof(vae_batch_t) + 5] = 1;
    ck_assert_fails(vae_encode_batch(r.s, &u.batch, y, NULL), VAE_E_VERSION);
    close_rig(&r);
}
END_TEST

/* Draws: x of a bernoulli is 0 or 1, its mean over many draws the mean; the split into parts changes nothing. */
START_TEST(test_sample_may_draw_x) {
    enum { DRAWS = 4000 };
    rig r = open_rig(gaussian, NULL);
    float *const noise = calloc(DRAWS * D, sizeof(float)), *const x = malloc(DRAWS * S * sizeof(float)),
                 *const again = malloc(DRAWS * S * sizeof(float));
    float mean[S];
    ck_assert_ok(vae_sample(r.s, 1, noise, mean));
    ck_assert_ok(vae_session_seed(r.s, 9));
    ck_assert_ok(vae_sample_batch(r.s, BATCH(.n = DRAWS, .noise = noise, .flags = VAE_BATCH_DRAW), x));
    for (int d = 0; d < S; d++) {
        double sum = 0;
        for (int i = 0; i < DRAWS; i++) {
            ck_assert(x[i * S + d] == 0 || x[i * S + d] == 1);
            sum += (double)x[i * S + d];
        }
        const double p = (double)mean[d], sigma = sqrt(p * (1 - p) / DRAWS);
        ck_assert_msg(fabs(sum / DRAWS - p) < 5 * sigma, "value %d: mean of draws %g, mean %g", d, sum / DRAWS, p);
    }
    ck_assert_ok(vae_session_seed(r.s, 9));
    for (int i = 0, n = 1; i < DRAWS; i += n, n = DRAWS - i < 997 ? DRAWS - i : 997)
        ck_assert_ok(vae_sample_batch(r.s, BATCH(.n = n, .noise = noise, .flags = VAE_BATCH_DRAW), again + i * S));
    ck_assert_mem_eq(x, again, DRAWS * S * sizeof(float));
    free(noise), free(x), free(again);
    close_rig(&r);
}
END_TEST

/* ---- weights ---- */

/* All gradients after one backward, one behind the other, and the metrics. */
static float *gradients(rig *r, const vae_batch_t *batch, vae_metrics_t *metrics, int64_t *count) {
    *metrics = (vae_metrics_t){.struct_size = sizeof(*metrics)};
    ck_assert_ok(vae_trainer_backward_batch(r->t, batch, metrics));
    *count = vae_model_param_total(r->model);
    float *const all = calloc((size_t)*count, sizeof(*all));
    for (int64_t i = 0, at = 0; i < vae_model_param_count(r->model); i++) {
        vae_tensor_t *g;
        int64_t size = 1;
        ck_assert_ok(vae_trainer_grad(r->t, i, &g));
        for (int32_t d = 0; d < vae_tensor_ndim(g); d++) size *= vae_tensor_shape(g)[d];
        memcpy(all + at, vae_tensor_data(g), (size_t)size * sizeof(*all));
        at += size;
    }
    return all;
}

/* Rows of `from` in the order of index[n]. */
static void gather(int64_t n, const int *index, int64_t size, const float *from, float *to) {
    for (int64_t i = 0; i < n; i++) memcpy(to + i * size, from + index[i] * size, (size_t)size * sizeof(*to));
}

static const char *const trainings[] = {
    "objective elbo\n",
    "objective elbo beta=0.5 free_bits=0.05\n",
    "memory checkpoint\n",
};

/* Weights 1, 3, 0, 2, 1, 0 are the batch in which the examples stand so often. */
START_TEST(test_a_weight_is_how_often_an_example_stands_there) {
    const float weight[N] = {1, 3, 0, 2, 1, 0};
    const int index[7] = {0, 1, 1, 1, 3, 3, 4};
    rig a = open_rig(gaussian, trainings[_i]), b = open_rig(gaussian, trainings[_i]);
    float x[7 * S], noise[7 * D];
    vae_metrics_t weighted, repeated;
    int64_t count, same;
    gather(7, index, S, a.x, x);
    gather(7, index, D, a.noise, noise);
    float *const g = gradients(&a, BATCH(.n = N, .x = a.x, .noise = a.noise, .weight = weight), &weighted, &count);
    float *const h = gradients(&b, BATCH(.n = 7, .x = x, .noise = noise), &repeated, &same);
    ck_assert_int_eq(count, same);
    ck_assert_double_eq_tol(weighted.loss, repeated.loss, 1e-12 * fabs(repeated.loss));
    ck_assert_double_eq_tol(weighted.recon, repeated.recon, 1e-12 * fabs(repeated.recon));
    ck_assert_double_eq_tol(weighted.rate, repeated.rate, 1e-12 * fabs(repeated.rate));
    double norm = 0, apart = 0;
    for (int64_t i = 0; i < count; i++) {
        norm += (double)h[i] * (double)h[i];
        apart = fmax(apart, fabs((double)g[i] - (double)h[i]));
    }
    ck_assert_double_gt(norm, 1e-6);
    ck_assert_msg(apart <= 1e-6 * sqrt(norm), "gradients are %g apart, norm %g", apart, sqrt(norm));
    free(g), free(h);
    close_rig(&a), close_rig(&b);
}
END_TEST

START_TEST(test_weights_of_one_change_no_bit) {
    const float ones[MOST] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    rig a = open_rig(gaussian, trainings[_i]), b = open_rig(gaussian, trainings[_i]);
    vae_metrics_t m, n;
    int64_t count;
    float *const g = gradients(&a, BATCH(.n = MOST, .x = a.x, .weight = ones), &m, &count);
    float *const h = gradients(&b, BATCH(.n = MOST, .x = b.x), &n, &count);
    ck_assert_mem_eq(g, h, (size_t)count * sizeof(*g));
    ck_assert_mem_eq(&m, &n, sizeof(m));
    free(g), free(h);
    close_rig(&a), close_rig(&b);
}
END_TEST

START_TEST(test_weights_are_checked) {
    rig r = open_rig(gaussian, NULL), codes = open_rig(vq, NULL), prior = open_rig(mixture, "objective prior\n");
    const float negative[N] = {1, 1, -1, 1, 1, 1}, none[N] = {0}, nan[N] = {1, NAN, 1, 1, 1, 1}, fine[N] = {1, 2, 1, 1, 1, 1};
    ck_assert_fails(vae_trainer_step_batch(r.t, BATCH(.n = N, .x = r.x, .weight = negative), NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "weight[2]: -1, wanted 0 or more"));
    ck_assert_fails(vae_trainer_step_batch(r.t, BATCH(.n = N, .x = r.x, .weight = nan), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_step_batch(r.t, BATCH(.n = N, .x = r.x, .weight = none), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_step_batch(codes.t, BATCH(.n = N, .x = r.x, .weight = fine), NULL), VAE_E_UNSUPPORTED);
    ck_assert_fails(vae_trainer_step_batch(prior.t, BATCH(.n = N, .x = r.x, .weight = fine), NULL), VAE_E_UNSUPPORTED);
    ck_assert_int_eq(vae_trainer_steps(r.t), 0);
    ck_assert_ok(vae_trainer_step_batch(r.t, BATCH(.n = N, .x = r.x, .weight = fine), NULL));
    close_rig(&r), close_rig(&codes), close_rig(&prior);
}
END_TEST

Suite *suite_batch(void);
Suite *suite_batch(void) {
    Suite *s = suite_create("batch");
    TCase *t = tcase_create("batch");
    tcase_add_test(t, test_short_calls_are_batches);
    tcase_add_test(t, test_decode_takes_values_or_codes);
    tcase_add_test(t, test_members_that_are_not_read_are_refused);
    tcase_add_test(t, test_larger_batches_serve_if_the_rest_is_zero);
    tcase_add_test(t, test_sample_may_draw_x);
    tcase_add_loop_test(t, test_a_weight_is_how_often_an_example_stands_there, 0, 3);
    tcase_add_loop_test(t, test_weights_of_one_change_no_bit, 0, 3);
    tcase_add_test(t, test_weights_are_checked);
    suite_add_tcase(s, t);
    return s;
}
