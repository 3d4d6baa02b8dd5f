/* SPDX-License-Identifier: MIT
 * check_priors.c - priors: probabilities that add up, gradients, causality, samples that follow them, and a network that stands still. */
#include "prior_rig.h"

#include <unistd.h>

static const char *const code_priors[] = {"pixelcnn channels=8 layers=2 first=3",
                                          "transformer channels=8 layers=2 heads=2"};
#define CODE_PRIORS (sizeof(code_priors) / sizeof(code_priors[0]))

static const vaei_shape grid2 = {3, {2, 2, 5}}, grid34 = {3, {3, 4, 2}}, grid1 = {3, {1, 1, 4}}, line6 = {1, {6}};

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
    } cases[] = {{grid2, 4, 3, 81}, {grid1, 1, 5, 5}, {line6, 6, 2, 64}, {grid34, 12, 2, MOST}};
    int32_t *codes = malloc(MOST * 12 * sizeof(*codes));
    double *nll = malloc(MOST * sizeof(*nll));
    for (size_t c = 0; c < 4; c++) {
        rig g;
        double sum = 0;
        rig_open(&g, code_priors[_i], cases[c].z, cases[c].places, cases[c].K, cases[c].all);
        for (int64_t i = 0; i < cases[c].all; i++) digits(i, cases[c].places, cases[c].K, codes + i * cases[c].places);
        score(&g, 0, cases[c].all, &(vaei_points){codes, NULL}, nll);
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
    int64_t seen[81] = {0};
    rig_open(&g, code_priors[_i], grid2, 4, 3, DRAWS);
    for (int64_t i = 0; i < 81; i++) digits(i, 4, 3, all + i * 4);
    score(&g, 0, 81, &(vaei_points){all, NULL}, nll);
    draw(&g, 5, 0, DRAWS, &(vaei_points){codes, NULL});
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
    draw(&g, 1, 0, 1, &(vaei_points){best, NULL});
    for (int64_t k = 0; k < 4; k++) {
        memcpy(other + k * 12, best, sizeof(best));
        other[k * 12 + 11] = (int32_t)k;
    }
    score(&g, 0, 4, &(vaei_points){other, NULL}, nll);
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
    draw(&g, 1, 0, 64, &(vaei_points){a, NULL});
    draw(&plain, 2, 0, 64, &(vaei_points){b, NULL});
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
    draw(&g, 3, 0, ALL, &(vaei_points){codes, NULL});
    for (int64_t i = 0; i < ALL; i += 7)
        draw(&g, 3, (uint64_t)i, ALL - i < 7 ? ALL - i : 7, &(vaei_points){parts + i * 12, NULL});
    ck_assert_mem_eq(codes, parts, sizeof(codes));
    score(&g, 0, ALL, &(vaei_points){codes, NULL}, whole);
    score(&g, 1, ALL, &(vaei_points){codes, NULL}, trained);
    for (int64_t i = 0; i < ALL; i++) score(&g, 0, 1, &(vaei_points){codes + i * 12, NULL}, single + i);
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
    const float weight[ALL] = {0.5f, -1.25f, 2}, h = 2e-3f;
    double nll[ALL];
    rig_open(&g, code_priors[_i], grid34, 12, 4, ALL);
    for (int64_t p = 0; p < g.table.count;
         p++) { /* embeddings that start near 0 bend too much in front of a layer norm */
        const vaei_param *q = g.table.at[p];
        if (q->init.fan_in > 1000) g.run.k->scale(q->count, 30, g.params + q->offset);
    }
    pack(&g);
    const vaei_points at = {codes, NULL};
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

/* ---- in a model -------------------------------------------------------------------------------------------------- */

#define CODES_MODEL                                                                                                    \
    "input 8x8x1\n"                                                                                                    \
    "encoder conv2d out=6 kernel=4 stride=2 pad=1 | batchnorm | relu | dropout p=0.3 | conv2d out=4 kernel=4 "         \
    "stride=2 pad=1\n"                                                                                                 \
    "latent vq codes=8 dim=4\n"                                                                                        \
    "decoder deconv2d out=6 kernel=4 stride=2 pad=1 | relu | deconv2d out=1 kernel=4 stride=2 pad=1\nlikelihood "      \
    "gaussian\n"
#define FIT "optimizer adamw lr=0.01 weight_decay=0.1\nobjective prior\n"

static const struct {
    const char *model, *prior, *fit;
} fits[] = {
    {CODES_MODEL, "prior pixelcnn channels=8 layers=2\n", FIT},
    {CODES_MODEL, "prior transformer channels=8 layers=2 heads=2\n", FIT},
    {SPEC_CONV, "prior gmm components=3 covariance=full\n", "objective prior\n"},
    {SPEC_DENSE, "prior gmm components=5\n", "objective prior\n"},
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
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
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
        if (strncmp(name, "prior.", 6) == 0)
            moved |= memcmp(vae_tensor_data(s), vae_tensor_data(t), size) != 0;
        else
            ck_assert_msg(memcmp(vae_tensor_data(s), vae_tensor_data(t), size) == 0, "%s moved", name);
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
    static const int32_t threads[] = {1, 2, 3, 7};
    static const int64_t splits[] = {20, 1, 3, 7};
    result first = {0};
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

START_TEST(test_same_bits_for_instruction_sets) {
    static const int32_t isas[] = {VAE_ISA_PORTABLE, VAE_ISA_AVX2, VAE_ISA_AVX512, VAE_ISA_NEON};
    result first = {0};
    for (size_t k = 0; k < 4; k++) {
        vae_ctx_config_t c;
        vae_ctx_t *ctx = NULL;
        ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
        c.isa = isas[k];
        if (vae_ctx_create(&ctx, &c) != VAE_OK) continue;
        result o = run_all(ctx, _i, 20);
        vae_ctx_destroy(ctx);
        if (k == 0) {
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

/* The network is packed once; when the host changes it, again. */
START_TEST(test_a_fit_sees_what_the_host_changes) {
    vae_model_t *m = make_model(NULL, _i);
    vae_trainer_t *a;
    vae_metrics_t kept = {.struct_size = sizeof(kept)}, fresh = {.struct_size = sizeof(fresh)};
    const vae_tensor_t *t;
    float *x = filled(32 * vae_model_input_size(m), 4);
    int64_t size = 1;
    ck_assert_ok(vae_trainer_create(&a, m, fits[_i].fit, 32));
    for (int i = 0; i < 3; i++) ck_assert_ok(vae_trainer_step(a, 32, x, NULL));
    ck_assert_ok(vae_model_param(m, 0, &t, NULL));
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
    float *w = filled(size, 99);
    ck_assert_ok(vae_model_set_param(m, 0, w, size));
    ck_assert_ok(vae_trainer_backward(a, 32, x, NULL, &kept));
    vae_trainer_destroy(a);
    ck_assert_ok(vae_trainer_create(&a, m, fits[_i].fit, 32)); /* packs everything anew */
    ck_assert_ok(vae_trainer_backward(a, 32, x, NULL, &fresh));
    ck_assert_mem_eq(&kept.loss, &fresh.loss, sizeof(double));
    vae_trainer_destroy(a);
    vae_model_destroy(m);
    free(x), free(w);
}
END_TEST

START_TEST(test_steps_samples_and_scores_allocate_nothing) {
    test_heap h = {0};
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

START_TEST(test_every_prior_of_the_registry_builds_its_example) {
    char text[2000];
    vae_model_t *m;
    vae_session_t *s;
    float x[64];
    for (int32_t i = 0; i < vae_registry_count("prior"); i++) {
        const vaei_prior_ops *ops = (const vaei_prior_ops *)(const void *)vaei_priors[i];
        snprintf(text, sizeof(text), "%sprior %s\n", ops->flags & VAEI_PRIOR_OF_CODES ? CODES_MODEL : SPEC_DENSE,
                 ops->module.example);
        ck_assert_ok(vae_model_create(&m, NULL, text, 0));
        ck_assert_ok(vae_session_create(&s, m, 1));
        ck_assert_ok(vae_sample(s, 1, NULL, x));
        for (int64_t j = 0; j < vae_model_input_size(m); j++) ck_assert(x[j] - x[j] <= 0);
        vae_session_destroy(s);
        vae_model_destroy(m);
    }
}
END_TEST

START_TEST(test_sizes_past_the_machine_are_refused) {
    vae_model_t *m = make_model(NULL, _i);
    vae_trainer_t *t;
    uint64_t bytes;
    vae_status_t status = vae_session_bytes(m, INT32_MAX, &bytes);
    ck_assert(status == VAE_OK || status == VAE_E_LIMIT);
    status = vae_trainer_create(&t, m, fits[_i].fit, INT32_MAX);
    ck_assert(status == VAE_E_NOMEM || status == VAE_E_LIMIT);
    vae_model_destroy(m);
}
END_TEST

/* Memory ends at every call in turn. */
START_TEST(test_out_of_memory_loses_nothing) {
    char text[2000];
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
    const int64_t live = h.live;
    vae_status_t status = VAE_E_NOMEM;
    snprintf(text, sizeof(text), "%s%s", fits[_i].model, fits[_i].prior);
    for (int64_t k = 1; status != VAE_OK; k++) {
        vae_model_t *m = NULL;
        vae_trainer_t *t = NULL;
        vae_session_t *s = NULL;
        h.fail_at = h.calls + k;
        status = vae_model_create(&m, ctx, text, 0);
        if (status == VAE_OK) status = vae_trainer_create(&t, m, fits[_i].fit, 4);
        if (status == VAE_OK) status = vae_session_create(&s, m, 4);
        ck_assert(status == VAE_OK || status == VAE_E_NOMEM);
        vae_session_destroy(s), vae_trainer_destroy(t), vae_model_destroy(m);
        ck_assert_int_eq(h.live, live);
    }
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_what_does_not_fit_is_refused) {
    vae_model_t *m;
    vae_trainer_t *t;
    vae_session_t *s;
    float x[64], noise[16] = {0}, images[256] = {0};
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
    tcase_add_loop_test(models, test_fitting_moves_the_prior_and_nothing_else, 0, FITS);
    tcase_add_loop_test(models, test_training_the_model_leaves_the_prior_alone, 0, FITS);
    tcase_add_loop_test(models, test_the_bound_gains_what_the_prior_learns, 0, FITS);
    tcase_add_loop_test(models, test_same_bits_for_threads_and_splits, 0, FITS);
    tcase_add_loop_test(models, test_same_bits_for_instruction_sets, 0, FITS);
    tcase_add_loop_test(models, test_a_fit_sees_what_the_host_changes, 0, 2);
    tcase_add_loop_test(models, test_steps_samples_and_scores_allocate_nothing, 0, FITS);
    tcase_add_loop_test(models, test_resume_and_files_keep_every_bit, 0, FITS);
    tcase_add_test(models, test_a_prior_is_added_to_a_text);
    tcase_add_test(models, test_every_prior_of_the_registry_builds_its_example);
    tcase_add_loop_test(models, test_sizes_past_the_machine_are_refused, 0, FITS);
    tcase_add_loop_test(models, test_out_of_memory_loses_nothing, 0, FITS);
    tcase_add_test(models, test_what_does_not_fit_is_refused);
    suite_add_tcase(suite, codes);
    suite_add_tcase(suite, models);
    return suite;
}
