/* SPDX-License-Identifier: MIT
 * check_same_bits.c - tests for equal bytes with any number of threads, any batch split, any instruction set, any session. */
#include "support.h"

#include <fenv.h>
#include <pthread.h>
#include <stdio.h>

/* Activations so wide that a few examples fill the cache: a batch goes through in several passes. */
#define SPEC_WIDE                                                                                                 \
    "input 48x48x1\nencoder conv2d out=16 kernel=1 | relu | avgpool kernel=16 | flatten\nlatent gaussian dim=2\n" \
    "decoder linear out=9 | reshape 3x3x1 | upsample factor=16 | conv2d out=16 kernel=1 | relu | conv2d out=1 "   \
    "kernel=3 pad=1\nlikelihood bernoulli\n"

static const char *const specs[] = {SPEC_DENSE, SPEC_CONV, SPEC_VQ, SPEC_WIDE};
#define SPECS 4
#define N     64

static const int32_t thread_counts[] = {1, 2, 3, 7};
static const int64_t splits[] = {1, 3, 16, 64};
static const int32_t isas[] = {VAE_ISA_PORTABLE, VAE_ISA_AVX2, VAE_ISA_AVX512, VAE_ISA_NEON, VAE_ISA_WASM128};

typedef struct outputs {
    float *mean, *logvar, *xhat, *sample, *recon;
    double elbo[N];
    int64_t S, D;
} outputs;

static vae_ctx_t *ctx_for(int32_t threads, int32_t isa) {
    vae_ctx_config_t c;
    vae_ctx_t *ctx = NULL;
    ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
    c.threads = threads;
    c.isa = isa;
    const vae_status_t s = vae_ctx_create(&ctx, &c);
    ck_assert(s == VAE_OK || s == VAE_E_UNSUPPORTED);
    return ctx;
}

static void run_all(outputs *o, vae_ctx_t *ctx, const char *spec, int64_t split) {
    vae_model_t *model;
    vae_session_t *s;
    ck_assert_ok(vae_model_create(&model, ctx, spec, 7));
    o->S = vae_model_input_size(model);
    o->D = vae_model_latent_size(model);
    float *x = filled(N * o->S, 5);
    o->mean = filled(N * o->D, 0);
    o->logvar = filled(N * o->D, 0);
    o->xhat = filled(N * o->S, 0);
    o->sample = filled(N * o->S, 0);
    o->recon = filled(N * o->S, 0);
    ck_assert_ok(vae_session_create(&s, model, split));
    ck_assert_ok(vae_session_seed(s, 3));
    for (int64_t i = 0; i < N; i += split) { /* calls of `split` examples */
        const int64_t n = N - i < split ? N - i : split;
        ck_assert_ok(vae_encode(s, n, x + i * o->S, o->mean + i * o->D, o->logvar + i * o->D));
        ck_assert_ok(vae_sample(s, n, NULL, o->sample + i * o->S));
    }
    ck_assert_ok(vae_decode(s, N, o->mean, o->xhat)); /* one call that the session splits */
    ck_assert_ok(vae_reconstruct(s, N, x, o->recon));
    ck_assert_ok(vae_elbo(s, N, x, 2, NULL, o->elbo, NULL, NULL));
    vae_session_destroy(s);
    vae_model_destroy(model);
    free(x);
}

static void check_equal(outputs *a, outputs *b) {
    const size_t z = (size_t)(N * a->D) * sizeof(float), x = (size_t)(N * a->S) * sizeof(float);
    ck_assert_mem_eq(a->mean, b->mean, z);
    ck_assert_mem_eq(a->logvar, b->logvar, z);
    ck_assert_mem_eq(a->xhat, b->xhat, x);
    ck_assert_mem_eq(a->sample, b->sample, x);
    ck_assert_mem_eq(a->recon, b->recon, x);
    ck_assert_mem_eq(a->elbo, b->elbo, sizeof(a->elbo));
}

static void drop(outputs *o) {
    free(o->mean), free(o->logvar), free(o->xhat), free(o->sample), free(o->recon);
}

START_TEST(test_inference_does_not_depend_on_threads_or_batch_split) {
    outputs first, other;
    vae_ctx_t *ctx = ctx_for(1, VAE_ISA_AUTO);
    run_all(&first, ctx, specs[_i], N);
    vae_ctx_destroy(ctx);
    for (size_t t = 0; t < 4; t++) {
        for (size_t k = 0; k < 4; k++) {
            ctx = ctx_for(thread_counts[t], VAE_ISA_AUTO);
            run_all(&other, ctx, specs[_i], splits[k]);
            check_equal(&first, &other);
            drop(&other);
            vae_ctx_destroy(ctx);
        }
    }
    drop(&first);
}
END_TEST

START_TEST(test_inference_does_not_depend_on_the_instruction_set) {
    outputs first, other;
    vae_ctx_t *ctx = ctx_for(1, VAE_ISA_PORTABLE);
    run_all(&first, ctx, specs[_i], N);
    vae_ctx_destroy(ctx);
    for (size_t k = 1; k < 4; k++) {
        if (!(ctx = ctx_for(2, isas[k]))) continue;
        run_all(&other, ctx, specs[_i], 16);
        check_equal(&first, &other);
        drop(&other);
        vae_ctx_destroy(ctx);
    }
    drop(&first);
}
END_TEST

/* Parameters after 20 steps. */
static float *train(vae_ctx_t *ctx, const char *spec, int64_t *count) {
    vae_model_t *model;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&model, ctx, spec, 7));
    const int64_t S = vae_model_input_size(model);
    float *x = filled(N * S, 5);
    ck_assert_ok(vae_trainer_create(&t, model, TRAINING, N));
    for (int64_t i = 0; i < 20; i++) ck_assert_ok(vae_trainer_step(t, 2 + i * 3 % N, x + i % 2 * S, NULL));
    float *out = all_params(model, count);
    vae_trainer_destroy(t);
    vae_model_destroy(model);
    free(x);
    return out;
}

START_TEST(test_training_does_not_depend_on_threads_or_instruction_set) {
    int64_t n, m;
    vae_ctx_t *ctx = ctx_for(1, VAE_ISA_PORTABLE);
    float *first = train(ctx, specs[_i], &n);
    vae_ctx_destroy(ctx);
    for (size_t t = 0; t < 4; t++) {
        for (size_t k = 0; k < 4; k++) {
            if (!(ctx = ctx_for(thread_counts[t], isas[k]))) continue;
            float *other = train(ctx, specs[_i], &m);
            ck_assert_int_eq(n, m);
            ck_assert_mem_eq(first, other, (size_t)n * sizeof(float));
            free(other);
            vae_ctx_destroy(ctx);
        }
    }
    free(first);
}
END_TEST

/* ---- the host's job system, tasks in any order -------------------------------------------------------------------- */

static void backwards(void *user, int32_t tasks, void (*task)(void *arg, int32_t index), void *arg) {
    int64_t *calls = user;
    (*calls)++;
    for (int32_t i = tasks - 1; i >= 0; i--) task(arg, i);
}

START_TEST(test_the_hosts_job_system_gives_the_same_bits) {
    int64_t n, m, calls = 0;
    vae_ctx_config_t c;
    vae_ctx_t *ctx = ctx_for(1, VAE_ISA_AUTO);
    float *first = train(ctx, specs[_i], &n);
    vae_ctx_destroy(ctx);
    ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
    c.user = &calls;
    c.parallel_for = backwards;
    ck_assert_ok(vae_ctx_create(&ctx, &c));
    float *other = train(ctx, specs[_i], &m);
    ck_assert_mem_eq(first, other, (size_t)n * sizeof(float));
    ck_assert_int_gt(calls, 0);
    vae_ctx_destroy(ctx);
    free(first), free(other);
}
END_TEST

/* ---- a host with its own floating-point environment ------------------------------------------------------------- */

/* Round upward; on x86 also flush denormals to zero, as game engines do. */
static void change_environment(void) {
    ck_assert_int_eq(fesetround(FE_UPWARD), 0);
#if defined(__SSE2__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
}

START_TEST(test_the_hosts_floating_point_environment_does_not_show) {
    int64_t n, m;
    outputs first, other;
    fenv_t normal;
    vae_ctx_t *ctx = ctx_for(2, VAE_ISA_AUTO);
    run_all(&first, ctx, specs[_i], N);
    float *trained = train(ctx, specs[_i], &n);
    ck_assert_int_eq(fegetenv(&normal), 0);
    change_environment();
    run_all(&other, ctx, specs[_i], N);
    float *again = train(ctx, specs[_i], &m);
    ck_assert_int_eq(fegetround(), FE_UPWARD); /* and it is given back */
#if defined(__SSE2__)
    ck_assert_uint_eq(__builtin_ia32_stmxcsr() & 0x8040, 0x8040);
#endif
    ck_assert_int_eq(fesetenv(&normal), 0);
    check_equal(&first, &other);
    ck_assert_mem_eq(trained, again, (size_t)n * sizeof(float));
    drop(&first), drop(&other);
    vae_ctx_destroy(ctx);
    free(trained), free(again);
}
END_TEST

/* ---- eight threads on one model ----------------------------------------------------------------------------------- */

#define THREADS 8
#define DECODES 2000

typedef struct worker {
    const vae_model_t *model;
    const float *z, *wanted;
    int64_t S, D, wrong;
} worker;

static void *decode_many(void *arg) {
    worker *w = arg;
    vae_session_t *s;
    float *x = malloc((size_t)w->S * sizeof(float));
    if (!x || vae_session_create(&s, w->model, 1) != VAE_OK) {
        w->wrong = -1;
        return NULL;
    }
    for (int64_t i = 0; i < DECODES; i++) {
        const int64_t k = i % N;
        if (vae_decode(s, 1, w->z + k * w->D, x) != VAE_OK || memcmp(x, w->wanted + k * w->S, (size_t)w->S * sizeof(float)) != 0)
            w->wrong++;
    }
    vae_session_destroy(s);
    free(x);
    return NULL;
}

START_TEST(test_eight_threads_decode_one_model_as_one_does) {
    vae_model_t *model;
    vae_session_t *s;
    pthread_t thread[THREADS];
    worker w[THREADS];
    vae_ctx_t *ctx = ctx_for(2, VAE_ISA_AUTO);
    ck_assert_ok(vae_model_create(&model, ctx, specs[_i], 7));
    const int64_t S = vae_model_input_size(model), D = vae_model_latent_size(model);
    float *z = filled(N * D, 1), *wanted = filled(N * S, 2);
    ck_assert_ok(vae_session_create(&s, model, N));
    ck_assert_ok(vae_decode(s, N, z, wanted));
    for (int i = 0; i < THREADS; i++) {
        w[i] = (worker){model, z, wanted, S, D, 0};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, decode_many, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_int_eq(w[i].wrong, 0);
    }
    vae_session_destroy(s);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    free(z), free(wanted);
}
END_TEST

Suite *suite_same_bits(void);
Suite *suite_same_bits(void) {
    Suite *s = suite_create("same bits");
    TCase *t = tcase_create("same bits");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_inference_does_not_depend_on_threads_or_batch_split, 0, SPECS);
    tcase_add_loop_test(t, test_inference_does_not_depend_on_the_instruction_set, 0, SPECS);
    tcase_add_loop_test(t, test_training_does_not_depend_on_threads_or_instruction_set, 0, SPECS);
    tcase_add_loop_test(t, test_the_hosts_job_system_gives_the_same_bits, 0, SPECS);
    tcase_add_loop_test(t, test_the_hosts_floating_point_environment_does_not_show, 0, SPECS);
    tcase_add_loop_test(t, test_eight_threads_decode_one_model_as_one_does, 0, SPECS);
    suite_add_tcase(s, t);
    return s;
}
