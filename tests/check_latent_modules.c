/* SPDX-License-Identifier: MIT
 * check_latent_modules.c - tests latents against closed forms and signed finite differences. */
#include "module_rig.h"

static const vaei_shape vector7 = {1, {7}};
static const vaei_shape image = {3, {2, 3, 4}};

#define ROOM 256 /* floats: enough for every array of these tests */

static vae_status_t plan_latent(rig *g, const char *text, vaei_shape h) {
    vaei_node *node;
    void *conf;
    rig_init(g);
    g->q.ops = (const vaei_latent_ops *)bind(g, text, vaei_latents, vaei_latents_count, &node, &conf);
    g->q.conf = conf;
    g->q.path = "latent";
    g->q.h = h;
    return g->q.ops->plan(&g->q, &g->build, node, &h, &g->q.z);
}

static void latent_rig(rig *g, const char *text, vaei_shape h) {
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    ck_assert_int_eq(plan_latent(g, text, h), VAE_OK);
    allocate(g, vaei_latent_bytes(&g->q, k, N, 1));
    for (int64_t i = 0; i < g->table.count; i++) fill(g, g->params + g->table.at[i]->offset, g->table.at[i]->count, 0.7f);
}

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
    for (int64_t i = 0; i < count; i++) sum += (double)t->dz[i] * (double)t->z[i] + (double)t->dkl[i] * (double)t->kl[i];
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
    t->g.q.ops->backward(&t->g.q, &t->g.run, &t->g.slot, t->h, t->mean, t->logvar, t->given_noise, t->dz, t->dkl, t->dh);
}

static const struct {
    const char *text;
    const vaei_shape *h;
} latent_texts[] = {{"latent none\n", &image}, {"latent gaussian dim=3\n", &vector7}, {"latent gaussian dim=2 map=true\n", &image}};

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
    const float bias[] = {60, -60}, bound[] = {20, -30};
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
    const vaei_shape pixel = {1, {4}};
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

START_TEST(test_kl_equals_its_integral) {
    const float mean[N] = {0, 1.5f, -2, 0.25f, 3}, logvar[N] = {0, -3, 1, -0.5f, 2};
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
        for (int d = i * 3; d < i * 3 + 3; d++) wanted += log_normal(t.z[d], 0, 0) - log_normal(t.z[d], t.mean[d], t.logvar[d]);
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

Suite *suite_latent_modules(void);

Suite *suite_latent_modules(void) {
    Suite *s = suite_create("latent modules");
    TCase *t = tcase_create("latent");
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
    return s;
}
