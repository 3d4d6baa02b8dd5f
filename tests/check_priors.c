/* SPDX-License-Identifier: MIT
 * check_priors.c - priors: probabilities that add up, gradients, causality, samples that follow them, and a network that stands still. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "vae/prior.h"

/* ---- a prior alone, over a grid of codes or a vector of values ----------------------------------------------------- */

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_latent latent;
    vaei_latent_ops latent_ops;
    vaei_prior prior;
    vaei_params table;
    float *params, *grads;
    vaei_slot train, use; /* memory of both kinds of pass */
    vaei_run run;
} rig;

static vaei_slot make_slot(const rig *g, int64_t n, int32_t training) {
    vaei_need need = { 0, 0, 0 };
    g->prior.ops->need(&g->prior, g->run.k, n, training, &need);
    const vaei_slot s = { .pack = calloc(1, need.pack + 64), .cache = aligned_alloc(64, need.cache + 64),
                          .scratch = aligned_alloc(64, need.scratch + 64) };
    memset(s.cache, 0xFF, need.cache); /* NaN to whoever reads first */
    memset(s.scratch, 0xFF, need.scratch);
    return s;
}

static void free_slot(vaei_slot *s) { free(s->pack), free(s->cache), free(s->scratch); }

static void pack(rig *g) {
    g->run.training = 1;
    g->prior.ops->pack(&g->prior, &g->run, g->train.pack);
    g->run.training = 0;
    g->prior.ops->pack(&g->prior, &g->run, g->use.pack);
}

static void rig_open(rig *g, const char *text, vaei_shape z, int64_t n_codes, int64_t K, int64_t n) {
    vaei_document document;
    const vaei_module *module;
    vaei_build build;
    void *conf;
    char line[200];
    memset(g, 0, sizeof(*g));
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    vaei_build_init(&build, &g->arena);
    snprintf(line, sizeof(line), "prior %s\n", text);
    ck_assert_int_eq(vaei_document_parse(&document, &g->arena, line, strlen(line)), VAE_OK);
    ck_assert_int_eq(vaei_module_find(&module, vaei_priors, vaei_priors_count, "prior", document.first->pipeline.first, "t"), VAE_OK);
    ck_assert_int_eq(vaei_module_bind(&conf, module, document.first->pipeline.first, &g->arena, "t"), VAE_OK);
    g->latent = (vaei_latent){ .ops = &g->latent_ops, .z = z, .n_codes = n_codes, .code_size = K };
    g->prior = (vaei_prior){ .ops = (const vaei_prior_ops *)(const void *)module, .conf = conf, .latent = &g->latent };
    ck_assert_int_eq(g->prior.ops->plan(&g->prior, &build), VAE_OK);
    ck_assert_int_eq(vaei_build_finish(&build, &g->table), VAE_OK);
    g->params = calloc((size_t)g->table.n_floats + 1, sizeof(float));
    g->grads = calloc((size_t)g->table.n_floats + 1, sizeof(float));
    g->run = (vaei_run){ .k = vaei_kernels_select(0, 0), .params = g->params, .grads = g->grads, .n = n };
    vaei_params_init(&g->table, g->run.k, 11, g->params);
    g->train = make_slot(g, n, 1);
    g->use = make_slot(g, n, 0);
    pack(g);
}

static void rig_close(rig *g) {
    free(g->params), free(g->grads);
    free_slot(&g->train), free_slot(&g->use);
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

static void score(rig *g, int32_t training, int64_t n, const vaei_points *at, double *nll) {
    g->run.n = n;
    g->run.training = training;
    g->prior.ops->nll(&g->prior, &g->run, training ? &g->train : &g->use, at, nll);
}

static void draw(rig *g, uint64_t seed, uint64_t first, int64_t n, const vaei_points *out) {
    g->run.n = n;
    g->run.training = 0;
    g->run.noise.seed = seed;
    g->prior.ops->sample(&g->prior, &g->run, &g->use, first, out);
}

static const char *const code_priors[] = { "pixelcnn channels=8 layers=2 first=3", "transformer channels=8 layers=2 heads=2" };
#define CODE_PRIORS (sizeof(code_priors) / sizeof(code_priors[0]))

static const vaei_shape grid2 = { 3, { 2, 2, 5 } }, grid34 = { 3, { 3, 4, 2 } }, grid1 = { 3, { 1, 1, 4 } }, line6 = { 1, { 6 } };

/* Code i of `number` written with K digits. */
static void digits(int64_t number, int64_t count, int64_t K, int32_t *codes) {
    for (int64_t i = 0; i < count; i++, number /= K) codes[i] = (int32_t)(number % K);
}

/* So they do only if each code is judged by those before it and no other. */
START_TEST(test_probabilities_of_all_grids_add_up_to_one) {
    enum { MOST = 4096 };
    const struct {
        vaei_shape z;
        int64_t places, K, all;
    } cases[] = { { grid2, 4, 3, 81 }, { grid1, 1, 5, 5 }, { line6, 6, 2, 64 }, { grid34, 12, 2, MOST } };
    int32_t *codes = malloc(MOST * 12 * sizeof(*codes));
    double *nll = malloc(MOST * sizeof(*nll));
    for (size_t c = 0; c < 4; c++) {
        rig g;
        double sum = 0;
        rig_open(&g, code_priors[_i], cases[c].z, cases[c].places, cases[c].K, cases[c].all);
        for (int64_t i = 0; i < cases[c].all; i++) digits(i, cases[c].places, cases[c].K, codes + i * cases[c].places);
        score(&g, 0, cases[c].all, &(vaei_points){ codes, NULL }, nll);
        for (int64_t i = 0; i < cases[c].all; i++) sum += exp(-nll[i]);
        ck_assert_double_eq_tol(sum, 1, 1e-5);
        rig_close(&g);
    }
    free(codes), free(nll);
}
END_TEST

START_TEST(test_samples_follow_the_distribution) {
    enum { DRAWS = 20000 };
    rig g;
    int32_t all[81 * 4], *codes = malloc(DRAWS * 4 * sizeof(*codes));
    double nll[81], chi = 0;
    int64_t seen[81] = { 0 };
    rig_open(&g, code_priors[_i], grid2, 4, 3, DRAWS);
    for (int64_t i = 0; i < 81; i++) digits(i, 4, 3, all + i * 4);
    score(&g, 0, 81, &(vaei_points){ all, NULL }, nll);
    draw(&g, 5, 0, DRAWS, &(vaei_points){ codes, NULL });
    for (int64_t i = 0; i < DRAWS; i++) {
        const int32_t *c = codes + i * 4;
        seen[c[0] + 3 * c[1] + 9 * c[2] + 27 * c[3]]++;
    }
    for (int64_t i = 0; i < 81; i++) {
        const double expected = DRAWS * exp(-nll[i]);
        chi += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
    }
    ck_assert_double_lt(chi, 138.0); /* 80 degrees of freedom: 0.9999 of all draws */
    ck_assert_double_gt(chi, 36.0);
    free(codes);
    rig_close(&g);
}
END_TEST

START_TEST(test_samples_are_those_of_the_whole_grid) {
    /* Place by place the sampler sees what nll sees: with temperature 0 each code is the likeliest given the ones before it. */
    char text[100];
    rig g;
    int32_t best[12], other[4 * 12];
    double nll[4];
    snprintf(text, sizeof(text), "%s temperature=0", code_priors[_i]);
    rig_open(&g, text, grid34, 12, 4, 4);
    draw(&g, 1, 0, 1, &(vaei_points){ best, NULL });
    for (int64_t k = 0; k < 4; k++) {
        memcpy(other + k * 12, best, sizeof(best));
        other[k * 12 + 11] = (int32_t)k;
    }
    score(&g, 0, 4, &(vaei_points){ other, NULL }, nll);
    for (int64_t k = 0; k < 4; k++) ck_assert_double_ge(nll[k], nll[best[11]]);
    rig_close(&g);
}
END_TEST

START_TEST(test_top_keeps_the_likeliest_codes) {
    char text[100];
    rig g, plain;
    int32_t a[64 * 12], b[64 * 12];
    snprintf(text, sizeof(text), "%s top=1", code_priors[_i]);
    rig_open(&g, text, grid34, 12, 4, 64);
    snprintf(text, sizeof(text), "%s temperature=0", code_priors[_i]);
    rig_open(&plain, text, grid34, 12, 4, 64);
    draw(&g, 1, 0, 64, &(vaei_points){ a, NULL });
    draw(&plain, 2, 0, 64, &(vaei_points){ b, NULL });
    ck_assert_mem_eq(a, b, sizeof(a));
    rig_close(&g);
    rig_close(&plain);
}
END_TEST

START_TEST(test_scores_and_samples_do_not_depend_on_the_batch) {
    enum { ALL = 40 };
    rig g;
    int32_t codes[ALL * 12], parts[ALL * 12];
    double whole[ALL], trained[ALL], single[ALL];
    rig_open(&g, code_priors[_i], grid34, 12, 4, ALL);
    draw(&g, 3, 0, ALL, &(vaei_points){ codes, NULL });
    for (int64_t i = 0; i < ALL; i += 7) draw(&g, 3, (uint64_t)i, ALL - i < 7 ? ALL - i : 7, &(vaei_points){ parts + i * 12, NULL });
    ck_assert_mem_eq(codes, parts, sizeof(codes));
    score(&g, 0, ALL, &(vaei_points){ codes, NULL }, whole);
    score(&g, 1, ALL, &(vaei_points){ codes, NULL }, trained);
    for (int64_t i = 0; i < ALL; i++) score(&g, 0, 1, &(vaei_points){ codes + i * 12, NULL }, single + i);
    ck_assert_mem_eq(whole, single, sizeof(whole));
    ck_assert_mem_eq(whole, trained, sizeof(whole));
    rig_close(&g);
}
END_TEST

static double weighted(rig *g, int64_t n, const vaei_points *at, const float *weight) {
    double nll[8], sum = 0;
    pack(g);
    score(g, 0, n, at, nll);
    for (int64_t i = 0; i < n; i++) sum += (double)weight[i] * nll[i];
    return sum;
}

/* One side of a kink is smooth: where left and right differ, the gradient is that of one of them. */
static int32_t is_slope(double got, double left, double right) {
    const double central = (left + right) / 2, near = 2e-3 * (1 + fabs(central)), wide = 1e-2 * (1 + fabs(central));
    if (fabs(got - central) <= near) return 1;
    return fabs(left - right) > wide && (fabs(got - left) <= wide || fabs(got - right) <= wide);
}

START_TEST(test_gradients_are_finite_differences) {
    enum { ALL = 3 };
    rig g;
    int32_t codes[ALL * 12];
    const float weight[ALL] = { 0.5f, -1.25f, 2 }, h = 2e-3f;
    double nll[ALL];
    rig_open(&g, code_priors[_i], grid34, 12, 4, ALL);
    for (int64_t p = 0; p < g.table.count; p++) { /* embeddings that start near 0 bend too much in front of a layer norm */
        const vaei_param *q = g.table.at[p];
        if (q->init.fan_in > 1000) g.run.k->scale(q->count, 30, g.params + q->offset);
    }
    pack(&g);
    const vaei_points at = { codes, NULL };
    draw(&g, 9, 0, ALL, &at);
    for (int64_t i = 0; i < ALL * 12; i += 5) codes[i] = (int32_t)(i % 4);
    score(&g, 1, ALL, &at, nll);
    g.prior.ops->backward(&g.prior, &g.run, &g.train, &at, weight);
    const double here = weighted(&g, ALL, &at, weight);
    for (int64_t p = 0; p < g.table.count; p++) {
        const vaei_param *q = g.table.at[p];
        for (int64_t i = 0; i < q->count; i += q->count / 9 + 1) {
            float *w = g.params + q->offset + i;
            const float kept = *w;
            *w = kept + h;
            const double right = (weighted(&g, ALL, &at, weight) - here) / (double)h;
            *w = kept - h;
            const double left = (here - weighted(&g, ALL, &at, weight)) / (double)h;
            *w = kept;
            const double got = (double)g.grads[q->offset + i];
            ck_assert_msg(is_slope(got, left, right), "%s[%d]: %g, wanted %g or %g", q->name, (int)i, got, left, right);
        }
    }
    rig_close(&g);
}
END_TEST

/* ---- mixtures ----------------------------------------------------------------------------------------------------- */

static void learn(rig *g, int64_t n, const vaei_points *at, double *nll) {
    pack(g);
    g->run.n = n;
    g->run.training = 1;
    ck_assert_int_eq(g->prior.ops->prepare(&g->prior, &g->run, &g->train, at), VAE_OK);
    g->prior.ops->nll(&g->prior, &g->run, &g->train, at, nll);
    g->prior.ops->commit(&g->prior, &g->run, &g->train, at, g->params);
    pack(g);
}

static float *param_of(const rig *g, const char *name) {
    for (int64_t i = 0; i < g->table.count; i++)
        if (strcmp(g->table.at[i]->name, name) == 0) return g->params + g->table.at[i]->offset;
    ck_abort_msg("no %s", name);
    return NULL;
}

enum { POINTS = 6000 };

/* 0.3 of N((-2, 1), ((1, 0.6), (0.6, 0.5))), 0.7 of N((2, 0), ((0.3, -0.2), (-0.2, 0.4))) */
static const double true_share[2] = { 0.3, 0.7 }, true_mean[2][2] = { { -2, 1 }, { 2, 0 } },
                    true_covariance[2][3] = { { 1, 0.6, 0.5 }, { 0.3, -0.2, 0.4 } };

static void make_points(float *z) {
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    const vaei_noise_key key = { .seed = 77 };
    for (int i = 0; i < POINTS; i++) {
        float e[2];
        const int c = i % 10 >= 3;
        const double *m = true_mean[c], *C = true_covariance[c], a = sqrt(C[0]), b = C[1] / a, d = sqrt(C[2] - b * b);
        vaei_noise_normal(k, key, (uint32_t)i, 2, e);
        z[2 * i] = (float)(m[0] + a * (double)e[0]);
        z[2 * i + 1] = (float)(m[1] + b * (double)e[0] + d * (double)e[1]);
    }
}

static double mean_of(int64_t n, const double *x) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static const vaei_shape plane = { 1, { 2 } };

START_TEST(test_em_finds_the_mixture_and_never_falls) {
    rig g;
    float *z = malloc(POINTS * 2 * sizeof(*z));
    double *nll = malloc(POINTS * sizeof(*nll)), last = 1e30;
    make_points(z);
    rig_open(&g, "gmm components=2 covariance=full power=0", plane, 0, 0, POINTS);
    const vaei_points at = { NULL, z };
    for (int i = 0; i < 40; i++) {
        learn(&g, POINTS, &at, nll);
        const double now = mean_of(POINTS, nll);
        ck_assert_double_le(now, last + 1e-7);
        last = now;
    }
    const float *w = param_of(&g, "prior.weight"), *m = param_of(&g, "prior.mean"), *C = param_of(&g, "prior.covariance");
    const int swap = m[0] > 0;
    for (int k = 0; k < 2; k++) {
        const int t = k ^ swap;
        ck_assert_double_eq_tol((double)w[k], true_share[t], 0.02);
        for (int d = 0; d < 2; d++) ck_assert_double_eq_tol((double)m[k * 2 + d], true_mean[t][d], 0.06);
        for (int d = 0; d < 3; d++) ck_assert_double_eq_tol((double)C[k * 4 + (d < 2 ? d : 3)], true_covariance[t][d], 0.06);
    }
    free(z), free(nll);
    rig_close(&g);
}
END_TEST

/* One component: the Gaussian of the sample's mean and covariance; its density by hand. */
START_TEST(test_one_gaussian_is_the_closed_form) {
    rig g;
    float z[8] = { 1, 2, -1, 0.5f, 0.25f, -2, 3, 1 };
    double nll[4], m[2] = { 0, 0 }, C[2][2] = { { 1e-6, 0 }, { 0, 1e-6 } };
    rig_open(&g, _i ? "gmm components=1 covariance=full" : "gmm components=1", plane, 0, 0, 4);
    const vaei_points at = { NULL, z };
    score(&g, 0, 4, &at, nll); /* before the first step: N(0, I) */
    ck_assert_double_eq_tol(nll[0], 0.5 * (1 + 4) + 1.8378770664093453, 1e-12);
    learn(&g, 4, &at, nll);
    for (int i = 0; i < 8; i++) m[i % 2] += (double)z[i] / 4;
    for (int i = 0; i < 16; i++) {
        const int a = i / 2 % 2, b = i % 2;
        C[a][b] += ((double)z[i / 4 * 2 + a] - m[a]) * ((double)z[i / 4 * 2 + b] - m[b]) / 4;
    }
    if (!_i) C[0][1] = C[1][0] = 0;
    const double det = C[0][0] * C[1][1] - C[0][1] * C[1][0];
    score(&g, 0, 4, &at, nll);
    for (int i = 0; i < 4; i++) {
        const double a = (double)z[2 * i] - m[0], b = (double)z[2 * i + 1] - m[1];
        const double square = (C[1][1] * a * a - 2 * C[0][1] * a * b + C[0][0] * b * b) / det;
        ck_assert_double_eq_tol(nll[i], 0.5 * (square + log(det)) + 1.8378770664093453, 1e-5);
    }
    rig_close(&g);
}
END_TEST

START_TEST(test_samples_of_a_mixture_have_its_moments) {
    rig g;
    float *z = malloc(POINTS * 2 * sizeof(*z)), *y = malloc(POINTS * 2 * sizeof(*y));
    double *nll = malloc(POINTS * sizeof(*nll)), m[2][2] = { { 0 } }, C[2][3] = { { 0 } };
    make_points(z);
    rig_open(&g, _i ? "gmm components=4 covariance=full" : "gmm components=8", plane, 0, 0, POINTS);
    for (int i = 0; i < 20; i++) learn(&g, 500, &(vaei_points){ NULL, z + i % 12 * 1000 }, nll);
    draw(&g, 4, 0, POINTS, &(vaei_points){ NULL, y });
    for (int s = 0; s < 2; s++) {
        const float *x = s ? y : z;
        for (int i = 0; i < POINTS * 2; i++) m[s][i % 2] += (double)x[i] / POINTS;
        for (int i = 0; i < POINTS; i++) {
            const double a = (double)x[2 * i] - m[s][0], b = (double)x[2 * i + 1] - m[s][1];
            C[s][0] += a * a / POINTS, C[s][1] += a * b / POINTS, C[s][2] += b * b / POINTS;
        }
    }
    for (int d = 0; d < 2; d++) ck_assert_double_eq_tol(m[1][d], m[0][d], 0.1);
    for (int d = 0; d < 3; d++) ck_assert_double_eq_tol(C[1][d], C[0][d], 0.2);
    free(z), free(y), free(nll);
    rig_close(&g);
}
END_TEST

START_TEST(test_degenerate_points_keep_a_density) {
    rig g;
    float z[40];
    double nll[20];
    for (int i = 0; i < 40; i++) z[i] = i < 20 ? 1.0f : -1.0f; /* two places, five components, no spread */
    rig_open(&g, _i ? "gmm components=5 covariance=full" : "gmm components=5", plane, 0, 0, 20);
    const vaei_points at = { NULL, z };
    for (int i = 0; i < 5; i++) learn(&g, 20, &at, nll);
    score(&g, 0, 20, &at, nll);
    for (int i = 0; i < 20; i++) ck_assert(nll[i] - nll[i] <= 0);
    rig_close(&g);
}
END_TEST

/* ---- in a model -------------------------------------------------------------------------------------------------- */

#define CODES_MODEL                                                                                                    \
    "input 8x8x1\n"                                                                                                    \
    "encoder conv2d out=6 kernel=4 stride=2 pad=1 | batchnorm | relu | dropout p=0.3 | conv2d out=4 kernel=4 stride=2 pad=1\n" \
    "latent vq codes=8 dim=4\n"                                                                                        \
    "decoder deconv2d out=6 kernel=4 stride=2 pad=1 | relu | deconv2d out=1 kernel=4 stride=2 pad=1\nlikelihood gaussian\n"
#define FIT "optimizer adamw lr=0.01 weight_decay=0.1\nobjective prior\n"

static const struct {
    const char *model, *prior, *fit;
} fits[] = {
    { CODES_MODEL, "prior pixelcnn channels=8 layers=2\n", FIT },
    { CODES_MODEL, "prior transformer channels=8 layers=2 heads=2\n", FIT },
    { SPEC_CONV, "prior gmm components=3 covariance=full\n", "objective prior\n" },
    { SPEC_DENSE, "prior gmm components=5\n", "objective prior\n" },
};
#define FITS (sizeof(fits) / sizeof(fits[0]))

static vae_model_t *make_model(vae_ctx_t *ctx, int i) {
    vae_model_t *m;
    char text[2000];
    snprintf(text, sizeof(text), "%s%s", fits[i].model, fits[i].prior);
    ck_assert_ok(vae_model_create(&m, ctx, text, 3));
    return m;
}

static void fit_model(vae_model_t *m, int i, int64_t steps, double *first, double *last) {
    vae_trainer_t *t;
    vae_metrics_t metrics = { .struct_size = sizeof(metrics) };
    float *x = filled(32 * vae_model_input_size(m), 4);
    ck_assert_ok(vae_trainer_create(&t, m, fits[i].fit, 32));
    for (int64_t s = 0; s < steps; s++) {
        ck_assert_ok(vae_trainer_step(t, 32, x, &metrics));
        ck_assert_double_eq_tol(metrics.loss, metrics.recon, 1e-12);
        if (s == 0 && first) *first = metrics.loss;
    }
    if (last) *last = metrics.loss;
    vae_trainer_destroy(t);
    free(x);
}

START_TEST(test_fitting_moves_the_prior_and_nothing_else) {
    vae_model_t *a = make_model(NULL, _i), *b = make_model(NULL, _i);
    double first, last;
    int32_t moved = 0;
    fit_model(a, _i, 30, &first, &last);
    ck_assert_double_lt(last, first - 0.1);
    for (int64_t p = 0; p < vae_model_param_count(a); p++) {
        const vae_tensor_t *s, *t;
        const char *name;
        size_t size = sizeof(float);
        ck_assert_ok(vae_model_param(a, p, &s, &name));
        ck_assert_ok(vae_model_param(b, p, &t, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(s); d++) size *= (size_t)vae_tensor_shape(s)[d];
        if (strncmp(name, "prior.", 6) == 0) moved |= memcmp(vae_tensor_data(s), vae_tensor_data(t), size) != 0;
        else ck_assert_msg(memcmp(vae_tensor_data(s), vae_tensor_data(t), size) == 0, "%s moved", name);
    }
    ck_assert_int_eq(moved, 1);
    vae_model_destroy(a);
    vae_model_destroy(b);
}
END_TEST

START_TEST(test_training_the_model_leaves_the_prior_alone) {
    vae_model_t *a = make_model(NULL, _i), *b = make_model(NULL, _i);
    vae_trainer_t *t;
    float *x = filled(8 * vae_model_input_size(a), 4);
    ck_assert_ok(vae_trainer_create(&t, a, "optimizer adamw lr=0.01 weight_decay=0.5\n", 8));
    for (int s = 0; s < 3; s++) ck_assert_ok(vae_trainer_step(t, 8, x, NULL));
    vae_trainer_destroy(t);
    for (int64_t p = 0; p < vae_model_param_count(a); p++) {
        const vae_tensor_t *s, *u;
        const char *name;
        ck_assert_ok(vae_model_param(a, p, &s, &name));
        ck_assert_ok(vae_model_param(b, p, &u, NULL));
        if (strncmp(name, "prior.", 6) != 0) continue;
        size_t size = sizeof(float);
        for (int32_t d = 0; d < vae_tensor_ndim(s); d++) size *= (size_t)vae_tensor_shape(s)[d];
        ck_assert_mem_eq(vae_tensor_data(s), vae_tensor_data(u), size);
    }
    free(x);
    vae_model_destroy(a);
    vae_model_destroy(b);
}
END_TEST

START_TEST(test_the_bound_gains_what_the_prior_learns) {
    vae_model_t *m = make_model(NULL, _i);
    vae_session_t *s;
    const int64_t S = vae_model_input_size(m);
    float *x = filled(32 * S, 4);
    double before[32], rate_before[32], after[32], rate[32], recon[32], sum = 0, gain = 0;
    ck_assert_ok(vae_session_create(&s, m, 5));
    ck_assert_ok(vae_elbo(s, 32, x, 1, NULL, before, NULL, rate_before));
    double last;
    fit_model(m, _i, 60, NULL, &last);
    ck_assert_ok(vae_session_seed(s, 0));
    ck_assert_ok(vae_elbo(s, 32, x, 1, NULL, after, recon, rate));
    for (int i = 0; i < 32; i++) {
        ck_assert_double_eq_tol(after[i], -recon[i] - rate[i], 1e-6 * fabs(after[i]));
        sum += rate[i] / 32;
        gain += (after[i] - before[i]) - (rate_before[i] - rate[i]);
    }
    ck_assert_double_eq_tol(gain, 0, 1e-3);
    if (vae_model_code_count(m) > 0) {
        ck_assert_double_lt(sum, last + 0.5); /* one step later than the last loss */
        ck_assert_double_lt(sum, (double)vae_model_code_count(m) * log((double)vae_model_code_size(m)));
    }
    ck_assert_ok(vae_elbo(s, 32, x, 3, NULL, after, recon, rate));
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

typedef struct result {
    float *params, *sample;
    double elbo[20];
    int64_t n_params, n_sample;
} result;

static result run_all(vae_ctx_t *ctx, int i, int64_t split) {
    result o;
    vae_session_t *s;
    vae_model_t *m = make_model(ctx, i);
    const int64_t S = vae_model_input_size(m);
    fit_model(m, i, 4, NULL, NULL);
    float *x = filled(20 * S, 8);
    o.params = all_params(m, &o.n_params);
    o.n_sample = 20 * S;
    o.sample = filled(o.n_sample, 0);
    ck_assert_ok(vae_session_create(&s, m, split));
    ck_assert_ok(vae_sample(s, 20, NULL, o.sample));
    ck_assert_ok(vae_elbo(s, 20, x, 2, NULL, o.elbo, NULL, NULL));
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
    return o;
}

START_TEST(test_same_bits_for_threads_and_splits) {
    static const int32_t threads[] = { 1, 2, 3, 7 };
    static const int64_t splits[] = { 20, 1, 3, 7 };
    result first = { 0 };
    for (int t = 0; t < 4; t++) {
        vae_ctx_t *ctx = test_ctx(NULL, threads[t], VAE_ISA_AUTO);
        result o = run_all(ctx, _i, splits[t]);
        vae_ctx_destroy(ctx);
        if (t == 0) {
            first = o;
            continue;
        }
        ck_assert_mem_eq(first.params, o.params, (size_t)o.n_params * sizeof(float));
        ck_assert_mem_eq(first.sample, o.sample, (size_t)o.n_sample * sizeof(float));
        ck_assert_mem_eq(first.elbo, o.elbo, sizeof(o.elbo));
        free(o.params), free(o.sample);
    }
    free(first.params), free(first.sample);
}
END_TEST

START_TEST(test_steps_samples_and_scores_allocate_nothing) {
    test_heap h = { 0 };
    vae_ctx_t *ctx = test_ctx(&h, 2, VAE_ISA_AUTO);
    vae_model_t *m = make_model(ctx, _i);
    vae_trainer_t *t;
    vae_session_t *s;
    float *x = filled(32 * vae_model_input_size(m), 4), *y = filled(32 * vae_model_input_size(m), 4);
    double elbo[32];
    ck_assert_ok(vae_trainer_create(&t, m, fits[_i].fit, 32));
    ck_assert_ok(vae_session_create(&s, m, 16));
    const int64_t calls = h.calls;
    for (int i = 0; i < 3; i++) {
        ck_assert_ok(vae_trainer_step(t, 32, x, NULL));
        ck_assert_ok(vae_sample(s, 20, NULL, y));
        ck_assert_ok(vae_elbo(s, 20, x, 1, NULL, elbo, NULL, NULL));
    }
    ck_assert_int_eq(h.calls, calls);
    vae_session_destroy(s);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
    free(x), free(y);
}
END_TEST

START_TEST(test_resume_and_files_keep_every_bit) {
    char path[] = "/tmp/vae_prior_XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    vae_model_t *a = make_model(NULL, _i), *b = make_model(NULL, _i), *c;
    vae_trainer_t *t;
    int64_t n, count;
    float *x = filled(32 * vae_model_input_size(a), 4);
    ck_assert_ok(vae_trainer_create(&t, a, fits[_i].fit, 32));
    for (int i = 0; i < 6; i++) {
        if (i == 3) ck_assert_ok(vae_trainer_save(t, path));
        ck_assert_ok(vae_trainer_step(t, 32, x, NULL));
    }
    vae_trainer_destroy(t);
    ck_assert_ok(vae_trainer_create(&t, b, fits[_i].fit, 32));
    ck_assert_ok(vae_trainer_load(t, path));
    for (int i = 3; i < 6; i++) ck_assert_ok(vae_trainer_step(t, 32, x, NULL));
    vae_trainer_destroy(t);
    float *p = all_params(a, &n), *q = all_params(b, &count);
    ck_assert_int_eq(n, count);
    ck_assert_mem_eq(p, q, (size_t)n * sizeof(*p));
    ck_assert_ok(vae_model_save(a, path));
    ck_assert_ok(vae_model_load(&c, NULL, path));
    free(q);
    q = all_params(c, &count);
    ck_assert_int_eq(n, count);
    ck_assert_mem_eq(p, q, (size_t)n * sizeof(*p));
    vae_model_destroy(a), vae_model_destroy(b), vae_model_destroy(c);
    free(p), free(q), free(x);
    unlink(path);
}
END_TEST

/* ---- texts ------------------------------------------------------------------------------------------------------- */

START_TEST(test_a_prior_is_added_to_a_text) {
    char text[2000], out[2000], other[2000];
    ck_assert_ok(vae_spec_set(CODES_MODEL, "prior", "pixelcnn channels=8", out, sizeof(out), NULL));
    ck_assert_ok(vae_spec_canonical(out, text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "prior      pixelcnn channels=8 layers=8"));
    ck_assert_ok(vae_spec_set(text, "prior.top", "5", out, sizeof(out), NULL));
    ck_assert_ptr_nonnull(strstr(out, "top=5"));
    snprintf(other, sizeof(other), "%sobjective prior\n", CODES_MODEL); /* whose module has the section's name */
    ck_assert_ok(vae_spec_set(other, "prior", "transformer", out, sizeof(out), NULL));
    ck_assert_ptr_nonnull(strstr(out, "prior      transformer"));
    ck_assert_ok(vae_spec_set(text, "prior", "standard", out, sizeof(out), NULL));
    ck_assert_ok(vae_spec_canonical(out, text, sizeof(text), NULL));
    ck_assert_ok(vae_spec_canonical(CODES_MODEL, other, sizeof(other), NULL));
    ck_assert_str_eq(text, other);
}
END_TEST

START_TEST(test_what_does_not_fit_is_refused) {
    vae_model_t *m;
    vae_trainer_t *t;
    vae_session_t *s;
    float x[64], noise[16] = { 0 }, images[256] = { 0 };
    ck_assert_fails(vae_model_create(&m, NULL, SPEC_DENSE "prior pixelcnn\n", 0), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "codes"));
    ck_assert_fails(vae_model_create(&m, NULL, CODES_MODEL "prior pixelcnn kernel=4\n", 0), VAE_E_SPEC);
    ck_assert_fails(vae_model_create(&m, NULL, CODES_MODEL "prior pixelcn\n", 0), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "'pixelcnn'"));
    ck_assert_ok(vae_model_create(&m, NULL, CODES_MODEL, 0));
    ck_assert_fails(vae_trainer_create(&t, m, "objective prior\n", 4), VAE_E_SPEC);
    vae_model_destroy(m);
    m = make_model(NULL, 2);
    ck_assert_ok(vae_trainer_create(&t, m, "objective prior\n", 4));
    ck_assert_fails(vae_trainer_step(t, 2, images, NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "components=3"));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    ck_assert_fails(vae_model_create(&m, NULL, CODES_MODEL "prior gmm\n", 0), VAE_E_SPEC);
    m = make_model(NULL, 0);
    ck_assert_ok(vae_session_create(&s, m, 1));
    ck_assert_fails(vae_sample(s, 1, noise, x), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_priors(void);
Suite *suite_priors(void) {
    Suite *suite = suite_create("priors");
    TCase *codes = tcase_create("priors alone"), *models = tcase_create("models");
    tcase_set_timeout(codes, 60);
    tcase_set_timeout(models, 60);
    tcase_add_loop_test(codes, test_probabilities_of_all_grids_add_up_to_one, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_samples_follow_the_distribution, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_samples_are_those_of_the_whole_grid, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_top_keeps_the_likeliest_codes, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_scores_and_samples_do_not_depend_on_the_batch, 0, CODE_PRIORS);
    tcase_add_loop_test(codes, test_gradients_are_finite_differences, 0, CODE_PRIORS);
    tcase_add_test(codes, test_em_finds_the_mixture_and_never_falls);
    tcase_add_loop_test(codes, test_one_gaussian_is_the_closed_form, 0, 2);
    tcase_add_loop_test(codes, test_samples_of_a_mixture_have_its_moments, 0, 2);
    tcase_add_loop_test(codes, test_degenerate_points_keep_a_density, 0, 2);
    tcase_add_loop_test(models, test_fitting_moves_the_prior_and_nothing_else, 0, FITS);
    tcase_add_loop_test(models, test_training_the_model_leaves_the_prior_alone, 0, FITS);
    tcase_add_loop_test(models, test_the_bound_gains_what_the_prior_learns, 0, FITS);
    tcase_add_loop_test(models, test_same_bits_for_threads_and_splits, 0, FITS);
    tcase_add_loop_test(models, test_steps_samples_and_scores_allocate_nothing, 0, FITS);
    tcase_add_loop_test(models, test_resume_and_files_keep_every_bit, 0, FITS);
    tcase_add_test(models, test_a_prior_is_added_to_a_text);
    tcase_add_test(models, test_what_does_not_fit_is_refused);
    suite_add_tcase(suite, codes);
    suite_add_tcase(suite, models);
    return suite;
}
