/* SPDX-License-Identifier: MIT
 * check_vae_modules.c - latents and likelihoods against closed forms and signed finite differences. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "vae/latent.h"
#include "vae/likelihood.h"

#define N 5 /* examples */
#define LN_2PI 1.83787706640934548356

/* ---- a module bound from its text, with memory for one training pass --------------------------------------------- */

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_build build;
    vaei_latent q;
    vaei_likelihood p;
    vaei_params table;
    float *params, *grads;
    vaei_slot slot;
    char cache[VAEI_LIKELIHOOD_CACHE];
    vaei_run run;
    uint32_t random;
} rig;

static float next(rig *g) { /* uniform in [-1, 1) */
    g->random = g->random * 1664525u + 1013904223u;
    return (float)(g->random >> 8) / 8388608.0f - 1.0f;
}

static void fill(rig *g, float *x, int64_t n, float scale) {
    for (int64_t i = 0; i < n; i++) x[i] = scale * next(g);
}

static void rig_init(rig *g) {
    memset(g, 0, sizeof *g);
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    vaei_build_init(&g->build, &g->arena);
    g->random = 7;
}

static vaei_node *parse(rig *g, const char *text) {
    vaei_document document;
    ck_assert_int_eq(vaei_document_parse(&document, &g->arena, text, strlen(text)), VAE_OK);
    return document.first->pipeline.first;
}

static const vaei_module *bind(rig *g, const char *text, const vaei_module *const *registry, size_t count,
                               vaei_node **node, void **conf) {
    const vaei_module *module = NULL;
    *node = parse(g, text);
    ck_assert_int_eq(vaei_module_find(&module, registry, count, "module", *node, "test"), VAE_OK);
    ck_assert_int_eq(vaei_module_bind(conf, module, *node, &g->arena, "test"), VAE_OK);
    return module;
}

static void allocate(rig *g, vaei_need need) {
    ck_assert_int_eq(vaei_build_finish(&g->build, &g->table), VAE_OK);
    const size_t bytes = ((size_t)g->table.n_floats + 1) * sizeof(float);
    g->params = calloc(1, bytes);
    g->grads = calloc(1, bytes);
    g->slot = (vaei_slot){ .pack = aligned_alloc(64, need.pack + 64), .cache = aligned_alloc(64, need.cache + 64),
                           .scratch = aligned_alloc(64, need.scratch + 64) };
    g->run = (vaei_run){
        .k = vaei_kernels_select(0, 0), .n = N, .training = 1, .params = g->params, .grads = g->grads
    };
}

static void rig_free(rig *g) {
    free(g->params);
    free(g->grads);
    free(g->slot.pack);
    free(g->slot.cache);
    free(g->slot.scratch);
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

static vae_status_t plan_latent(rig *g, const char *text, vaei_shape h) {
    vaei_node *node;
    void *conf;
    rig_init(g);
    g->q.ops = (const vaei_latent_ops *)bind(g, text, vaei_latents, vaei_latents_count, &node, &conf);
    g->q.conf = conf;
    g->q.h = h;
    return g->q.ops->plan(&g->q, &g->build, node, &h, &g->q.z);
}

static void latent_rig(rig *g, const char *text, vaei_shape h) {
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    vaei_need need = {0};
    ck_assert_int_eq(plan_latent(g, text, h), VAE_OK);
    if (g->q.ops->need) g->q.ops->need(&g->q, k, N, 1, &need);
    allocate(g, need);
    for (int64_t i = 0; i < g->table.count; i++)
        fill(g, g->params + g->table.at[i]->offset, g->table.at[i]->count, 0.7f);
}

static void likelihood_rig(rig *g, const char *text, int64_t size) {
    const vaei_need need = {0};
    vaei_node *node;
    void *conf;
    rig_init(g);
    g->p.ops = (const vaei_likelihood_ops *)bind(g, text, vaei_likelihoods, vaei_likelihoods_count, &node, &conf);
    g->p.conf = conf;
    g->p.x = (vaei_shape){ 1, { size } };
    g->p.size = size;
    if (g->p.ops->plan) ck_assert_int_eq(g->p.ops->plan(&g->p, &g->build), VAE_OK);
    allocate(g, need);
}

static const vaei_shape vector7 = { 1, { 7 } };
static const vaei_shape image = { 3, { 2, 3, 4 } };

#define ROOM 256 /* floats: enough for every array of these tests */

/* Signed, element by element: d value() / d x[i] against analytic[i]. */
static void check_gradient(const char *what, double (*value)(void *), void *arg, float *x, const float *analytic,
                           int64_t n) {
    const float h = 1.0f / 128;
    for (int64_t i = 0; i < n; i++) {
        const float kept = x[i];
        x[i] = kept + h;
        const double up = value(arg);
        x[i] = kept - h;
        const double down = value(arg);
        x[i] = kept;
        const double numeric = (up - down) / (2.0 * (double)h);
        ck_assert_msg(fabs(numeric - (double)analytic[i]) <= 1e-3 * (1 + fabs(numeric)), "%s[%d]: %.6g, numeric %.6g",
                      what, (int)i, (double)analytic[i], numeric);
    }
}

/* ---- latents ----------------------------------------------------------------------------------------------------- */

typedef struct latent_case {
    rig g;
    float h[ROOM], noise[ROOM], dz[ROOM], dkl[ROOM], mean[ROOM], logvar[ROOM], z[ROOM], kl[ROOM], dh[ROOM];
    const float *given_noise;
} latent_case;

static double latent_value(void *arg) {
    latent_case *t = arg;
    const int64_t count = N * vaei_shape_size(&t->g.q.z);
    double sum = 0;
    if (t->g.q.ops->pack) t->g.q.ops->pack(&t->g.q, &t->g.run, t->g.slot.pack);
    t->g.q.ops->encode(&t->g.q, &t->g.run, &t->g.slot, t->h, t->mean, t->logvar);
    t->g.q.ops->draw(&t->g.q, &t->g.run, &t->g.slot, t->mean, t->logvar, t->given_noise, t->z, t->kl, NULL);
    for (int64_t i = 0; i < count; i++)
        sum += (double)t->dz[i] * (double)t->z[i] + (double)t->dkl[i] * (double)t->kl[i];
    return sum;
}

static void latent_setup(latent_case *t, const char *text, vaei_shape h, int with_noise) {
    latent_rig(&t->g, text, h);
    fill(&t->g, t->h, ROOM, 1);
    fill(&t->g, t->noise, ROOM, 2);
    fill(&t->g, t->dz, ROOM, 1);
    fill(&t->g, t->dkl, ROOM, 1);
    t->given_noise = with_noise ? t->noise : NULL;
}

static void latent_run(latent_case *t) {
    (void)latent_value(t);
    memset(t->g.grads, 0, (size_t)t->g.table.n_floats * sizeof(float));
    t->g.q.ops->backward(&t->g.q, &t->g.run, &t->g.slot, t->h, t->mean, t->logvar, t->given_noise, t->dz, t->dkl,
                         t->dh);
}

static const struct {
    const char *text;
    const vaei_shape *h;
} latent_texts[] = { { "latent none\n", &image },
                     { "latent gaussian dim=3\n", &vector7 },
                     { "latent gaussian dim=2 map=true\n", &image } };

START_TEST(test_latent_gradients) {
    for (int with_noise = 0; with_noise < 2; with_noise++) {
        latent_case t;
        latent_setup(&t, latent_texts[_i].text, *latent_texts[_i].h, with_noise);
        latent_run(&t);
        check_gradient("h", latent_value, &t, t.h, t.dh, N * vaei_shape_size(&t.g.q.h));
        for (int64_t i = 0; i < t.g.table.count; i++) {
            const vaei_param *p = t.g.table.at[i];
            check_gradient(p->name, latent_value, &t, t.g.params + p->offset, t.g.grads + p->offset, p->count);
        }
        rig_free(&t.g);
    }
}
END_TEST

START_TEST(test_latent_gradients_are_added_to) {
    latent_case t;
    latent_setup(&t, "latent gaussian dim=3\n", vector7, 1);
    latent_run(&t);
    const vaei_param *p = t.g.table.at[0];
    const float once = t.g.grads[p->offset];
    t.g.q.ops->backward(&t.g.q, &t.g.run, &t.g.slot, t.h, t.mean, t.logvar, t.noise, t.dz, t.dkl, t.dh);
    ck_assert_float_eq_tol(t.g.grads[p->offset], 2 * once, 1e-5f);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_logvar_is_clamped_with_zero_gradient_outside) {
    const float bias[] = { 60, -60 }, bound[] = { 20, -30 };
    for (int side = 0; side < 2; side++) {
        latent_case t;
        latent_setup(&t, "latent gaussian dim=3\n", vector7, 1);
        const vaei_param *b = t.g.q.param[3];
        ck_assert_str_eq(b->name, "latent.logvar.bias");
        for (int i = 0; i < 3; i++) t.g.params[b->offset + i] = bias[side];
        latent_run(&t);
        for (int i = 0; i < N * 3; i++) {
            ck_assert_float_eq(t.logvar[i], bound[side]);
            ck_assert(isfinite(t.kl[i]) && isfinite(t.z[i]));
        }
        for (int i = 0; i < 3; i++) ck_assert_float_eq(t.g.grads[b->offset + i], 0);
        rig_free(&t.g);
    }
}
END_TEST

START_TEST(test_posterior_mean_is_given_without_noise) {
    latent_case t;
    latent_setup(&t, "latent gaussian dim=3\n", vector7, 0);
    latent_run(&t);
    ck_assert_mem_eq(t.z, t.mean, N * 3 * sizeof(float));
    rig_free(&t.g);
}
END_TEST

START_TEST(test_mean_alone_needs_no_logvar) {
    latent_case t;
    float mean[N * 3];
    latent_setup(&t, "latent gaussian dim=3\n", vector7, 0);
    latent_run(&t);
    t.g.q.ops->encode(&t.g.q, &t.g.run, &t.g.slot, t.h, mean, NULL);
    ck_assert_mem_eq(mean, t.mean, sizeof mean);
    rig_free(&t.g);
}
END_TEST

/* A map is the same two heads on each position. */
START_TEST(test_map_equals_vectors_of_each_position) {
    latent_case map, flat;
    float mean[ROOM], logvar[ROOM];
    const vaei_shape pixel = { 1, { 4 } };
    latent_setup(&map, "latent gaussian dim=2 map=true\n", image, 1);
    latent_setup(&flat, "latent gaussian dim=2\n", pixel, 1);
    latent_run(&map);
    ck_assert_int_eq(map.g.q.param[0]->ndim, 4);
    ck_assert_int_eq(map.g.q.z.n, 3);
    ck_assert_int_eq(vaei_shape_size(&map.g.q.z), 2 * 3 * 2);
    memcpy(flat.g.params, map.g.params, (size_t)map.g.table.n_floats * sizeof(float));
    flat.g.q.ops->pack(&flat.g.q, &flat.g.run, flat.g.slot.pack);
    flat.g.run.n = N * 6;
    flat.g.q.ops->encode(&flat.g.q, &flat.g.run, &flat.g.slot, map.h, mean, logvar);
    ck_assert_mem_eq(mean, map.mean, N * 12 * sizeof(float));
    ck_assert_mem_eq(logvar, map.logvar, N * 12 * sizeof(float));
    rig_free(&map.g);
    rig_free(&flat.g);
}
END_TEST

static double log_normal(double x, double mean, double logvar) {
    return -0.5 * (LN_2PI + logvar + (x - mean) * (x - mean) / exp(logvar));
}

START_TEST(test_kl_equals_its_integral) {
    const float mean[N] = { 0, 1.5f, -2, 0.25f, 3 }, logvar[N] = { 0, -3, 1, -0.5f, 2 };
    float z[N], kl[N];
    rig g;
    latent_rig(&g, "latent gaussian dim=1\n", vector7);
    g.q.ops->draw(&g.q, &g.run, &g.slot, mean, logvar, NULL, z, kl, NULL);
    for (int i = 0; i < N; i++) { /* trapezia over 12 deviations to each side */
        const double sigma = exp(0.5 * (double)logvar[i]), step = sigma / 100;
        double integral = 0;
        for (int j = -1200; j <= 1200; j++) {
            const double x = (double)mean[i] + step * j, log_q = log_normal(x, mean[i], logvar[i]);
            integral += step * exp(log_q) * (log_q - log_normal(x, 0, 0));
        }
        ck_assert_double_eq_tol(kl[i], integral, 2e-6 * (1 + integral));
    }
    rig_free(&g);
}
END_TEST

START_TEST(test_log_ratio_is_prior_over_posterior) {
    latent_case t;
    double ratio[N];
    latent_setup(&t, "latent gaussian dim=3\n", vector7, 1);
    latent_run(&t);
    t.g.q.ops->draw(&t.g.q, &t.g.run, &t.g.slot, t.mean, t.logvar, t.noise, t.z, NULL, ratio);
    for (int i = 0; i < N; i++) {
        double wanted = 0;
        for (int d = i * 3; d < i * 3 + 3; d++)
            wanted += log_normal(t.z[d], 0, 0) - log_normal(t.z[d], t.mean[d], t.logvar[d]);
        ck_assert_double_eq_tol(ratio[i], wanted, 1e-4);
    }
    rig_free(&t.g);
}
END_TEST

START_TEST(test_no_latent_passes_h_through) {
    latent_case t;
    double ratio[N];
    latent_setup(&t, "latent none\n", image, 1);
    latent_run(&t);
    ck_assert_mem_eq(t.z, t.h, N * 24 * sizeof(float));
    ck_assert_mem_eq(t.dh, t.dz, N * 24 * sizeof(float));
    t.g.q.ops->draw(&t.g.q, &t.g.run, &t.g.slot, t.mean, t.logvar, t.noise, t.z, t.kl, ratio);
    for (int i = 0; i < N * 24; i++) ck_assert_float_eq(t.kl[i], 0);
    for (int i = 0; i < N; i++) ck_assert_double_eq(ratio[i], 0);
    ck_assert_int_eq(t.g.q.ops->flags & VAEI_LATENT_PRIOR, 0);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_latent_refuses_the_wrong_shape) {
    rig g;
    ck_assert_int_eq(plan_latent(&g, "latent gaussian dim=2\n", image), VAE_E_SHAPE);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "flatten"));
    vaei_arena_free(&g.arena);
    ck_assert_int_eq(plan_latent(&g, "latent gaussian dim=2 map=true\n", vector7), VAE_E_SHAPE);
    vaei_arena_free(&g.arena);
}
END_TEST

/* ---- likelihoods ------------------------------------------------------------------------------------------------- */

#define S 11

typedef struct likelihood_case {
    rig g;
    float theta[N * S], x[N * S], dtheta[N * S], weight[N];
    double nll[N];
} likelihood_case;

static double likelihood_value(void *arg) {
    likelihood_case *t = arg;
    double sum = 0;
    t->g.p.ops->nll(&t->g.p, &t->g.run, t->g.cache, t->theta, t->x, t->nll);
    for (int i = 0; i < N; i++) sum += (double)t->weight[i] * t->nll[i];
    return sum;
}

static void likelihood_setup(likelihood_case *t, const char *text) {
    likelihood_rig(&t->g, text, S);
    fill(&t->g, t->theta, N * S, 1);
    fill(&t->g, t->x, N * S, 1);
    for (int i = 0; i < N * S; i++) t->x[i] = fabsf(t->x[i]);
    for (int i = 0; i < N; i++) t->weight[i] = 0.1f + 0.15f * (float)i;
}

static const char *const likelihood_texts[] = {
    "likelihood bernoulli\n",
    "likelihood gaussian\n",
    "likelihood gaussian value=0.5\n",
    "likelihood gaussian sigma=learned value=0.7\n",
    "likelihood gaussian sigma=optimal\n",
    "likelihood laplace scale=0.4\n",
};

START_TEST(test_likelihood_gradients) {
    likelihood_case t;
    likelihood_setup(&t, likelihood_texts[_i]);
    if (t.g.table.count > 0) t.g.params[t.g.table.at[0]->offset] = -0.4f;
    (void)likelihood_value(&t);
    t.g.p.ops->backward(&t.g.p, &t.g.run, t.g.cache, t.theta, t.x, t.weight, t.dtheta);
    check_gradient("theta", likelihood_value, &t, t.theta, t.dtheta, N * S);
    for (int64_t i = 0; i < t.g.table.count; i++) {
        const vaei_param *p = t.g.table.at[i];
        if (!(p->flags & VAEI_PARAM_TRAINED)) continue;
        check_gradient(p->name, likelihood_value, &t, t.g.params + p->offset, t.g.grads + p->offset, p->count);
    }
    rig_free(&t.g);
}
END_TEST

/* Far below the clip the derivative through sigma does not cancel. */
START_TEST(test_optimal_sigma_gradient_of_a_near_fit) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood gaussian sigma=optimal\n");
    for (int i = 0; i < N * S; i++) t.theta[i] = t.x[i] + 0.05f * t.theta[i];
    (void)likelihood_value(&t);
    t.g.p.ops->backward(&t.g.p, &t.g.run, t.g.cache, t.theta, t.x, t.weight, t.dtheta);
    for (int i = 0; i < N * S; i++) {
        const float kept = t.theta[i], h = 1.0f / 4096;
        t.theta[i] = kept + h;
        const double up = likelihood_value(&t);
        t.theta[i] = kept - h;
        const double down = likelihood_value(&t);
        t.theta[i] = kept;
        ck_assert_double_eq_tol((up - down) / (2 * (double)h), t.dtheta[i], 0.02 * (1 + fabs((double)t.dtheta[i])));
    }
    rig_free(&t.g);
}
END_TEST

START_TEST(test_bernoulli_closed_form) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood bernoulli\n");
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) {
        double wanted = 0;
        for (int j = i * S; j < (i + 1) * S; j++) {
            const double p = 1 / (1 + exp(-(double)t.theta[j]));
            wanted -= (double)t.x[j] * log(p) + (1 - (double)t.x[j]) * log1p(-p);
        }
        ck_assert_double_eq_tol(t.nll[i], wanted, 1e-5);
    }
    t.g.p.ops->mean(&t.g.p, &t.g.run, t.theta, t.dtheta);
    for (int j = 0; j < N * S; j++) ck_assert_double_eq_tol(t.dtheta[j], 1 / (1 + exp(-(double)t.theta[j])), 1e-6);
    t.g.p.ops->mean(&t.g.p, &t.g.run, t.theta, t.theta);
    ck_assert_mem_eq(t.theta, t.dtheta, sizeof t.theta);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_bernoulli_survives_extreme_logits) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood bernoulli\n");
    for (int j = 0; j < N * S; j++) {
        t.theta[j] = j % 2 ? 500.0f : -500.0f;
        t.x[j] = (float)(j % 2); /* what the logit says: nothing lost */
    }
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], 0, 1e-6);
    for (int j = 0; j < N * S; j++) t.x[j] = 1 - t.x[j];
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], 500.0 * S, 0.1);
    rig_free(&t.g);
}
END_TEST

static double normal_nll(const likelihood_case *t, int example, double sigma) {
    double sum = 0;
    for (int j = example * S; j < (example + 1) * S; j++) sum -= log_normal(t->x[j], t->theta[j], 2 * log(sigma));
    return sum;
}

static double clip(double l) {
    return -6 + log1p(exp(l + 6));
}

START_TEST(test_gaussian_fixed_and_learned_closed_form) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood gaussian value=0.5\n");
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, 0.5), 1e-4);
    t.g.p.ops->mean(&t.g.p, &t.g.run, t.theta, t.dtheta);
    ck_assert_mem_eq(t.theta, t.dtheta, sizeof t.theta);
    rig_free(&t.g);
    likelihood_setup(&t, "likelihood gaussian sigma=learned value=0.25\n");
    ck_assert_str_eq(t.g.p.param[0]->name, "likelihood.log_sigma");
    ck_assert_float_eq_tol(t.g.p.param[0]->init.value, logf(0.25f), 1e-6f);
    t.g.params[t.g.p.param[0]->offset] = logf(0.25f);
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, exp(clip(log(0.25)))), 1e-3);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_gaussian_optimal_uses_batch_then_running_sigma) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood gaussian sigma=optimal\n");
    const int64_t at = t.g.p.param[0]->offset, batches = t.g.p.param[1]->offset;
    ck_assert_int_eq(t.g.p.param[0]->flags & VAEI_PARAM_TRAINED, 0);
    double first = 0, mse = 0;
    for (int batch = 0; batch < 2; batch++) {
        mse = 0;
        for (int j = 0; j < N * S; j++) mse += pow((double)t.x[j] - (double)t.theta[j], 2) / (N * S);
        (void)likelihood_value(&t);
        for (int i = 0; i < N; i++)
            ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, exp(clip(0.5 * log(mse)))), 1e-4);
        t.g.p.ops->commit(&t.g.p, &t.g.run, t.g.cache, t.g.params);
        ck_assert_float_eq(t.g.params[batches], (float)(batch + 1));
        const double l = clip(0.5 * log(mse)), wanted = batch == 0 ? l : 0.5 * (first + l);
        ck_assert_double_eq_tol(t.g.params[at], wanted, 1e-5);
        if (batch == 0) first = l;
        for (int j = 0; j < N * S; j++) t.theta[j] += 1;
    }
    t.g.params[batches] = 1000; /* long after the start a batch counts for a hundredth */
    const double before = t.g.params[at];
    t.g.p.ops->commit(&t.g.p, &t.g.run, t.g.cache, t.g.params);
    ck_assert_double_eq_tol(t.g.params[at], before + 0.01 * (clip(0.5 * log(mse)) - before), 1e-5);
    t.g.run.training = 0;
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, exp((double)t.g.params[at])), 1e-3);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_laplace_closed_form) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood laplace scale=0.25\n");
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) {
        double wanted = 0;
        for (int j = i * S; j < (i + 1) * S; j++) wanted += fabs((double)t.x[j] - (double)t.theta[j]) / 0.25 + log(0.5);
        ck_assert_double_eq_tol(t.nll[i], wanted, 1e-5);
    }
    t.g.p.ops->backward(&t.g.p, &t.g.run, t.g.cache, t.theta, t.x, t.weight, t.dtheta);
    for (int j = 0; j < N * S; j++)
        ck_assert_float_eq_tol(t.dtheta[j], (t.theta[j] > t.x[j] ? 4.0f : -4.0f) * t.weight[j / S], 1e-6f);
    t.g.p.ops->mean(&t.g.p, &t.g.run, t.theta, t.dtheta);
    ck_assert_mem_eq(t.theta, t.dtheta, sizeof t.theta);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_real_likelihoods_of_a_perfect_fit_stay_finite) {
    for (size_t k = 1; k < VAEI_COUNT(likelihood_texts); k++) {
        likelihood_case t;
        likelihood_setup(&t, likelihood_texts[k]);
        memcpy(t.theta, t.x, sizeof t.theta);
        ck_assert(isfinite(likelihood_value(&t)));
        t.g.p.ops->backward(&t.g.p, &t.g.run, t.g.cache, t.theta, t.x, t.weight, t.dtheta);
        for (int j = 0; j < N * S; j++) ck_assert_float_eq(t.dtheta[j], 0);
        rig_free(&t.g);
    }
}
END_TEST

/* More examples than groups of them: each example is worked on once, whoever works. */
START_TEST(test_likelihood_does_not_depend_on_threads) {
    enum { MANY = 150 };
    static float theta[MANY * S], x[MANY * S], d[2][MANY * S], weight[MANY];
    static double nll[2][MANY];
    for (size_t k = 0; k < VAEI_COUNT(likelihood_texts); k++) {
        rig g;
        float grad[2];
        likelihood_rig(&g, likelihood_texts[k], S);
        fill(&g, theta, MANY * S, 1);
        fill(&g, weight, MANY, 1);
        for (int j = 0; j < MANY * S; j++) x[j] = fabsf(next(&g));
        g.run.n = MANY;
        for (int threaded = 0; threaded < 2; threaded++) {
            vaei_pool *pool = NULL;
            ck_assert_int_eq(vaei_pool_create(&pool, &g.heap, threaded ? 3 : 1, NULL, NULL), VAE_OK);
            g.run.pool = pool;
            memset(g.grads, 0, (size_t)g.table.n_floats * sizeof(float));
            g.p.ops->nll(&g.p, &g.run, g.cache, theta, x, nll[threaded]);
            g.p.ops->backward(&g.p, &g.run, g.cache, theta, x, weight, d[threaded]);
            grad[threaded] = g.grads[0];
            vaei_pool_destroy(pool);
        }
        ck_assert_mem_eq(nll[0], nll[1], sizeof nll[0]);
        ck_assert_mem_eq(d[0], d[1], sizeof d[0]);
        ck_assert_mem_eq(&grad[0], &grad[1], sizeof(float));
        for (int i = 0; i < MANY; i++) ck_assert(fabs(nll[0][i]) > 0);
        rig_free(&g);
    }
}
END_TEST

Suite *suite_vae_modules(void);

Suite *suite_vae_modules(void) {
    Suite *s = suite_create("vae modules");
    TCase *t = tcase_create("latents");
    tcase_add_loop_test(t, test_latent_gradients, 0, (int)VAEI_COUNT(latent_texts));
    tcase_add_test(t, test_latent_gradients_are_added_to);
    tcase_add_test(t, test_logvar_is_clamped_with_zero_gradient_outside);
    tcase_add_test(t, test_posterior_mean_is_given_without_noise);
    tcase_add_test(t, test_mean_alone_needs_no_logvar);
    tcase_add_test(t, test_map_equals_vectors_of_each_position);
    tcase_add_test(t, test_kl_equals_its_integral);
    tcase_add_test(t, test_log_ratio_is_prior_over_posterior);
    tcase_add_test(t, test_no_latent_passes_h_through);
    tcase_add_test(t, test_latent_refuses_the_wrong_shape);
    suite_add_tcase(s, t);
    t = tcase_create("likelihoods");
    tcase_add_loop_test(t, test_likelihood_gradients, 0, (int)VAEI_COUNT(likelihood_texts));
    tcase_add_test(t, test_optimal_sigma_gradient_of_a_near_fit);
    tcase_add_test(t, test_bernoulli_closed_form);
    tcase_add_test(t, test_bernoulli_survives_extreme_logits);
    tcase_add_test(t, test_gaussian_fixed_and_learned_closed_form);
    tcase_add_test(t, test_gaussian_optimal_uses_batch_then_running_sigma);
    tcase_add_test(t, test_laplace_closed_form);
    tcase_add_test(t, test_real_likelihoods_of_a_perfect_fit_stay_finite);
    tcase_add_test(t, test_likelihood_does_not_depend_on_threads);
    suite_add_tcase(s, t);
    return s;
}
