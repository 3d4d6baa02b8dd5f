/* SPDX-License-Identifier: MIT
 * check_ties.c - tests layers that share one weight: compared with the same model with two weights, in files, and refusals. */
#include "support.h"

#include <math.h>
#include <stdio.h>

enum { N = 70, STEPS = 6 };

/* Where the tied layers stand, and which parameter of the model without ties each weight of its own is. */
typedef struct tie {
    const char *layer, *owner;
    int32_t transposed;
} tie;

static const struct {
    const char *text, *apart; /* the same, each weight its own */
    tie ties[4];
} models[] = {
    {"input 6\nencoder linear out=9 | tanh | linear out=5\nlatent gaussian dim=3\n"
     "decoder linear out=5 | linear out=9 tie=encoder.2 | tanh | linear out=6 tie=encoder.0\nlikelihood gaussian\n",
     "input 6\nencoder linear out=9 | tanh | linear out=5\nlatent gaussian dim=3\n"
     "decoder linear out=5 | linear out=9 | tanh | linear out=6\nlikelihood gaussian\n",
     {{"decoder.1", "encoder.2", 1}, {"decoder.3", "encoder.0", 1}}},
    {"input 8\nencoder linear out=8 | tanh | linear out=8 bias=false tie=encoder.0 | residual { tanh | linear out=8 tie=encoder.0.T }\n"
     "latent none\ndecoder tanh | linear out=8 tie=encoder.0.T\nlikelihood gaussian\n",
     "input 8\nencoder linear out=8 | tanh | linear out=8 bias=false | residual { tanh | linear out=8 }\n"
     "latent none\ndecoder tanh | linear out=8\nlikelihood gaussian\n",
     {{"encoder.2", "encoder.0", 0}, {"encoder.3.body.1", "encoder.0", 1}, {"decoder.1", "encoder.0", 1}}},
    {"input 12x10x2\nencoder conv2d out=6 kernel=4 stride=2 pad=1 groups=2 | silu | conv2d out=6 kernel=3 pad=1 | batchnorm | silu | "
     "conv2d out=6 kernel=3 pad=1 tie=encoder.2 | flatten\nlatent gaussian dim=4\n"
     "decoder linear out=180 | reshape 6x5x6 | silu | deconv2d out=2 kernel=4 stride=2 pad=1 groups=2 tie=encoder.0\n"
     "likelihood bernoulli\n",
     "input 12x10x2\nencoder conv2d out=6 kernel=4 stride=2 pad=1 groups=2 | silu | conv2d out=6 kernel=3 pad=1 | batchnorm | silu | "
     "conv2d out=6 kernel=3 pad=1 | flatten\nlatent gaussian dim=4\n"
     "decoder linear out=180 | reshape 6x5x6 | silu | deconv2d out=2 kernel=4 stride=2 pad=1 groups=2\nlikelihood bernoulli\n",
     {{"encoder.5", "encoder.2", 0}, {"decoder.3", "encoder.0", 0}}},
    {"input 10x9x4\nencoder deconv2d out=3 kernel=3 stride=2 pad=1 | tanh | conv2d out=4 kernel=3 stride=2 pad=1 tie=encoder.0\n"
     "latent gaussian dim=2 map=true\ndecoder conv2d out=4 kernel=1 | deconv2d out=3 kernel=3 pad=1 bias=false tie=encoder.0 | "
     "conv2d out=4 kernel=3 pad=1\nlikelihood gaussian sigma=learned\n",
     "input 10x9x4\nencoder deconv2d out=3 kernel=3 stride=2 pad=1 | tanh | conv2d out=4 kernel=3 stride=2 pad=1\n"
     "latent gaussian dim=2 map=true\ndecoder conv2d out=4 kernel=1 | deconv2d out=3 kernel=3 pad=1 bias=false | "
     "conv2d out=4 kernel=3 pad=1\nlikelihood gaussian sigma=learned\n",
     {{"encoder.2", "encoder.0", 0}, {"decoder.1", "encoder.0", 0}}},
};
#define MODELS ((int)(sizeof(models) / sizeof(models[0])))

static vae_model_t *model_of(vae_ctx_t *ctx, const char *text) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, ctx, text, 3));
    return m;
}

static int64_t index_of(const vae_model_t *m, const char *name) {
    int64_t index;
    ck_assert_msg(vae_model_param_find(m, name, &index) == VAE_OK, "no parameter %s", name);
    return index;
}

static const vae_tensor_t *tensor_of(const vae_model_t *m, const char *name) {
    const vae_tensor_t *t;
    ck_assert_ok(vae_model_param(m, index_of(m, name), &t, NULL));
    return t;
}

static int64_t count_of(const vae_tensor_t *t) {
    int64_t count = 1;
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) count *= vae_tensor_shape(t)[d];
    return count;
}

/* Where value i of the owner's weight stands in a weight of the tied layer's own. */
static int64_t place(const tie *t, const vae_tensor_t *owner, int64_t i) {
    const int64_t *const d = vae_tensor_shape(owner);
    return t->transposed ? i % d[1] * d[0] + i / d[1] : i;
}

/* The parameters of the tied model in the model without ties. */
static void copy_params(const vae_model_t *tied, vae_model_t *apart, const tie *ties) {
    for (int64_t i = 0; i < vae_model_param_count(tied); i++) {
        const vae_tensor_t *t;
        const char *name;
        ck_assert_ok(vae_model_param(tied, i, &t, &name));
        ck_assert_ok(vae_model_set_param(apart, index_of(apart, name), vae_tensor_data(t), count_of(t)));
    }
    for (const tie *t = ties; t->layer; t++) {
        char name[64], owner[64];
        (void)snprintf(name, sizeof(name), "%s.weight", t->layer);
        (void)snprintf(owner, sizeof(owner), "%s.weight", t->owner);
        const vae_tensor_t *w = tensor_of(tied, owner);
        const float *values = vae_tensor_data(w);
        float *copy = filled(count_of(w), 1);
        for (int64_t i = 0; i < count_of(w); i++) copy[place(t, w, i)] = values[i];
        ck_assert_ok(vae_model_set_param(apart, index_of(apart, name), copy, count_of(w)));
        free(copy);
    }
}

/* The gradient of parameter `name`; free() it. */
static float *gradient_of(vae_trainer_t *t, const vae_model_t *m, const char *name) {
    vae_tensor_t *g;
    ck_assert_ok(vae_trainer_grad(t, index_of(m, name), &g));
    float *copy = filled(count_of(g), 1);
    memcpy(copy, vae_tensor_data(g), (size_t)count_of(g) * sizeof(float));
    return copy;
}

static void check_gradient(vae_trainer_t *t, const vae_model_t *tied, vae_trainer_t *u, const vae_model_t *apart, const tie *ties,
                           const char *name) {
    const vae_tensor_t *const w = tensor_of(tied, name);
    const int64_t count = count_of(w);
    float *got = gradient_of(t, tied, name), *want = gradient_of(u, apart, name);
    double scale = 0;
    for (const tie *at = ties; at->layer; at++) {
        char other[64], owner[64];
        (void)snprintf(owner, sizeof(owner), "%s.weight", at->owner);
        if (strcmp(owner, name) != 0) continue;
        (void)snprintf(other, sizeof(other), "%s.weight", at->layer);
        float *more = gradient_of(u, apart, other);
        for (int64_t i = 0; i < count; i++) want[i] += more[place(at, w, i)];
        free(more);
    }
    for (int64_t i = 0; i < count; i++) scale = fmax(scale, fabs((double)want[i]));
    ck_assert_msg(scale > 0, "%s: gradient 0", name);
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 2e-6 * scale))
            ck_abort_msg("%s[%lld]: %.9g, the uses apart add up to %.9g", name, (long long)i, (double)got[i], (double)want[i]);
    free(got);
    free(want);
}

/* Loss, outputs and each element of each gradient: those of a model whose weights are equal, gradients of equal weights added. */
START_TEST(test_a_tied_weight_is_two_equal_ones_whose_gradients_add_up) {
    static const int64_t sizes[] = {3, N}; /* one block, and two lanes of blocks */
    vae_model_t *const tied = model_of(NULL, models[_i].text), *const apart = model_of(NULL, models[_i].apart);
    const int64_t S = vae_model_input_size(tied);
    float *x = filled(N * S, 5);
    copy_params(tied, apart, models[_i].ties);
    for (size_t k = 0; k < 2; k++) {
        vae_trainer_t *t, *u;
        vae_metrics_t a = {.struct_size = sizeof(a)}, b = a;
        ck_assert_ok(vae_trainer_create(&t, tied, TRAINING, N));
        ck_assert_ok(vae_trainer_create(&u, apart, TRAINING, N));
        ck_assert_ok(vae_trainer_backward(t, sizes[k], x, NULL, &a));
        ck_assert_ok(vae_trainer_backward(u, sizes[k], x, NULL, &b));
        ck_assert_double_eq(a.loss, b.loss);
        for (int64_t i = 0; i < vae_model_param_count(tied); i++) {
            const vae_tensor_t *p;
            const char *name;
            ck_assert_ok(vae_model_param(tied, i, &p, &name));
            if (!strstr(name, "running")) check_gradient(t, tied, u, apart, models[_i].ties, name);
        }
        vae_trainer_destroy(t);
        vae_trainer_destroy(u);
    }
    vae_model_destroy(tied);
    vae_model_destroy(apart);
    free(x);
}
END_TEST

static void steps(vae_trainer_t *t, const float *x, int64_t S, int32_t from, int32_t to) {
    for (int32_t i = from; i < to; i++) ck_assert_ok(vae_trainer_step(t, N - i, x + i * S, NULL));
}

/* A step moves the one tensor once, and both uses see it; a file holds it once; a run that was interrupted goes on to the same bytes. */
START_TEST(test_a_tied_weight_is_saved_and_resumed_as_one) {
    const char *const path = "build/check_ties.safetensors", *const checkpoint = "build/check_ties_checkpoint.safetensors";
    vae_model_t *const m = model_of(NULL, models[_i].text), *loaded, *resumed;
    const int64_t S = vae_model_input_size(m);
    float *x = filled(N * S, 5), *y = filled(3 * S, 1), *z = filled(3 * S, 2);
    char name[64];
    int64_t count, same;
    vae_trainer_t *t, *u;
    vae_session_t *s;
    ck_assert_ok(vae_trainer_create(&t, m, TRAINING, N));
    steps(t, x, S, 0, STEPS / 2);
    ck_assert_ok(vae_trainer_save(t, checkpoint));
    steps(t, x, S, STEPS / 2, STEPS);
    ck_assert_ok(vae_model_save(m, path));
    ck_assert_ok(vae_model_load(&loaded, NULL, path));
    ck_assert_int_eq(vae_model_param_count(loaded), vae_model_param_count(m));
    (void)snprintf(name, sizeof(name), "%s.weight", models[_i].ties[0].layer);
    ck_assert(vae_model_param_find(loaded, name, &same) != VAE_OK);
    ck_assert_ok(vae_session_create(&s, m, 3));
    ck_assert_ok(vae_reconstruct(s, 3, x, y));
    vae_session_destroy(s);
    ck_assert_ok(vae_session_create(&s, loaded, 3));
    ck_assert_ok(vae_reconstruct(s, 3, x, z));
    vae_session_destroy(s);
    ck_assert_mem_eq(y, z, (size_t)(3 * S) * sizeof(float));

    resumed = model_of(NULL, models[_i].text);
    ck_assert_ok(vae_trainer_create(&u, resumed, TRAINING, N));
    ck_assert_ok(vae_trainer_load(u, checkpoint));
    steps(u, x, S, STEPS / 2, STEPS);
    float *a = all_params(m, &count), *b = all_params(resumed, &same);
    ck_assert_int_eq(count, same);
    ck_assert_mem_eq(a, b, (size_t)count * sizeof(float));
    free(a), free(b), free(x), free(y), free(z);
    vae_trainer_destroy(t);
    vae_trainer_destroy(u);
    vae_model_destroy(m);
    vae_model_destroy(loaded);
    vae_model_destroy(resumed);
}
END_TEST

/* Parameters after some steps do not depend on threads. */
START_TEST(test_a_tied_weight_learns_the_same_bytes_with_any_threads) {
    static const int32_t threads[] = {1, 2, 3, 7};
    float *first = NULL, *x = NULL;
    for (size_t i = 0; i < 4; i++) {
        vae_ctx_t *const ctx = test_ctx(NULL, threads[i], VAE_ISA_AUTO);
        vae_model_t *const m = model_of(ctx, models[_i].text);
        vae_trainer_t *t;
        int64_t count;
        if (!x) x = filled(N * vae_model_input_size(m), 5);
        ck_assert_ok(vae_trainer_create(&t, m, TRAINING, N));
        steps(t, x, vae_model_input_size(m), 0, STEPS);
        float *params = all_params(m, &count);
        if (!first) first = params;
        else ck_assert_mem_eq(first, params, (size_t)count * sizeof(float));
        if (params != first) free(params);
        vae_trainer_destroy(t);
        vae_model_destroy(m);
        vae_ctx_destroy(ctx);
    }
    free(first);
    free(x);
}
END_TEST

START_TEST(test_the_text_of_a_tie_is_set_read_and_taken_back) {
    char text[4096], value[256];
    ck_assert_ok(vae_spec_set(models[0].apart, "decoder.3.tie", "encoder.0", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "linear out=6 bias=true init=pytorch tie=encoder.0\n"));
    ck_assert_ok(vae_spec_get(text, "decoder.3.tie", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "encoder.0");
    ck_assert_ok(vae_spec_get(text, "decoder.1.tie", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "none");
    ck_assert_fails(vae_spec_get(text, "decoder.2.tie", value, sizeof(value), NULL), VAE_E_SPEC);
    ck_assert_ok(vae_spec_set(text, "decoder.3.tie", "none", text, sizeof(text), NULL));
    ck_assert_ptr_null(strstr(text, "tie="));
}
END_TEST

Suite *suite_ties(void);
Suite *suite_ties(void) {
    Suite *s = suite_create("ties");
    TCase *t = tcase_create("models");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_a_tied_weight_is_two_equal_ones_whose_gradients_add_up, 0, MODELS);
    tcase_add_loop_test(t, test_a_tied_weight_is_saved_and_resumed_as_one, 0, MODELS);
    tcase_add_loop_test(t, test_a_tied_weight_learns_the_same_bytes_with_any_threads, 0, MODELS);
    tcase_add_test(t, test_the_text_of_a_tie_is_set_read_and_taken_back);
    suite_add_tcase(s, t);
    return s;
}
