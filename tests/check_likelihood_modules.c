/* SPDX-License-Identifier: MIT
 * check_likelihood_modules.c - tests likelihoods against closed forms and signed finite differences. */
#include "module_rig.h"

#include "api/api.h"
#include <stdio.h>

static void likelihood_rig(rig *g, const char *text, int64_t size) {
    const vaei_bytes need = {0};
    vaei_node *node;
    void *conf;
    rig_init(g);
    g->p.ops = (const vaei_likelihood_ops *)bind(g, text, vaei_likelihoods, vaei_likelihoods_count, &node, &conf);
    g->p.conf = conf;
    ck_assert_int_eq(vaei_likelihood_plan(&g->p, &g->build, &(vaei_shape){1, {size}}), VAE_OK);
    allocate(g, need);
}

#define S 11

typedef struct likelihood_case {
    rig g;
    float theta[N * S], x[N * S], dtheta[N * S], weight[N];
    double nll[N];
} likelihood_case;

static double likelihood_value(void *arg) {
    likelihood_case *t = arg;
    double sum = 0;
    vaei_likelihood_nll(&t->g.p, &t->g.run, t->g.facts, t->theta, t->x, t->nll);
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
    vaei_likelihood_backward(&t.g.p, &t.g.run, t.g.facts, t.theta, t.x, t.weight, t.dtheta);
    check_gradient("theta", likelihood_value, &t, t.theta, t.dtheta, N * S);
    for (int64_t i = 0; i < t.g.table.count; i++) {
        const vaei_param *p = t.g.table.at[i];
        if (!(p->flags & VAEI_PARAM_TRAINED)) continue;
        check_gradient(p->name, likelihood_value, &t, t.g.params + p->offset, t.g.grads + p->offset, p->count);
    }
    rig_free(&t.g);
}
END_TEST

/* What training relies on when it takes a batch in parts: the parts give what the whole gives, and no gradients, or of_batch says so. */
START_TEST(test_likelihood_of_parts_is_that_of_the_whole_unless_of_batch) {
    likelihood_case whole, parts;
    likelihood_setup(&whole, likelihood_texts[_i]);
    likelihood_setup(&parts, likelihood_texts[_i]);
    const vaei_likelihood *const p = &parts.g.p;
    (void)likelihood_value(&whole);
    vaei_likelihood_backward(&whole.g.p, &whole.g.run, whole.g.facts, whole.theta, whole.x, whole.weight, whole.dtheta);
    for (int first = 0, n = 2; first < N; first += n) {
        vaei_run r = parts.g.run;
        r.n = n = first + n > N ? N - first : n;
        vaei_likelihood_nll(p, &r, parts.g.facts, parts.theta + first * S, parts.x + first * S, parts.nll + first);
        vaei_likelihood_backward(p, &r, parts.g.facts, parts.theta + first * S, parts.x + first * S, parts.weight + first,
                                 parts.dtheta + first * S);
    }
    if (!p->of_batch) {
        ck_assert_mem_eq(whole.nll, parts.nll, sizeof whole.nll);
        ck_assert_mem_eq(whole.dtheta, parts.dtheta, sizeof whole.dtheta);
        for (int64_t i = 0; i < whole.g.table.n_trainable; i++) ck_assert_float_eq(whole.g.grads[i], 0.0f);
    }
    rig_free(&whole.g);
    rig_free(&parts.g);
}
END_TEST

/* Far below the clip the derivative through sigma does not cancel. */
START_TEST(test_optimal_sigma_gradient_of_a_near_fit) {
    likelihood_case t;
    likelihood_setup(&t, "likelihood gaussian sigma=optimal\n");
    for (int i = 0; i < N * S; i++) t.theta[i] = t.x[i] + 0.05f * t.theta[i];
    (void)likelihood_value(&t);
    vaei_likelihood_backward(&t.g.p, &t.g.run, t.g.facts, t.theta, t.x, t.weight, t.dtheta);
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
    vaei_likelihood_mean(&t.g.p, &t.g.run, t.theta, t.dtheta);
    for (int j = 0; j < N * S; j++) ck_assert_double_eq_tol(t.dtheta[j], 1 / (1 + exp(-(double)t.theta[j])), 1e-6);
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
    vaei_likelihood_mean(&t.g.p, &t.g.run, t.theta, t.dtheta);
    ck_assert_mem_eq(t.theta, t.dtheta, sizeof t.theta);
    rig_free(&t.g);
    likelihood_setup(&t, "likelihood gaussian sigma=learned value=0.25\n");
    ck_assert_str_eq(t.g.p.param[0]->name, "likelihood.log_sigma");
    t.g.params[t.g.p.param[0]->offset] = t.g.p.param[0]->init.value;
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, 0.25), 1e-3);
    t.g.params[t.g.p.param[0]->offset] = logf(0.25f);
    (void)likelihood_value(&t);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, exp(clip(log(0.25)))), 1e-3);
    rig_free(&t.g);
}
END_TEST

START_TEST(test_a_learned_sigma_starts_at_its_value) {
    static const double value[] = {0.0025, 0.003, 0.01, 0.1, 0.7, 1, 2, 100};
    for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) {
        likelihood_case t;
        char text[64];
        snprintf(text, sizeof text, "likelihood gaussian sigma=learned value=%g\n", value[i]);
        likelihood_setup(&t, text);
        const double start = exp(clip((double)t.g.p.param[0]->init.value));
        ck_assert_double_eq_tol(start / value[i], 1, 1e-6);
        rig_free(&t.g);
    }
}
END_TEST

START_TEST(test_a_learned_sigma_below_the_clip_is_refused) {
    static const char *const texts[] = {"likelihood gaussian sigma=learned value=0.0024\n",
                                        "likelihood gaussian sigma=optimal value=0.0024\n", "likelihood gaussian value=0.0024\n"};
    for (int i = 0; i < 3; i++) {
        char text[256];
        vae_model_t *m = NULL;
        snprintf(text, sizeof text, "input 4\nencoder linear out=2\nlatent none\ndecoder linear out=4\n%s", texts[i]);
        const vae_status_t status = vae_model_create(&m, NULL, text, 0);
        ck_assert_int_eq(status, i == 0 ? VAE_E_SPEC : VAE_OK);
        if (i == 0) ck_assert_ptr_nonnull(strstr(vae_last_error(), "value=0.0024"));
        vae_model_destroy(m);
    }
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
        for (int i = 0; i < N; i++) ck_assert_double_eq_tol(t.nll[i], normal_nll(&t, i, exp(clip(0.5 * log(mse)))), 1e-4);
        t.g.p.ops->commit(&t.g.p, &t.g.run, t.g.facts, t.g.params);
        ck_assert_float_eq(t.g.params[batches], (float)(batch + 1));
        const double l = clip(0.5 * log(mse)), wanted = batch == 0 ? l : 0.5 * (first + l);
        ck_assert_double_eq_tol(t.g.params[at], wanted, 1e-5);
        if (batch == 0) first = l;
        for (int j = 0; j < N * S; j++) t.theta[j] += 1;
    }
    t.g.params[batches] = 1000; /* long after the start a batch counts for a hundredth */
    const double before = t.g.params[at];
    t.g.p.ops->commit(&t.g.p, &t.g.run, t.g.facts, t.g.params);
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
    vaei_likelihood_backward(&t.g.p, &t.g.run, t.g.facts, t.theta, t.x, t.weight, t.dtheta);
    for (int j = 0; j < N * S; j++) ck_assert_float_eq_tol(t.dtheta[j], (t.theta[j] > t.x[j] ? 4.0f : -4.0f) * t.weight[j / S], 1e-6f);
    vaei_likelihood_mean(&t.g.p, &t.g.run, t.theta, t.dtheta);
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
        vaei_likelihood_backward(&t.g.p, &t.g.run, t.g.facts, t.theta, t.x, t.weight, t.dtheta);
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
            vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, x, nll[threaded]);
            vaei_likelihood_backward(&g.p, &g.run, g.facts, theta, x, weight, d[threaded]);
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

/* What a session does for samples: latents, theta, then x drawn from it by the item's place in the stream. */
START_TEST(test_drawn_values_are_those_of_their_place_however_a_batch_is_cut) {
    enum { WIDE = 5 };
    static const char text[] =
        "input 3x2\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=6 | reshape 3x2\nlikelihood laplace\n";
    vae_model_t *m = NULL;
    vaei_work w;
    vaei_carve c = {0};
    float drawn[WIDE * 6], mean[WIDE * 6], alone[6];
    ck_assert_int_eq(vae_model_create(&m, NULL, text, 3), VAE_OK);
    const vaei_network *const net = &m->network;
    vaei_network_carve(net, m->ctx->kernels, WIDE, 0, &c, &w);
    void *const block = aligned_alloc(VAEI_ALIGN, c.used);
    c = (vaei_carve){.base = block};
    vaei_network_carve(net, m->ctx->kernels, WIDE, 0, &c, &w);
    vaei_run r = {.k = m->ctx->kernels, .n = WIDE, .params = m->params, .noise.seed = 4};
    vaei_network_pack(net, &r, &w);
    vaei_network_sample(net, &r, &w, 100);
    vaei_network_decode(net, &r, &w, VAEI_LEVELS_PRIOR);
    vaei_network_mean_x(net, &r, &w, mean);
    vaei_network_draw_x(net, &r, &w, 100, drawn);
    for (int i = 0; i < WIDE * 6; i++) ck_assert_float_ne(drawn[i], mean[i]);
    for (uint64_t i = 0; i < WIDE; i++) {
        r.n = 1;
        vaei_network_sample(net, &r, &w, 100 + i);
        vaei_network_decode(net, &r, &w, VAEI_LEVELS_PRIOR);
        vaei_network_draw_x(net, &r, &w, 100 + i, alone);
        ck_assert_mem_eq(alone, drawn + i * 6, sizeof alone);
    }
    free(block);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_likelihood_modules(void);

Suite *suite_likelihood_modules(void) {
    Suite *s = suite_create("likelihood modules");
    TCase *t = tcase_create("likelihood");
    tcase_add_loop_test(t, test_likelihood_gradients, 0, (int)VAEI_COUNT(likelihood_texts));
    tcase_add_loop_test(t, test_likelihood_of_parts_is_that_of_the_whole_unless_of_batch, 0, (int)VAEI_COUNT(likelihood_texts));
    tcase_add_test(t, test_optimal_sigma_gradient_of_a_near_fit);
    tcase_add_test(t, test_bernoulli_closed_form);
    tcase_add_test(t, test_bernoulli_survives_extreme_logits);
    tcase_add_test(t, test_gaussian_fixed_and_learned_closed_form);
    tcase_add_test(t, test_a_learned_sigma_starts_at_its_value);
    tcase_add_test(t, test_a_learned_sigma_below_the_clip_is_refused);
    tcase_add_test(t, test_gaussian_optimal_uses_batch_then_running_sigma);
    tcase_add_test(t, test_laplace_closed_form);
    tcase_add_test(t, test_real_likelihoods_of_a_perfect_fit_stay_finite);
    tcase_add_test(t, test_likelihood_does_not_depend_on_threads);
    tcase_add_test(t, test_drawn_values_are_those_of_their_place_however_a_batch_is_cut);
    suite_add_tcase(s, t);
    return s;
}
