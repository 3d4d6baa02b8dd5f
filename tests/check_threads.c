/* SPDX-License-Identifier: MIT
 * check_threads.c - tests sixty-four threads with a session each on one model: they encode, decode and score the same bits as
 * one thread, and each has its own sentence. VAE_TEST_TURNS=N sets the turns of each thread. */
#include <pthread.h>

#include "support.h"

#include <stdio.h>

enum { THREADS = 64, TURNS = 60, N = 5 };

static const char *const specs[] = {SPEC_DENSE, SPEC_CONV, SPEC_VQ};
#define SPECS ((int)(sizeof(specs) / sizeof(specs[0])))

typedef struct results {
    float *mean, *y;
    double elbo[N];
} results;

typedef struct worker {
    const vae_model_t *model;
    const float *x;
    const results *wanted;
    int64_t turns, wrong;
    int32_t number;
} worker;

static results results_for(const vae_model_t *model) {
    return (results){.mean = filled(N * vae_model_latent_size(model), 1), .y = filled(N * vae_model_input_size(model), 2)};
}

static void free_results(results *r) {
    free(r->mean);
    free(r->y);
}

/* Examples first .. first + n - 1. */
static vae_status_t compute(vae_session_t *s, const vae_model_t *model, const float *x, int64_t first, int64_t n, results *r) {
    const int64_t S = vae_model_input_size(model), D = vae_model_latent_size(model);
    vae_status_t status = vae_encode(s, n, x + first * S, r->mean + first * D, NULL);
    if (status == VAE_OK) status = vae_decode(s, n, r->mean + first * D, r->y + first * S);
    if (status == VAE_OK) status = vae_session_seed(s, (uint64_t)first);
    if (status == VAE_OK) status = vae_elbo(s, n, x + first * S, 1, NULL, r->elbo + first, NULL, NULL);
    return status;
}

static int32_t differ(const vae_model_t *model, const results *a, const results *b, int64_t first, int64_t n) {
    const int64_t S = vae_model_input_size(model), D = vae_model_latent_size(model);
    return memcmp(a->mean + first * D, b->mean + first * D, (size_t)(n * D) * sizeof(float)) != 0 ||
           memcmp(a->y + first * S, b->y + first * S, (size_t)(n * S) * sizeof(float)) != 0 ||
           memcmp(a->elbo + first, b->elbo + first, (size_t)n * sizeof(double)) != 0;
}

/* A failure of this thread, whose number its sentence must hold. */
static int32_t sentence_is_own(const worker *w, vae_session_t *s) {
    char number[16];
    vae_status_t status = vae_decode(s, -1000 - w->number, NULL, NULL);
    snprintf(number, sizeof(number), "%d", -1000 - (int)w->number);
    return status == VAE_E_ARG && strstr(vae_last_error(), number) != NULL;
}

static void *work(void *arg) {
    worker *w = arg;
    vae_session_t *s = NULL;
    results r = results_for(w->model);
    for (int64_t turn = 0; turn < w->turns; turn++) {
        if (turn % 16 == 0) { /* sessions come and go beside the others' work */
            vae_session_destroy(s);
            if (vae_session_create(&s, w->model, 2) != VAE_OK) {
                w->wrong = -1;
                break;
            }
        }
        const int64_t first = (turn + w->number) % N;
        if (compute(s, w->model, w->x, first, 1, &r) != VAE_OK || differ(w->model, &r, w->wanted, first, 1)) w->wrong++;
        if (!sentence_is_own(w, s)) w->wrong++;
    }
    vae_session_destroy(s);
    free_results(&r);
    return NULL;
}

START_TEST(test_sixty_four_threads_compute_what_one_does) {
    const char *turns = getenv("VAE_TEST_TURNS");
    pthread_t thread[THREADS];
    worker w[THREADS];
    vae_model_t *model;
    vae_session_t *s;
    vae_ctx_t *ctx = test_ctx(NULL, 2, VAE_ISA_AUTO);
    ck_assert_ok(vae_model_create(&model, ctx, specs[_i], 7));
    float *x = filled(N * vae_model_input_size(model), 3);
    results wanted = results_for(model);
    ck_assert_ok(vae_session_create(&s, model, N));
    for (int64_t i = 0; i < N; i++) ck_assert_ok(compute(s, model, x, i, 1, &wanted));
    for (int32_t i = 0; i < THREADS; i++) {
        w[i] = (worker){model, x, &wanted, turns ? atoll(turns) : TURNS, 0, i};
        ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &w[i]), 0);
    }
    for (int32_t i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_int_eq(w[i].wrong, 0);
    }
    vae_session_destroy(s);
    free_results(&wanted);
    free(x);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
}
END_TEST

Suite *suite_threads(void);
Suite *suite_threads(void) {
    Suite *s = suite_create("threads");
    TCase *t = tcase_create("threads");
    tcase_set_timeout(t, 3600);
    tcase_add_loop_test(t, test_sixty_four_threads_compute_what_one_does, 0, SPECS);
    suite_add_tcase(s, t);
    return s;
}
