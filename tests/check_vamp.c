/* SPDX-License-Identifier: MIT
 * check_vamp.c - tests a prior of posteriors that is trained with its model: density and rate by hand, every gradient, samples, same bits,
 * files. */
#include "model_gradients.h"
#include "prior_rig.h"

#include <unistd.h>

#define LN_2PI 1.8378770664093453

static const char *const models[] = {
    "input 6\nencoder linear out=7 | silu\nlatent gaussian dim=3\ndecoder linear out=5 | tanh | linear out=6\n"
    "likelihood gaussian\nprior vamp components=4\n",
    "input 4x4x2\nencoder conv2d out=3 kernel=4 stride=2 pad=1 | silu\nlatent gaussian dim=2 map=true\n"
    "decoder deconv2d out=2 kernel=4 stride=2 pad=1\nlikelihood gaussian\nprior vamp components=3 init_std=1\n",
    "input 6\nencoder linear out=7 | batchnorm | silu\nlatent gaussian dim=3\ndecoder linear out=5 | tanh | linear "
    "out=6\n"
    "likelihood gaussian\nprior vamp components=4\n",
};
#define MODELS 3
#define TRAIN  "optimizer adam lr=0.01\nobjective elbo beta=0.7\n"

static vae_model_t *make(vae_ctx_t *ctx, int i) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, ctx, models[i], 5));
    return m;
}

static float *normal(int64_t n, uint64_t seed) {
    float *x = malloc((size_t)n * sizeof(*x));
    vaei_noise_normal(vaei_kernels_select(0, 0), (vaei_noise_key){.seed = seed}, 0, n, x);
    return x;
}

/* log p(z) of D values under K posteriors. */
static double log_density(int64_t K, int64_t D, const float *mean, const float *logvar, const double *z) {
    double sum = 0;
    for (int64_t k = 0; k < K; k++) {
        double log_normal = 0;
        for (int64_t d = k * D; d < (k + 1) * D; d++) {
            const double shift = z[d - k * D] - (double)mean[d];
            log_normal -= 0.5 * (LN_2PI + (double)logvar[d] + shift * shift / exp((double)logvar[d]));
        }
        sum += exp(log_normal);
    }
    return log(sum / (double)K);
}

/* The pseudo-inputs' posteriors as the session gives those of any example. */
static void posteriors(vae_session_t *s, const vae_model_t *m, int64_t K, float *mean, float *logvar) {
    const vae_tensor_t *u;
    int64_t index;
    ck_assert_ok(vae_model_param_find(m, "prior.input", &index));
    ck_assert_ok(vae_model_param(m, index, &u, NULL));
    ck_assert_int_eq(vae_tensor_shape(u)[0], K);
    ck_assert_int_eq(vae_tensor_shape(u)[1], vae_model_input_size(m));
    ck_assert_ok(vae_encode(s, K, vae_tensor_data(u), mean, logvar));
}

START_TEST(test_the_rate_is_the_one_by_hand) {
    enum { N = 5, MOST = 64 };
    vae_model_t *m = make(NULL, _i);
    vae_session_t *s;
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m), K = _i == 1 ? 3 : 4;
    float *x = normal(N * S, 1), *noise = normal(N * D, 2);
    float mean[MOST], logvar[MOST], u_mean[MOST], u_logvar[MOST];
    double rate[N], elbo[N], recon[N], closed_form = 0;
    ck_assert_ok(vae_session_create(&s, m, 2)); /* fewer than the pseudo-inputs: they are packed in parts */
    posteriors(s, m, K, u_mean, u_logvar);
    ck_assert_ok(vae_encode(s, N, x, mean, logvar));
    ck_assert_ok(vae_elbo(s, N, x, 1, noise, elbo, recon, rate));
    for (int64_t i = 0; i < N; i++) {
        double z[MOST], log_q = 0, log_standard = 0, kl = 0;
        for (int64_t d = 0; d < D; d++) {
            const double e = (double)noise[i * D + d], mu = (double)mean[i * D + d], lv = (double)logvar[i * D + d];
            z[d] = mu + exp(lv / 2) * e;
            log_q -= 0.5 * (LN_2PI + lv + e * e);
            log_standard -= 0.5 * (LN_2PI + z[d] * z[d]);
            kl += 0.5 * (mu * mu + exp(lv) - 1 - lv);
        }
        const double log_p = log_density(K, D, u_mean, u_logvar, z);
        ck_assert_double_eq_tol(rate[i], log_q - log_p, 2e-5);
        ck_assert_double_eq_tol(elbo[i], -recon[i] - rate[i], 1e-9);
        closed_form += (kl + log_standard - log_p) / N;
    }
    if (_i < 2) { /* batch norm sees other examples in training */
        ck_assert_ok(vae_trainer_create(&t, m, TRAIN, N));
        ck_assert_ok(vae_trainer_backward(t, N, x, noise, &metrics));
        ck_assert_double_eq_tol(metrics.rate, closed_form, 2e-5);
        ck_assert_double_eq_tol(metrics.loss, metrics.recon + metrics.beta * metrics.rate, 1e-9);
        vae_trainer_destroy(t);
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

START_TEST(test_every_gradient_is_its_finite_difference) {
    enum { N = 4 };
    static const char *const options[] = {"objective elbo beta=0.7\n", "objective elbo beta=2 free_bits=0.1\n"};
    vae_model_t *m = make(NULL, _i / 2);
    float *x = normal(N * vae_model_input_size(m), 1), *noise = normal(N * vae_model_latent_size(m), 2);
    ck_assert_int_gt(check_every_gradient(m, N, x, noise, options[_i % 2]), 100);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

/* With one component the rate's expectation is a Gaussian's KL to a Gaussian. */
START_TEST(test_the_rate_is_right_in_the_mean) {
    enum { DRAWS = 40000, D = 3 };
    char text[400];
    vae_model_t *m;
    vae_session_t *s;
    snprintf(text, sizeof(text), "%s", models[0]);
    strcpy(strstr(text, "prior"), "prior vamp components=1 init_std=2\n");
    ck_assert_ok(vae_model_create(&m, NULL, text, 1));
    ck_assert_ok(vae_session_create(&s, m, 64));
    float *x = normal(6, 3), mean[D], logvar[D], u_mean[D], u_logvar[D];
    posteriors(s, m, 1, u_mean, u_logvar);
    ck_assert_ok(vae_encode(s, 1, x, mean, logvar));
    double kl = 0, rate;
    for (int d = 0; d < D; d++) {
        const double shift = (double)mean[d] - (double)u_mean[d], lv = (double)logvar[d], lu = (double)u_logvar[d];
        kl += 0.5 * (shift * shift / exp(lu) + exp(lv - lu) - 1 - (lv - lu));
    }
    ck_assert_ok(vae_elbo(s, 1, x, DRAWS, NULL, NULL, NULL, &rate));
    ck_assert_double_eq_tol(rate, kl, 0.02 * (1 + kl));
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_samples_are_of_the_mixture) {
    enum { DRAWS = 40000, K = 2, D = 2 };
    const float mean[K * D] = {-2, 1, 3, 0}, logvar[K * D] = {0, -1, -2, 0.5f};
    const double log_two = log(2.0);
    vaei_document document;
    const vaei_module *module;
    vaei_heap heap;
    vaei_arena arena;
    vaei_build build;
    void *conf;
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    vaei_build_init(&build, &arena);
    ck_assert_int_eq(vaei_document_parse(&document, &arena, "prior vamp components=2", 23), VAE_OK);
    ck_assert_int_eq(vaei_module_find(&module, vaei_priors, vaei_priors_count, "prior", document.first->pipeline.first, "t"), VAE_OK);
    ck_assert_int_eq(vaei_module_bind(&conf, module, document.first->pipeline.first, &arena, "t"), VAE_OK);
    const vaei_latent latent = {.z = {1, {D}}};
    vaei_prior p = {.ops = (const vaei_prior_ops *)(const void *)module, .conf = conf, .latent = &latent, .example = 1};
    ck_assert_int_eq(p.ops->plan(&p, &build), VAE_OK);
    vaei_bytes need;
    vaei_run run = {.k = vaei_kernels_select(0, 0), .n = DRAWS, .noise.seed = 4};
    need = vaei_prior_bytes(&p, run.k, DRAWS, 0);
    const vaei_slot slot = {.pack = aligned_alloc(64, need.pack), .scratch = aligned_alloc(64, need.scratch)};
    float *z = malloc(DRAWS * D * sizeof(*z));
    double *nll = malloc(DRAWS * sizeof(*nll)), share = 0, m[K][D] = {{0}}, v[K][D] = {{0}}, near[2];
    const vaei_points at = {.z = z};
    for (int64_t k = 0; k < K; k++) p.ops->take(&p, slot.pack, k, 1, mean + k * D, logvar + k * D);
    p.ops->sample(&p, &run, &slot, 0, &at);
    for (int i = 0; i < DRAWS; i++) { /* 5 apart: nearly all are told apart by their first value */
        const int k = z[i * D] > 1;
        share += k;
        for (int d = 0; d < D; d++) m[k][d] += (double)z[i * D + d];
    }
    for (int k = 0; k < K; k++)
        for (int d = 0; d < D; d++) m[k][d] /= k ? share : DRAWS - share;
    for (int i = 0; i < DRAWS; i++)
        for (int d = 0, k = z[i * D] > 1; d < D; d++)
            v[k][d] += ((double)z[i * D + d] - m[k][d]) * ((double)z[i * D + d] - m[k][d]) / (k ? share : DRAWS - share);
    ck_assert_double_eq_tol(share / DRAWS, 0.5, 0.015);
    for (int k = 0; k < K; k++)
        for (int d = 0; d < D; d++) {
            ck_assert_double_eq_tol(m[k][d], (double)mean[k * D + d], 0.04);
            ck_assert_double_eq_tol(v[k][d], exp((double)logvar[k * D + d]), 0.05 * exp((double)logvar[k * D + d]) + 0.01);
        }
    z[0] = -2, z[1] = 1, z[2] = 3, z[3] = 0; /* the centres */
    run.n = 2;
    p.ops->nll(&p, &run, &slot, &at, near);
    for (int k = 0; k < K; k++) {
        double both = 0;
        for (int j = 0; j < K; j++) {
            double term = -LN_2PI;
            for (int d = 0; d < D; d++) {
                const double shift = (double)z[k * D + d] - (double)mean[j * D + d], lv = (double)logvar[j * D + d];
                term -= 0.5 * (lv + shift * shift / exp(lv));
            }
            both += exp(term);
        }
        ck_assert_double_eq_tol(near[k], log_two - log(both), 1e-9);
    }
    free(z), free(nll), free(slot.pack), free(slot.scratch);
    vaei_arena_free(&arena);
}
END_TEST

typedef struct result {
    float *params, *samples;
    double elbo[20];
    int64_t n;
} result;

static result train(vae_ctx_t *ctx, int i, int64_t split) {
    result o;
    vae_trainer_t *t;
    vae_session_t *s;
    vae_model_t *m = make(ctx, i);
    const int64_t S = vae_model_input_size(m);
    float *x = normal(20 * S, 6);
    ck_assert_ok(vae_trainer_create(&t, m, TRAIN, 20));
    for (int k = 0; k < 4; k++) ck_assert_ok(vae_trainer_step(t, 20, x, NULL));
    vae_trainer_destroy(t);
    o.params = all_params(m, &o.n);
    o.samples = filled(20 * S, 0);
    ck_assert_ok(vae_session_create(&s, m, split));
    ck_assert_ok(vae_sample(s, 20, NULL, o.samples));
    ck_assert_ok(vae_elbo(s, 20, x, 2, NULL, o.elbo, NULL, NULL));
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
    return o;
}

START_TEST(test_same_bits_for_threads_splits_and_instruction_sets) {
    static const struct {
        int32_t threads, isa;
        int64_t split;
    } ways[] = {{1, VAE_ISA_AUTO, 20}, {2, VAE_ISA_AUTO, 1}, {3, VAE_ISA_PORTABLE, 3}, {7, VAE_ISA_AUTO, 7}};
    const int64_t S = _i == 1 ? 32 : 6;
    result first = {0};
    for (size_t k = 0; k < 4; k++) {
        vae_ctx_t *ctx = test_ctx(NULL, ways[k].threads, ways[k].isa);
        result o = train(ctx, _i, ways[k].split);
        vae_ctx_destroy(ctx);
        if (k == 0) {
            first = o;
            continue;
        }
        ck_assert_mem_eq(first.params, o.params, (size_t)o.n * sizeof(float));
        ck_assert_mem_eq(first.samples, o.samples, (size_t)(20 * S) * sizeof(float));
        ck_assert_mem_eq(first.elbo, o.elbo, sizeof(o.elbo));
        free(o.params), free(o.samples);
    }
    free(first.params), free(first.samples);
}
END_TEST

START_TEST(test_steps_and_samples_allocate_nothing_and_resume_keeps_every_bit) {
    char path[] = "/tmp/vae_vamp_XXXXXX";
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
    vae_model_t *a = make(ctx, _i), *b = make(ctx, _i);
    vae_trainer_t *t;
    vae_session_t *s;
    const int64_t S = vae_model_input_size(a);
    float *x = normal(8 * S, 6), *y = filled(8 * S, 0);
    double elbo[8];
    int64_t n, count;
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_ok(vae_trainer_create(&t, a, TRAIN, 8));
    ck_assert_ok(vae_session_create(&s, a, 3));
    for (int k = 0; k < 3; k++) ck_assert_ok(vae_trainer_step(t, 8, x, NULL));
    ck_assert_ok(vae_trainer_save(t, path));
    const int64_t calls = h.calls;
    for (int k = 3; k < 6; k++) {
        ck_assert_ok(vae_trainer_step(t, 8, x, NULL));
        ck_assert_ok(vae_sample(s, 8, NULL, y));
        ck_assert_ok(vae_elbo(s, 8, x, 1, NULL, elbo, NULL, NULL));
    }
    ck_assert_int_eq(h.calls, calls);
    vae_trainer_destroy(t);
    vae_session_destroy(s);
    ck_assert_ok(vae_trainer_create(&t, b, TRAIN, 8));
    ck_assert_ok(vae_trainer_load(t, path));
    for (int k = 3; k < 6; k++) ck_assert_ok(vae_trainer_step(t, 8, x, NULL));
    vae_trainer_destroy(t);
    float *p = all_params(a, &n), *q = all_params(b, &count);
    ck_assert_int_eq(n, count);
    ck_assert_mem_eq(p, q, (size_t)n * sizeof(*p));
    vae_model_destroy(a), vae_model_destroy(b);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
    free(p), free(q), free(x), free(y);
    unlink(path);
}
END_TEST

START_TEST(test_what_cannot_be_is_refused) {
    vae_model_t *m;
    vae_trainer_t *t;
    vae_session_t *s;
    float x[16], noise[3] = {0};
    ck_assert_fails(vae_model_create(&m, NULL,
                                     "input 6\nencoder linear out=3\nlatent none\ndecoder linear out=6\n"
                                     "likelihood gaussian\nprior vamp\n",
                                     0),
                    VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "latent none has none"));
    ck_assert_fails(vae_model_create(&m, NULL, SPEC_VQ "prior vamp\n", 0), VAE_E_SPEC);
    ck_assert_fails(vae_model_create(&m, NULL, SPEC_DENSE "prior vamp components=0\n", 0), VAE_E_SPEC);
    vae_ctx_t *ctx = limited_ctx(1 << 30);
    ck_assert_ok(vae_model_create(&m, ctx, SPEC_DENSE "prior vamp components=2\n", 0));
    ck_assert_fails(vae_trainer_create(&t, m, "objective prior\n", 4), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "is trained together with the model"));
    ck_assert_ok(vae_session_create(&s, m, 1));
    ck_assert_fails(vae_sample(s, 1, noise, x), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    /* more than the context's limit; on 32 bits more than there are addresses */
    ck_assert_fails(vae_trainer_create(&t, m, NULL, INT32_MAX), sizeof(size_t) < 8 ? VAE_E_LIMIT : VAE_E_NOMEM);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
}
END_TEST

Suite *suite_vamp(void);
Suite *suite_vamp(void) {
    Suite *suite = suite_create("vamp");
    TCase *tc = tcase_create("vamp");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_the_rate_is_the_one_by_hand, 0, MODELS);
    tcase_add_loop_test(tc, test_every_gradient_is_its_finite_difference, 0, 2 * MODELS);
    tcase_add_test(tc, test_the_rate_is_right_in_the_mean);
    tcase_add_test(tc, test_samples_are_of_the_mixture);
    tcase_add_loop_test(tc, test_same_bits_for_threads_splits_and_instruction_sets, 0, MODELS);
    tcase_add_loop_test(tc, test_steps_and_samples_allocate_nothing_and_resume_keeps_every_bit, 0, MODELS);
    tcase_add_test(tc, test_what_cannot_be_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
