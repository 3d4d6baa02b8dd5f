/* SPDX-License-Identifier: MIT
 * check_bands.c - sessions of bounded memory: the bytes of a session without a bound, under every budget; what they take is what was
 * measured; budgets that are too small; calls given up between bands. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define RESNET(from, to)                                                                                                            \
    "residual { groupnorm groups=4 eps=1e-6 | silu | conv2d out=" to " kernel=3 pad=1 | groupnorm groups=4 | silu | conv2d out=" to \
    " kernel=3 pad=1 } " from " | "
#define ATTENTION "residual { groupnorm groups=4 | attention heads=1 } | "

/* The graph of AutoencoderKL, of AutoencoderTiny, of VQModel, with layers for each algorithm of convolutions. */
#define KL                                                                                                                               \
    "input 40x72x3\nencoder conv2d out=8 kernel=3 pad=1 | " RESNET("", "8") "conv2d out=8 kernel=3 stride=2 pad=0x1x0x1 | " RESNET(      \
        "{ conv2d out=16 kernel=1 }", "16") "conv2d out=16 kernel=3 stride=2 pad=0x1x0x1 | " RESNET("", "16") ATTENTION                  \
        "groupnorm groups=4 | silu | conv2d out=8 kernel=3 pad=1\nlatent gaussian dim=4 map=true\ndecoder conv2d out=16 kernel=3 pad=1 " \
        "| " RESNET("", "16") ATTENTION RESNET("", "16") "upsample factor=2 | conv2d out=16 kernel=3 pad=1 | " RESNET(                   \
            "{ conv2d out=8 kernel=1 }", "8") "upsample factor=2 | conv2d out=8 kernel=3 pad=1 | " RESNET("", "8")                       \
            RESNET("", "8") "groupnorm groups=4 | silu | conv2d out=3 kernel=3 pad=1\nlikelihood gaussian\n"
#define BLOCK \
    "residual { conv2d out=12 kernel=3 pad=1 | relu | conv2d out=12 kernel=3 pad=1 | relu | conv2d out=12 kernel=3 pad=1 } | relu | "
#define TINY                                                                                                                         \
    "input 48x64x3\nencoder conv2d out=12 kernel=3 pad=1 | " BLOCK "conv2d out=12 kernel=3 stride=2 pad=1 bias=false | " BLOCK BLOCK \
    "conv2d out=12 kernel=3 stride=2 pad=1 | " BLOCK "conv2d out=4 kernel=3 pad=1\nlatent none\ndecoder conv2d out=12 kernel=3 "     \
    "pad=1 | relu | " BLOCK BLOCK "upsample factor=2 | conv2d out=12 kernel=3 pad=1 bias=false | " BLOCK                             \
    "upsample factor=2 | conv2d out=12 kernel=3 pad=1 bias=false | " BLOCK "conv2d out=3 kernel=3 pad=1\nlikelihood gaussian\n"
#define VQ                                                                                                                             \
    "input 64x40x3\nencoder conv2d out=8 kernel=5 pad=2 | relu | " RESNET(                                                             \
        "{ conv2d out=12 kernel=1 }",                                                                                                  \
        "12") "conv2d out=12 kernel=3 stride=2 pad=0x1x0x1 | conv2d out=12 kernel=3 pad=2 dilation=2 groups=3 | " RESNET("", "12")     \
        ATTENTION "groupnorm groups=4 | silu | conv2d out=5 kernel=3 pad=1\nlatent vq codes=16 dim=5\ndecoder conv2d out=12 kernel=3 " \
                  "pad=1 | " RESNET("", "12") ATTENTION "conv2d out=12 kernel=3 pad=1 groups=12 | upsample factor=2 | " RESNET(        \
                      "{ conv2d out=8 kernel=1 "                                                                                       \
                      "}",                                                                                                             \
                      "8") "batchnorm | groupnorm groups=2 | silu | conv2d out=3 kernel=3 pad=1\nlikelihood gaussian\n"

/* A reshape that takes no step: the rows of its two sides are not the same. */
#define RESHAPED                                                                                                                 \
    "input 32x32x8\nencoder conv2d out=8 kernel=3 pad=1 | relu | reshape 64x16x8 | conv2d out=8 kernel=3 pad=1 | relu | conv2d " \
    "out=8 kernel=3 pad=1 | tanh | reshape 32x32x8\nlatent none\ndecoder conv2d out=16 kernel=3 pad=1 | relu | residual { "      \
    "reshape 16x32x32 | conv2d out=32 kernel=3 pad=1 | reshape 32x32x16 } | conv2d out=8 kernel=3 pad=1\nlikelihood gaussian\n"

static const char *const models[] = {KL, TINY, VQ, RESHAPED};
#define MODELS ((int)(sizeof(models) / sizeof(models[0])))

enum { BUDGETS = 40, CALLED = 8 /* examples of a call that is long enough to be cancelled in its middle */ };

static vae_session_config_t config_of(int64_t max_batch, uint64_t budget) {
    return (vae_session_config_t){.struct_size = sizeof(vae_session_config_t), .max_batch = max_batch, .memory_budget = budget};
}

/* The least budget, as the refusal tells it. */
static uint64_t least_of(const vae_model_t *m, int64_t max_batch) {
    const vae_session_config_t config = config_of(max_batch, 1);
    vae_session_t *s;
    unsigned long long least = 0;
    ck_assert_fails(vae_session_create_sized(&s, m, &config), VAE_E_LIMIT);
    const char *const at = strstr(vae_last_error(), " takes ");
    ck_assert_msg(at && sscanf(at, " takes %llu at least", &least) == 1, "%s", vae_last_error());
    return least;
}

typedef struct results {
    int64_t n, S, D;
    float *x, *z, *logvar, *y, *again;
} results;

static results results_of(const vae_model_t *m, int64_t n) {
    results r = {.n = n, .S = vae_model_input_size(m), .D = vae_model_latent_size(m)};
    r.x = filled(n * r.S, 1);
    r.z = filled(n * r.D, 2);
    r.logvar = filled(n * r.D, 3);
    r.y = filled(n * r.S, 4);
    r.again = filled(n * r.S, 5);
    return r;
}

static void free_results(results *r) {
    free(r->x), free(r->z), free(r->logvar), free(r->y), free(r->again);
}

static void run(vae_session_t *s, results *r) {
    ck_assert_ok(vae_encode(s, r->n, r->x, r->z, r->logvar));
    ck_assert_ok(vae_decode(s, r->n, r->z, r->y));
    ck_assert_ok(vae_reconstruct(s, r->n, r->x, r->again));
}

static void check_same(const results *a, const results *b, uint64_t budget) {
    const struct {
        const char *name;
        const float *a, *b;
        int64_t size;
    } all[] = {{"z", a->z, b->z, a->D},
               {"logvar", a->logvar, b->logvar, a->D},
               {"y", a->y, b->y, a->S},
               {"reconstruction", a->again, b->again, a->S}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        ck_assert_msg(memcmp(all[i].a, all[i].b, (size_t)(a->n * all[i].size) * sizeof(float)) == 0, "%s differs under a budget of %llu",
                      all[i].name, (unsigned long long)budget);
}

START_TEST(test_every_budget_gives_the_same_bytes) {
    const int32_t threads = 1 + _i % 2;
    const int64_t n = 1 + _i / (2 * MODELS);
    test_heap heap = {0};
    vae_ctx_t *const ctx = test_ctx(&heap, threads, VAE_ISA_AUTO);
    vae_model_t *m;
    vae_session_t *s;
    uint64_t unbounded, bytes;
    ck_assert_ok(vae_model_create(&m, ctx, models[_i / 2 % MODELS], 3));
    results plain = results_of(m, n), banded = results_of(m, n);
    ck_assert_ok(vae_session_create(&s, m, n));
    run(s, &plain);
    vae_session_destroy(s);
    ck_assert_ok(vae_session_bytes(m, n, &unbounded));
    const uint64_t least = least_of(m, n);
    ck_assert_msg(least < unbounded * 95 / 100, "least %llu of %llu bytes", (unsigned long long)least, (unsigned long long)unbounded);
    for (uint64_t i = 0; i < BUDGETS; i++) {
        const uint64_t budget = least + (unbounded - least) * i / (BUDGETS - 1);
        const vae_session_config_t config = config_of(n, budget);
        ck_assert_ok(vae_session_bytes_sized(m, &config, &bytes));
        ck_assert_uint_le(bytes, budget);
        const uint64_t before = vae_ctx_bytes_in_use(ctx);
        ck_assert_ok(vae_session_create_sized(&s, m, &config));
        ck_assert_uint_ge(vae_ctx_bytes_in_use(ctx), before + bytes);
        const int64_t calls = heap.calls;
        memset(banded.y, 0, (size_t)(n * banded.S) * sizeof(float));
        run(s, &banded);
        ck_assert_int_eq(heap.calls, calls); /* the block is all that a call uses */
        check_same(&plain, &banded, budget);
        vae_session_destroy(s);
    }
#ifndef VAEI_DEBUG /* a debug build also counts red zones, so that another choice of bands may take less than the least scratch does */
    const vae_session_config_t below = config_of(n, least - 1);
    ck_assert_fails(vae_session_create_sized(&s, m, &below), VAE_E_LIMIT);
#endif
    free_results(&plain), free_results(&banded);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(heap.live, 0);
}
END_TEST

/* Layers that can't be run in bands, and inputs that are no image: the session without a bound is the least there is. */
START_TEST(test_models_without_bands_tell_what_they_take) {
    static const char *const none[] = {SPEC_DENSE,
                                       "input 6\nencoder linear out=3\nlatent gaussian dim=2\ndecoder linear out=6\nlikelihood gaussian\n"};
    vae_model_t *m;
    vae_session_t *s;
    uint64_t bytes;
    ck_assert_ok(vae_model_create(&m, NULL, none[_i], 1));
    ck_assert_ok(vae_session_bytes(m, 2, &bytes));
    ck_assert_uint_eq(least_of(m, 2), bytes);
    const vae_session_config_t config = config_of(2, bytes);
    ck_assert_ok(vae_session_create_sized(&s, m, &config));
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_a_budget_and_a_size_go_together) {
    vae_model_t *m;
    vae_session_t *s[2];
    uint64_t bytes;
    ck_assert_ok(vae_model_create(&m, NULL, models[_i], 3));
    vae_session_config_t config = config_of(1, 0);
    config.height = 96;
    config.width = 24;
    ck_assert_ok(vae_session_create_sized(&s[0], m, &config));
    ck_assert_ok(vae_session_bytes_sized(m, &config, &bytes));
    config.memory_budget = bytes * 9 / 10;
    ck_assert_ok(vae_session_create_sized(&s[1], m, &config));
    results plain = results_of(vae_session_model(s[0]), 1), banded = results_of(vae_session_model(s[1]), 1);
    run(s[0], &plain);
    run(s[1], &banded);
    check_same(&plain, &banded, config.memory_budget);
    free_results(&plain), free_results(&banded);
    vae_session_destroy(s[0]), vae_session_destroy(s[1]);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_an_allocation_that_fails_leaves_nothing) {
    test_heap heap = {0};
    vae_ctx_t *const ctx = test_ctx(&heap, 1, VAE_ISA_AUTO);
    vae_model_t *m;
    vae_session_t *s = NULL;
    ck_assert_ok(vae_model_create(&m, ctx, TINY, 1));
    const vae_session_config_t config = config_of(1, least_of(m, 1));
    const int64_t live = heap.live;
    vae_status_t status;
    do {
        heap.calls = 0;
        heap.fail_at++;
        status = vae_session_create_sized(&s, m, &config);
        ck_assert(status == VAE_OK || (status == VAE_E_NOMEM && !s && heap.live == live));
    } while (status != VAE_OK);
    vae_session_destroy(s);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(heap.live, 0);
}
END_TEST

typedef struct canceller {
    vae_session_t *session;
    int64_t after; /* nanoseconds */
} canceller;

static void *cancel(void *arg) {
    const canceller *const c = arg;
    const struct timespec t = {0, c->after};
    (void)nanosleep(&t, NULL);
    vae_session_cancel(c->session);
    return NULL;
}

/* A call is given up in the middle of its bands, and made again it gives the bytes that it would have given. */
START_TEST(test_a_call_is_cancelled_between_bands) {
    vae_model_t *m;
    vae_session_t *s;
    int32_t cancelled = 0;
    ck_assert_ok(vae_model_create(&m, NULL, models[_i], 3));
    const vae_session_config_t config = config_of(1, least_of(m, 1));
    results plain = results_of(m, CALLED), banded = results_of(m, CALLED);
    ck_assert_ok(vae_session_create(&s, m, 1));
    run(s, &plain);
    vae_session_destroy(s);
    ck_assert_ok(vae_session_create_sized(&s, m, &config));
    vae_session_cancel(s);
    ck_assert_fails(vae_reconstruct(s, CALLED, plain.x, banded.again), VAE_E_CANCELLED);
    for (int64_t after = 1000; after < 20000000; after += after / 4) {
        canceller c = {s, after};
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel, &c), 0);
        const vae_status_t status = vae_reconstruct(s, CALLED, plain.x, banded.again);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        cancelled += status == VAE_E_CANCELLED;
        ck_assert(status == VAE_OK || status == VAE_E_CANCELLED);
        if (status == VAE_OK) (void)vae_reconstruct(s, CALLED, plain.x, banded.again); /* takes what came too late */
    }
    ck_assert_int_gt(cancelled, 0);
    run(s, &banded);
    check_same(&plain, &banded, config.memory_budget);
    free_results(&plain), free_results(&banded);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_bands(void);
Suite *suite_bands(void) {
    Suite *s = suite_create("bands");
    TCase *t = tcase_create("budgets");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_every_budget_gives_the_same_bytes, 0, 4 * MODELS);
    tcase_add_loop_test(t, test_models_without_bands_tell_what_they_take, 0, 2);
    tcase_add_loop_test(t, test_a_budget_and_a_size_go_together, 0, MODELS - 1); /* RESHAPED binds its size */
    tcase_add_test(t, test_an_allocation_that_fails_leaves_nothing);
    tcase_add_loop_test(t, test_a_call_is_cancelled_between_bands, 0, MODELS - 1);
    suite_add_tcase(s, t);
    return s;
}
