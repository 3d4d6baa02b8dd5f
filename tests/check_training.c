/* SPDX-License-Identifier: MIT
 * check_training.c - tests the trainer: learning, accumulation, resume bit for bit, host optimizers, refused steps. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const char *const specs[] = {SPEC_DENSE, SPEC_CONV};
static const char *const recipes[] = {TRAINING, "optimizer sgd lr=0.01 momentum=0.9 nesterov=true",
                                      "optimizer adamw lr=0.01\nclip norm max=1"};
#define CASES 6 /* specs x recipes */
#define N     12

static vae_model_t *model_of(const char *spec) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, NULL, spec, 3));
    return m;
}

static void check_same_params(const vae_model_t *a, const vae_model_t *b) {
    int64_t n, m;
    float *x = all_params(a, &n), *y = all_params(b, &m);
    ck_assert_int_eq(n, m);
    ck_assert_mem_eq(x, y, (size_t)n * sizeof(float));
    free(x), free(y);
}

START_TEST(test_training_lowers_the_loss) {
    vae_model_t *m = model_of(specs[_i]);
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    float *x = filled(N * vae_model_input_size(m), 1);
    double first = 0;
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01", N));
    for (int i = 0; i < 150; i++) {
        ck_assert_ok(vae_trainer_step(t, N, x, &metrics));
        if (i == 0) first = metrics.loss;
        ck_assert_int_eq(metrics.step, i + 1);
        ck_assert_double_eq_tol(metrics.loss, metrics.recon + metrics.rate, 1e-6 * fabs(metrics.loss) + 1e-6);
        ck_assert_double_gt(metrics.grad_norm, 0);
    }
    ck_assert_msg(metrics.loss < first - 0.4, "loss %g, then %g", first, metrics.loss);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_resume_equals_the_unbroken_run) {
    char path[64];
    vae_model_t *whole = model_of(specs[_i % 2]), *half = model_of(specs[_i % 2]), *rest;
    vae_trainer_t *t, *u, *v;
    vae_metrics_t a = {.struct_size = sizeof(a)}, b = {.struct_size = sizeof(b)};
    float *x = filled(N * vae_model_input_size(whole), 1);
    snprintf(path, sizeof(path), "/tmp/vae-resume-%ld-%d.safetensors", (long)getpid(), _i);
    ck_assert_ok(vae_trainer_create(&t, whole, recipes[_i / 2], N));
    ck_assert_ok(vae_trainer_create(&u, half, recipes[_i / 2], N));
    ck_assert_ok(vae_trainer_seed(t, 11));
    ck_assert_ok(vae_trainer_seed(u, 11));
    for (int i = 0; i < 9; i++) ck_assert_ok(vae_trainer_step(t, N - i % 3, x, &a));
    for (int i = 0; i < 5; i++) ck_assert_ok(vae_trainer_step(u, N - i % 3, x, &b));
    ck_assert_ok(vae_trainer_save(u, path));
    vae_trainer_destroy(u);
    vae_model_destroy(half);
    ck_assert_ok(vae_model_load(&rest, NULL, path));
    ck_assert_ok(vae_trainer_create(&v, rest, recipes[_i / 2], N));
    ck_assert_ok(vae_trainer_load(v, path));
    ck_assert_int_eq(vae_trainer_steps(v), 5);
    for (int i = 5; i < 9; i++) ck_assert_ok(vae_trainer_step(v, N - i % 3, x, &b));
    check_same_params(whole, rest);
    ck_assert_mem_eq(&a, &b, sizeof(a));
    vae_trainer_destroy(t);
    vae_trainer_destroy(v);
    vae_model_destroy(whole);
    vae_model_destroy(rest);
    unlink(path);
    free(x);
}
END_TEST

START_TEST(test_a_checkpoint_of_another_training_is_refused) {
    char path[64];
    vae_model_t *a = model_of(SPEC_DENSE), *b = model_of(SPEC_CONV), *c = model_of(SPEC_DENSE);
    vae_trainer_t *t, *u, *v;
    int64_t n;
    float *x = filled(N * 16, 1);
    snprintf(path, sizeof(path), "/tmp/vae-other-%ld.safetensors", (long)getpid());
    ck_assert_ok(vae_trainer_create(&t, a, "optimizer adam", N));
    ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    ck_assert_ok(vae_trainer_save(t, path));
    ck_assert_ok(vae_trainer_create(&u, b, "optimizer adam", N));
    ck_assert_fails(vae_trainer_load(u, path), VAE_E_STATE);
    ck_assert_ok(vae_trainer_create(&v, c, "optimizer sgd", N));
    float *before = all_params(c, &n);
    ck_assert_fails(vae_trainer_load(v, path), VAE_E_STATE);
    ck_assert_ok(vae_model_save(a, path));
    ck_assert_fails(vae_trainer_load(t, path), VAE_E_FORMAT); /* a model, not a checkpoint */
    float *after = all_params(c, &n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float));
    ck_assert_int_eq(vae_trainer_steps(v), 0);
    vae_trainer_destroy(t), vae_trainer_destroy(u), vae_trainer_destroy(v);
    vae_model_destroy(a), vae_model_destroy(b), vae_model_destroy(c);
    unlink(path);
    free(x), free(before), free(after);
}
END_TEST

static float *grads_of(vae_trainer_t *t, const vae_model_t *m, int64_t *count) {
    float *out = malloc((size_t)(vae_model_param_total(m) + 1) * sizeof(float) * 2);
    int64_t n = 0;
    ck_assert_ptr_nonnull(out);
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        vae_tensor_t *g;
        int64_t size = 1;
        ck_assert_ok(vae_trainer_grad(t, i, &g));
        for (int32_t d = 0; d < vae_tensor_ndim(g); d++) size *= vae_tensor_shape(g)[d];
        memcpy(out + n, vae_tensor_data(g), (size_t)size * sizeof(float));
        n += size;
    }
    *count = n;
    return out;
}

START_TEST(test_two_halves_accumulate_to_the_whole) {
    vae_model_t *m = model_of(SPEC_DENSE);
    vae_trainer_t *t;
    int64_t n;
    float *x = filled(N * 16, 1), *noise = filled(N * 3, 2);
    ck_assert_ok(vae_trainer_create(&t, m, "objective elbo beta=0.5", N));
    ck_assert_ok(vae_trainer_backward(t, N, x, noise, NULL));
    float *whole = grads_of(t, m, &n);
    ck_assert_ok(vae_trainer_apply(t, NULL));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    m = model_of(SPEC_DENSE);
    ck_assert_ok(vae_trainer_create(&t, m, "objective elbo beta=0.5", N));
    ck_assert_ok(vae_trainer_backward(t, N / 2, x, noise, NULL));
    ck_assert_ok(vae_trainer_backward(t, N / 2, x + N / 2 * 16, noise + N / 2 * 3, NULL));
    float *halves = grads_of(t, m, &n);
    for (int64_t i = 0; i < n; i++) ck_assert_float_eq_tol(halves[i] / 2, whole[i], 1e-4f);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(noise), free(whole), free(halves);
}
END_TEST

static const char *const objectives[] = {"objective elbo beta=0.5", "objective mmd weight=30 | elbo",
                                         "objective elbo beta=0 | mmd weight=30 kernel=rbf\nmemory checkpoint"};

START_TEST(test_every_gradient_agrees_with_finite_differences_of_the_loss) {
    vae_model_t *m = model_of(SPEC_DENSE);
    vae_trainer_t *t;
    vae_metrics_t a = {.struct_size = sizeof(a)}, b = a;
    const char *const text = objectives[_i];
    int64_t n;
    float *x = filled(N * 16, 1), *noise = filled(N * 3, 2);
    ck_assert_ok(vae_trainer_create(&t, m, text, N));
    ck_assert_ok(vae_trainer_backward(t, N, x, noise, &a));
    float *g = grads_of(t, m, &n);
    vae_trainer_destroy(t);
    int64_t at = 0;
    for (int64_t p = 0; p < vae_model_param_count(m); p++) {
        const vae_tensor_t *tensor;
        int64_t size = 1;
        ck_assert_ok(vae_model_param(m, p, &tensor, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(tensor); d++) size *= vae_tensor_shape(tensor)[d];
        float *w = malloc((size_t)size * sizeof(float));
        ck_assert_ptr_nonnull(w);
        memcpy(w, vae_tensor_data(tensor), (size_t)size * sizeof(float));
        for (int64_t i = 0; i < size; i += 1 + size / 5) {
            const float h = 1e-2f, kept = w[i];
            w[i] = kept + h;
            ck_assert_ok(vae_model_set_param(m, p, w, size));
            ck_assert_ok(vae_trainer_create(&t, m, text, N));
            ck_assert_ok(vae_trainer_backward(t, N, x, noise, &a));
            vae_trainer_destroy(t);
            w[i] = kept - h;
            ck_assert_ok(vae_model_set_param(m, p, w, size));
            ck_assert_ok(vae_trainer_create(&t, m, text, N));
            ck_assert_ok(vae_trainer_backward(t, N, x, noise, &b));
            vae_trainer_destroy(t);
            w[i] = kept;
            ck_assert_ok(vae_model_set_param(m, p, w, size));
            const double slope = (a.loss - b.loss) / (2.0 * (double)h);
            ck_assert_msg(fabs(slope - (double)g[at + i]) <= 2e-3 + 1e-2 * fabs(slope), "parameter %d[%d]: %g, differences %g", (int)p,
                          (int)i, (double)g[at + i], slope);
        }
        at += size;
        free(w);
    }
    vae_model_destroy(m);
    free(x), free(noise), free(g);
}
END_TEST

static void plain_sgd(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot) {
    int64_t *calls = user;
    (*calls)++;
    for (int64_t i = 0; i < n; i++) {
        slot[0][i] = (t == 1 ? 0.0f : 0.9f * slot[0][i]) + g[i] + decay * w[i];
        w[i] -= lr * slot[0][i];
    }
}

START_TEST(test_a_host_optimizer_trains_and_resumes) {
    char path[64];
    int64_t calls = 0;
    vae_model_t *a = model_of(SPEC_CONV), *b = model_of(SPEC_CONV);
    vae_trainer_t *t, *u;
    const vae_optimizer_t mine = {.struct_size = sizeof(mine), .slots = 1, .user = &calls, .name = "mine", .step = plain_sgd};
    vae_optimizer_t bad = mine;
    int64_t n, m;
    float *x = filled(N * 128, 1);
    snprintf(path, sizeof(path), "/tmp/vae-host-%ld.safetensors", (long)getpid());
    ck_assert_ok(vae_trainer_create(&t, a, "optimizer sgd lr=0.001 momentum=0.9", N));
    ck_assert_ok(vae_trainer_create(&u, b, "optimizer sgd lr=0.001 momentum=0.9", N));
    bad.slots = 9;
    ck_assert_fails(vae_trainer_set_optimizer(u, &bad), VAE_E_ARG);
    bad = mine;
    bad.name = "../x";
    ck_assert_fails(vae_trainer_set_optimizer(u, &bad), VAE_E_ARG);
    ck_assert_ok(vae_trainer_set_optimizer(u, &mine));
    for (int i = 0; i < 5; i++) {
        ck_assert_ok(vae_trainer_step(t, N, x, NULL));
        ck_assert_ok(vae_trainer_step(u, N, x, NULL));
    }
    ck_assert_int_gt(calls, 5);
    ck_assert_fails(vae_trainer_set_optimizer(u, &mine), VAE_E_STATE);
    float *p = all_params(a, &n), *q = all_params(b, &m);
    for (int64_t i = 0; i < n; i++) ck_assert_float_eq_tol(p[i], q[i], 1e-5f);
    ck_assert_ok(vae_trainer_save(u, path));
    ck_assert_fails(vae_trainer_load(t, path), VAE_E_STATE); /* the optimizer's name differs */
    ck_assert_ok(vae_trainer_load(u, path));
    vae_trainer_destroy(t), vae_trainer_destroy(u);
    vae_model_destroy(a), vae_model_destroy(b);
    unlink(path);
    free(x), free(p), free(q);
}
END_TEST

START_TEST(test_a_step_that_is_not_finite_changes_nothing) {
    vae_model_t *m = model_of(specs[_i]);
    vae_trainer_t *t;
    vae_tensor_t *g;
    int64_t n;
    const int64_t S = vae_model_input_size(m);
    float *x = filled(N * S, 1);
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam", N));
    ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    float *before = all_params(m, &n);
    x[S + 3] = NAN;
    ck_assert_fails(vae_trainer_step(t, N, x, NULL), VAE_E_NUMERIC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "x[1][3]"));
    x[S + 3] = INFINITY;
    ck_assert_fails(vae_trainer_step(t, N, x, NULL), VAE_E_NUMERIC);
    x[S + 3] = 0.5f;
    ck_assert_ok(vae_trainer_backward(t, N, x, NULL, NULL));
    ck_assert_ok(vae_trainer_grad(t, 0, &g));
    ((float *)vae_tensor_data(g))[0] = INFINITY; /* as a host's reduction might */
    float *kept = all_params(m, &n);
    ck_assert_fails(vae_trainer_apply(t, NULL), VAE_E_NUMERIC);
    float *after = all_params(m, &n);
    ck_assert_mem_eq(kept, after, (size_t)n * sizeof(float));
    ck_assert_int_eq(vae_trainer_steps(t), 1);
    ck_assert_fails(vae_trainer_apply(t, NULL), VAE_E_STATE); /* the bad gradients are gone */
    ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(before), free(kept), free(after);
}
END_TEST

START_TEST(test_a_loss_that_overflows_is_refused) {
    vae_model_t *m = model_of(SPEC_CONV);
    vae_trainer_t *t;
    int64_t n;
    float *x = filled(N * 128, 1);
    for (int64_t i = 0; i < N * 128; i++) x[i] = 3e38f;
    ck_assert_ok(vae_trainer_create(&t, m, NULL, N));
    float *before = all_params(m, &n);
    ck_assert_fails(vae_trainer_step(t, N, x, NULL), VAE_E_NUMERIC);
    float *after = all_params(m, &n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float)); /* the running statistics too */
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(before), free(after);
}
END_TEST

START_TEST(test_calls_out_of_order_are_refused) {
    vae_model_t *m = model_of(SPEC_CONV);
    vae_trainer_t *t, *second;
    float *x = filled(N * 128, 1);
    ck_assert_ok(vae_trainer_create(&t, m, NULL, N));
    ck_assert_fails(vae_trainer_create(&second, m, NULL, N), VAE_E_STATE);
    ck_assert_ptr_null(second);
    ck_assert_fails(vae_trainer_apply(t, NULL), VAE_E_STATE);
    ck_assert_fails(vae_trainer_step(t, 0, x, NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_step(t, N + 1, x, NULL), VAE_E_ARG);
    ck_assert_ok(vae_trainer_backward(t, N, x, NULL, NULL));
    ck_assert_fails(vae_trainer_step(t, N, x, NULL), VAE_E_STATE);
    ck_assert_fails(vae_trainer_save(t, "/tmp/never-written"), VAE_E_STATE);
    ck_assert_ok(vae_trainer_apply(t, NULL));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    ck_assert_ok(
        vae_model_create(&m, NULL, "input 4\nencoder linear out=4 | batchnorm\nlatent none\ndecoder linear out=4\nlikelihood gaussian", 0));
    ck_assert_ok(vae_trainer_create(&t, m, NULL, N));
    ck_assert_fails(vae_trainer_step(t, 1, x, NULL), VAE_E_ARG); /* the variance of one value */
    ck_assert_ok(vae_trainer_step(t, 2, x, NULL));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_step_options_reach_the_step) {
    vae_model_t *m = model_of(SPEC_DENSE);
    vae_trainer_t *t;
    vae_metrics_t a = {.struct_size = sizeof(a)};
    float *x = filled(N * 16, 1);
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.5\nobjective elbo beta=4 warmup=4\nschedule step every=2 factor=0.1", N));
    for (int i = 0; i < 4; i++) {
        ck_assert_ok(vae_trainer_step(t, N, x, &a));
        ck_assert_double_eq_tol(a.lr, i < 2 ? 0.5 : 0.05, 1e-9);
        ck_assert_double_eq_tol(a.loss, a.recon + a.beta * a.rate, 1e-5 * fabs(a.loss));
    }
    ck_assert_double_ge(a.beta, 2.9);
    ck_assert_ok(vae_trainer_set_lr(t, 0));
    int64_t n;
    float *before = all_params(m, &n);
    ck_assert_ok(vae_trainer_step(t, N, x, &a));
    float *after = all_params(m, &n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float));
    ck_assert_fails(vae_trainer_set_lr(t, -1), VAE_E_ARG);
    ck_assert_fails(vae_trainer_set_lr(t, NAN), VAE_E_ARG);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(before), free(after);
}
END_TEST

/* ---- the least batch ------------------------------------------------------------------------------------------------ */

#define SPEC_OF(encoder)                                                                               \
    "input 4x4x1\nencoder " encoder "\nlatent gaussian dim=3\ndecoder linear out=16 | reshape 4x4x1\n" \
    "likelihood gaussian\nprior gmm components=1\n"
static const struct {
    const char *spec, *options;
    int64_t least;
} batches[] = {
    {SPEC_OF("flatten | linear out=6 | batchnorm"), NULL, 2},
    {SPEC_OF("flatten | residual { linear out=16 | batchnorm } | linear out=6"), "", 2},
    {SPEC_OF("flatten | linear out=6 | batchnorm"), "objective prior", 1}, /* the network stands still */
    {SPEC_OF("batchnorm | flatten"), NULL, 1},                             /* 16 values of each channel in an example */
    {SPEC_OF("flatten | linear out=6 | layernorm"), NULL, 1},
};

START_TEST(test_the_least_batch_is_told_and_a_smaller_one_changes_nothing) {
    vae_model_t *m;
    vae_trainer_t *t;
    int64_t least = 0, count, after;
    uint64_t bytes;
    float *x = filled(3 * 16, 1);
    ck_assert_ok(vae_model_create(&m, NULL, batches[_i].spec, 5));
    ck_assert_ok(vae_trainer_min_batch(m, batches[_i].options, &least));
    ck_assert_int_eq(least, batches[_i].least);
    ck_assert_ok(vae_trainer_create(&t, m, batches[_i].options, 3));
    float *before = all_params(m, &count);
    if (least > 1) {
        ck_assert_fails(vae_trainer_step(t, 1, x, NULL), VAE_E_ARG);
        ck_assert_ptr_nonnull(strstr(vae_last_error(), "n: 1, wanted 2..3 (batch norm takes statistics over the examples"));
        ck_assert_int_eq(vae_trainer_steps(t), 0);
        float *now = all_params(m, &after);
        ck_assert_mem_eq(before, now, (size_t)count * sizeof(float));
        free(now);
    }
    ck_assert_ok(vae_trainer_step(t, least, x, NULL));
    vae_trainer_destroy(t);
    if (least > 1) {
        ck_assert_fails(vae_trainer_create(&t, m, batches[_i].options, 1), VAE_E_ARG);
        ck_assert_ptr_nonnull(strstr(vae_last_error(), "max_batch: 1, wanted 2 or more (batch norm"));
        ck_assert_fails(vae_trainer_bytes(m, batches[_i].options, 1, &bytes), VAE_E_ARG);
    }
    ck_assert_fails(vae_trainer_min_batch(m, "optimizer adem", &least), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_min_batch(m, NULL, NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_min_batch(NULL, NULL, &least), VAE_E_ARG);
    vae_model_destroy(m);
    free(before);
    free(x);
}
END_TEST

/* ---- a sum of terms ---- */

static const char autoencoder[] = "input 12\n"
                                  "encoder linear out=24 | tanh | linear out=2\n"
                                  "latent none\n"
                                  "decoder linear out=24 | tanh | linear out=12\n"
                                  "likelihood gaussian\n";

/* A Wasserstein autoencoder: its latents, which nothing else keeps in place, come to be spread as N(0, I). */
START_TEST(test_mmd_spreads_the_latents_of_an_autoencoder) {
    enum { MANY = 64 };
    double spread[2];
    for (int with = 0; with < 2; with++) {
        vae_model_t *m = model_of(autoencoder);
        vae_trainer_t *t;
        vae_session_t *s;
        float *x = filled(MANY * 12, 2), z[MANY * 2];
        ck_assert_ok(
            vae_trainer_create(&t, m, with ? "optimizer adam lr=0.01\nobjective elbo | mmd weight=300" : "optimizer adam lr=0.01", MANY));
        for (int i = 0; i < 400; i++) ck_assert_ok(vae_trainer_step(t, MANY, x, NULL));
        ck_assert_ok(vae_session_create(&s, m, MANY));
        ck_assert_ok(vae_encode(s, MANY, x, z, NULL));
        spread[with] = 0;
        for (int d = 0; d < 2; d++) {
            double mean = 0, square = 0;
            for (int i = 0; i < MANY; i++) mean += (double)z[2 * i + d] / MANY;
            for (int i = 0; i < MANY; i++) square += (double)z[2 * i + d] * (double)z[2 * i + d] / MANY;
            spread[with] += fabs(mean) + fabs(square - mean * mean - 1);
        }
        vae_session_destroy(s);
        vae_trainer_destroy(t);
        vae_model_destroy(m);
        free(x);
    }
    ck_assert_msg(spread[1] < 0.5 && spread[1] < spread[0] / 2, "moments are %g off with the term, %g without", spread[1], spread[0]);
}
END_TEST

START_TEST(test_mmd_is_of_values) {
    vae_model_t *m = model_of("input 4x4x1\nencoder conv2d out=4 kernel=2 stride=2\nlatent vq codes=4\n"
                              "decoder deconv2d out=1 kernel=2 stride=2\nlikelihood gaussian\n");
    vae_trainer_t *t;
    ck_assert_fails(vae_trainer_create(&t, m, "objective elbo | mmd", N), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "latent vq makes codes"));
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_mmd_has_the_same_bits_with_threads) {
    float *params[2];
    int64_t n;
    for (int i = 0; i < 2; i++) {
        vae_ctx_t *ctx = test_ctx(NULL, i ? 3 : 1, 0);
        vae_model_t *m;
        vae_trainer_t *t;
        ck_assert_ok(vae_model_create(&m, ctx, SPEC_DENSE, 3));
        float *x = filled(N * vae_model_input_size(m), 1);
        ck_assert_ok(vae_trainer_create(&t, m, "objective elbo | mmd weight=5", N));
        for (int step = 0; step < 3; step++) ck_assert_ok(vae_trainer_step(t, N, x, NULL));
        params[i] = all_params(m, &n);
        vae_trainer_destroy(t);
        vae_model_destroy(m);
        vae_ctx_destroy(ctx);
        free(x);
    }
    ck_assert_mem_eq(params[0], params[1], (size_t)n * sizeof(float));
    free(params[0]), free(params[1]);
}
END_TEST

Suite *suite_training(void);
Suite *suite_training(void) {
    Suite *s = suite_create("training");
    TCase *t = tcase_create("training");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_training_lowers_the_loss, 0, 2);
    tcase_add_loop_test(t, test_resume_equals_the_unbroken_run, 0, CASES);
    tcase_add_test(t, test_a_checkpoint_of_another_training_is_refused);
    tcase_add_test(t, test_two_halves_accumulate_to_the_whole);
    tcase_add_loop_test(t, test_every_gradient_agrees_with_finite_differences_of_the_loss, 0, 3);
    tcase_add_test(t, test_a_host_optimizer_trains_and_resumes);
    tcase_add_loop_test(t, test_a_step_that_is_not_finite_changes_nothing, 0, 2);
    tcase_add_test(t, test_a_loss_that_overflows_is_refused);
    tcase_add_test(t, test_calls_out_of_order_are_refused);
    tcase_add_loop_test(t, test_the_least_batch_is_told_and_a_smaller_one_changes_nothing, 0, (int)(sizeof(batches) / sizeof(batches[0])));
    tcase_add_test(t, test_step_options_reach_the_step);
    tcase_add_test(t, test_mmd_spreads_the_latents_of_an_autoencoder);
    tcase_add_test(t, test_mmd_is_of_values);
    tcase_add_test(t, test_mmd_has_the_same_bits_with_threads);
    suite_add_tcase(s, t);
    return s;
}
