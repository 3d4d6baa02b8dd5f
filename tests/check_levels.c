/* SPDX-License-Identifier: MIT
 * check_levels.c - tests latents in the decoder: every gradient, the rates by hand, z of all latents one after another, samples, same bits,
 * files, mistakes in the text. */
#include "model_gradients.h"

#include <stdio.h>
#include <unistd.h>

static const char *const models[] = {
    "input 6\nencoder linear out=7 | silu | tap wide | linear out=5 | tanh\nlatent gaussian dim=2\n"
    "decoder linear out=4 | silu | latent gaussian dim=3 from=wide | linear out=6\nlikelihood gaussian\n",
    "input 4x4x2\nencoder conv2d out=3 kernel=3 pad=1 | silu | tap fine | conv2d out=4 kernel=4 stride=2 pad=1 | silu | tap coarse | "
    "flatten\n"
    "latent gaussian dim=3\n"
    "decoder linear out=8 | reshape 2x2x2 | latent gaussian dim=2 map=true from=coarse | silu | upsample | conv2d out=3 kernel=3 pad=1 | "
    "silu | latent gaussian dim=1 map=true from=fine | conv2d out=2 kernel=3 pad=1\nlikelihood gaussian\n",
    "input 6\nencoder linear out=7 | batchnorm | silu | tap wide\nlatent none\n"
    "decoder residual { linear out=7 | tanh | latent gaussian dim=2 from=wide | linear out=7 } | layernorm | linear out=6\n"
    "likelihood bernoulli\n",
    "input 6\nencoder linear out=7 | silu | tap wide | linear out=5\nlatent gaussian dim=2\n"
    "decoder linear out=4 | silu | latent gaussian dim=3 from=wide | linear out=6\nlikelihood gaussian\nprior vamp components=3\n",
};
#define MODELS 4

static vae_model_t *make(vae_ctx_t *ctx, int i) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, ctx, models[i], 5));
    return m;
}

/* Examples, within what a Bernoulli takes. */
static float *examples(int64_t n, uint64_t seed) {
    float *x = filled(n, seed);
    for (int64_t i = 0; i < n; i++) x[i] = fabsf(x[i]) / (1 + fabsf(x[i]));
    return x;
}

START_TEST(test_every_gradient_is_its_finite_difference) {
    enum { N = 3 };
    static const char *const options[] = {"objective elbo beta=0.7\n", "objective elbo beta=2 free_bits=0.1\nmemory checkpoint\n"};
    vae_model_t *m = make(NULL, _i / 2);
    float *x = examples(N * vae_model_input_size(m), 1), *noise = filled(N * vae_model_latent_size(m), 2);
    ck_assert_int_gt(check_every_gradient(m, N, x, noise, options[_i % 2]), 100);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

START_TEST(test_shapes_are_told_by_number) {
    int64_t shape[4] = {0};
    vae_model_t *m = make(NULL, 1);
    ck_assert_int_eq(vae_model_latent_count(m), 3);
    ck_assert_int_eq(vae_model_latent_size(m), 3 + 8 + 16);
    ck_assert_int_eq(vae_model_latent_shape(m, shape), 1);
    ck_assert_int_eq(shape[0], 27);
    ck_assert_int_eq(vae_model_latent_shape_at(m, 0, shape), 1);
    ck_assert_int_eq(shape[0], 3);
    ck_assert_int_eq(vae_model_latent_shape_at(m, 1, shape), 3);
    ck_assert(shape[0] == 2 && shape[1] == 2 && shape[2] == 2);
    ck_assert_int_eq(vae_model_latent_shape_at(m, 2, shape), 3);
    ck_assert(shape[0] == 4 && shape[1] == 4 && shape[2] == 1);
    ck_assert_int_eq(vae_model_latent_shape_at(m, 3, shape), 0);
    vae_model_destroy(m);
}
END_TEST

/* The means that encode gives are z that decode takes: together they reconstruct. */
START_TEST(test_encode_then_decode_is_reconstruct) {
    enum { N = 7 };
    vae_model_t *m = make(NULL, _i);
    vae_session_t *s;
    const int64_t S = vae_model_input_size(m), Z = vae_model_latent_size(m);
    float *x = examples(N * S, 1), *mean = filled(N * Z, 2), *logvar = filled(N * Z, 3), *y = filled(N * S, 4), *made = filled(N * S, 5);
    ck_assert_ok(vae_session_create(&s, m, 3));
    ck_assert_ok(vae_encode(s, N, x, mean, logvar));
    ck_assert_ok(vae_decode(s, N, mean, made));
    ck_assert_ok(vae_reconstruct(s, N, x, y));
    ck_assert_mem_eq(made, y, (size_t)(N * S) * sizeof(*y));
    for (int64_t i = 0; i < N * Z; i++) ck_assert(logvar[i] >= -1e6f && logvar[i] <= 20);
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(mean), free(logvar), free(y), free(made);
}
END_TEST

/* The rate of the first model by hand: of level 0 against N(0, I), of level 1 against its prior, with heads read by name. */
static double head(const vae_model_t *m, const char *name, int64_t row, int64_t width, const float *h) {
    char full[80];
    const vae_tensor_t *t[2];
    int64_t index;
    double sum;
    for (int i = 0; i < 2; i++) {
        snprintf(full, sizeof(full), "decoder.2.%s.%s", name, i ? "bias" : "weight");
        ck_assert_ok(vae_model_param_find(m, full, &index));
        ck_assert_ok(vae_model_param(m, index, &t[i], NULL));
    }
    ck_assert_int_eq(vae_tensor_shape(t[0])[1], width);
    sum = (double)((const float *)vae_tensor_data(t[1]))[row];
    for (int64_t i = 0; i < width; i++) sum += (double)((const float *)vae_tensor_data(t[0]))[row * width + i] * (double)h[i];
    return sum;
}

/* What stands between two layers, from a model of the same parameters that ends there. */
static void values_behind(const char *spec, const vae_model_t *of, int64_t n, const float *z, const float *x, float *out) {
    vae_model_t *m;
    vae_session_t *s;
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *own, *t;
        const char *name;
        int64_t index, size = 1;
        ck_assert_ok(vae_model_param(m, i, &own, &name));
        if (strncmp(name, x ? "encoder." : "decoder.", 8) != 0) continue; /* the other half is of another width */
        ck_assert_ok(vae_model_param_find(of, name, &index));
        ck_assert_ok(vae_model_param(of, index, &t, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
        ck_assert_ok(vae_model_set_param(m, i, vae_tensor_data(t), size));
    }
    ck_assert_ok(vae_session_create(&s, m, n));
    if (x) ck_assert_ok(vae_encode(s, n, x, out, NULL));
    else ck_assert_ok(vae_decode(s, n, z, out));
    vae_session_destroy(s);
    vae_model_destroy(m);
}

START_TEST(test_the_rates_are_those_by_hand) {
    enum { N = 3, W = 7, C = 4, D = 3, FIRST = 2, Z = FIRST + D };
    vae_model_t *m = make(NULL, 0);
    vae_session_t *s;
    float *x = examples(N * 6, 1), *noise = filled(N * Z, 2), mean[N * Z], logvar[N * Z], z[N * FIRST], wide[N * W], stream[N * C];
    double recon[N], rate[N], elbo[N];
    ck_assert_ok(vae_session_create(&s, m, N));
    ck_assert_ok(vae_encode(s, N, x, mean, logvar));
    for (int i = 0; i < N * FIRST; i++) {
        const int at = i / FIRST * Z + i % FIRST;
        z[i] = mean[at] + expf(0.5f * logvar[at]) * noise[at];
    }
    values_behind("input 6\nencoder linear out=7 | silu\nlatent none\ndecoder linear out=6\nlikelihood gaussian\n", m, N, NULL, x, wide);
    values_behind("input 4\nencoder linear out=2\nlatent none\ndecoder linear out=4 | silu\nlikelihood gaussian\n", m, N, z, NULL, stream);
    ck_assert_ok(vae_elbo(s, N, x, 1, noise, elbo, recon, rate));
    for (int i = 0; i < N; i++) {
        float both[C + W];
        double kl = 0;
        memcpy(both, stream + i * C, sizeof(float) * C);
        memcpy(both + C, wide + i * W, sizeof(float) * W);
        for (int d = 0; d < FIRST; d++) {
            const double mu = (double)mean[i * Z + d], lv = (double)logvar[i * Z + d];
            kl += 0.5 * (mu * mu + exp(lv) - 1 - lv);
        }
        for (int d = 0; d < D; d++) {
            const double a = head(m, "logvar", d, C + W, both), c = head(m, "prior.logvar", d, C, stream + i * C);
            const double apart = head(m, "mean", d, C + W, both) - head(m, "prior.mean", d, C, stream + i * C);
            kl += 0.5 * (c - a - 1 + exp(a - c) + apart * apart * exp(-c));
        }
        ck_assert_double_eq_tol(rate[i], kl, 1e-5 * (1 + kl));
        ck_assert_double_eq_tol(elbo[i], -recon[i] - rate[i], 1e-9);
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

START_TEST(test_metrics_tell_the_rate_of_each_latent) {
    enum { N = 5 };
    vae_model_t *m = make(NULL, _i);
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    float *x = examples(N * vae_model_input_size(m), 1);
    double sum = 0;
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer sgd lr=0.001\n", N));
    ck_assert_ok(vae_trainer_step(t, N, x, &metrics));
    ck_assert_int_eq(metrics.latents, vae_model_latent_count(m));
    for (int i = 0; i < VAE_LATENTS_MAX; i++) {
        if (i >= metrics.latents) ck_assert_double_eq(metrics.latent_rate[i], 0);
        sum += metrics.latent_rate[i];
    }
    ck_assert_double_eq_tol(metrics.rate, sum, 1e-12 * (1 + fabs(sum)));
    ck_assert_double_ne(metrics.latent_rate[metrics.latents - 1], 0);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x);
}
END_TEST

/* More samples make the bound tighter in the mean, and the mean of one-sample bounds is the ELBO. */
START_TEST(test_the_bound_rises_with_samples) {
    enum { N = 40, K = 64 };
    vae_model_t *m = make(NULL, 1);
    vae_trainer_t *t;
    vae_session_t *s;
    const int64_t S = vae_model_input_size(m);
    float *x = examples(N * S, 1);
    double one[N], many[N], a = 0, b = 0;
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01\n", N));
    for (int i = 0; i < 60; i++) ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    vae_trainer_destroy(t);
    ck_assert_ok(vae_session_create(&s, m, N));
    ck_assert_ok(vae_elbo(s, N, x, 1, NULL, one, NULL, NULL));
    ck_assert_ok(vae_elbo(s, N, x, K, NULL, many, NULL, NULL));
    for (int i = 0; i < N; i++) a += one[i] / N, b += many[i] / N;
    ck_assert_msg(b > a + 0.01, "%d samples: %g, one: %g", K, b, a);
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

/* Noise given to sample: z of the first latent is the noise, the others draw with it from their priors. decode takes it as z of all. */
START_TEST(test_samples_come_from_the_priors) {
    enum { N = 6 };
    vae_model_t *m = make(NULL, _i);
    vae_session_t *s;
    const int64_t S = vae_model_input_size(m), Z = vae_model_latent_size(m);
    float *noise = filled(N * Z, 1), *x = filled(N * S, 2), *y = filled(N * S, 3), *one = filled(S, 4);
    ck_assert_ok(vae_session_create(&s, m, N));
    ck_assert_ok(vae_sample(s, N, noise, x));
    ck_assert_ok(vae_decode(s, N, noise, y));
    ck_assert_mem_ne(x, y, (size_t)(N * S) * sizeof(*y));
    for (int64_t i = 0; i < N; i++) {
        ck_assert_ok(vae_sample(s, 1, noise + i * Z, one));
        ck_assert_mem_eq(one, x + i * S, (size_t)S * sizeof(*x));
    }
    ck_assert_ok(vae_session_seed(s, 9));
    ck_assert_ok(vae_sample(s, N, NULL, x));
    ck_assert_ok(vae_session_seed(s, 9));
    for (int64_t i = 0; i < N; i++) {
        ck_assert_ok(vae_sample(s, 1, NULL, one));
        ck_assert_mem_eq(one, x + i * S, (size_t)S * sizeof(*x));
        for (int64_t j = 0; j < i; j++) ck_assert_mem_ne(one, x + j * S, (size_t)S * sizeof(*x));
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(noise), free(x), free(y), free(one);
}
END_TEST

static float *trained(int i, int32_t threads, int32_t isa, int64_t *count) {
    enum { N = 33 };
    vae_ctx_t *ctx = test_ctx(NULL, threads, isa);
    vae_model_t *m = make(ctx, i);
    vae_trainer_t *t;
    float *x = examples(N * vae_model_input_size(m), 1);
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01\n", N));
    for (int j = 0; j < 3; j++) ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    float *params = all_params(m, count);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    free(x);
    return params;
}

START_TEST(test_same_bits_for_threads_and_instruction_sets) {
    int64_t count, other;
    float *one = trained(_i, 1, 0, &count);
    static const int32_t ways[][2] = {{2, 0}, {3, 0}, {7, 0}, {1, VAE_ISA_PORTABLE}};
    for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
        float *same = trained(_i, ways[w][0], ways[w][1], &other);
        ck_assert_int_eq(count, other);
        ck_assert_mem_eq(one, same, (size_t)count * sizeof(*one));
        free(same);
    }
    free(one);
}
END_TEST

START_TEST(test_a_checkpoint_resumes_every_bit) {
    enum { N = 9 };
    char path[64];
    int64_t count, other;
    vae_model_t *m = make(NULL, _i), *again = make(NULL, _i);
    vae_trainer_t *t, *u;
    float *x = examples(N * vae_model_input_size(m), 1);
    snprintf(path, sizeof(path), "/tmp/check_levels_%ld_%d.safetensors", (long)getpid(), _i);
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01\n", N));
    ck_assert_ok(vae_trainer_create(&u, again, "optimizer adam lr=0.01\n", N));
    for (int j = 0; j < 2; j++) ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    ck_assert_ok(vae_trainer_save(t, path));
    ck_assert_ok(vae_trainer_load(u, path));
    for (int j = 0; j < 2; j++) ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    for (int j = 0; j < 2; j++) ck_assert_ok(vae_trainer_step(u, N, x, NULL));
    float *a = all_params(m, &count), *b = all_params(again, &other);
    ck_assert_int_eq(count, other);
    ck_assert_mem_eq(a, b, (size_t)count * sizeof(*a));
    unlink(path);
    vae_trainer_destroy(t);
    vae_trainer_destroy(u);
    vae_model_destroy(m);
    vae_model_destroy(again);
    free(x), free(a), free(b);
}
END_TEST

#define FRONT "input 6\nencoder linear out=7 | tap wide | linear out=5\nlatent gaussian dim=2\n"
#define END   "linear out=6\nlikelihood gaussian\n"
static const struct {
    const char *spec;
    vae_status_t status;
    const char *sentence;
} mistakes[] = {
    {FRONT "decoder linear out=4 | latent gaussian dim=3 from=wyde | " END, VAE_E_SPEC,
     "from=wyde: the encoder has no tap of that name (did you mean 'wide'?)"},
    {FRONT "decoder linear out=4 | latent gaussian dim=3 | " END, VAE_E_SPEC, "decoder.1 latent: from is missing"},
    {FRONT "decoder linear out=4 | latent from=wide | " END, VAE_E_SPEC, "wanted a latent, as in 'latent gaussian"},
    {FRONT "decoder linear out=4 | latent gausian dim=3 from=wide | " END, VAE_E_SPEC, "no latent 'gausian' (did you mean 'gaussian'?)"},
    {FRONT "decoder linear out=4 | latent gaussian dim=3 form=wide | " END, VAE_E_SPEC, "no option 'form' (did you mean 'from'?)"},
    {FRONT "decoder linear out=4 | latent gaussian dim=0 from=wide | " END, VAE_E_SPEC, "dim=0, wanted 1..65536"},
    {FRONT "decoder linear out=4 | latent vq codes=3 from=wide | " END, VAE_E_SPEC, "latent vq: has no density"},
    {FRONT "decoder linear out=4 | latent none from=wide | " END, VAE_E_SPEC, "latent none: has no density"},
    {FRONT "decoder linear out=4 | tap other | " END, VAE_E_SPEC, "tap other: a tap is a layer of the encoder only"},
    {FRONT "decoder linear out=4 | reshape 2x2x1 | latent gaussian dim=3 map=true from=wide | flatten | " END, VAE_E_SHAPE,
     "reads 2x2x1, and from=wide keeps 7: wanted the same sizes but the last"},
    {"input 6\nencoder linear out=7 | tap wide | tap wide\nlatent gaussian dim=2\ndecoder " END, VAE_E_SPEC,
     "tap wide: another tap has this name"},
    {"input 6\nencoder repeat n=2 { linear out=7 | tap wide }\nlatent gaussian dim=2\ndecoder " END, VAE_E_SPEC,
     "because a repeat makes it twice"},
    {"input 6\nencoder linear out=7 | tap wide | latent gaussian dim=2 from=wide\nlatent gaussian dim=2\ndecoder " END, VAE_E_SPEC,
     "latent gaussian: is a layer of the decoder only"},
    {"input 6\nencoder linear out=7 | tap wide | tap deep\nlatent gaussian dim=2\ndecoder latent gaussian dim=2 from=wide | " END,
     VAE_E_SPEC, "line 2, column 35: tap deep: no latent of the decoder reads it: leave it out, or give a latent from=deep"},
    {"input 6\nencoder tap not-a-name\nlatent gaussian dim=2\ndecoder " END, VAE_E_SPEC,
     "wanted a name of up to 32 letters, digits and '_'"},
};

START_TEST(test_a_mistake_gets_its_sentence) {
    vae_model_t *m;
    const vae_status_t status = vae_model_create(&m, NULL, mistakes[_i].spec, 0);
    ck_assert_msg(status == mistakes[_i].status, "%s: %s", mistakes[_i].sentence, vae_last_error());
    ck_assert_msg(strstr(vae_last_error(), mistakes[_i].sentence) != NULL, "'%s' does not say '%s'", vae_last_error(),
                  mistakes[_i].sentence);
}
END_TEST

/* n taps, and latents in the decoder that read them, the last one again if there are more latents. */
static vae_status_t create_with(int taps, int latents) {
    char text[4096] = "input 6\nencoder linear out=5";
    vae_model_t *m;
    size_t at = strlen(text);
    for (int i = 0; i < taps; i++) at += (size_t)snprintf(text + at, sizeof(text) - at, " | tap t%d", i);
    at += (size_t)snprintf(text + at, sizeof(text) - at, "\nlatent gaussian dim=2\ndecoder linear out=4");
    for (int i = 0; i < latents; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, " | latent gaussian dim=1 from=t%d", i < taps ? i : taps - 1);
    (void)snprintf(text + at, sizeof(text) - at, " | linear out=6\nlikelihood gaussian\n");
    const vae_status_t status = vae_model_create(&m, NULL, text, 0);
    vae_model_destroy(m);
    return status;
}

START_TEST(test_there_are_sixteen_of_each_at_most) {
    ck_assert_ok(create_with(15, VAE_LATENTS_MAX - 1));
    ck_assert_fails(create_with(17, 0), VAE_E_LIMIT);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "tap t16: more than 16 taps"));
    ck_assert_fails(create_with(1, VAE_LATENTS_MAX), VAE_E_LIMIT);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "latent: more than 16 in a model"));
}
END_TEST

START_TEST(test_the_canonical_text_is_a_fixed_point) {
    char once[2048], twice[2048];
    ck_assert_ok(vae_spec_canonical(models[_i], once, sizeof(once), NULL));
    ck_assert_ok(vae_spec_canonical(once, twice, sizeof(twice), NULL));
    ck_assert_str_eq(once, twice);
    if (_i > 0) return;
    ck_assert_ptr_nonnull(strstr(once, "latent gaussian dim=3 map=false init=pytorch from=wide |"));
    ck_assert_ok(vae_spec_get(models[0], "decoder.2.dim", twice, sizeof(twice), NULL));
    ck_assert_str_eq(twice, "3");
    ck_assert_ok(vae_spec_set(models[0], "decoder.2.dim", "5", twice, sizeof(twice), NULL));
    ck_assert_ptr_nonnull(strstr(twice, "latent gaussian dim=5 map=false init=pytorch from=wide |"));
}
END_TEST

Suite *suite_levels(void);
Suite *suite_levels(void) {
    Suite *suite = suite_create("levels");
    TCase *tc = tcase_create("levels");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_every_gradient_is_its_finite_difference, 0, 2 * MODELS);
    tcase_add_test(tc, test_shapes_are_told_by_number);
    tcase_add_loop_test(tc, test_encode_then_decode_is_reconstruct, 0, MODELS);
    tcase_add_test(tc, test_the_rates_are_those_by_hand);
    tcase_add_loop_test(tc, test_metrics_tell_the_rate_of_each_latent, 0, MODELS);
    tcase_add_test(tc, test_the_bound_rises_with_samples);
    tcase_add_loop_test(tc, test_samples_come_from_the_priors, 0, 2);
    tcase_add_loop_test(tc, test_same_bits_for_threads_and_instruction_sets, 0, MODELS);
    tcase_add_loop_test(tc, test_a_checkpoint_resumes_every_bit, 0, MODELS);
    tcase_add_loop_test(tc, test_a_mistake_gets_its_sentence, 0, (int)(sizeof(mistakes) / sizeof(mistakes[0])));
    tcase_add_test(tc, test_there_are_sixteen_of_each_at_most);
    tcase_add_loop_test(tc, test_the_canonical_text_is_a_fixed_point, 0, MODELS);
    suite_add_tcase(suite, tc);
    return suite;
}
