/* SPDX-License-Identifier: MIT
 * check_sized.c - tests a model for pictures of another size: its sessions give the bytes of a model whose text has that size. If the
 * parameters depend on the size, a sentence names the layer. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>

#define CONV                                                                                                         \
    "input 32x32x3\n"                                                                                                \
    "encoder conv2d out=8 kernel=3 pad=1 | repeat n=3 { groupnorm groups=2 | silu | conv2d out=8 kernel=3 stride=2 " \
    "pad=0x1x0x1 } | residual { groupnorm groups=4 | attention heads=2 } | conv2d out=4 kernel=1\n"                  \
    "latent gaussian dim=2 map=true\n"                                                                               \
    "decoder conv2d out=16 kernel=3 pad=1 | repeat n=3 { residual { groupnorm groups=2 | silu | conv2d out=16 "      \
    "kernel=3 pad=1 } | upsample factor=2 | conv2d out=16 kernel=3 pad=1 } | groupnorm groups=2 | silu | conv2d "    \
    "out=3 kernel=3 pad=1\n"                                                                                         \
    "likelihood gaussian sigma=learned\n"
#define VQ                                                                                    \
    "input 16x16x1\nencoder conv2d out=4 kernel=4 stride=4 | relu\nlatent vq codes=8 dim=3\n" \
    "decoder deconv2d out=1 kernel=4 stride=4\nlikelihood gaussian\n"

/* The model of this text with another input, and the parameters of `from`. */
static vae_model_t *built_at(vae_ctx_t *ctx, const char *text, int64_t h, int64_t w, const vae_model_t *from) {
    char sized[2048];
    int64_t shape[4], count;
    vae_model_t *m;
    ck_assert_int_eq(vae_model_input_shape(from, shape), 3);
    (void)snprintf(sized, sizeof(sized), "input %lldx%lldx%lld%s", (long long)h, (long long)w, (long long)shape[2], strchr(text, '\n'));
    ck_assert_ok(vae_model_create(&m, ctx, sized, 99));
    float *const all = all_params(from, &count), *at = all;
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *t;
        int64_t size = 1;
        ck_assert_ok(vae_model_param(m, i, &t, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
        ck_assert_ok(vae_model_set_param(m, i, at, size));
        at += size;
    }
    ck_assert_int_eq(at - all, count);
    free(all);
    return m;
}

static vae_session_config_t config_of(int64_t h, int64_t w) {
    return (vae_session_config_t){.struct_size = sizeof(vae_session_config_t), .max_batch = 2, .height = h, .width = w};
}

/* Everything that a session computes is equal, for n examples. */
static void check_equal(vae_session_t *a, vae_session_t *b, const vae_model_t *m, int64_t n) {
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m), C = vae_model_codes_per_example(m);
    float *const x = filled(n * S, 3), *const y[2] = {filled(n * S, 4), filled(n * S, 5)};
    float *const z[2] = {filled(n * D, 6), filled(n * D, 7)}, *const v[2] = {filled(n * D, 8), filled(n * D, 9)};
    double elbo[2][3];
    vae_session_t *const s[2] = {a, b};
    for (int32_t i = 0; i < 2; i++) {
        ck_assert_ok(vae_encode(s[i], n, x, z[i], v[i]));
        ck_assert_ok(vae_decode(s[i], n, z[i], y[i]));
    }
    ck_assert_mem_eq(z[0], z[1], (size_t)(n * D) * sizeof(float));
    ck_assert_mem_eq(v[0], v[1], (size_t)(n * D) * sizeof(float));
    ck_assert_mem_eq(y[0], y[1], (size_t)(n * S) * sizeof(float));
    for (int32_t i = 0; i < 2; i++) {
        ck_assert_ok(vae_session_seed(s[i], 5));
        ck_assert_ok(vae_reconstruct(s[i], n, x, y[i]));
        ck_assert_ok(vae_elbo(s[i], n, x, 1, NULL, elbo[i], NULL, NULL));
    }
    ck_assert_mem_eq(y[0], y[1], (size_t)(n * S) * sizeof(float));
    ck_assert_mem_eq(elbo[0], elbo[1], (size_t)n * sizeof(double));
    if (C > 0) {
        int32_t *const codes[2] = {malloc((size_t)(n * C) * sizeof(int32_t)), malloc((size_t)(n * C) * sizeof(int32_t))};
        for (int32_t i = 0; i < 2; i++) {
            ck_assert_ok(vae_encode_codes(s[i], n, x, codes[i]));
            ck_assert_ok(vae_decode_codes(s[i], n, codes[i], y[i]));
        }
        ck_assert_mem_eq(codes[0], codes[1], (size_t)(n * C) * sizeof(int32_t));
        ck_assert_mem_eq(y[0], y[1], (size_t)(n * S) * sizeof(float));
        free(codes[0]), free(codes[1]);
    }
    for (int32_t i = 0; i < 2; i++) free(y[i]), free(z[i]), free(v[i]);
    free(x);
}

static const struct {
    const char *text;
    int64_t h, w;
} sizes[] = {
    {CONV, 16, 16}, {CONV, 32, 32}, {CONV, 48, 48}, {CONV, 24, 40}, {CONV, 40, 24},
    {CONV, 8, 56},  {CONV, 120, 8}, {VQ, 4, 4},     {VQ, 12, 20},   {VQ, 28, 8},
};

START_TEST(test_a_session_of_another_size_equals_the_model_of_that_size) {
    vae_ctx_t *const ctx = test_ctx(NULL, 1 + _i % 2, VAE_ISA_AUTO);
    const int64_t h = sizes[_i].h, w = sizes[_i].w;
    const vae_session_config_t config = config_of(h, w);
    vae_model_t *m;
    vae_session_t *sized, *plain;
    uint64_t bytes[2];
    int64_t shape[4];
    ck_assert_ok(vae_model_create(&m, ctx, sizes[_i].text, 7));
    vae_model_t *const other = built_at(ctx, sizes[_i].text, h, w, m);
    ck_assert_ok(vae_session_create_sized(&sized, m, &config));
    ck_assert_ok(vae_session_create(&plain, other, 2));
    ck_assert_int_eq(vae_model_input_shape(vae_session_model(sized), shape), 3);
    ck_assert_int_eq(shape[0], h);
    ck_assert_int_eq(shape[1], w);
    check_equal(sized, plain, other, 3);
    ck_assert_ok(vae_session_bytes_sized(m, &config, &bytes[0]));
    ck_assert_ok(vae_session_bytes(other, 2, &bytes[1]));
    ck_assert_uint_eq(bytes[0], bytes[1]);
    vae_session_destroy(plain);
    vae_model_destroy(other);
    vae_model_destroy(m); /* the session keeps it alive */
    ck_assert_ok(vae_session_seed(sized, 1));
    vae_session_destroy(sized);
    vae_ctx_destroy(ctx);
}
END_TEST

/* What vae_model_save_memory() writes. */
static char *bytes_of(const vae_model_t *m, size_t *size) {
    ck_assert_ok(vae_model_save_memory(m, NULL, 0, size));
    char *const data = malloc(*size);
    ck_assert_ok(vae_model_save_memory(m, data, *size, NULL));
    return data;
}

START_TEST(test_a_model_made_another_size_is_saved_and_loaded_at_that_size) {
    vae_model_t *m, *loaded;
    vae_session_t *s[2];
    size_t size, again;
    ck_assert_ok(vae_model_create(&m, NULL, CONV, 7));
    vae_model_t *const other = built_at(NULL, CONV, 24, 40, m);
    const vae_session_config_t config = config_of(24, 40);
    ck_assert_ok(vae_session_create_sized(&s[0], m, &config));
    char *const of_session = bytes_of(vae_session_model(s[0]), &size);
    vae_session_destroy(s[0]);
    ck_assert_ok(vae_model_set_input_size(m, 24, 40));
    char *const of_model = bytes_of(m, &again), *const wanted = bytes_of(other, &size);
    ck_assert_uint_eq(size, again);
    ck_assert_mem_eq(of_model, wanted, size);
    ck_assert_mem_eq(of_session, wanted, size);
    ck_assert_ok(vae_model_load_memory(&loaded, NULL, of_model, size));
    ck_assert_ok(vae_session_create(&s[0], m, 2));
    ck_assert_ok(vae_session_create(&s[1], loaded, 2));
    check_equal(s[0], s[1], m, 2);
    vae_session_destroy(s[0]), vae_session_destroy(s[1]);
    ck_assert_ok(vae_model_set_input_size(m, 32, 32)); /* and back, to train */
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    float *const x = filled(2 * vae_model_input_size(m), 1);
    ck_assert_ok(vae_trainer_create(&t, m, TRAINING, 2));
    ck_assert_ok(vae_trainer_step(t, 2, x, &metrics));
    ck_assert_fails(vae_model_set_input_size(m, 24, 40), VAE_E_STATE);
    vae_trainer_destroy(t);
    ck_assert_ok(vae_model_set_input_size(m, 24, 40));
    free(x), free(of_session), free(of_model), free(wanted);
    vae_model_destroy(loaded), vae_model_destroy(other), vae_model_destroy(m);
}
END_TEST

START_TEST(test_a_session_of_another_size_sees_new_parameters) {
    vae_model_t *m;
    vae_session_t *s[2];
    const vae_session_config_t config = config_of(8, 16);
    float weight[16 * 4 * 4], x[2 * 8 * 16], y[2][8 * 16];
    ck_assert_ok(vae_model_create(&m, NULL, VQ, 7));
    ck_assert_ok(vae_session_create_sized(&s[0], m, &config));
    fill(x, 8 * 16, 1);
    ck_assert_ok(vae_reconstruct(s[0], 1, x, y[0]));
    fill(weight, 64, 2);
    ck_assert_ok(vae_model_set_param(m, 0, weight, 64));
    ck_assert_ok(vae_reconstruct(s[0], 1, x, y[0]));
    vae_model_t *const other = built_at(NULL, VQ, 8, 16, m);
    ck_assert_ok(vae_session_create(&s[1], other, 2));
    ck_assert_ok(vae_reconstruct(s[1], 1, x, y[1]));
    ck_assert_mem_eq(y[0], y[1], sizeof(y[0]));
    vae_session_destroy(s[0]), vae_session_destroy(s[1]);
    vae_model_destroy(other), vae_model_destroy(m);
}
END_TEST

/* ---- refused ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text;
    int64_t h, w;
    vae_status_t status;
    const char *says;
} refused[] = {
    {"input 8x8x1\nencoder conv2d out=2 kernel=2 stride=2 | flatten | linear out=3\nlatent gaussian dim=2\ndecoder linear out=64 | reshape "
     "8x8x1\nlikelihood gaussian\n",
     16, 16, VAE_E_UNSUPPORTED,
     "size 16x16: encoder.2.weight would be 3x128 and is 3x32: linear has parameters for each place of a picture of 8x8x1"},
    {"input 8x8x1\nencoder conv2d out=2 kernel=1\nlatent gaussian dim=2 map=true\ndecoder conv2d out=1 kernel=1\nlikelihood "
     "gaussian\nprior gmm components=2\n",
     8, 12, VAE_E_UNSUPPORTED, "size 8x12: prior."},
    {"input 8x8x1\nencoder flatten | linear out=6\nlatent gaussian dim=2\ndecoder linear out=8 | reshape 1x1x8 | upsample factor=8 | "
     "conv2d out=1 kernel=1\n"
     "likelihood gaussian\n",
     16, 8, VAE_E_UNSUPPORTED, "size 16x8: encoder.1.weight would be"},
    {CONV, 20, 32, VAE_E_SHAPE, "size 20x32: wanted multiples of 8x8: decoder: gives 16x32x3, the input is 20x32x3"},
    {CONV, 0, 32, VAE_E_ARG, "0x32"},
    {CONV, 32, -1, VAE_E_ARG, "32x-1"},
    {CONV, 32, INT64_MAX, VAE_E_ARG, "65536"},
    {VQ "prior transformer channels=8 layers=1 heads=1\n", 8, 8, VAE_E_UNSUPPORTED, "prior."},
    {"input 6\nencoder linear out=3\nlatent gaussian dim=2\ndecoder linear out=6\nlikelihood gaussian\n", 8, 8, VAE_E_UNSUPPORTED,
     "only an image"},
};

START_TEST(test_a_size_that_binds_is_refused_with_the_layer) {
    test_heap heap = {0};
    vae_ctx_t *const ctx = test_ctx(&heap, 1, VAE_ISA_AUTO);
    vae_model_t *m;
    char before[2048], after[2048];
    ck_assert_ok(vae_model_create(&m, ctx, refused[_i].text, 1));
    ck_assert_ok(vae_model_spec(m, before, sizeof(before), NULL));
    const int64_t live = heap.live;
    const vae_session_config_t config = config_of(refused[_i].h, refused[_i].w);
    vae_session_t *s = (vae_session_t *)(void *)m;
    uint64_t bytes = 7;
    ck_assert_fails(vae_session_create_sized(&s, m, &config), refused[_i].status);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(vae_last_error(), refused[_i].says), "'%s' in '%s'", refused[_i].says, vae_last_error());
    ck_assert_fails(vae_session_bytes_sized(m, &config, &bytes), refused[_i].status);
    ck_assert_uint_eq(bytes, 7);
    ck_assert_fails(vae_model_set_input_size(m, refused[_i].h, refused[_i].w), refused[_i].status);
    ck_assert_int_eq(heap.live, live);
    ck_assert_ok(vae_model_spec(m, after, sizeof(after), NULL));
    ck_assert_str_eq(before, after);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(heap.live, 0);
}
END_TEST

START_TEST(test_an_allocation_that_fails_changes_nothing) {
    test_heap heap = {0};
    vae_ctx_t *const ctx = test_ctx(&heap, 1, VAE_ISA_AUTO);
    const vae_session_config_t config = config_of(24, 8);
    vae_model_t *m;
    vae_session_t *s = NULL;
    ck_assert_ok(vae_model_create(&m, ctx, CONV, 1));
    const int64_t live = heap.live;
    vae_status_t status;
    do {
        heap.calls = 0;
        heap.fail_at++;
        status = vae_session_create_sized(&s, m, &config);
        ck_assert(status == VAE_OK || (status == VAE_E_NOMEM && !s && heap.live == live));
    } while (status != VAE_OK);
    ck_assert_int_gt(heap.fail_at, 2);
    vae_session_destroy(s);
    heap.fail_at = 0;
    do {
        heap.calls = 0;
        heap.fail_at++;
        status = vae_model_set_input_size(m, 24, 8);
        int64_t shape[4];
        ck_assert_int_eq(vae_model_input_shape(m, shape), 3);
        ck_assert_int_eq(shape[0], status == VAE_OK ? 24 : 32);
    } while (status == VAE_E_NOMEM);
    ck_assert_ok(status);
    heap.fail_at = 0;
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(heap.live, 0);
}
END_TEST

/* ---- side by side -------------------------------------------------------------------------------------------------- */

typedef struct worker {
    const vae_model_t *model;
    int64_t h, w;
    float first[48 * 48 * 3], y[48 * 48 * 3];
    int32_t failed;
} worker;

static void *work(void *arg) {
    worker *const k = arg;
    const vae_session_config_t config = config_of(k->h, k->w);
    const size_t bytes = (size_t)(k->h * k->w * 3) * sizeof(float);
    float *const x = malloc(bytes);
    fill(x, k->h * k->w * 3, 5);
    for (int32_t i = 0; i < 20 && !k->failed; i++) {
        vae_session_t *s;
        k->failed = vae_session_create_sized(&s, k->model, &config) != VAE_OK || vae_reconstruct(s, 1, x, k->y) != VAE_OK;
        vae_session_destroy(s);
        if (i == 0) memcpy(k->first, k->y, bytes);
        k->failed |= memcmp(k->first, k->y, bytes) != 0;
    }
    free(x);
    return NULL;
}

START_TEST(test_threads_use_one_model_at_sizes_of_their_own) {
    static worker all[3] = {{.h = 16, .w = 24}, {.h = 48, .w = 8}, {.h = 24, .w = 24}};
    pthread_t thread[3];
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, NULL, CONV, 7));
    for (int32_t i = 0; i < 3; i++) {
        all[i].model = m;
        ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &all[i]), 0);
    }
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
        ck_assert_int_eq(all[i].failed, 0);
    }
    vae_model_destroy(m);
}
END_TEST

Suite *suite_sized(void);
Suite *suite_sized(void) {
    Suite *s = suite_create("sized");
    TCase *t = tcase_create("sizes");
    tcase_add_loop_test(t, test_a_session_of_another_size_equals_the_model_of_that_size, 0, (int)(sizeof(sizes) / sizeof(sizes[0])));
    tcase_add_test(t, test_a_model_made_another_size_is_saved_and_loaded_at_that_size);
    tcase_add_test(t, test_a_session_of_another_size_sees_new_parameters);
    tcase_add_loop_test(t, test_a_size_that_binds_is_refused_with_the_layer, 0, (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(t, test_an_allocation_that_fails_changes_nothing);
    tcase_add_test(t, test_threads_use_one_model_at_sizes_of_their_own);
    suite_add_tcase(s, t);
    return s;
}
