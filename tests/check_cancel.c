/* SPDX-License-Identifier: MIT
 * check_cancel.c - tests calls that the host cancels, from a thread and from a signal handler: they fail, and later calls give the bits
 * that they would have given without them. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define N     11
#define BATCH 4
#define CODES                                                                                           \
    "input 8x8x1\nencoder conv2d out=4 kernel=4 stride=4 | batchnorm | silu\nlatent vq codes=6 dim=4\n" \
    "decoder residual { conv2d out=4 kernel=1 } | deconv2d out=1 kernel=4 stride=4\nlikelihood gaussian\n"

static const struct {
    const char *spec, *training;
} models[] = {
    {SPEC_DENSE, TRAINING},
    {SPEC_CONV, TRAINING},
    {CODES, "optimizer adam lr=0.01\nmemory checkpoint\n"},
    {CODES "prior pixelcnn channels=8 layers=2\n", "objective prior\n"},
    {CODES "prior transformer channels=8 layers=2 heads=2\n", "objective prior\n"},
    {SPEC_DENSE "prior gmm components=2\n", "objective prior\n"},
};
#define MODELS ((int)(sizeof(models) / sizeof(models[0])))

static void pause_us(int64_t us) {
    const struct timespec t = {us / 1000000, us % 1000000 * 1000};
    (void)nanosleep(&t, NULL);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

enum { ENCODE, DECODE, RECONSTRUCT, SAMPLE, ELBO, ENCODE_CODES, DECODE_CODES, CALLS };

typedef struct use {
    vae_model_t *model;
    vae_session_t *session;
    float *x, *z;
    int32_t codes[N * 64];
    union {
        float y[N * 128 * 2];
        double d[3][N];
        int32_t codes[N * 64];
    } out;
} use;

static void open_use(use *u, vae_ctx_t *ctx, int32_t i) {
    memset(u, 0, sizeof(*u));
    ck_assert_ok(vae_model_create(&u->model, ctx, models[i].spec, 1));
    ck_assert_ok(vae_session_create(&u->session, u->model, BATCH));
    u->x = filled(N * vae_model_input_size(u->model), 3);
    u->z = filled(N * vae_model_latent_size(u->model), 4);
}

static void close_use(use *u) {
    vae_session_destroy(u->session);
    vae_model_destroy(u->model);
    free(u->x);
    free(u->z);
}

static vae_status_t make_call(use *u, int32_t call) {
    memset(&u->out, 0, sizeof(u->out));
    switch (call) {
    case ENCODE: return vae_encode(u->session, N, u->x, u->out.y, NULL);
    case DECODE: return vae_decode(u->session, N, u->z, u->out.y);
    case RECONSTRUCT: return vae_reconstruct(u->session, N, u->x, u->out.y);
    case SAMPLE: return vae_sample(u->session, N, NULL, u->out.y);
    case ELBO:
        return vae_elbo(u->session, N, u->x, vae_model_codes_per_example(u->model) ? 1 : 3, NULL, u->out.d[0], u->out.d[1], u->out.d[2]);
    case ENCODE_CODES: return vae_encode_codes(u->session, N, u->x, u->out.codes);
    default: return vae_decode_codes(u->session, N, u->codes, u->out.y);
    }
}

START_TEST(test_a_cancelled_call_leaves_the_session_as_it_was) {
    static use given_up, undisturbed;
    vae_ctx_t *ctx = test_ctx(NULL, 2, 0);
    open_use(&given_up, ctx, _i);
    open_use(&undisturbed, ctx, _i);
    for (int32_t round = 0; round < 2; round++) {
        for (int32_t call = 0; call < CALLS; call++) {
            const vae_status_t wanted = make_call(&undisturbed, call);
            vae_session_cancel(given_up.session);
            if (wanted == VAE_OK) {
                ck_assert_fails(make_call(&given_up, call), VAE_E_CANCELLED);
                ck_assert_ok(make_call(&given_up, call));
                ck_assert_mem_eq(&given_up.out, &undisturbed.out, sizeof(given_up.out));
            } else { /* a mistake comes first; the flag waits for a call that works */
                ck_assert_int_eq(make_call(&given_up, call), wanted);
                ck_assert_fails(make_call(&given_up, ENCODE), VAE_E_CANCELLED);
            }
        }
    }
    close_use(&given_up);
    close_use(&undisturbed);
    vae_ctx_destroy(ctx);
}
END_TEST

/* A thread that cancels again and again until it is told to stop, and more and more seldom: however slow the machine or a sanitizer, a call
 * comes to its end in between at last. */
typedef struct canceller {
    pthread_t thread;
    vae_session_t *session;
    vae_trainer_t *trainer;
    int64_t every_us;
    _Atomic int32_t stop;
} canceller;

static void *cancel_often(void *arg) {
    canceller *c = arg;
    for (int64_t i = 0; !c->stop; i++) {
        pause_us(c->every_us * (1 + i * 7 % 5) / 2 * (1 + i / 16));
        vae_session_cancel(c->session);
        vae_trainer_cancel(c->trainer);
    }
    return NULL;
}

static void start_canceller(canceller *c) {
    ck_assert_int_eq(pthread_create(&c->thread, NULL, cancel_often, c), 0);
}

static void stop_canceller(canceller *c) {
    c->stop = 1;
    ck_assert_int_eq(pthread_join(c->thread, NULL), 0);
}

START_TEST(test_a_thread_cancels_at_any_moment) {
    static use given_up, undisturbed;
    vae_ctx_t *ctx = test_ctx(NULL, 2, 0);
    int64_t cancelled = 0;
    open_use(&given_up, ctx, _i);
    open_use(&undisturbed, ctx, _i);
    canceller c = {.session = given_up.session, .every_us = 300};
    start_canceller(&c);
    for (int32_t round = 0; round < 8; round++) {
        for (int32_t call = 0; call < CALLS; call++) {
            const vae_status_t wanted = make_call(&undisturbed, call);
            vae_status_t status;
            while ((status = make_call(&given_up, call)) == VAE_E_CANCELLED) cancelled++;
            ck_assert_int_eq(status, wanted);
            if (wanted == VAE_OK) ck_assert_mem_eq(&given_up.out, &undisturbed.out, sizeof(given_up.out));
        }
    }
    while (cancelled == 0) cancelled += make_call(&given_up, ELBO) == VAE_E_CANCELLED;
    stop_canceller(&c);
    close_use(&given_up);
    close_use(&undisturbed);
    vae_ctx_destroy(ctx);
}
END_TEST

/* What would take hours ends at the next layer. */
START_TEST(test_a_long_call_ends_soon) {
    vae_model_t *m;
    vae_session_t *s;
    float x[16] = {0};
    double elbo;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_DENSE, 1));
    ck_assert_ok(vae_session_create(&s, m, 1));
    canceller c = {.session = s, .every_us = 20000};
    start_canceller(&c);
    ck_assert_fails(vae_elbo(s, 1, x, INT64_C(1) << 50, NULL, &elbo, NULL, NULL), VAE_E_CANCELLED);
    stop_canceller(&c);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

/* ---- trainers ---------------------------------------------------------------------------------------------------- */

typedef struct training {
    vae_model_t *model;
    vae_trainer_t *trainer;
    float *x;
} training;

static void open_training(training *t, vae_ctx_t *ctx, int32_t i) {
    ck_assert_ok(vae_model_create(&t->model, ctx, models[i].spec, 1));
    ck_assert_ok(vae_trainer_create(&t->trainer, t->model, models[i].training, N));
    t->x = filled(N * vae_model_input_size(t->model), 3);
}

static void close_training(training *t) {
    vae_trainer_destroy(t->trainer);
    vae_model_destroy(t->model);
    free(t->x);
}

static void check_equal(const training *a, const training *b) {
    int64_t count, other;
    float *p = all_params(a->model, &count), *q = all_params(b->model, &other);
    ck_assert_int_eq(count, other);
    ck_assert_mem_eq(p, q, (size_t)count * sizeof(*p));
    ck_assert_int_eq(vae_trainer_steps(a->trainer), vae_trainer_steps(b->trainer));
    free(p);
    free(q);
}

START_TEST(test_a_cancelled_step_leaves_the_training_as_it_was) {
    training given_up, undisturbed;
    vae_ctx_t *ctx = test_ctx(NULL, 2, 0);
    open_training(&given_up, ctx, _i);
    open_training(&undisturbed, ctx, _i);
    for (int32_t step = 0; step < 3; step++) {
        vae_trainer_cancel(given_up.trainer);
        ck_assert_fails(vae_trainer_step(given_up.trainer, N, given_up.x, NULL), VAE_E_CANCELLED);
        check_equal(&given_up, &undisturbed);
        /* two parts, the second of which is refused once: the first stays */
        for (int32_t part = 0; part < 2; part++) {
            if (part == 1) {
                vae_trainer_cancel(given_up.trainer);
                ck_assert_fails(vae_trainer_backward(given_up.trainer, N, given_up.x, NULL, NULL), VAE_E_CANCELLED);
            }
            ck_assert_ok(vae_trainer_backward(given_up.trainer, N, given_up.x, NULL, NULL));
            ck_assert_ok(vae_trainer_backward(undisturbed.trainer, N, given_up.x, NULL, NULL));
        }
        vae_trainer_cancel(given_up.trainer); /* is for the next that can be given up */
        ck_assert_ok(vae_trainer_apply(given_up.trainer, NULL));
        ck_assert_ok(vae_trainer_apply(undisturbed.trainer, NULL));
        check_equal(&given_up, &undisturbed);
    }
    close_training(&given_up);
    close_training(&undisturbed);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_steps_cancelled_at_any_moment_change_no_bit) {
    training given_up, undisturbed;
    vae_ctx_t *ctx = test_ctx(NULL, 2, 0);
    int64_t cancelled = 0;
    open_training(&given_up, ctx, _i);
    open_training(&undisturbed, ctx, _i);
    canceller c = {.trainer = given_up.trainer, .every_us = 400};
    start_canceller(&c);
    for (int32_t step = 0; step < 40 || cancelled < 5; step++) { /* a busy machine lets the other thread wait */
        vae_status_t status;
        while ((status = vae_trainer_step(given_up.trainer, N, given_up.x, NULL)) == VAE_E_CANCELLED) cancelled++;
        ck_assert_int_eq(status, VAE_OK);
        ck_assert_ok(vae_trainer_step(undisturbed.trainer, N, given_up.x, NULL));
    }
    stop_canceller(&c);
    ck_assert_int_gt(cancelled, 0);
    check_equal(&given_up, &undisturbed);
    close_training(&given_up);
    close_training(&undisturbed);
    vae_ctx_destroy(ctx);
}
END_TEST

/* ---- signals ------------------------------------------------------------------------------------------------------ */

static vae_session_t *of_signal;

static void on_alarm(int number) {
    (void)number;
    vae_session_cancel(of_signal);
}

START_TEST(test_a_signal_handler_cancels) {
    vae_model_t *m;
    float x[16] = {0};
    double elbo;
    struct sigaction action = {.sa_handler = on_alarm}, before;
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_DENSE, 1));
    ck_assert_ok(vae_session_create(&of_signal, m, 1));
    ck_assert_int_eq(sigaction(SIGALRM, &action, &before), 0);
    for (int32_t i = 0; i < 5; i++) {
        ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
        ck_assert_fails(vae_elbo(of_signal, 1, x, INT64_C(1) << 50, NULL, &elbo, NULL, NULL), VAE_E_CANCELLED);
        ck_assert_ok(vae_elbo(of_signal, 1, x, 1, NULL, &elbo, NULL, NULL));
    }
    ck_assert_int_eq(sigaction(SIGALRM, &before, NULL), 0);
    vae_session_destroy(of_signal);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_cancel(void);
Suite *suite_cancel(void) {
    Suite *s = suite_create("cancel");
    TCase *t = tcase_create("calls");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_a_cancelled_call_leaves_the_session_as_it_was, 0, MODELS);
    tcase_add_loop_test(t, test_a_thread_cancels_at_any_moment, 0, MODELS);
    tcase_add_test(t, test_a_long_call_ends_soon);
    tcase_add_loop_test(t, test_a_cancelled_step_leaves_the_training_as_it_was, 0, MODELS);
    tcase_add_loop_test(t, test_steps_cancelled_at_any_moment_change_no_bit, 0, MODELS);
    tcase_add_test(t, test_a_signal_handler_cancels);
    suite_add_tcase(s, t);
    return s;
}
