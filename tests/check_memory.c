/* SPDX-License-Identifier: MIT
 * check_memory.c - tests memory: every allocation fails, once or from then on; no leak; no allocation while a model runs; exact plans. */
#include "guarded.h"

#include "support.h"

#include <stdio.h>
#include <unistd.h>

static const char *const specs[] = {SPEC_DENSE, SPEC_CONV, SPEC_VQ};
#define SPECS 3

/* A whole life: context, model, trainer with three steps, files, session. Stops at the first failure, cleaning up. */
static vae_status_t live(test_heap *h, const char *spec, const char *path) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx = NULL;
    vae_model_t *model = NULL, *loaded = NULL;
    vae_trainer_t *trainer = NULL;
    vae_session_t *session = NULL;
    vae_tensor_t *tensor = NULL;
    float x[4 * 128], z[4 * 8], y[4 * 128];
    const int64_t shape[] = {2, 3};
    fill(x, 4 * 128, 1);
    fill(z, 4 * 8, 2);
    vae_ctx_config_init(&config, sizeof(config));
    config.user = h;
    config.alloc = test_alloc;
    config.free = test_free;
    config.threads = 2;
    vae_status_t s = vae_ctx_create(&ctx, &config);
    if (s == VAE_OK) s = vae_tensor_create(&tensor, ctx, VAE_F32, 2, shape);
    if (s == VAE_OK) s = vae_model_create(&model, ctx, spec, 1);
    if (s == VAE_OK) s = vae_trainer_create(&trainer, model, TRAINING, 4);
    for (int i = 0; s == VAE_OK && i < 3; i++) s = vae_trainer_step(trainer, 4, x, NULL);
    if (s == VAE_OK) s = vae_trainer_save(trainer, path);
    if (s == VAE_OK) s = vae_trainer_load(trainer, path);
    if (s == VAE_OK) s = vae_model_save(model, path);
    if (s == VAE_OK) s = vae_model_load_weights(model, path);
    if (s == VAE_OK) s = vae_model_load(&loaded, ctx, path);
    if (s == VAE_OK) s = vae_session_create(&session, loaded, 4);
    if (s == VAE_OK) s = vae_decode(session, 4, z, y);
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(loaded);
    vae_model_destroy(model);
    vae_tensor_destroy(tensor);
    vae_ctx_destroy(ctx);
    return s;
}

static void fail_each_allocation(const char *spec, int32_t for_ever) {
    char path[64];
    test_heap h = {0};
    snprintf(path, sizeof(path), "/tmp/vae-memory-%ld.safetensors", (long)getpid());
    ck_assert_ok(live(&h, spec, path));
    const int64_t calls = h.calls;
    ck_assert_int_gt(calls, 20);
    for (int64_t at = 1; at <= calls; at++) {
        h = (test_heap){.fail_at = at, .for_ever = for_ever};
        ck_assert_fails(live(&h, spec, path), VAE_E_NOMEM);
        ck_assert_msg(h.live == 0 && h.bytes == 0, "allocation %d: %d blocks left", (int)at, (int)h.live);
    }
    h = (test_heap){0};
    ck_assert_ok(live(&h, spec, path)); /* and a retry works */
    ck_assert_int_eq(h.live, 0);
    unlink(path);
}

START_TEST(test_each_allocation_fails_once) {
    fail_each_allocation(specs[_i], 0);
}
END_TEST

START_TEST(test_each_allocation_fails_for_ever) {
    fail_each_allocation(specs[_i], 1);
}
END_TEST

START_TEST(test_a_failed_allocation_leaves_the_parents_usable) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
    vae_model_t *model;
    vae_session_t *session;
    vae_trainer_t *trainer;
    float z[3] = {0.1f, 0.2f, 0.3f}, x[16];
    ck_assert_ok(vae_model_create(&model, ctx, SPEC_DENSE, 0));
    h.fail_at = h.calls + 1;
    ck_assert_fails(vae_session_create(&session, model, 2), VAE_E_NOMEM);
    ck_assert_ptr_null(session);
    h.fail_at = h.calls + 1;
    ck_assert_fails(vae_trainer_create(&trainer, model, NULL, 2), VAE_E_NOMEM);
    ck_assert_ptr_null(trainer);
    ck_assert_ok(vae_trainer_create(&trainer, model, NULL, 2));
    ck_assert_ok(vae_session_create(&session, model, 2));
    ck_assert_ok(vae_decode(session, 1, z, x));
    vae_session_destroy(session);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
}
END_TEST

START_TEST(test_decoding_and_training_allocate_nothing) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 2, VAE_ISA_AUTO);
    vae_model_t *model;
    vae_session_t *session;
    vae_trainer_t *trainer;
    ck_assert_ok(vae_model_create(&model, ctx, specs[_i], 0));
    const int64_t S = vae_model_input_size(model), D = vae_model_latent_size(model);
    float *x = filled(8 * S, 1), *z = filled(8 * D, 2), *y = filled(8 * S, 3), *lv = filled(8 * D, 4);
    double elbo[8];
    ck_assert_ok(vae_session_create(&session, model, 4));
    ck_assert_ok(vae_trainer_create(&trainer, model, TRAINING, 8));
    const int64_t calls = h.calls;
    for (int i = 0; i < 1000; i++) ck_assert_ok(vae_decode(session, 1 + i % 8, z, y));
    for (int i = 0; i < 100; i++) ck_assert_ok(vae_trainer_step(trainer, 2 + i % 7, x, NULL));
    for (int i = 0; i < 20; i++) {
        ck_assert_ok(vae_encode(session, 8, x, z, lv));
        ck_assert_ok(vae_reconstruct(session, 8, x, y));
        ck_assert_ok(vae_sample(session, 8, NULL, y));
        ck_assert_ok(vae_elbo(session, 8, x, 3, NULL, elbo, NULL, NULL));
        vae_encode(session, -1, x, z, lv);
    }
    ck_assert_int_eq(h.calls, calls);
    vae_trainer_destroy(trainer);
    vae_session_destroy(session);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
    free(x), free(z), free(y), free(lv);
}
END_TEST

/* What is taken at once, from nothing to its end, is what was told: a host that sets a limit can count on it. */
static void told_is_taken(test_heap *h, vae_model_t *model, const char *training, int64_t batch) {
    vae_session_t *session;
    vae_trainer_t *trainer;
    uint64_t bytes;
    float *const x = filled(batch * vae_model_input_size(model), 1);
    ck_assert_ok(vae_session_bytes(model, batch, &bytes));
    int64_t before = h->peak = h->bytes, calls = h->calls;
    ck_assert_ok(vae_session_create(&session, model, batch));
    ck_assert_ok(vae_reconstruct(session, batch, x, x));
    ck_assert_int_eq(h->peak - before, (int64_t)bytes);
    ck_assert_int_eq(h->calls - calls, 1);
    vae_session_destroy(session);
    ck_assert_ok(vae_trainer_bytes(model, training, batch, &bytes));
    before = h->peak = h->bytes;
    ck_assert_ok(vae_trainer_create(&trainer, model, training, batch));
    (void)vae_trainer_step(trainer, batch, x, NULL);
    ck_assert_int_eq(h->bytes - before, (int64_t)bytes);
    ck_assert_int_eq(h->peak - before, (int64_t)bytes);
    vae_trainer_destroy(trainer);
    free(x);
}

START_TEST(test_bytes_are_told_before_they_are_taken) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
    vae_model_t *model;
    ck_assert_ok(vae_model_create(&model, ctx, specs[_i], 0));
    for (int64_t batch = 1; batch <= 64; batch *= 4) told_is_taken(&h, model, TRAINING, batch);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
}
END_TEST

/* Hundreds of parameters, and a text of more than one chunk of an arena. */
START_TEST(test_bytes_of_many_parameters_and_a_long_text_are_told) {
    static const char spec[] = "input 4x4x1\nencoder conv2d out=2 kernel=2 stride=2\nlatent vq codes=4\n"
                               "decoder deconv2d out=1 kernel=2 stride=2\nlikelihood gaussian\n"
                               "prior transformer layers=35 channels=4 heads=2\n";
    static const char training[] = "objective prior\noptimizer adam lr=0.01\n";
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
    vae_model_t *model;
    char text[40000];
    memset(text, '\n', sizeof(text));
    memcpy(text + sizeof(text) - sizeof(training), training, sizeof(training));
    ck_assert_ok(vae_model_create(&model, ctx, spec, 0));
    told_is_taken(&h, model, training, 3);
    told_is_taken(&h, model, text, 3);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_the_memory_limit_is_never_passed) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    vae_model_t *model, *huge;
    vae_session_t *session;
    ck_assert_ok(vae_ctx_config_init(&config, sizeof(config)));
    config.mem_limit = 1 << 20;
    ck_assert_ok(vae_ctx_create(&ctx, &config));
    ck_assert_ok(vae_model_create(&model, ctx, SPEC_CONV, 0));
    ck_assert_fails(vae_session_create(&session, model, 100000), VAE_E_NOMEM);
    ck_assert_uint_le(vae_ctx_bytes_in_use(ctx), 1 << 20);
    ck_assert_ok(vae_session_create(&session, model, 1));
    ck_assert_fails(vae_model_create(&huge, ctx,
                                     "input 4096x4096x4\nencoder flatten\nlatent gaussian dim=64\n"
                                     "decoder linear out=65536 | reshape 4096x4096x4\nlikelihood bernoulli\n",
                                     0),
                    VAE_E_SHAPE);
    vae_session_destroy(session);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_handles_may_be_destroyed_in_any_order) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 2, VAE_ISA_AUTO);
    vae_model_t *model;
    vae_session_t *session;
    vae_trainer_t *trainer;
    float z[5] = {0}, x[2 * 128];
    fill(x, 256, 1);
    ck_assert_ok(vae_model_create(&model, ctx, SPEC_CONV, 0));
    ck_assert_ok(vae_session_create(&session, model, 2));
    ck_assert_ok(vae_trainer_create(&trainer, model, NULL, 2));
    vae_ctx_destroy(ctx);
    vae_model_destroy(model);
    ck_assert_ok(vae_trainer_step(trainer, 2, x, NULL));
    vae_trainer_destroy(trainer);
    ck_assert_ok(vae_decode(session, 1, z, x));
    vae_session_destroy(session);
    ck_assert_int_eq(h.live, 0);
}
END_TEST

/* Hidden layers of other sizes than what is asked for, a few bytes of it: they may not stand where it does. */
START_TEST(test_nothing_is_written_behind_results) {
    static const char *const narrow[] = {"input 3\nencoder linear out=9 | relu\nlatent gaussian dim=1\ndecoder linear "
                                         "out=16 | relu | linear out=5 | tanh | linear out=3\nlikelihood gaussian\n",
                                         "input 2x1x3\nencoder conv2d out=4 kernel=1 | flatten\nlatent vq "
                                         "codes=4\ndecoder linear out=12 | tanh | linear out=6 | "
                                         "reshape 2x1x3\nlikelihood bernoulli\n"};
    vae_model_t *model;
    vae_session_t *s;
    ck_assert_ok(vae_model_create(&model, NULL, narrow[_i], 1));
    const int64_t S = vae_model_input_size(model), D = vae_model_latent_size(model);
    ck_assert_ok(vae_session_create(&s, model, 3));
    dice d = {5};
    for (int64_t n = 1; n <= 4; n++) {
        guarded x = guarded_floats(n * S), y = guarded_floats(n * S), z = guarded_floats(n * D), logvar = guarded_floats(n * D);
        dice_fill(&d, n * S, x.at);
        for (int64_t i = 0; i < n * S; i++) x.at[i] = fabsf(x.at[i]);
        ck_assert_ok(vae_encode(s, n, x.at, z.at, logvar.at));
        ck_assert_ok(vae_decode(s, n, z.at, y.at));
        ck_assert_ok(vae_reconstruct(s, n, x.at, y.at));
        ck_assert_ok(vae_sample(s, n, NULL, y.at));
        guarded_free(&x), guarded_free(&y), guarded_free(&z), guarded_free(&logvar);
    }
    vae_session_destroy(s);
    vae_model_destroy(model);
}
END_TEST

Suite *suite_memory(void);
Suite *suite_memory(void) {
    Suite *s = suite_create("memory");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_each_allocation_fails_once, 0, SPECS);
    tcase_add_loop_test(t, test_each_allocation_fails_for_ever, 0, SPECS);
    tcase_add_test(t, test_a_failed_allocation_leaves_the_parents_usable);
    tcase_add_loop_test(t, test_decoding_and_training_allocate_nothing, 0, SPECS);
    tcase_add_loop_test(t, test_bytes_are_told_before_they_are_taken, 0, SPECS);
    tcase_add_test(t, test_bytes_of_many_parameters_and_a_long_text_are_told);
    tcase_add_test(t, test_the_memory_limit_is_never_passed);
    tcase_add_loop_test(t, test_nothing_is_written_behind_results, 0, 2);
    tcase_add_test(t, test_handles_may_be_destroyed_in_any_order);
    suite_add_tcase(s, t);
    return s;
}
