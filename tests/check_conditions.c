/* SPDX-License-Identifier: MIT
 * check_conditions.c - tests models whose examples have a label and a vector as condition: what each call needs and refuses, that each
 * example gets its own condition in any division of the batch, files, and priors together with conditions. */
#include "support.h"

#include <math.h>
#include <stdio.h>

#define BATCH(...) (&(vae_batch_t){.struct_size = sizeof(vae_batch_t), __VA_ARGS__})

enum { N = 70, CLASSES = 5, V = 2, STEPS = 5 };

#define ENCODER(drop)                                                                                                        \
    "input 8x8x2\ncondition classes=5 vector=2\n"                                                                            \
    "encoder condition drop=" drop " | conv2d out=6 kernel=3 stride=2 pad=1 | silu | condition mode=film dim=3 drop=" drop   \
    " | conv2d out=6 kernel=3 pad=1 | relu | residual { condition mode=add dim=4 drop=" drop " | tanh } | flatten | linear " \
    "out=20\n"
#define REST(drop)                                                                                                 \
    "latent gaussian dim=3\n"                                                                                      \
    "decoder condition mode=concat drop=" drop " | linear out=96 | reshape 4x4x6 | condition mode=film drop=" drop \
    " | silu | deconv2d out=2 kernel=4 stride=2 pad=1\nlikelihood bernoulli\n"
static const char model_text[] = ENCODER("0") REST("0"), dropping[] = ENCODER("0.4") REST("0.4");
static const char always_dropping[] = ENCODER("0.9999999") REST("0.9999999"); /* but for one example in eight million */
/* Conditions of a critic and of a second latent's surroundings. */
static const char wide_text[] = "input 8x8x2\ncondition classes=5 vector=2\n"
                                "encoder flatten | linear out=12 | condition mode=add dim=3 drop=0.2 | tap wide | tanh | linear out=6\n"
                                "latent gaussian dim=3\ndecoder condition | linear out=10 | latent gaussian dim=2 from=wide | "
                                "condition mode=film drop=0.2 | linear out=128 | reshape 8x8x2\nlikelihood bernoulli\n"
                                "critic condition drop=0.2 | flatten | linear out=6 | condition mode=film | tanh | linear out=1\n";
#define WIDE_TRAINING "optimizer adam lr=0.01\nobjective elbo beta=0.5 | gan weight=0.2\n"
static const char codes_text[] = "input 6x6x1\ncondition classes=5\nencoder conv2d out=4 kernel=2 stride=2 | condition mode=add\n"
                                 "latent vq codes=8\ndecoder condition mode=film | deconv2d out=1 kernel=2 stride=2\n"
                                 "likelihood gaussian\nprior pixelcnn channels=4 layers=1 classes=5\n";
static const char plain_text[] = "input 8x8x2\nencoder flatten | linear out=4\nlatent gaussian dim=3\n"
                                 "decoder linear out=128 | reshape 8x8x2\nlikelihood bernoulli\n";

typedef struct rig {
    vae_ctx_t *ctx;
    vae_model_t *model;
    vae_session_t *s;
    vae_trainer_t *t;
    int64_t S, D;
    float *x, *z, *noise, condition[N * V];
    int32_t label[N];
} rig;

static rig open_rig(const char *text, const char *training, int32_t threads, int64_t max_batch) {
    rig r = {.ctx = test_ctx(NULL, threads, VAE_ISA_AUTO)};
    ck_assert_ok(vae_model_create(&r.model, r.ctx, text, 3));
    ck_assert_ok(vae_session_create(&r.s, r.model, max_batch));
    ck_assert_ok(vae_trainer_create(&r.t, r.model, training, N));
    r.S = vae_model_input_size(r.model);
    r.D = vae_model_latent_size(r.model);
    r.x = filled(N * r.S, 5);
    r.z = filled(N * r.D, 6);
    r.noise = filled(N * r.D, 7);
    fill(r.condition, N * V, 8);
    for (int32_t i = 0; i < N; i++) r.label[i] = i * i % CLASSES;
    return r;
}

static void take_classes_from_some(rig *r) {
    for (int32_t i = 3; i < N; i += 5) r->label[i] = -1;
}

static void close_rig(rig *r) {
    vae_trainer_destroy(r->t);
    vae_session_destroy(r->s);
    vae_model_destroy(r->model);
    vae_ctx_destroy(r->ctx);
    free(r->x), free(r->z), free(r->noise);
}

/* ---- what calls want ------------------------------------------------------------------------------------------------ */

static void says(vae_status_t status, vae_status_t wanted, const char *part) {
    ck_assert_int_eq(status, wanted);
    ck_assert_msg(strstr(vae_last_error(), part), "'%s' does not say '%s'", vae_last_error(), part);
}

/* Each call that runs the network, with one fault in what belongs to the examples. */
static void refuses(rig *r, const float *x, const int32_t *label, const float *condition, const char *part) {
    float y[2 * 128];
    double elbo[2];
    const vae_batch_t of_x = *BATCH(.n = 2, .x = x, .label = label, .condition = condition);
    const vae_batch_t of_z = *BATCH(.n = 2, .label = label, .condition = condition);
    says(vae_encode_batch(r->s, &of_x, y, NULL), VAE_E_ARG, part);
    says(vae_reconstruct_batch(r->s, &of_x, y), VAE_E_ARG, part);
    says(vae_decode_batch(r->s, &of_z, r->z, y), VAE_E_ARG, part);
    says(vae_sample_batch(r->s, &of_z, y), VAE_E_ARG, part);
    says(vae_elbo_batch(r->s, &of_x, 1, elbo, NULL, NULL), VAE_E_ARG, part);
    says(vae_trainer_backward_batch(r->t, &of_x, NULL), VAE_E_ARG, part);
    says(vae_trainer_step_batch(r->t, &of_x, NULL), VAE_E_ARG, part);
}

START_TEST(test_what_the_condition_wants_is_checked_in_every_call) {
    rig r = open_rig(model_text, TRAINING, 1, 4);
    const int32_t below[2] = {0, -2}, above[2] = {CLASSES, 0};
    float y[2 * 128], nan[2 * V] = {0, 1, 2, NAN}, infinite[2 * V] = {0, -INFINITY};
    double elbo[2];
    uint8_t pixels[256];
    ck_assert_int_eq(vae_model_class_count(r.model), CLASSES);
    ck_assert_int_eq(vae_model_condition_size(r.model), V);
    refuses(&r, r.x, NULL, r.condition, "label: is NULL, and the model has condition classes=5: call vae_");
    refuses(&r, r.x, r.label, NULL, "condition: is NULL, and the model has condition vector=2: call vae_");
    refuses(&r, r.x, below, r.condition, "label[1]: -2, wanted 0..4 of 5 classes, or -1 for no class");
    refuses(&r, r.x, above, r.condition, "label[0]: 5, wanted 0..4 of 5 classes");
    says(vae_encode_batch(r.s, BATCH(.n = 2, .x = r.x, .label = r.label, .condition = nan), y, NULL), VAE_E_NUMERIC, "condition");
    says(vae_trainer_step_batch(r.t, BATCH(.n = 2, .x = r.x, .label = r.label, .condition = infinite), NULL), VAE_E_NUMERIC, "condition");
    says(vae_encode(r.s, 2, r.x, y, NULL), VAE_E_ARG, "call vae_encode_batch() with the label");
    says(vae_decode(r.s, 2, r.z, y), VAE_E_ARG, "call vae_decode_batch() with the label");
    says(vae_reconstruct(r.s, 2, r.x, y), VAE_E_ARG, "call vae_reconstruct_batch() with the label");
    says(vae_sample(r.s, 2, NULL, y), VAE_E_ARG, "call vae_sample_batch() with the label");
    says(vae_elbo(r.s, 2, r.x, 1, NULL, elbo, NULL, NULL), VAE_E_ARG, "call vae_elbo_batch() with the label");
    says(vae_trainer_step(r.t, 2, r.x, NULL), VAE_E_ARG, "call vae_trainer_step_batch() with the label");
    ck_assert_int_eq(vae_decode_rgba8(r.s, r.z, pixels, 32), VAE_E_UNSUPPORTED); /* two channels are no picture */
    ck_assert_ok(vae_encode(r.s, 0, NULL, NULL, NULL));
    ck_assert_ok(vae_encode_batch(r.s, BATCH(.n = 2, .x = r.x, .label = r.label, .condition = r.condition), y, NULL));
    close_rig(&r);
}
END_TEST

START_TEST(test_a_model_without_conditions_refuses_them) {
    rig r = open_rig(plain_text, TRAINING, 1, 4);
    float y[2 * 128];
    ck_assert_int_eq(vae_model_condition_size(r.model), 0);
    ck_assert_int_eq(vae_model_condition_size(NULL), 0);
    says(vae_encode_batch(r.s, BATCH(.n = 2, .x = r.x, .label = r.label), y, NULL), VAE_E_ARG,
         "label: vae_encode_batch() does not read it");
    says(vae_encode_batch(r.s, BATCH(.n = 2, .x = r.x, .condition = r.condition), y, NULL), VAE_E_UNSUPPORTED,
         "condition: the model has no");
    says(vae_trainer_step_batch(r.t, BATCH(.n = 2, .x = r.x, .label = r.label), NULL), VAE_E_UNSUPPORTED, "label");
    says(vae_trainer_step_batch(r.t, BATCH(.n = 2, .x = r.x, .condition = r.condition), NULL), VAE_E_UNSUPPORTED, "condition: the model");
    close_rig(&r);
}
END_TEST

START_TEST(test_one_picture_of_a_conditional_model_is_refused) {
    rig r = open_rig(codes_text, TRAINING, 1, 4);
    uint8_t pixels[6 * 6 * 4];
    says(vae_decode_rgba8(r.s, r.z, pixels, 24), VAE_E_ARG, "call vae_decode_batch() with the label");
    close_rig(&r);
}
END_TEST

static const struct {
    const char *text, *part;
} mistakes[] = {
    {"input 8x8x2\nencoder condition | flatten | linear out=4\nlatent gaussian dim=3\ndecoder linear out=128 | reshape 8x8x2\n"
     "likelihood bernoulli\n",
     "encoder.0: condition: the model has no section condition"},
    {"input 8x8x2\ncondition classes=0\nencoder flatten | condition\nlatent none\ndecoder linear out=128 | reshape 8x8x2\n"
     "likelihood bernoulli\n",
     "encoder.1: condition: the model has no section condition"},
    {"input 8x8x2\ncondition relu\nencoder flatten\nlatent none\ndecoder linear out=128 | reshape 8x8x2\nlikelihood bernoulli\n",
     "condition: 'relu', wanted options, as in 'condition classes=10'"},
    {"input 8x8x2\ncondition class=3\nencoder flatten\nlatent none\ndecoder linear out=128 | reshape 8x8x2\nlikelihood bernoulli\n",
     "condition: no option 'class'"},
    {"input 8x8x2\ncondition classes=3\nencoder condition | flatten | linear out=4\nlatent gaussian dim=3\n"
     "decoder linear out=128 | reshape 8x8x2\nlikelihood bernoulli\nprior vamp\n",
     "prior vamp: its pseudo-inputs have no condition"},
    {"input 6x6x1\ncondition classes=3\nencoder conv2d out=4 kernel=2 stride=2\nlatent vq codes=8\n"
     "decoder condition mode=film | deconv2d out=1 kernel=2 stride=2\nlikelihood gaussian\nprior pixelcnn channels=4 classes=5\n",
     "prior pixelcnn: classes=5, the model's condition has classes=3"},
    {"input 8x8x2\n\ncondition classes=3\nencoder flatten\nlatent none\ndecoder linear out=128 | reshape 8x8x2\n"
     "likelihood bernoulli\n",
     "line 3: condition: no layer reads it: leave it out, or put a layer condition into the encoder, decoder or critic"},
};

START_TEST(test_mistakes_in_conditions_are_told) {
    vae_model_t *m;
    says(vae_model_create(&m, NULL, mistakes[_i].text, 1), VAE_E_SPEC, mistakes[_i].part);
}
END_TEST

START_TEST(test_the_section_is_set_and_read_by_its_path) {
    char text[4096], value[256];
    ck_assert_ok(vae_spec_set(model_text, "condition.classes", "7", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "condition  classes=7 vector=2\n"));
    ck_assert_ok(vae_spec_get(text, "condition.vector", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "2");
    ck_assert_ok(vae_spec_canonical(plain_text, text, sizeof(text), NULL));
    ck_assert_ptr_null(strstr(text, "condition"));
    ck_assert_ok(vae_spec_set(plain_text, "condition.classes", "4", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "condition  classes=4 vector=0\n"));
}
END_TEST

/* ---- each example its own ------------------------------------------------------------------------------------------- */

typedef struct outputs {
    float *mean, *x, *again, *sample;
    double elbo[N];
} outputs;

/* All calls of a session, `part` examples at a time. */
static outputs run(rig *r, int64_t part) {
    outputs o = {filled(N * r->D, 0), filled(N * r->S, 0), filled(N * r->S, 0), filled(N * r->S, 0), {0}};
    for (int64_t i = 0; i < N; i += part) {
        const int64_t n = N - i < part ? N - i : part;
        vae_batch_t b = *BATCH(.n = n, .label = r->label + i, .condition = r->condition + i * V);
        ck_assert_ok(vae_decode_batch(r->s, &b, r->z + i * r->D, o.x + i * r->S));
        b.noise = r->noise + i * r->D;
        ck_assert_ok(vae_sample_batch(r->s, &b, o.sample + i * r->S));
        b.x = r->x + i * r->S;
        ck_assert_ok(vae_elbo_batch(r->s, &b, 1, o.elbo + i, NULL, NULL));
        b.noise = NULL;
        ck_assert_ok(vae_encode_batch(r->s, &b, o.mean + i * r->D, NULL));
        ck_assert_ok(vae_reconstruct_batch(r->s, &b, o.again + i * r->S));
    }
    return o;
}

static void check_same(const rig *r, const outputs *a, const outputs *b) {
    const size_t x = (size_t)(N * r->S) * sizeof(float);
    ck_assert_mem_eq(a->mean, b->mean, (size_t)(N * r->D) * sizeof(float));
    ck_assert_mem_eq(a->x, b->x, x);
    ck_assert_mem_eq(a->again, b->again, x);
    ck_assert_mem_eq(a->sample, b->sample, x);
    ck_assert_mem_eq(a->elbo, b->elbo, sizeof(a->elbo));
}

static void drop(outputs *o) {
    free(o->mean), free(o->x), free(o->again), free(o->sample);
}

START_TEST(test_an_example_gets_its_own_condition_in_any_session) {
    static const int32_t threads[] = {1, 2, 3, 7};
    rig one = open_rig(model_text, TRAINING, 1, 1);
    take_classes_from_some(&one);
    outputs want = run(&one, 1);
    for (size_t t = 0; t < 4; t++) {
        rig r = open_rig(model_text, TRAINING, threads[t], t == 1 ? 9 : N);
        take_classes_from_some(&r);
        outputs whole = run(&r, N), parts = run(&r, 16);
        check_same(&one, &want, &whole);
        check_same(&one, &want, &parts);
        drop(&whole);
        drop(&parts);
        close_rig(&r);
    }
    one.label[N - 1] = (one.label[N - 1] + 1) % CLASSES; /* and it matters */
    outputs other = run(&one, N);
    const size_t last = (size_t)((N - 1) * one.S);
    ck_assert_mem_eq(want.x, other.x, last * sizeof(float));
    ck_assert(memcmp(want.x + last, other.x + last, (size_t)one.S * sizeof(float)) != 0);
    ck_assert(memcmp(want.mean + (N - 1) * one.D, other.mean + (N - 1) * one.D, (size_t)one.D * sizeof(float)) != 0);
    drop(&want);
    drop(&other);
    close_rig(&one);
}
END_TEST

static float *gradients(rig *r, int64_t first, int64_t n, int64_t *count) {
    int64_t total = 0;
    float *all = NULL;
    ck_assert_ok(vae_trainer_backward_batch(r->t,
                                            BATCH(.n = n, .x = r->x + first * r->S, .label = r->label + first,
                                                  .condition = r->condition + first * V, .noise = r->noise + first * r->D),
                                            NULL));
    for (int64_t i = 0; i < vae_model_param_count(r->model); i++) {
        vae_tensor_t *g;
        int64_t size = 1;
        ck_assert_ok(vae_trainer_grad(r->t, i, &g));
        for (int32_t d = 0; d < vae_tensor_ndim(g); d++) size *= vae_tensor_shape(g)[d];
        all = realloc(all, (size_t)(total + size) * sizeof(*all));
        ck_assert_ptr_nonnull(all);
        memcpy(all + total, vae_tensor_data(g), (size_t)size * sizeof(*all));
        total += size;
    }
    *count = total;
    return all;
}

/* Blocks of examples and lanes of blocks: what belongs to an example goes with it. */
START_TEST(test_the_gradient_of_a_batch_is_the_mean_of_its_examples) {
    int64_t count;
    rig r = open_rig(model_text, "objective elbo beta=0.5\n", 2, N);
    take_classes_from_some(&r);
    float *const batch = gradients(&r, 0, N, &count);
    double *const sum = calloc((size_t)count, 2 * sizeof(*sum)), *const size = sum + count;
    ck_assert_ptr_nonnull(sum);
    for (int64_t i = 0; i < N; i++) {
        vae_trainer_destroy(r.t);
        ck_assert_ok(vae_trainer_create(&r.t, r.model, "objective elbo beta=0.5\n", 1));
        float *const one = gradients(&r, i, 1, &count);
        for (int64_t j = 0; j < count; j++) sum[j] += (double)one[j] / N, size[j] += fabs((double)one[j]) / N;
        free(one);
    }
    for (int64_t j = 0; j < count; j++)
        if (!(fabs((double)batch[j] - sum[j]) <= 1e-6 + 1e-5 * size[j]))
            ck_abort_msg("value %lld of all gradients: %.9g, its examples' mean is %.9g", (long long)j, (double)batch[j], sum[j]);
    free(batch);
    free(sum);
    close_rig(&r);
}
END_TEST

static void steps(rig *r, int32_t from, int32_t to) {
    for (int32_t i = from; i < to; i++)
        ck_assert_ok(vae_trainer_step_batch(
            r->t, BATCH(.n = N - i, .x = r->x + i * r->S, .label = r->label + i, .condition = r->condition + i * V), NULL));
}

START_TEST(test_training_gives_the_same_bytes_with_any_threads_and_after_a_resume) {
    static const int32_t threads[] = {1, 2, 3, 7};
    static const char *const texts[] = {model_text, dropping, wide_text};
    const char *const text = texts[_i], *const path = "build/check_conditions.safetensors";
    const char *const training = _i == 2 ? WIDE_TRAINING : TRAINING;
    const char *const checkpoint = _i == 2 ? WIDE_TRAINING "memory checkpoint\n" : TRAINING "memory checkpoint\n";
    int64_t count, same;
    rig first = open_rig(text, training, 1, 1), second = open_rig(text, checkpoint, 2, 1);
    steps(&first, 0, STEPS - 2);
    ck_assert_ok(vae_trainer_save(first.t, path));
    steps(&first, STEPS - 2, STEPS);
    float *const want = all_params(first.model, &count);
    ck_assert_ok(vae_trainer_load(second.t, path));
    steps(&second, STEPS - 2, STEPS);
    float *const resumed = all_params(second.model, &same);
    ck_assert_mem_eq(want, resumed, (size_t)count * sizeof(float));
    for (size_t t = 0; t < 4; t++) {
        rig r = open_rig(text, training, threads[t], 1);
        steps(&r, 0, STEPS);
        float *const got = all_params(r.model, &same);
        ck_assert_mem_eq(want, got, (size_t)count * sizeof(float));
        free(got);
        close_rig(&r);
    }
    free(want);
    free(resumed);
    close_rig(&first);
    close_rig(&second);
}
END_TEST

/* ---- drop ----------------------------------------------------------------------------------------------------------- */

/* In training some examples lose their condition, in all layers at once; a session leaves none out. What an example that lost it gives
 * does not depend on the label. */
START_TEST(test_training_drops_the_condition_of_an_example_everywhere) {
    rig r = open_rig(dropping, "objective elbo\n", 1, 1);
    int32_t kept = 0, dropped = 0, other[N];
    float before[N * V];
    memcpy(other, r.label, sizeof(other));
    memcpy(before, r.condition, sizeof(before));
    for (int64_t i = 0; i < N; i++) {
        vae_metrics_t a = {.struct_size = sizeof(a)}, b = a;
        for (int32_t pass = 0; pass < 2; pass++) {
            vae_trainer_destroy(r.t);
            ck_assert_ok(vae_trainer_create(&r.t, r.model, "objective elbo\n", N));
            ck_assert_ok(vae_trainer_backward_batch(
                r.t, BATCH(.n = i + 1, .x = r.x, .label = r.label, .condition = r.condition, .noise = r.noise), pass ? &b : &a));
            r.label[i] = (r.label[i] + 1) % CLASSES;
            r.condition[i * V] += 1;
        }
        memcpy(r.label, other, sizeof(other));
        memcpy(r.condition, before, sizeof(before));
        if (a.loss > b.loss || a.loss < b.loss) kept++;
        else dropped++;
    }
    ck_assert_int_ge(dropped, N / 5); /* of 70, 28 are to be expected */
    ck_assert_int_ge(kept, N / 3);
    close_rig(&r);
}
END_TEST

/* Without a class and with a vector of zeros, an example is what training makes of one whose condition it leaves out. */
START_TEST(test_label_minus_1_is_a_dropped_condition) {
    rig given = open_rig(model_text, "objective elbo beta=0.5\n", 1, 1),
        dropped = open_rig(always_dropping, "objective elbo beta=0.5\n", 1, 1);
    int64_t count, same;
    float *const want = gradients(&dropped, 0, N, &count);
    for (int32_t i = 0; i < N; i++) given.label[i] = -1;
    memset(given.condition, 0, sizeof(given.condition));
    float *const got = gradients(&given, 0, N, &same);
    ck_assert_int_eq(count, same);
    ck_assert_mem_eq(want, got, (size_t)count * sizeof(float));
    free(want);
    free(got);
    close_rig(&given);
    close_rig(&dropped);
}
END_TEST

/* ---- codes and priors ----------------------------------------------------------------------------------------------- */

START_TEST(test_codes_take_conditions_by_their_batch_call) {
    rig r = open_rig(codes_text, "objective prior\n", 1, 3);
    enum { K = 9 };
    int32_t codes[N * K], one[K];
    float *y = filled(N * r.S, 1), z[36];
    says(vae_encode_codes(r.s, 2, r.x, codes), VAE_E_ARG, "call vae_encode_codes_batch() with the label");
    says(vae_decode_codes(r.s, 2, codes, y), VAE_E_ARG, "call vae_decode_batch() with the label");
    ck_assert_ok(vae_encode_codes_batch(r.s, BATCH(.n = N, .x = r.x, .label = r.label), codes));
    ck_assert_ok(vae_decode_batch(r.s, BATCH(.n = N, .codes = codes, .label = r.label), NULL, y));
    for (int64_t i = 0; i < N; i += 23) {
        ck_assert_ok(vae_encode_codes_batch(r.s, BATCH(.n = 1, .x = r.x + i * r.S, .label = r.label + i), one));
        ck_assert_mem_eq(one, codes + i * K, sizeof(one));
        ck_assert_ok(vae_decode_batch(r.s, BATCH(.n = 1, .codes = one, .label = r.label + i), NULL, z));
        ck_assert_mem_eq(z, y + i * r.S, (size_t)r.S * sizeof(float));
    }
    says(vae_trainer_step_batch(r.t, BATCH(.n = 2, .x = r.x), NULL), VAE_E_ARG, "label: is NULL");
    says(vae_trainer_step_batch(r.t, BATCH(.n = 2, .codes = codes), NULL), VAE_E_ARG, "label: is NULL");
    vae_metrics_t a = {.struct_size = sizeof(a)}, b = a;
    ck_assert_ok(vae_trainer_backward_batch(r.t, BATCH(.n = N, .x = r.x, .label = r.label), &a));
    vae_trainer_destroy(r.t);
    ck_assert_ok(vae_trainer_create(&r.t, r.model, "objective prior\n", N));
    ck_assert_ok(vae_trainer_backward_batch(r.t, BATCH(.n = N, .codes = codes, .label = r.label), &b));
    ck_assert_double_eq(a.loss, b.loss);
    ck_assert_ok(vae_sample_batch(r.s, BATCH(.n = N, .label = r.label), y));
    r.label[1] = -1; /* the condition has examples without a class, this prior has not */
    ck_assert_ok(vae_decode_batch(r.s, BATCH(.n = N, .codes = codes, .label = r.label), NULL, y));
    says(vae_sample_batch(r.s, BATCH(.n = N, .label = r.label), y), VAE_E_ARG, "label[1]: -1, wanted 0..4 of 5 classes");
    says(vae_trainer_backward_batch(r.t, BATCH(.n = N, .x = r.x, .label = r.label), NULL), VAE_E_ARG, "label[1]: -1, wanted 0..4 of 5");
    free(y);
    close_rig(&r);
}
END_TEST

Suite *suite_conditions(void);
Suite *suite_conditions(void) {
    Suite *s = suite_create("conditions");
    TCase *t = tcase_create("models");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_what_the_condition_wants_is_checked_in_every_call);
    tcase_add_test(t, test_a_model_without_conditions_refuses_them);
    tcase_add_test(t, test_one_picture_of_a_conditional_model_is_refused);
    tcase_add_loop_test(t, test_mistakes_in_conditions_are_told, 0, (int)(sizeof(mistakes) / sizeof(mistakes[0])));
    tcase_add_test(t, test_the_section_is_set_and_read_by_its_path);
    tcase_add_test(t, test_an_example_gets_its_own_condition_in_any_session);
    tcase_add_test(t, test_the_gradient_of_a_batch_is_the_mean_of_its_examples);
    tcase_add_loop_test(t, test_training_gives_the_same_bytes_with_any_threads_and_after_a_resume, 0, 3);
    tcase_add_test(t, test_training_drops_the_condition_of_an_example_everywhere);
    tcase_add_test(t, test_label_minus_1_is_a_dropped_condition);
    tcase_add_test(t, test_codes_take_conditions_by_their_batch_call);
    suite_add_tcase(s, t);
    return s;
}
