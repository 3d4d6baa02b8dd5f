/* SPDX-License-Identifier: MIT
 * check_api.c - tests the public calls: every argument that can be wrong, texts and their mistakes, the registries, model files. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* ---- handles and arguments ------------------------------------------------------------------------------------------ */

START_TEST(test_versions_and_statuses_tell_themselves) {
    ck_assert_uint_eq(vae_version_number(), VAE_VERSION_NUMBER);
    ck_assert_str_eq(vae_version_string(), VAE_VERSION_STRING);
    ck_assert_ptr_nonnull(strstr(vae_build_info(), VAE_VERSION_STRING));
    ck_assert_ptr_nonnull(strstr(vae_build_info(), "portable"));
    ck_assert_str_eq(vae_status_name(VAE_E_SHAPE), "VAE_E_SHAPE");
    ck_assert_str_eq(vae_status_name(12345), "VAE_E_UNKNOWN");
    ck_assert_uint_gt(strlen(vae_status_string(VAE_E_NOMEM)), 3);
}
END_TEST

START_TEST(test_a_config_of_another_size_is_understood_or_refused) {
    struct {
        vae_ctx_config_t known;
        uint64_t more;
    } bigger;
    vae_ctx_t *ctx;
    vae_ctx_config_t *c = &bigger.known;
    ck_assert_fails(vae_ctx_config_init(NULL, sizeof(*c)), VAE_E_ARG);
    ck_assert_fails(vae_ctx_config_init(c, sizeof(*c) - 1), VAE_E_ARG);
    ck_assert_ok(vae_ctx_config_init(c, sizeof(bigger)));
    ck_assert_ok(vae_ctx_create(&ctx, c)); /* a newer caller that sets nothing new */
    vae_ctx_destroy(ctx);
    bigger.more = 1;
    ck_assert_fails(vae_ctx_create(&ctx, c), VAE_E_VERSION);
    ck_assert_ptr_null(ctx);
    ck_assert_ok(vae_ctx_config_init(c, sizeof(*c)));
    c->threads = -1;
    ck_assert_fails(vae_ctx_create(&ctx, c), VAE_E_ARG);
    c->threads = 0;
    c->isa = 99;
    ck_assert_fails(vae_ctx_create(&ctx, c), VAE_E_ARG);
    c->isa = 0;
    c->arith = 2;
    ck_assert_fails(vae_ctx_create(&ctx, c), VAE_E_ARG);
    c->arith = 0;
    c->flags = 1;
    ck_assert_fails(vae_ctx_create(&ctx, c), VAE_E_VERSION);
    c->flags = 0;
    c->alloc = test_alloc;
    ck_assert_fails(vae_ctx_create(&ctx, c), VAE_E_ARG);
}
END_TEST

START_TEST(test_wrong_handles_are_errors_and_not_crashes) {
    vae_ctx_t *ctx = test_ctx(NULL, 1, 0);
    vae_model_t *model;
    vae_session_t *session;
    vae_trainer_t *trainer;
    uint64_t bytes;
    float x[16] = {0}, z[3] = {0};
    ck_assert_ok(vae_model_create(&model, ctx, SPEC_DENSE, 0));
    ck_assert_ok(vae_session_create(&session, model, 1));
    vae_model_t *kept = model;
    vae_session_t *not_a_session = (vae_session_t *)(void *)model;
    vae_model_t *not_a_model = (vae_model_t *)(void *)session;
    ck_assert_fails(vae_decode(not_a_session, 1, z, x), VAE_E_ARG);
    ck_assert_fails(vae_decode(NULL, 1, z, x), VAE_E_ARG);
    ck_assert_fails(vae_session_create(&session, not_a_model, 1), VAE_E_ARG);
    ck_assert_ptr_null(session);
    ck_assert_fails(vae_session_bytes(not_a_model, 1, &bytes), VAE_E_ARG);
    ck_assert_fails(vae_trainer_create(&trainer, not_a_model, NULL, 1), VAE_E_ARG);
    ck_assert_fails(vae_trainer_step((vae_trainer_t *)(void *)model, 1, x, NULL), VAE_E_ARG);
    ck_assert_fails(vae_model_create(&model, (vae_ctx_t *)(void *)x, SPEC_DENSE, 0), VAE_E_ARG);
    ck_assert_ptr_null(model);
    ck_assert_int_eq(vae_model_input_size(NULL), 0);
    ck_assert_int_eq(vae_model_latent_shape(not_a_model, NULL), 0);
    ck_assert_int_eq(vae_tensor_ndim((vae_tensor_t *)(void *)x), -1);
    ck_assert_int_eq(vae_trainer_steps(NULL), -1);
    vae_model_destroy(NULL), vae_session_destroy(NULL), vae_trainer_destroy(NULL), vae_ctx_destroy(NULL), vae_tensor_destroy(NULL);
    vae_session_destroy((vae_session_t *)(void *)not_a_model);
    vae_model_destroy(kept);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_wrong_arguments_leave_outputs_alone) {
    vae_model_t *model;
    vae_session_t *s;
    float x[32], z[6], y[32], kept[32];
    double elbo[2] = {1, 2};
    fill(x, 32, 1), fill(z, 6, 2), fill(y, 32, 3);
    memcpy(kept, y, sizeof(y));
    ck_assert_ok(vae_model_create(&model, NULL, SPEC_DENSE, 0));
    ck_assert_fails(vae_session_create(&s, model, 0), VAE_E_ARG);
    ck_assert_fails(vae_session_create(&s, model, INT64_MAX), VAE_E_ARG);
    ck_assert_fails(vae_session_create(NULL, model, 1), VAE_E_ARG);
    ck_assert_ok(vae_session_create(&s, model, 2));
    ck_assert_fails(vae_decode(s, -1, z, y), VAE_E_ARG);
    ck_assert_fails(vae_decode(s, 2, NULL, y), VAE_E_ARG);
    ck_assert_fails(vae_decode(s, 2, z, NULL), VAE_E_ARG);
    ck_assert_ok(vae_decode(s, 0, NULL, NULL));
    z[4] = NAN;
    ck_assert_fails(vae_decode(s, 2, z, y), VAE_E_NUMERIC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "z[1][1]"));
    x[17] = 1.5f; /* grey levels are probabilities */
    ck_assert_fails(vae_elbo(s, 2, x, 1, NULL, elbo, NULL, NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "x[1][1]: 1.5, wanted 0..1"));
    ck_assert_fails(vae_elbo(s, 1, x, 0, NULL, elbo, NULL, NULL), VAE_E_ARG);
    ck_assert_fails(vae_encode(s, INT64_MAX, x, y, NULL), VAE_E_ARG);
    ck_assert_mem_eq(y, kept, sizeof(y));
    ck_assert(elbo[0] > 0.5 && elbo[1] > 1.5);
    vae_session_destroy(s);
    vae_model_destroy(model);
}
END_TEST

/* Each call that takes examples asks of them what the likelihood does, and says which value of which example is not so. */
START_TEST(test_examples_are_checked_by_every_call_that_takes_them) {
    static const char *const specs[] = {SPEC_DENSE, "input 4x4x1\nencoder conv2d out=2 kernel=2 stride=2\nlatent vq codes=4 dim=2\n"
                                                    "decoder deconv2d out=1 kernel=2 stride=2\nlikelihood bernoulli\n"};
    float x[32], y[32], z[16];
    int32_t codes[8];
    for (int32_t spec = 0; spec < 2; spec++) {
        vae_model_t *model;
        vae_session_t *s;
        ck_assert_ok(vae_model_create(&model, NULL, specs[spec], 0));
        ck_assert_ok(vae_session_create(&s, model, 2));
        for (int32_t bad = 0; bad < 3; bad++) {
            fill(x, 32, 1);
            x[17] = bad == 0 ? 1.5f : bad == 1 ? -0.25f : NAN;
            const char *wanted = bad == 0   ? "x[1][1]: 1.5, wanted 0..1 for likelihood bernoulli"
                                 : bad == 1 ? "x[1][1]: -0.25, wanted 0..1"
                                            : "x[1][1]: not a finite number";
            const vae_status_t code = bad == 2 ? VAE_E_NUMERIC : VAE_E_ARG;
            for (int32_t call = 0; call < 3 + spec; call++) {
                const vae_status_t status = call == 0   ? vae_encode(s, 2, x, z, NULL)
                                            : call == 1 ? vae_reconstruct(s, 2, x, y)
                                            : call == 2 ? vae_elbo(s, 2, x, 1, NULL, NULL, NULL, NULL)
                                                        : vae_encode_codes(s, 2, x, codes);
                ck_assert_int_eq(status, code);
                ck_assert_ptr_nonnull(strstr(vae_last_error(), wanted));
            }
        }
        vae_session_destroy(s);
        vae_model_destroy(model);
    }
}
END_TEST

START_TEST(test_pixels_are_written_with_their_stride) {
    vae_model_t *model;
    vae_session_t *s;
    uint8_t pixels[4 * 20];
    float z[3] = {0.5f, -1.0f, 2.0f}, x[16];
    memset(pixels, 7, sizeof(pixels));
    ck_assert_ok(vae_model_create(&model, NULL, SPEC_DENSE, 0));
    ck_assert_ok(vae_session_create(&s, model, 1));
    ck_assert_fails(vae_decode_rgba8(s, z, pixels, 15), VAE_E_ARG);
    ck_assert_ok(vae_decode_rgba8(s, z, pixels, 20));
    ck_assert_ok(vae_decode(s, 1, z, x));
    for (int y = 0; y < 4; y++) {
        for (int i = 0; i < 4; i++) {
            const uint8_t *p = pixels + y * 20 + i * 4;
            ck_assert_int_eq(p[0], (int)(x[y * 4 + i] * 255.0f + 0.5f));
            ck_assert(p[1] == p[0] && p[2] == p[0] && p[3] == 255);
        }
        for (int i = 16; i < 20; i++) ck_assert_int_eq(pixels[y * 20 + i], 7);
    }
    vae_session_destroy(s);
    vae_model_destroy(model);
    ck_assert_ok(vae_model_create(&model, NULL, SPEC_CONV, 0)); /* two channels */
    ck_assert_ok(vae_session_create(&s, model, 1));
    ck_assert_fails(vae_decode_rgba8(s, x, pixels, 64), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    vae_model_destroy(model);
}
END_TEST

START_TEST(test_pixels_of_four_channels_have_their_alpha) {
    static const char spec[] = "input 2x3x4\nencoder flatten | linear out=4\nlatent gaussian dim=2\n"
                               "decoder linear out=24 | reshape 2x3x4\nlikelihood bernoulli\n";
    vae_model_t *model;
    vae_session_t *s;
    uint8_t pixels[24];
    float z[2] = {0.5f, -1.0f}, x[24];
    ck_assert_ok(vae_model_create(&model, NULL, spec, 0));
    ck_assert_ok(vae_session_create(&s, model, 1));
    ck_assert_ok(vae_decode_rgba8(s, z, pixels, 12));
    ck_assert_ok(vae_decode(s, 1, z, x));
    for (int i = 0; i < 24; i++) ck_assert_int_eq(pixels[i], (int)(x[i] * 255.0f + 0.5f));
    vae_session_destroy(s);
    vae_model_destroy(model);
}
END_TEST

START_TEST(test_tensors_own_or_borrow) {
    vae_tensor_t *t;
    const int64_t shape[] = {2, 3, 4}, huge[] = {INT64_MAX, INT64_MAX}, negative[] = {-1};
    float data[24] = {1};
    ck_assert_ok(vae_tensor_create(&t, NULL, VAE_U8, 3, shape));
    ck_assert_int_eq(vae_tensor_dtype(t), VAE_U8);
    ck_assert_int_eq(vae_tensor_ndim(t), 3);
    ck_assert_int_eq(vae_tensor_shape(t)[2], 4);
    for (int i = 0; i < 24; i++) ck_assert_int_eq(((uint8_t *)vae_tensor_data(t))[i], 0);
    vae_tensor_destroy(t);
    ck_assert_ok(vae_tensor_wrap(&t, NULL, VAE_F32, 3, shape, data));
    ck_assert_ptr_eq(vae_tensor_data(t), data);
    vae_tensor_destroy(t);
    ck_assert_fails(vae_tensor_create(&t, NULL, VAE_F32, 2, huge), VAE_E_LIMIT);
    ck_assert_fails(vae_tensor_create(&t, NULL, VAE_F32, 1, negative), VAE_E_ARG);
    ck_assert_fails(vae_tensor_create(&t, NULL, 77, 1, shape), VAE_E_ARG);
    ck_assert_fails(vae_tensor_create(&t, NULL, VAE_F32, 9, shape), VAE_E_ARG);
    ck_assert_fails(vae_tensor_wrap(&t, NULL, VAE_F32, 1, shape, NULL), VAE_E_ARG);
    ck_assert_ptr_null(t);
}
END_TEST

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

#define TAIL "latent gaussian dim=2\ndecoder linear out=16 | reshape 4x4x1\nlikelihood bernoulli\n"

static const struct mistake {
    const char *spec;
    vae_status_t status;
    const char *sentence; /* part of it */
} mistakes[] = {
    {"", VAE_E_SPEC, "input: section is missing"},
    {"input 4x4x1\nencoder flatten\n", VAE_E_SPEC, "latent: section is missing"},
    {"input 4x4x1\nencoder flatten\nlatnet gaussian dim=2\n", VAE_E_SPEC, "did you mean 'latent'"},
    {"input 1x28x28\nencoder conv2d out=4 kernel=4 stride=2 pad=1\n" TAIL, VAE_E_SHAPE, "channels last: input 28x28x1?"},
    {"input 1x28x28\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=784 | reshape 28x28x1\nlikelihood bernoulli\n", VAE_E_SHAPE,
     "gives 28x28x1, the input is 1x28x28; images have their channels last: input 28x28x1?"},
    {"input 4x4x1\nencoder flatten\nlatent normal dim=2\n", VAE_E_SPEC, "did you mean 'gaussian'"},
    {"input 4x4x1\nencoder flatten | nn.Linear out=3\n" TAIL, VAE_E_SPEC, "did you mean 'linear'"},
    {"input 4x4x1\nencoder flatten | Dense out=3\n" TAIL, VAE_E_SPEC, "did you mean 'linear'"},
    {"input 4x4x1\nencoder Conv2D out=3\n" TAIL, VAE_E_SPEC, "did you mean 'conv2d'"},
    {"input 4x4x1\nencoder conv2d filters=3\n" TAIL, VAE_E_SPEC, "did you mean 'out'"},
    {"input 4x4x1\nencoder conv2d out=3 kernel_size=3\n" TAIL, VAE_E_SPEC, "did you mean 'kernel'"},
    {"input 4x4x1\nencoder conv2d out=3 kernel=3 padding=1\n" TAIL, VAE_E_SPEC, "did you mean 'pad'"},
    {"input 4x4x1\nencoder flatten | dropout 0.5\n" TAIL, VAE_E_SPEC, "as in p=0.5"},
    {"input 4x4x1\nencoder flatten | relu 3\n" TAIL, VAE_E_SPEC, "relu: '3', but it has no options"},
    {"input 4x4x1\nencoder flaten\n" TAIL, VAE_E_SPEC, "did you mean 'flatten'"},
    {"input 4x4x1\nencoder flatten | linear\n" TAIL, VAE_E_SPEC, "out is missing"},
    {"input 4x4x1\nencoder flatten | linear otu=3\n" TAIL, VAE_E_SPEC, "did you mean 'out'"},
    {"input 4x4x1\nencoder flatten | linear out=3 out=4\n" TAIL, VAE_E_SPEC, "out"},
    {"input 4x4x1\nencoder flatten | linear out=1.5\n" TAIL, VAE_E_SPEC, "out"},
    {"input 4x4x1\nencoder flatten | linear out=-3\n" TAIL, VAE_E_SPEC, "out=-3"},
    {"input 4x4x1\nencoder flatten | linear out=99999999999999999999\n" TAIL, VAE_E_SPEC, "out"},
    {"input 4x4x1\nencoder linear out=3\n" TAIL, VAE_E_SHAPE, "flatten"},
    {"input 4x4x1\nencoder conv2d out=2 kernel=9 | flatten\n" TAIL, VAE_E_SHAPE, "encoder.0"},
    {"input 4x4x1\nencoder conv2d out=2 kernel=0 | flatten\n" TAIL, VAE_E_SPEC, "kernel"},
    {"input 4x4x1\nencoder conv2d out=2 kernel=3 stride=0 | flatten\n" TAIL, VAE_E_SPEC, "stride"},
    {"input 4x4x1\nencoder conv2d out=3 kernel=3 groups=2 | flatten\n" TAIL, VAE_E_SHAPE, "groups"},
    {"input 4x4x1\nencoder flatten | relu { linear out=3 }\n" TAIL, VAE_E_SPEC, "braces"},
    {"input 4x4x1\nencoder flatten | residual { linear out=3 }\n" TAIL, VAE_E_SHAPE, "residual"},
    {"input 4x4x1\nencoder flatten |\n" TAIL, VAE_E_SPEC, "encoder.1 latent: from is missing"},
    {"input 4x4x1\nencoder { flatten\n" TAIL, VAE_E_SPEC, "line"},
    {"input 4x4x1\nencoder flatten\nencoder flatten\n" TAIL, VAE_E_SPEC, "encoder"},
    {"input 0x4\nencoder flatten\n" TAIL, VAE_E_SPEC, "input"},
    {"input 4xx4\nencoder flatten\n" TAIL, VAE_E_SPEC, "input"},
    {"input 2x2x2x2x2\nencoder flatten\n" TAIL, VAE_E_SPEC, "input"},
    {"input 1000000x1000000x1000000\nencoder flatten\n" TAIL, VAE_E_LIMIT, "input"},
    {"input 4x4x1 | relu\nencoder flatten\n" TAIL, VAE_E_SPEC, "input"},
    {"input 4x4x1\nencoder flatten\nlatent gaussian dim=0\ndecoder linear out=16\nlikelihood bernoulli", VAE_E_SPEC, "dim"},
    {"input 4x4x1\nencoder flatten\nlatent gausian dim=2\ndecoder linear out=16\nlikelihood bernoulli", VAE_E_SPEC, "'gaussian'"},
    {"input 4x4x1\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=16\nlikelihood bernoulli", VAE_E_SHAPE, "reshape 4x4x1"},
    {"input 4x4x1\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=15\nlikelihood bernoulli", VAE_E_SHAPE, "gives 15"},
    {"input 4x4x1\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=15 | reshape 4x4x1\nlikelihood bernoulli", VAE_E_SHAPE,
     "decoder.1"},
    {"input 4x4x1\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=16 | reshape 4x4x1\nlikelihood bernouli", VAE_E_SPEC,
     "'bernoulli'"},
    {"\xef\xbb\xbfinput 4x4x1\n", VAE_E_SPEC, ""},
    {"input 4x4x1\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=16 | reshape 4x4x1\nlikelihood bernoulli "
     "extra\n",
     VAE_E_SPEC, "likelihood"},
};

START_TEST(test_a_mistake_in_the_text_gets_its_code_and_sentence) {
    const struct mistake *m = &mistakes[_i];
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    vae_model_t *model = (vae_model_t *)(void *)ctx;
    const int64_t live = h.live;
    const vae_status_t s = vae_model_create(&model, ctx, m->spec, 0);
    ck_assert_msg(s == m->status, "'%s': got %s (%s), wanted %s", m->spec, vae_status_name(s), vae_last_error(),
                  vae_status_name(m->status));
    ck_assert_msg(strstr(vae_last_error(), m->sentence) != NULL, "'%s' does not say '%s'", vae_last_error(), m->sentence);
    ck_assert_ptr_null(model);
    ck_assert_int_eq(h.live, live);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_training_texts_are_checked) {
    vae_model_t *m;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_DENSE, 0));
    ck_assert_fails(vae_trainer_create(&t, m, "optimizer adma", 1), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "'adam'"));
    ck_assert_fails(vae_trainer_create(&t, m, "optimizer adam lr=-1", 1), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "optimizer adam beta1=1", 1), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "optimizer adam lr=nan", 1), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "objective elbo bata=2", 1), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "schedule cosine", 1), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "clip norm max=0", 1), VAE_E_SPEC);
    ck_assert_fails(vae_trainer_create(&t, m, "optimiser adam", 1), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "'optimizer'"));
    ck_assert_fails(vae_trainer_create(&t, m, NULL, 0), VAE_E_ARG);
    ck_assert_ok(vae_trainer_create(&t, m, NULL, 1)); /* and the model is still free for a trainer */
    vae_trainer_destroy(t);
    vae_model_destroy(m);
}
END_TEST

static const char *set(const char *text, const char *path, const char *value) {
    static char out[2][8192];
    static int turn;
    turn = !turn;
    ck_assert_ok(vae_spec_set(text, path, value, out[turn], sizeof(out[turn]), NULL));
    return out[turn];
}

START_TEST(test_options_are_changed_and_read_by_path) {
    char value[512], preset[4096];
    ck_assert_ok(vae_registry_text("preset", "conv", preset, sizeof(preset), NULL));
    const char *text = set(preset, "latent.dim", "64");
    text = set(text, "encoder.0.out", "48");
    text = set(text, "adam.lr", "3e-4");
    text = set(text, "elbo.beta", "4");
    text = set(text, "clip", "norm max=2");
    ck_assert_ok(vae_spec_get(text, "latent.dim", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "64");
    ck_assert_ok(vae_spec_get(text, "encoder.0.out", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "48");
    ck_assert_ok(vae_spec_get(text, "optimizer.lr", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "0.0003");
    ck_assert_ok(vae_spec_get(text, "clip", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "norm max=2");
    ck_assert_ok(vae_spec_get(text, "input", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "28x28x1");
    text = set(text, "optimizer", "sgd lr=0.1");
    ck_assert_ok(vae_spec_get(text, "sgd.momentum", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "0");
    text = set(text, "decoder.1", "reshape 7x7x64");
    ck_assert_str_eq(set(text, "latent.dim", "64"), text);
    char out[8192];
    ck_assert_fails(vae_spec_set(text, "latnet.dim", "3", out, sizeof(out), NULL), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "'latent'"));
    ck_assert_fails(vae_spec_set(text, "latent.dmi", "3", out, sizeof(out), NULL), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "'dim'"));
    ck_assert_fails(vae_spec_set(text, "encoder.9.out", "3", out, sizeof(out), NULL), VAE_E_SPEC);
    ck_assert_fails(vae_spec_set(text, "latent.dim", "2 | relu", out, sizeof(out), NULL), VAE_E_SPEC);
    ck_assert_fails(vae_spec_set(text, "latent.dim", "2\nencoder relu", out, sizeof(out), NULL), VAE_E_SPEC);
    ck_assert_fails(vae_spec_set(text, "adam.lr", "3", out, sizeof(out), NULL), VAE_E_SPEC); /* it is sgd now */
    ck_assert_fails(vae_spec_get(text, "latent.dim", out, 2, NULL), VAE_E_ARG);
}
END_TEST

START_TEST(test_options_inside_residual_and_repeat_have_paths) {
    const char *text = "input 6x6x4\nencoder repeat n=2 { residual { conv2d out=4 kernel=3 pad=1 | relu } } | flatten\n"
                       "latent none\ndecoder reshape 6x6x4\nlikelihood gaussian\n";
    char value[64];
    const char *changed = set(text, "encoder.1.body.0.kernel", "5"); /* does not fit, until the padding does */
    changed = set(changed, "encoder.1.body.0.pad", "2");
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, NULL, changed, 0));
    vae_model_destroy(m);
    ck_assert_ok(vae_spec_get(changed, "encoder.0.body.0.kernel", value, sizeof(value), NULL)); /* repeated: the same text */
    ck_assert_str_eq(value, "5");
    ck_assert_ptr_nonnull(strstr(changed, "repeat n=2"));
}
END_TEST

/* ---- registries ---------------------------------------------------------------------------------------------------- */

START_TEST(test_every_module_tells_its_options) {
    int32_t modules = 0;
    for (int32_t k = 0; vae_registry_kind(k); k++) {
        const char *kind = vae_registry_kind(k);
        ck_assert_int_gt(vae_registry_count(kind), 0);
        for (int32_t i = 0; i < vae_registry_count(kind); i++, modules++) {
            char text[8192];
            vae_option_t o = {.struct_size = sizeof(o)};
            const char *name = vae_registry_name(kind, i);
            ck_assert_ptr_nonnull(name);
            ck_assert_ok(vae_registry_text(kind, name, text, sizeof(text), NULL));
            ck_assert_uint_gt(strlen(text), 20);
            for (int32_t j = 0; vae_registry_option(kind, name, j, &o) == VAE_OK; j++) {
                ck_assert(strlen(o.name) > 0 && strlen(o.type) > 0 && strlen(o.text) > 3);
                ck_assert_ptr_nonnull(strstr(text, o.name));
            }
        }
        ck_assert_ptr_null(vae_registry_name(kind, vae_registry_count(kind)));
    }
    ck_assert_int_gt(modules, 35);
    ck_assert_ptr_null(vae_registry_kind(-1));
    ck_assert_int_eq(vae_registry_count("nonsense"), 0);
    char text[16];
    ck_assert_fails(vae_registry_text("layer", "conv", text, sizeof(text), NULL), VAE_E_ARG);
}
END_TEST

/* Build a model round the layer's example, on an image, a vector, a sequence or tokens, whichever it takes. */
static vae_model_t *around(const char *example) {
    static const char *const forms[] = {
        "input 6x8x4\nencoder %s | flatten\nlatent gaussian dim=3\ndecoder linear out=192 | reshape 6x8x4\nlikelihood gaussian\n",
        "input 6x8x4\nencoder %s\nlatent gaussian dim=3\ndecoder linear out=192 | reshape 6x8x4\nlikelihood gaussian\n",
        "input 6x8x4\nencoder flatten | %s\nlatent gaussian dim=3\ndecoder linear out=192 | reshape 6x8x4\nlikelihood gaussian\n",
        "input 24\nencoder %s | flatten\nlatent gaussian dim=3\ndecoder linear out=24\nlikelihood gaussian\n",
        "input 24\nencoder %s\nlatent gaussian dim=3\ndecoder linear out=24\nlikelihood gaussian\n",
        "input 24\nencoder tap wide\nlatent gaussian dim=3\ndecoder linear out=4 | %s | linear out=24\nlikelihood gaussian\n",
        "input 2x3x4\nencoder tap wide | flatten\nlatent gaussian dim=3\ndecoder linear out=6 | reshape 2x3x1 | %s | flatten | "
        "linear out=24 | reshape 2x3x4\nlikelihood gaussian\n",
        "input 24\nencoder %s\nlatent none\ndecoder latent gaussian dim=2 from=wide | linear out=24\nlikelihood gaussian\n",
        "input 24\ncondition classes=1 vector=2\nencoder %s\nlatent none\ndecoder linear out=24\nlikelihood gaussian\n",
        "input 5x6\nencoder %s | flatten\nlatent gaussian dim=3\ndecoder linear out=30 | reshape 5x6\nlikelihood gaussian\n",
        "input 6 tokens=4\nencoder %s | flatten\nlatent gaussian dim=3\ndecoder linear out=24 | reshape 6x4\nlikelihood categorical\n",
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char spec[1024];
        vae_model_t *m;
        snprintf(spec, sizeof(spec), forms[i], example);
        if (vae_model_create(&m, NULL, spec, 1) == VAE_OK) return m;
    }
    ck_abort_msg("no model takes '%s': %s", example, vae_last_error());
    return NULL;
}

static void round_trip(const vae_model_t *m) {
    char path[64], spec[8192], again[8192];
    vae_model_t *loaded;
    int64_t n, k;
    snprintf(path, sizeof(path), "/tmp/vae-round-%ld.safetensors", (long)getpid());
    ck_assert_ok(vae_model_save(m, path));
    ck_assert_ok(vae_model_load(&loaded, NULL, path));
    ck_assert_ok(vae_model_spec(m, spec, sizeof(spec), NULL));
    ck_assert_ok(vae_model_spec(loaded, again, sizeof(again), NULL));
    ck_assert_str_eq(spec, again);
    float *a = all_params(m, &n), *b = all_params(loaded, &k);
    ck_assert_int_eq(n, k);
    ck_assert_mem_eq(a, b, (size_t)n * sizeof(float));
    vae_model_destroy(loaded);
    unlink(path);
    free(a), free(b);
}

/* The registry text's second line is the example. */
static void example_of(const char *kind, const char *name, char *out, size_t cap) {
    char text[8192];
    ck_assert_ok(vae_registry_text(kind, name, text, sizeof(text), NULL));
    char *line = strchr(text, '\n') + 1;
    line[strcspn(line, "\n")] = '\0';
    snprintf(out, cap, "%s", line + strspn(line, " "));
}

START_TEST(test_every_layer_trains_saves_and_loads) {
    char example[512];
    vae_trainer_t *t;
    vae_metrics_t a = {.struct_size = sizeof(a)};
    if (strcmp(vae_registry_name("layer", _i), "missing") == 0) return; /* it stands for layers that a file does not hold */
    example_of("layer", vae_registry_name("layer", _i), example, sizeof(example));
    vae_model_t *m = around(example);
    float *x = examples_for(m, 4, 1);
    const int32_t label[4] = {0};
    const vae_batch_t batch = {.struct_size = sizeof(batch),
                               .n = 4,
                               .x = x,
                               .label = vae_model_class_count(m) > 0 ? label : NULL,
                               .condition = vae_model_condition_size(m) > 0 ? x : NULL};
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01", 4));
    double first = 0;
    for (int i = 0; i < 30; i++) {
        ck_assert_ok(vae_trainer_step_batch(t, &batch, &a));
        if (i == 0) first = a.loss;
    }
    ck_assert_msg(a.loss < first, "%s: loss %g, then %g", example, first, a.loss);
    vae_trainer_destroy(t);
    round_trip(m);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_every_preset_builds_trains_and_prints_itself) {
    char text[4096], canonical[8192], again[8192];
    vae_model_t *m;
    vae_trainer_t *t;
    ck_assert_ok(vae_registry_text("preset", vae_registry_name("preset", _i), text, sizeof(text), NULL));
    ck_assert_ok(vae_spec_canonical(text, canonical, sizeof(canonical), NULL));
    ck_assert_ok(vae_spec_canonical(canonical, again, sizeof(again), NULL));
    ck_assert_str_eq(canonical, again);
    ck_assert_ok(vae_model_create(&m, NULL, text, 0));
    ck_assert_ok(vae_trainer_create(&t, m, text, 4));
    float *x = examples_for(m, 4, 1);
    const int32_t label[4] = {0};
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = 4, .x = x, .label = vae_model_class_count(m) > 0 ? label : NULL};
    ck_assert_ok(vae_trainer_step_batch(t, &batch, NULL));
    vae_trainer_destroy(t);
    round_trip(m);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_parameters_have_pytorchs_names_and_can_be_set) {
    vae_model_t *m;
    const vae_tensor_t *t;
    const char *name;
    int64_t i;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_CONV, 0));
    ck_assert_ok(vae_model_param_find(m, "encoder.3.body.0.weight", &i));
    ck_assert_ok(vae_model_param(m, i, &t, &name));
    ck_assert_str_eq(name, "encoder.3.body.0.weight");
    ck_assert_int_eq(vae_tensor_ndim(t), 4);
    ck_assert_ok(vae_model_param_find(m, "encoder.1.running_var", &i));
    ck_assert_ok(vae_model_param_find(m, "decoder.2.weight", &i));
    ck_assert_ok(vae_model_param(m, i, &t, NULL));
    ck_assert(vae_tensor_shape(t)[0] == 6 && vae_tensor_shape(t)[1] == 5); /* [in, out, kh, kw] */
    ck_assert_fails(vae_model_param_find(m, "latent.maen.weight", &i), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "latent.mean.weight"));
    ck_assert_fails(vae_model_param(m, -1, &t, NULL), VAE_E_ARG);
    ck_assert_fails(vae_model_param(m, vae_model_param_count(m), &t, NULL), VAE_E_ARG);
    float one[1] = {2.0f}, nan[1] = {NAN};
    ck_assert_ok(vae_model_param_find(m, "likelihood.log_sigma", &i));
    ck_assert_ok(vae_model_set_param(m, i, one, 1));
    ck_assert_fails(vae_model_set_param(m, i, one, 2), VAE_E_SHAPE);
    ck_assert_fails(vae_model_set_param(m, i, nan, 1), VAE_E_NUMERIC);
    ck_assert_ok(vae_model_param(m, i, &t, NULL));
    ck_assert_float_eq(((float *)vae_tensor_data(t))[0], 2.0f);
    ck_assert_int_gt(vae_model_param_total(m), 1000);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_a_session_sees_changed_parameters) {
    vae_model_t *m;
    vae_session_t *s;
    int64_t i;
    float z[3] = {0}, x[16], y[16], bias[16];
    for (int k = 0; k < 16; k++) bias[k] = 2.0f;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_DENSE, 0));
    ck_assert_ok(vae_session_create(&s, m, 1));
    ck_assert_ok(vae_decode(s, 1, z, x));
    ck_assert_ok(vae_model_param_find(m, "decoder.2.bias", &i));
    ck_assert_ok(vae_model_set_param(m, i, bias, 16));
    ck_assert_ok(vae_decode(s, 1, z, y));
    for (int k = 0; k < 16; k++) ck_assert_float_gt(y[k], x[k]);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_an_autoencoder_has_no_prior) {
    vae_model_t *m;
    vae_session_t *s;
    float x[16], z[6], lv[6], y[16];
    double elbo;
    fill(x, 16, 1);
    ck_assert_ok(
        vae_model_create(&m, NULL, "input 16\nencoder linear out=6 | tanh\nlatent none\ndecoder linear out=16\nlikelihood gaussian\n", 0));
    ck_assert_int_eq(vae_model_latent_size(m), 6);
    ck_assert_ok(vae_session_create(&s, m, 1));
    ck_assert_ok(vae_encode(s, 1, x, z, lv));
    for (int i = 0; i < 6; i++) ck_assert_float_eq(lv[i], -30.0f);
    ck_assert_ok(vae_decode(s, 1, z, y));
    ck_assert_fails(vae_sample(s, 1, NULL, y), VAE_E_UNSUPPORTED);
    ck_assert_ok(vae_elbo(s, 1, x, 1, NULL, &elbo, NULL, NULL));
    ck_assert_fails(vae_elbo(s, 1, x, 2, NULL, &elbo, NULL, NULL), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_api(void);
Suite *suite_api(void) {
    Suite *s = suite_create("api");
    TCase *t = tcase_create("api");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_versions_and_statuses_tell_themselves);
    tcase_add_test(t, test_a_config_of_another_size_is_understood_or_refused);
    tcase_add_test(t, test_wrong_handles_are_errors_and_not_crashes);
    tcase_add_test(t, test_wrong_arguments_leave_outputs_alone);
    tcase_add_test(t, test_examples_are_checked_by_every_call_that_takes_them);
    tcase_add_test(t, test_pixels_are_written_with_their_stride);
    tcase_add_test(t, test_pixels_of_four_channels_have_their_alpha);
    tcase_add_test(t, test_tensors_own_or_borrow);
    tcase_add_loop_test(t, test_a_mistake_in_the_text_gets_its_code_and_sentence, 0, (int)(sizeof(mistakes) / sizeof(mistakes[0])));
    tcase_add_test(t, test_training_texts_are_checked);
    tcase_add_test(t, test_options_are_changed_and_read_by_path);
    tcase_add_test(t, test_options_inside_residual_and_repeat_have_paths);
    tcase_add_test(t, test_every_module_tells_its_options);
    tcase_add_loop_test(t, test_every_layer_trains_saves_and_loads, 0, vae_registry_count("layer"));
    tcase_add_loop_test(t, test_every_preset_builds_trains_and_prints_itself, 0, vae_registry_count("preset"));
    tcase_add_test(t, test_parameters_have_pytorchs_names_and_can_be_set);
    tcase_add_test(t, test_a_session_sees_changed_parameters);
    tcase_add_test(t, test_an_autoencoder_has_no_prior);
    suite_add_tcase(s, t);
    return s;
}
