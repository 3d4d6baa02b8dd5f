/* SPDX-License-Identifier: MIT
 * check_lengths.c - tests sequences of different lengths: values of x beyond a length change no bit of any result; a short sequence has the
 * results of a model with so many steps; full lengths change nothing; refusals and their sentences. */
#include "support.h"

#include <math.h>
#include <stdio.h>

#define BATCH(...) (&(vae_batch_t){.struct_size = sizeof(vae_batch_t), __VA_ARGS__})

enum { N = 9, STEPS = 8, CHANNELS = 3, Z = 4, SHORT = 5 };

/* T: steps */
#define SERIES(T, likelihood)                                                                                                  \
    "input " T "x3\nencoder linear out=6 | positions kind=sinusoidal | residual { layernorm | attention heads=2 } | "          \
    "gru out=5 bidirectional=true layers=2 | lstm out=6 bidirectional=true | last bidirectional=true\nlatent gaussian dim=4\n" \
    "decoder spread steps=" T                                                                                                  \
    " | positions kind=sinusoidal | lstm out=6 bidirectional=true | residual { rmsnorm | attention causal=true } | "           \
    "silu | linear out=" likelihood "\n"
#define WORDS(T)                                                                                                       \
    "input " T " tokens=5\nencoder embedding dim=4 | gru out=6 | last\nlatent gaussian dim=4\ndecoder spread steps=" T \
    " | gru out=6 | linear out=5\nlikelihood categorical\n"

static const struct {
    const char *whole, *cut;
} models[] = {
    {SERIES("8", "3\nlikelihood gaussian sigma=optimal"), SERIES("5", "3\nlikelihood gaussian sigma=optimal")},
    {SERIES("8", "3\nlikelihood gaussian sigma=learned"), SERIES("5", "3\nlikelihood gaussian sigma=learned")},
    {SERIES("8", "6\nlikelihood student_t"), SERIES("5", "6\nlikelihood student_t")},
    {WORDS("8"), WORDS("5")},
};

/* All that comes out of one batch. */
typedef struct results {
    float mean[N * Z], logvar[N * Z], back[N * STEPS * CHANNELS], sample[N * STEPS * CHANNELS];
    double elbo[N], recon[N], rate[N], loss;
    float *grads;
    int64_t n_grads, size;
} results;

static void fill_x(const vae_model_t *m, float *x, uint32_t seed) {
    const int64_t count = N * vae_model_input_size(m), tokens = vae_model_token_count(m);
    fill(x, count, seed);
    for (int64_t i = 0; i < count; i++) x[i] = tokens > 0 ? (float)(int)(x[i] * 4.99f) : 2 * x[i] - 1;
}

static vae_model_t *model_of(const char *text) {
    vae_model_t *m;
    ck_assert_msg(vae_model_create(&m, NULL, text, 3) == VAE_OK, "%s", vae_last_error());
    return m;
}

/* The gradients of one pass, then the parameters after a step, stand for all that training gives. */
static void run(const char *text, int64_t n, const float *x, const int32_t *length, const char *options, results *out) {
    vae_model_t *m = model_of(text);
    vae_session_t *s;
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    memset(out, 0, sizeof(*out));
    out->size = vae_model_input_size(m);
    ck_assert_ok(vae_session_create(&s, m, 4));
    ck_assert_ok(vae_session_seed(s, 5));
    ck_assert_ok(vae_trainer_create(&t, m, options, N));
    ck_assert_ok(vae_trainer_seed(t, 6));
    ck_assert_ok(vae_encode_batch(s, BATCH(.n = n, .x = x, .length = length), out->mean, out->logvar));
    ck_assert_ok(vae_reconstruct_batch(s, BATCH(.n = n, .x = x, .length = length), out->back));
    ck_assert_ok(vae_elbo_batch(s, BATCH(.n = n, .x = x, .length = length), 3, out->elbo, out->recon, out->rate));
    ck_assert_ok(vae_sample_batch(s, BATCH(.n = n, .length = length, .flags = VAE_BATCH_DRAW), out->sample));
    ck_assert_ok(vae_trainer_step_batch(t, BATCH(.n = n, .x = x, .length = length), &metrics));
    out->loss = metrics.loss;
    out->grads = calloc((size_t)vae_model_param_total(m) + 1, sizeof(float));
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *p;
        int64_t count = 1;
        ck_assert_ok(vae_model_param(m, i, &p, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(p); d++) count *= vae_tensor_shape(p)[d];
        if (out->n_grads + count > vae_model_param_total(m)) break;
        memcpy(out->grads + out->n_grads, vae_tensor_data(p), (size_t)count * sizeof(float));
        out->n_grads += count;
    }
    vae_trainer_destroy(t);
    vae_session_destroy(s);
    vae_model_destroy(m);
}

static void assert_same_results(const results *a, const results *b) {
    ck_assert_mem_eq(a->mean, b->mean, sizeof(a->mean));
    ck_assert_mem_eq(a->logvar, b->logvar, sizeof(a->logvar));
    ck_assert_mem_eq(a->back, b->back, sizeof(a->back));
    ck_assert_mem_eq(a->sample, b->sample, sizeof(a->sample));
    ck_assert_mem_eq(a->elbo, b->elbo, sizeof(a->elbo));
    ck_assert_mem_eq(a->recon, b->recon, sizeof(a->recon));
    ck_assert(memcmp(&a->loss, &b->loss, sizeof(a->loss)) == 0);
    ck_assert_mem_eq(a->grads, b->grads, (size_t)a->n_grads * sizeof(float));
}

static const int32_t lengths[N] = {8, 1, 5, 3, 8, 2, 7, 4, 6};

/* Plain, with activations computed again, and of K samples. */
static const char *const trainings[] = {"optimizer adam lr=0.05\n", "optimizer adam lr=0.05\nmemory checkpoint\n",
                                        "optimizer adam lr=0.05\nobjective iwae samples=3\n"};

START_TEST(test_what_x_holds_beyond_its_length_moves_no_bit) {
    const char *const text = models[_i / 3].whole, *const options = trainings[_i % 3];
    static float x[N * STEPS * CHANNELS], other[N * STEPS * CHANNELS];
    results *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
    vae_model_t *m = model_of(text);
    const int64_t S = vae_model_input_size(m), row = S / STEPS;
    fill_x(m, x, 1);
    fill_x(m, other, 2);
    for (int64_t i = 0; i < N; i++) memcpy(other + i * S, x + i * S, (size_t)(lengths[i] * row) * sizeof(float));
    run(text, N, x, lengths, options, a);
    run(text, N, other, lengths, options, b);
    assert_same_results(a, b);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = lengths[i] * row; j < S; j++) ck_assert(a->back[i * S + j] == 0 && a->sample[i * S + j] == 0);
    free(a->grads), free(b->grads), free(a), free(b);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_lengths_of_all_steps_change_nothing) {
    static float x[N * STEPS * CHANNELS];
    const int32_t all[N] = {8, 8, 8, 8, 8, 8, 8, 8, 8};
    results *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
    vae_model_t *m = model_of(models[_i].whole);
    fill_x(m, x, 1);
    run(models[_i].whole, N, x, NULL, trainings[0], a);
    run(models[_i].whole, N, x, all, trainings[0], b);
    assert_same_results(a, b);
    free(a->grads), free(b->grads), free(a), free(b);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_a_short_sequence_gives_what_a_model_of_its_steps_gives) {
    static float x[N * STEPS * CHANNELS], cut[N * STEPS * CHANNELS];
    const int32_t five[N] = {SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT};
    results *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
    vae_model_t *m = model_of(models[_i].whole);
    const int64_t S = vae_model_input_size(m), part = S / STEPS * SHORT;
    fill_x(m, x, 1);
    for (int64_t i = 0; i < N; i++) memcpy(cut + i * part, x + i * S, (size_t)part * sizeof(float));
    run(models[_i].whole, N, x, five, trainings[0], a);
    run(models[_i].cut, N, cut, NULL, trainings[0], b);
    for (int i = 0; i < N * Z; i++) ck_assert_float_eq_tol(a->mean[i], b->mean[i], 1e-5f);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(a->recon[i], b->recon[i], 1e-4 * (1 + fabs(b->recon[i])));
    ck_assert_double_eq_tol(a->loss, b->loss, 1e-4 * (1 + fabs(b->loss)));
    ck_assert_int_eq(a->n_grads, b->n_grads);
    for (int64_t i = 0; i < N * part; i++) ck_assert_float_eq_tol(a->back[i / part * S + i % part], b->back[i], 1e-4f);
    for (int64_t i = 0; i < a->n_grads; i++) ck_assert_float_eq_tol(a->grads[i], b->grads[i], 2e-2f); /* Adam divides by the gradient */
    free(a->grads), free(b->grads), free(a), free(b);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_lengths_that_cannot_be_are_refused_in_words) {
    static const struct {
        const char *text, *words;
        int32_t length;
    } wrong[] = {
        {WORDS("8"), "length[1]: 0, wanted 1..8 steps", 0},
        {WORDS("8"), "length[1]: 9, wanted 1..8 steps", 9},
        {WORDS("8"), "length[1]: -3, wanted", -3},
        {"input 8x3\nencoder flatten | linear out=4\nlatent gaussian dim=4\ndecoder linear out=24 | reshape 8x3\nlikelihood gaussian\n",
         "length: encoder.0 flatten mixes steps", 3},
        {"input 8x3\nencoder residual { conv1d out=3 kernel=3 pad=1 } | last\nlatent gaussian dim=4\ndecoder spread steps=8 | linear "
         "out=3\n"
         "likelihood gaussian\n",
         "length: encoder.0.body.0 conv1d mixes steps", 3},
        {"input 8x3\nencoder last\nlatent gaussian dim=4\ndecoder linear out=24 | reshape 8x3\nlikelihood gaussian\n",
         "length: decoder.1 reshape mixes steps", 3},
        {"input 8\nencoder linear out=4\nlatent gaussian dim=4\ndecoder linear out=8\nlikelihood gaussian\n", "the input is 8", 3},
        {"input 8x3\nencoder gru out=4\nlatent none\ndecoder linear out=3\nlikelihood gaussian\n", "end the encoder with last", 3},
        {"input 8x3\nencoder gru out=4 | last\nlatent gaussian dim=2\ndecoder spread steps=8 | linear out=3\nlikelihood gaussian\nprior "
         "vamp\n",
         "prior vamp learns whole sequences", 3},
        {"input 8x3\nencoder gru out=4 | last\nlatent gaussian dim=2\ndecoder spread steps=8 | linear out=3\nlikelihood gaussian\n"
         "critic on=x | flatten | linear out=1\n",
         "the critic scores whole sequences", 3},
    };
    const int32_t length[2] = {3, wrong[_i].length};
    float x[2 * STEPS * CHANNELS] = {0}, mean[2 * 64];
    vae_model_t *m = model_of(wrong[_i].text);
    vae_session_t *s;
    ck_assert_ok(vae_session_create(&s, m, 2));
    ck_assert_fails(vae_encode_batch(s, BATCH(.n = 2, .x = x, .length = length), mean, NULL), _i < 3 ? VAE_E_ARG : VAE_E_UNSUPPORTED);
    ck_assert_msg(strstr(vae_last_error(), wrong[_i].words) != NULL, "%s", vae_last_error());
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_lengths(void);
Suite *suite_lengths(void) {
    Suite *s = suite_create("lengths");
    TCase *t = tcase_create("lengths");
    const int n = (int)(sizeof(models) / sizeof(models[0]));
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_what_x_holds_beyond_its_length_moves_no_bit, 0, 3 * n);
    tcase_add_loop_test(t, test_lengths_of_all_steps_change_nothing, 0, n);
    tcase_add_loop_test(t, test_a_short_sequence_gives_what_a_model_of_its_steps_gives, 0, n);
    tcase_add_loop_test(t, test_lengths_that_cannot_be_are_refused_in_words, 0, 10);
    suite_add_tcase(s, t);
    return s;
}
