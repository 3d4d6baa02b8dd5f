// SPDX-License-Identifier: MIT
// Values so small that processors compute with them slowly: kernel.h says which count as zero. No test here measures time, which a
// processor without that weakness would not show: the processor notes each result below the normal range, and on x86 each operand.
#include <check.h>
#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "api/api.h"
#include "support.h"

static const char *const models[] = {
    "input 28x28x1\n"
    "encoder flatten | linear out=40 | relu | linear out=30 | tanh\n"
    "latent gaussian dim=8\n"
    "decoder linear out=40 | leaky_relu | linear out=784 | reshape 28x28x1\n"
    "likelihood bernoulli\n",
    "input 16x16x3\n"
    "encoder conv2d out=24 kernel=3 pad=1 | silu | conv2d out=16 kernel=4 stride=2 pad=1 | gelu | conv2d out=16 kernel=1 | flatten\n"
    "latent gaussian dim=8\n"
    "decoder linear out=1024 | reshape 8x8x16 | upsample factor=2 | conv2d out=24 kernel=3 pad=1 | elu | conv2d out=3 kernel=3 pad=1\n"
    "likelihood gaussian\n",
    "input 16x16x3\n"
    "encoder conv2d out=32 kernel=4 stride=2 pad=1 | residual { groupnorm groups=4 | silu | conv2d out=32 kernel=3 pad=1 } | "
    "attention | layernorm | conv2d out=16 kernel=3 pad=1\n"
    "latent vq codes=32\n"
    "decoder conv2d out=32 kernel=3 pad=1 | batchnorm | relu | deconv2d out=16 kernel=4 stride=2 pad=1 | softplus | "
    "conv2d out=16 kernel=3 pad=1 groups=16 | conv2d out=3 kernel=1\n"
    "likelihood laplace\n",
};

static const float factors[] = {1e-20f, 1e-25f, 1e-30f, 1e-36f, 1e-39f, 1e-42f};

// ---- what the processor noted ----

static void clear_notes(void) {
    feclearexcept(FE_ALL_EXCEPT);
#if defined(__SSE__)
    _mm_setcsr(_mm_getcsr() & ~0x3fu);
#endif
}

// Bit 0: a result below the normal range of floats; bit 1, on x86: such an operand.
static int notes(void) {
    int seen = fetestexcept(FE_UNDERFLOW) ? 1 : 0;
#if defined(__SSE__)
    seen |= _mm_getcsr() & 2;
#endif
    return seen;
}

// ---- a model at work, without the calls that put the floating-point environment aside ----

enum { N = 4 };

typedef struct rig {
    vae_model_t *model;
    vaei_run r;
    vaei_work w;
    void *block;
    int64_t S, D;
    float *x, *z;
} rig;

static float *numbers(int64_t n, uint64_t seed, float factor) {
    float *const x = calloc((size_t)n, sizeof(*x));
    for (int64_t i = 0; i < n; i++) {
        const uint64_t dice = (seed + 7) * 2654435761u * (uint64_t)(i + 1) % 1000;
        x[i] = (float)(0.05 + 0.9 * (double)dice / 1000) * factor;
    }
    return x;
}

static rig open_rig(const char *text, int32_t training, float of_params, float of_x, float of_z) {
    rig g = {.model = NULL};
    vaei_carve c = {0};
    ck_assert_int_eq(vae_model_create(&g.model, NULL, text, 3), VAE_OK);
    const vaei_network *const net = &g.model->network;
    for (int64_t i = 0; i < net->params.n_floats; i++) g.model->params[i] *= of_params;
    // as an optimizer leaves them
    if (training) g.model->ctx->kernels->flush(net->params.n_floats, g.model->params, g.model->params);
    g.S = net->likelihood.size;
    g.D = vaei_shape_size(&net->latent.z);
    vaei_network_carve(net, g.model->ctx->kernels, N, training ? VAEI_BLOCKS_TRAIN : 0, &c, &g.w);
    g.block = aligned_alloc(64, (c.used + 63) / 64 * 64);
    memset(g.block, 0, c.used);
    c = (vaei_carve){.base = g.block};
    vaei_network_carve(net, g.model->ctx->kernels, N, training ? VAEI_BLOCKS_TRAIN : 0, &c, &g.w);
    g.r = (vaei_run){.k = g.model->ctx->kernels, .n = N, .training = training, .params = g.model->params};
    if (training) g.r.grads = calloc((size_t)net->params.n_floats, sizeof(float));
    g.x = numbers(N * g.S, 1, of_x);
    g.r.batch = (vaei_batch){.x = g.x, .of_x = g.S, .total = N};
    g.z = numbers(N * g.D, 2, of_z);
    vaei_network_pack(net, &g.r, &g.w);
    clear_notes(); // packing reads parameters as they are, once
    return g;
}

static void close_rig(rig *g) {
    vae_model_destroy(g->model);
    free(g->block);
    free(g->r.grads);
    free(g->x);
    free(g->z);
}

static void decode(rig *g) {
    g->r.k->flush(N * g->D, g->z, g->w.level[0].z); // as the session does
    vaei_network_decode(&g->model->network, &g->r, &g->w, VAEI_LEVELS_GIVEN);
}

static void encode(rig *g) {
    vaei_network_encode(&g->model->network, &g->r, &g->w, g->w.level[0].mean, NULL);
}

static void train(rig *g) {
    const vaei_network *const net = &g->model->network;
    vaei_noise_normal(g->r.k, (vaei_noise_key){.seed = 1}, 0, N * g->D, g->w.level[0].noise);
    ck_assert_int_eq(vaei_network_forward(net, &g->r, &g->w), VAE_OK);
    for (int64_t i = 0; i < N; i++) g->w.d_nll[i] = 1.0f / N;
    for (int64_t i = 0; i < N * g->D; i++) g->w.level[0].d_kl[i] = 1.0f / N;
    vaei_network_backward(net, &g->r, &g->w);
}

typedef struct part {
    const char *name;
    int32_t training;
    void (*run)(rig *);
    int wrong; // bits of notes() that must not be there
} part;

// What is multiplied by a factor: parameters, x, z. All models, all factors.
static void meets_no_denormal(const part *p) {
    static const char *const whats[] = {"parameters", "x", "z"};
    for (size_t m = 0; m < VAEI_COUNT(models); m++)
        for (size_t f = 0; f < VAEI_COUNT(factors); f++)
            for (int what = 0; what < 3; what++) {
                float by[3] = {1, 1, 1};
                by[what] = factors[f];
                rig g = open_rig(models[m], p->training, by[0], by[1], by[2]);
                p->run(&g);
                const int seen = notes();
                ck_assert_msg((seen & p->wrong) == 0, "%s of model %d with %s times %g: meets %s below the normal range", p->name, (int)m,
                              whats[what], (double)factors[f], seen & 1 ? "results" : "operands");
                close_rig(&g);
            }
}

START_TEST(test_encode_meets_no_denormal) {
    meets_no_denormal(&(part){"encode", 0, encode, 3});
}
END_TEST

START_TEST(test_decode_meets_no_denormal) {
    meets_no_denormal(&(part){"decode", 0, decode, 3});
}
END_TEST

// Likelihoods read the caller's x as it is, by additions: these are not slow.
START_TEST(test_training_meets_no_denormal) {
    meets_no_denormal(&(part){"training", 1, train, 1});
}
END_TEST

// What a host gives counts as if it had been flushed: the same bytes.
START_TEST(test_tiny_values_count_as_zero) {
    for (size_t m = 0; m < VAEI_COUNT(models); m++)
        for (int what = 0; what < 3; what++) {
            float *got[2][2];
            for (int flushed = 0; flushed < 2; flushed++) {
                rig g = open_rig(models[m], 0, 1, 1, 1);
                float *const from[3] = {g.model->params, g.x, g.z};
                const int64_t counts[3] = {g.model->network.params.n_floats, N * g.S, N * g.D};
                for (int64_t i = 0; i < counts[what]; i += 3) from[what][i] = flushed ? (i % 2 ? -0.0f : 0) : (i % 2 ? -1e-20f : 1e-39f);
                vaei_network_pack(&g.model->network, &g.r, &g.w);
                decode(&g);
                got[flushed][0] = calloc((size_t)(N * g.S), sizeof(float));
                memcpy(got[flushed][0], g.w.theta, (size_t)(N * g.S) * sizeof(float));
                encode(&g);
                got[flushed][1] = calloc((size_t)(N * g.D), sizeof(float));
                memcpy(got[flushed][1], g.w.level[0].mean, (size_t)(N * g.D) * sizeof(float));
                if (flushed) {
                    ck_assert_mem_eq(got[0][0], got[1][0], (size_t)(N * g.S) * sizeof(float));
                    ck_assert_mem_eq(got[0][1], got[1][1], (size_t)(N * g.D) * sizeof(float));
                }
                close_rig(&g);
            }
            for (int i = 0; i < 4; i++) free(got[i / 2][i % 2]);
        }
}
END_TEST

// After a step no parameter and nothing that the optimizer remembers is left there: gradients of 0 let both fade away.
static void fades(const char *optimizer) {
    vae_trainer_t *t;
    vae_model_t *model;
    ck_assert_int_eq(vae_model_create(&model, NULL, models[0], 3), VAE_OK);
    for (int64_t i = 0; i < model->network.params.n_floats; i++) model->params[i] *= 1e-30f;
    ck_assert_int_eq(vae_trainer_create(&t, model, optimizer, N), VAE_OK);
    float *const x = numbers(N * 784, 1, 1);
    for (int step = 0; step < 3; step++) ck_assert_int_eq(vae_trainer_step(t, N, x, NULL), VAE_OK);
    for (int64_t i = 0; i < model->network.params.n_floats; i++) {
        const float w = fabsf(model->params[i]);
        ck_assert_msg(w == 0 || w >= VAEI_TINY, "%s: parameter %lld is %g", optimizer, (long long)i, (double)w);
    }
    vae_trainer_destroy(t);
    vae_model_destroy(model);
    free(x);
}

START_TEST(test_parameters_fade_to_zero) {
    fades("optimizer adam lr=0.001 weight_decay=0.001\n");
    fades("optimizer adamw lr=0.001\n");
    fades("optimizer sgd lr=0.001 momentum=0.9\n");
    fades("optimizer sgd lr=1e-30\n");
}
END_TEST

Suite *suite_tiny(void) {
    Suite *s = suite_create("tiny");
    TCase *t = tcase_create("tiny");
    tcase_add_test(t, test_encode_meets_no_denormal);
    tcase_add_test(t, test_decode_meets_no_denormal);
    tcase_add_test(t, test_training_meets_no_denormal);
    tcase_add_test(t, test_tiny_values_count_as_zero);
    tcase_add_test(t, test_parameters_fade_to_zero);
    suite_add_tcase(s, t);
    return s;
}
