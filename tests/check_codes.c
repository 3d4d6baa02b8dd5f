/* SPDX-License-Identifier: MIT
 * check_codes.c - tests models with codes by the public API: encoding and decoding of codes, packing, refusals, training, checkpoints. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Text before and after the latent: 8x8x1 images, codes at 4x4 positions of 6 channels. */
#define HEAD "input 8x8x1\nencoder conv2d out=6 kernel=4 stride=2 pad=1 | silu | conv2d out=6 kernel=1\n"
#define TAIL "\ndecoder conv2d out=8 kernel=3 pad=1 | silu | deconv2d out=1 kernel=4 stride=2 pad=1\nlikelihood gaussian value=0.5\n"
#define N    12
#define S    64

static const struct {
    const char *latent;
    int64_t codes, K;
} models[] = {
    {"latent vq codes=16", 16, 16},
    {"latent vq codes=10 dim=3 heads=2 learn=gradient gradient=rotation start=kmeans", 32, 10},
    {"latent vq codes=12 cosine=true revive=0.5 start=kmeans dim=4", 16, 12},
    {"latent vq codes=12 temperature=0.5 debias=false decode=raw", 16, 12},
    {"latent rvq codes=8 quantizers=3 start=kmeans revive=0.3", 48, 8},
    {"latent rvq codes=8 quantizers=3 start=kmeans revive=0.3 cosine=true", 48, 8},
    {"latent rvq codes=8 quantizers=2 shared=true dropout=true dim=4", 32, 8},
    {"latent rvq codes=8 quantizers=2 learn=gradient gradient_of=stages decode=raw", 32, 8},
    {"latent vq codes=9 learn=gradient orthogonal=0.5 diversity=0.1 dim=3", 16, 9},
    {"latent fsq levels=5x4x3 variant=vqp", 16, 60},
    {"latent fsq levels=2x3x2 variant=symmetric heads=2 decode=raw", 32, 12},
    {"latent lfq codes=64", 16, 64},
    {"latent gumbel codes=12 dim=6", 16, 12},
    {"latent simvq codes=9 heads=2 dim=3", 32, 9},
    {"latent lfq codes=16 heads=2 spherical=true commitment=0.25 inverse_temperature=10", 32, 16},
};
#define MODELS ((int)(sizeof(models) / sizeof(models[0])))

static vae_model_t *model_of(const char *latent, uint64_t seed) {
    char text[1024];
    vae_model_t *m;
    snprintf(text, sizeof(text), HEAD "%s" TAIL, latent);
    ck_assert_ok(vae_model_create(&m, NULL, text, seed));
    return m;
}

static vae_session_t *session_of(const vae_model_t *m, int64_t batch) {
    vae_session_t *s;
    ck_assert_ok(vae_session_create(&s, m, batch));
    return s;
}

static void train(vae_model_t *m, int steps, vae_metrics_t *metrics) {
    vae_trainer_t *t;
    float *x = filled(N * S, 1);
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.003", N));
    for (int i = 0; i < steps; i++) ck_assert_ok(vae_trainer_step(t, N, x, metrics));
    vae_trainer_destroy(t);
    free(x);
}

/* ---- codes -------------------------------------------------------------------------------------------------------- */

START_TEST(test_codes_decode_to_the_reconstruction) {
    vae_model_t *m = model_of(models[_i].latent, 3);
    train(m, 5, NULL);
    vae_session_t *s = session_of(m, 5);
    float *x = filled(N * S, 1), *y = filled(N * S, 2), *r = filled(N * S, 3), *z = filled(N * 96, 4);
    int32_t codes[N * 48];
    ck_assert_int_eq(vae_model_codes_per_example(m), models[_i].codes);
    ck_assert_int_eq(vae_model_codebook_size(m), models[_i].K);
    ck_assert_ok(vae_encode_codes(s, N, x, codes));
    for (int64_t i = 0; i < N * models[_i].codes; i++) ck_assert(codes[i] >= 0 && codes[i] < models[_i].K);
    ck_assert_ok(vae_decode_codes(s, N, codes, y));
    ck_assert_ok(vae_reconstruct(s, N, x, r));
    ck_assert_mem_eq(y, r, N * S * sizeof(float));
    ck_assert_ok(vae_encode(s, N, x, z, NULL)); /* before or after the codes, decoding takes what encoding gave */
    ck_assert_ok(vae_decode(s, N, z, y));
    ck_assert_mem_eq(y, r, N * S * sizeof(float));
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(y), free(r), free(z);
}
END_TEST

START_TEST(test_the_rate_is_the_codes_length) {
    vae_model_t *m = model_of(models[_i].latent, 3);
    vae_session_t *s = session_of(m, 5);
    float *x = filled(N * S, 1);
    double elbo[N], recon[N], rate[N], bound[N];
    const double wanted = (double)models[_i].codes * log((double)models[_i].K);
    ck_assert_ok(vae_elbo(s, N, x, 1, NULL, elbo, recon, rate));
    ck_assert_ok(vae_elbo(s, N, x, 3, NULL, bound, NULL, NULL));
    for (int i = 0; i < N; i++) {
        ck_assert_double_eq_tol(rate[i], wanted, 1e-4);
        ck_assert_double_eq_tol(elbo[i], -recon[i] - rate[i], 1e-9);
        ck_assert_double_eq_tol(bound[i], elbo[i], 1e-4); /* every sample is the same */
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_samples_are_decoded_even_codes) {
    vae_model_t *m = model_of("latent vq codes=16", 3);
    vae_session_t *s = session_of(m, 4), *u = session_of(m, 1);
    float *x = filled(N * S, 1), *y = filled(N * S, 2), *noise = filled(N * 96, 3);
    ck_assert_ok(vae_session_seed(s, 9));
    ck_assert_ok(vae_session_seed(u, 9));
    ck_assert_ok(vae_sample(s, N, NULL, x));
    ck_assert_ok(vae_sample(u, N, NULL, y));
    ck_assert_mem_eq(x, y, N * S * sizeof(float));
    ck_assert_ok(vae_sample(u, N, NULL, y));
    ck_assert(memcmp(x, y, N * S * sizeof(float)) != 0);
    ck_assert_fails(vae_sample(s, N, noise, x), VAE_E_UNSUPPORTED);
    vae_session_destroy(s), vae_session_destroy(u);
    vae_model_destroy(m);
    free(x), free(y), free(noise);
}
END_TEST

START_TEST(test_a_code_out_of_range_is_named) {
    vae_model_t *m = model_of("latent vq codes=16", 3), *plain = model_of("latent none", 3);
    vae_session_t *s = session_of(m, 4), *p = session_of(plain, 4);
    int32_t codes[2 * 16] = {0};
    float x[2 * S], before[2 * S];
    fill(x, 2 * S, 1);
    memcpy(before, x, sizeof(x));
    codes[16 + 5] = 16;
    ck_assert_fails(vae_decode_codes(s, 2, codes, x), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "codes[1][5]: 16"));
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "K=16"));
    codes[16 + 5] = -1;
    ck_assert_fails(vae_decode_codes(s, 2, codes, x), VAE_E_ARG);
    ck_assert_mem_eq(x, before, sizeof(x));
    codes[16 + 5] = 15;
    ck_assert_ok(vae_decode_codes(s, 2, codes, x));
    ck_assert_fails(vae_decode_codes(s, -1, codes, x), VAE_E_ARG);
    ck_assert_fails(vae_decode_codes(s, 2, NULL, x), VAE_E_ARG);
    ck_assert_fails(vae_encode_codes(s, 2, NULL, codes), VAE_E_ARG);
    x[3] = NAN;
    ck_assert_fails(vae_encode_codes(s, 2, x, codes), VAE_E_NUMERIC);
    ck_assert_fails(vae_encode_codes(p, 2, before, codes), VAE_E_UNSUPPORTED);
    ck_assert_int_eq(vae_model_codes_per_example(plain), 0);
    ck_assert_int_eq(vae_model_codebook_size(NULL), 0);
    vae_session_destroy(s), vae_session_destroy(p);
    vae_model_destroy(m), vae_model_destroy(plain);
}
END_TEST

START_TEST(test_a_residual_code_may_be_left_out) {
    vae_model_t *m = model_of("latent rvq codes=8 quantizers=2", 3);
    vae_session_t *s = session_of(m, 4);
    int32_t codes[32];
    float x[S], y[S];
    for (int i = 0; i < 32; i++) codes[i] = i % 8;
    ck_assert_ok(vae_decode_codes(s, 1, codes, x));
    for (int i = 1; i < 32; i += 2) codes[i] = -1;
    ck_assert_ok(vae_decode_codes(s, 1, codes, y));
    ck_assert(memcmp(x, y, sizeof(x)) != 0);
    codes[7] = -2;
    ck_assert_fails(vae_decode_codes(s, 1, codes, y), VAE_E_ARG);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_a_latent_that_cannot_be_is_refused) {
    static const struct {
        const char *latent, *word;
        vae_status_t status;
    } bad[] = {
        {"latent vq codes=1", "codes", VAE_E_SPEC},
        {"latent vq heads=4", "heads", VAE_E_SHAPE},
        {"latent vq cosine=true learn=gradient", "cosine", VAE_E_SPEC},
        {"latent vq decay=1", "decay", VAE_E_SPEC},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[1024];
        vae_model_t *m;
        snprintf(text, sizeof(text), HEAD "%s" TAIL, bad[i].latent);
        ck_assert_fails(vae_model_create(&m, NULL, text, 0), bad[i].status);
        ck_assert_msg(strstr(vae_last_error(), bad[i].word), "%s", vae_last_error());
    }
}
END_TEST

/* ---- packing ------------------------------------------------------------------------------------------------------ */

START_TEST(test_packed_codes_come_back) {
    static const int64_t sizes[] = {2, 3, 8, 10, 512, 1000, 65536, 65537, INT64_C(1) << 31};
    int32_t codes[67], back[67];
    uint8_t bytes[67 * 4 + 1];
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        const int64_t K = sizes[k];
        for (int i = 0; i < 67; i++) codes[i] = (int32_t)(((uint64_t)i * 2654435761u + 7) % (uint64_t)K);
        codes[66] = (int32_t)(K - 1);
        for (int64_t n = 0; n <= 67; n++) {
            const size_t size = vae_codes_packed_bytes(n, K);
            ck_assert_uint_eq(size, (size_t)(n * (int64_t)ceil(log2((double)K)) + 7) / 8);
            memset(bytes, 0xA5, sizeof(bytes));
            ck_assert_ok(vae_codes_pack(n, K, codes + 67 - n, bytes, size));
            ck_assert_uint_eq(bytes[size], 0xA5);
            ck_assert_ok(vae_codes_unpack(n, K, bytes, size, back));
            if (n > 0) ck_assert_mem_eq(back, codes + 67 - n, (size_t)n * sizeof(*back));
        }
    }
}
END_TEST

START_TEST(test_packed_bits_stand_lowest_first) {
    const int32_t codes[] = {5, 2, 7, 1}; /* 101 010 111 001 */
    uint8_t bytes[2];
    ck_assert_ok(vae_codes_pack(4, 8, codes, bytes, 2));
    ck_assert_uint_eq(bytes[0], 0xD5); /* 11|010|101 */
    ck_assert_uint_eq(bytes[1], 0x03); /* 0000|001|1 */
}
END_TEST

START_TEST(test_packing_refuses_what_does_not_fit) {
    int32_t codes[4] = {0, 5, 6, 1}, back[4] = {9, 9, 9, 9};
    uint8_t bytes[2] = {0xFF, 0xFF};
    ck_assert_fails(vae_codes_pack(4, 6, codes, bytes, 2), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "codes[2]: 6"));
    ck_assert_uint_eq(bytes[0], 0xFF);
    ck_assert_fails(vae_codes_pack(4, 8, codes, bytes, 1), VAE_E_ARG);
    ck_assert_fails(vae_codes_pack(-1, 8, codes, bytes, 2), VAE_E_ARG);
    ck_assert_fails(vae_codes_pack(4, 1, codes, bytes, 2), VAE_E_ARG);
    ck_assert_fails(vae_codes_pack(4, 8, NULL, bytes, 2), VAE_E_ARG);
    ck_assert_fails(vae_codes_unpack(4, 6, bytes, 2, back), VAE_E_FORMAT);
    ck_assert_int_eq(back[0], 9);
    ck_assert_fails(vae_codes_unpack(6, 8, bytes, 2, back), VAE_E_ARG);
    ck_assert_uint_eq(vae_codes_packed_bytes(INT64_MAX, 8), 0);
    ck_assert_uint_eq(vae_codes_packed_bytes(4, 1), 0);
}
END_TEST

/* ---- training ----------------------------------------------------------------------------------------------------- */

START_TEST(test_training_lowers_the_error_and_tells_of_the_codes) {
    vae_model_t *m = model_of(models[_i].latent, 3);
    vae_metrics_t first = {.struct_size = sizeof(first)}, last = first;
    train(m, 1, &first);
    train(m, 200, &last);
    ck_assert_msg(last.recon < first.recon - 1, "recon %g, then %g", first.recon, last.recon);
    if (!strstr(models[_i].latent, "gumbel")) /* whose rate in training is that of its draw */
        ck_assert_double_eq_tol(last.rate, (double)models[_i].codes * log((double)models[_i].K), 1e-4);
    ck_assert_double_eq_tol(last.loss, last.recon + last.rate + last.aux, 1e-6 * fabs(last.loss));
    ck_assert_double_ge(last.perplexity, 1);
    ck_assert_double_le(last.perplexity, (double)models[_i].K + 1e-9);
    ck_assert(last.codes_used > 0 && last.codes_used <= 1);
    if (!strstr(models[_i].latent, "gumbel")) ck_assert_double_gt(last.quantization_error, 0);
    if (strstr(models[_i].latent, "vq codes")) ck_assert_double_gt(last.aux, 0); /* the others have no commitment, or an entropy */
    ck_assert_double_ge(last.dead_codes, 0);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_resume_equals_the_unbroken_run_with_codes) {
    char path[64];
    int64_t n, k;
    vae_model_t *whole = model_of(models[_i].latent, 3), *half = model_of(models[_i].latent, 3), *rest;
    vae_trainer_t *t, *u, *v;
    vae_metrics_t a = {.struct_size = sizeof(a)}, b = a;
    float *x = filled(N * S, 1);
    snprintf(path, sizeof(path), "/tmp/vae-codes-%ld-%d.safetensors", (long)getpid(), _i);
    ck_assert_ok(vae_trainer_create(&t, whole, "optimizer adam lr=0.01", N));
    ck_assert_ok(vae_trainer_create(&u, half, "optimizer adam lr=0.01", N));
    ck_assert_ok(vae_trainer_seed(t, 11));
    ck_assert_ok(vae_trainer_seed(u, 11));
    for (int i = 0; i < 9; i++) ck_assert_ok(vae_trainer_step(t, N - i % 3, x, &a));
    for (int i = 0; i < 5; i++) ck_assert_ok(vae_trainer_step(u, N - i % 3, x, &b));
    ck_assert_ok(vae_trainer_save(u, path));
    vae_trainer_destroy(u);
    vae_model_destroy(half);
    ck_assert_ok(vae_model_load(&rest, NULL, path));
    ck_assert_ok(vae_trainer_create(&v, rest, "optimizer adam lr=0.01", N));
    ck_assert_ok(vae_trainer_load(v, path));
    for (int i = 5; i < 9; i++) ck_assert_ok(vae_trainer_step(v, N - i % 3, x, &b));
    float *p = all_params(whole, &n), *q = all_params(rest, &k);
    ck_assert_int_eq(n, k);
    ck_assert_mem_eq(p, q, (size_t)n * sizeof(float));
    ck_assert_mem_eq(&a, &b, sizeof(a));
    vae_trainer_destroy(t), vae_trainer_destroy(v);
    vae_model_destroy(whole), vae_model_destroy(rest);
    unlink(path);
    free(x), free(p), free(q);
}
END_TEST

static float *trained(int32_t threads, int32_t isa, const char *latent, int64_t *count) {
    char text[1024];
    vae_model_t *m;
    vae_trainer_t *t;
    vae_ctx_config_t c;
    vae_ctx_t *ctx;
    float *x = filled(N * S, 1);
    ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
    c.threads = threads;
    c.isa = isa;
    const vae_status_t status = vae_ctx_create(&ctx, &c);
    if (status == VAE_E_UNSUPPORTED) {
        free(x);
        return NULL;
    }
    ck_assert_ok(status);
    snprintf(text, sizeof(text), HEAD "%s" TAIL, latent);
    ck_assert_ok(vae_model_create(&m, ctx, text, 3));
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01", N));
    for (int i = 0; i < 6; i++) {
        ck_assert_ok(vae_trainer_backward(t, N - i % 3, x, NULL, NULL));
        if (i % 2) ck_assert_ok(vae_trainer_backward(t, N, x, NULL, NULL)); /* the codes move between the parts */
        ck_assert_ok(vae_trainer_apply(t, NULL));
    }
    float *out = all_params(m, count);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    free(x);
    return out;
}

START_TEST(test_training_codes_does_not_depend_on_threads_or_instruction_set) {
    static const int32_t threads[] = {1, 2, 3, 7}, isas[] = {VAE_ISA_PORTABLE, VAE_ISA_AVX2, VAE_ISA_AVX512, VAE_ISA_NEON};
    int64_t n, k;
    float *first = trained(1, VAE_ISA_PORTABLE, models[_i].latent, &n);
    for (int t = 0; t < 4; t++) {
        for (int a = 0; a < 4; a++) {
            float *other = trained(threads[t], isas[a], models[_i].latent, &k);
            if (!other) continue;
            ck_assert_int_eq(n, k);
            ck_assert_mem_eq(first, other, (size_t)n * sizeof(float));
            free(other);
        }
    }
    free(first);
}
END_TEST

START_TEST(test_a_batch_too_small_for_the_start_is_refused) {
    vae_model_t *m = model_of("latent vq codes=40 start=kmeans", 3);
    vae_trainer_t *t;
    int64_t n;
    float *x = filled(N * S, 1);
    ck_assert_ok(vae_trainer_create(&t, m, NULL, N));
    float *before = all_params(m, &n);
    ck_assert_fails(vae_trainer_step(t, 2, x, NULL), VAE_E_ARG); /* 32 vectors */
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "32 vectors"));
    float *after = all_params(m, &n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float));
    ck_assert_ok(vae_trainer_step(t, 3, x, NULL));
    ck_assert_ok(vae_trainer_step(t, 1, x, NULL)); /* once started, any batch will do */
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(before), free(after);
}
END_TEST

START_TEST(test_a_refused_step_does_not_start_the_codes) {
    vae_model_t *m = model_of("latent vq codes=8 start=kmeans revive=1", 3);
    vae_trainer_t *t;
    int64_t n, index;
    float *x = filled(N * S, 1), bad[1] = {3e38f};
    ck_assert_ok(vae_model_param_find(m, "decoder.2.bias", &index)); /* a loss past all numbers, from sound vectors */
    ck_assert_ok(vae_model_set_param(m, index, bad, 1));
    ck_assert_ok(vae_trainer_create(&t, m, NULL, N));
    float *before = all_params(m, &n);
    ck_assert_fails(vae_trainer_step(t, N, x, NULL), VAE_E_NUMERIC);
    float *after = all_params(m, &n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(before), free(after);
}
END_TEST

START_TEST(test_the_codebook_is_found_by_name_and_its_size_checked) {
    char path[64];
    const vae_tensor_t *tensor;
    int64_t index;
    vae_model_t *m = model_of("latent vq codes=16 dim=4", 3), *other = model_of("latent vq codes=16 dim=5", 3);
    snprintf(path, sizeof(path), "/tmp/vae-codebook-%ld.safetensors", (long)getpid());
    ck_assert_ok(vae_model_param_find(m, "latent.codebook", &index));
    ck_assert_ok(vae_model_param(m, index, &tensor, NULL));
    ck_assert_int_eq(vae_tensor_ndim(tensor), 2);
    ck_assert_int_eq(vae_tensor_shape(tensor)[0], 16);
    ck_assert_int_eq(vae_tensor_shape(tensor)[1], 4);
    ck_assert_ok(vae_model_save(m, path));
    ck_assert_fails(vae_model_load_weights(other, path), VAE_E_SHAPE);
    vae_model_destroy(m), vae_model_destroy(other);
    unlink(path);
}
END_TEST

Suite *suite_codes(void);
Suite *suite_codes(void) {
    Suite *s = suite_create("codes");
    TCase *t = tcase_create("codes");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_codes_decode_to_the_reconstruction, 0, MODELS);
    tcase_add_loop_test(t, test_the_rate_is_the_codes_length, 0, MODELS);
    tcase_add_test(t, test_samples_are_decoded_even_codes);
    tcase_add_test(t, test_a_code_out_of_range_is_named);
    tcase_add_test(t, test_a_residual_code_may_be_left_out);
    tcase_add_test(t, test_a_latent_that_cannot_be_is_refused);
    tcase_add_test(t, test_packed_codes_come_back);
    tcase_add_test(t, test_packed_bits_stand_lowest_first);
    tcase_add_test(t, test_packing_refuses_what_does_not_fit);
    tcase_add_loop_test(t, test_training_lowers_the_error_and_tells_of_the_codes, 0, MODELS);
    tcase_add_loop_test(t, test_resume_equals_the_unbroken_run_with_codes, 0, MODELS);
    tcase_add_loop_test(t, test_training_codes_does_not_depend_on_threads_or_instruction_set, 0, MODELS);
    tcase_add_test(t, test_a_batch_too_small_for_the_start_is_refused);
    tcase_add_test(t, test_a_refused_step_does_not_start_the_codes);
    tcase_add_test(t, test_the_codebook_is_found_by_name_and_its_size_checked);
    suite_add_tcase(s, t);
    return s;
}
