/* SPDX-License-Identifier: MIT
 * check_model_priors.c - tests priors in a model: which parameters are trained and which are frozen, the bound, labels, same bits, files,
 * texts, bad input. */
#include "conformance.h"
#include "prior_rig.h"

#include <unistd.h>

#define CODES_MODEL                                                                                               \
    "input 8x8x1\n"                                                                                               \
    "encoder conv2d out=6 kernel=4 stride=2 pad=1 | batchnorm | relu | dropout p=0.3 | conv2d out=4 kernel=4 "    \
    "stride=2 pad=1\n"                                                                                            \
    "latent vq codes=8 dim=4\n"                                                                                   \
    "decoder deconv2d out=6 kernel=4 stride=2 pad=1 | relu | deconv2d out=1 kernel=4 stride=2 pad=1\nlikelihood " \
    "gaussian\n"
#define FIT "optimizer adamw lr=0.01 weight_decay=0.1\nobjective prior\n"

static const struct {
    const char *model, *prior, *fit;
} fits[] = {
    {CODES_MODEL, "prior pixelcnn channels=8 layers=2\n", FIT},
    {CODES_MODEL, "prior transformer channels=8 layers=2 heads=2\n", FIT},
    {CODES_MODEL, "prior pixelcnn channels=8 layers=2 classes=3\n", FIT},
    {SPEC_CONV, "prior gmm components=3 covariance=full\n", "objective prior\n"},
    {SPEC_DENSE, "prior gmm components=5\n", "objective prior\n"},
    {SPEC_CONV, "prior aggregate posteriors=64\n", "objective prior\n"},
};
#define FITS          (sizeof(fits) / sizeof(fits[0]))
#define FITS_OF_CODES 3 /* the first */

static vae_model_t *make_model(vae_ctx_t *ctx, int i) {
    vae_model_t *m;
    char text[2000];
    snprintf(text, sizeof(text), "%s%s", fits[i].model, fits[i].prior);
    ck_assert_ok(vae_model_create(&m, ctx, text, 3));
    return m;
}

static const int32_t labels[32] = {0, 1, 2, 0, 0, 1, 1, 2, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2, 0, 0, 1, 1, 2, 2, 0, 1, 2, 2, 1, 0, 0, 1};

#define BATCH(...) (&(vae_batch_t){.struct_size = sizeof(vae_batch_t), __VA_ARGS__})

static const int32_t *labels_for(const vae_model_t *m) {
    return vae_model_class_count(m) > 0 ? labels : NULL;
}

/* The calls that want labels of models with classes; n is 32 at most. */
static vae_status_t step(vae_trainer_t *t, const vae_model_t *m, int64_t n, const float *x, vae_metrics_t *metrics) {
    return vae_trainer_step_batch(t, BATCH(.n = n, .x = x, .label = labels_for(m)), metrics);
}

static vae_status_t sample(vae_session_t *s, const vae_model_t *m, int64_t n, float *x) {
    return vae_sample_batch(s, BATCH(.n = n, .label = labels_for(m)), x);
}

static vae_status_t bound(vae_session_t *s, const vae_model_t *m, int64_t n, const float *x, int64_t k, double *elbo, double *recon,
                          double *rate) {
    return vae_elbo_batch(s, BATCH(.n = n, .x = x, .label = labels_for(m)), k, elbo, recon, rate);
}

static void fit_model(vae_model_t *m, int i, int64_t steps, double *first, double *last) {
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    float *x = filled(32 * vae_model_input_size(m), 4);
    ck_assert_ok(vae_trainer_create(&t, m, fits[i].fit, 32));
    for (int64_t s = 0; s < steps; s++) {
        ck_assert_ok(step(t, m, 32, x, &metrics));
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
    ck_assert_ok(bound(s, m, 32, x, 1, before, NULL, rate_before));
    double last;
    fit_model(m, _i, 60, NULL, &last);
    ck_assert_ok(vae_session_seed(s, 0));
    ck_assert_ok(bound(s, m, 32, x, 1, after, recon, rate));
    for (int i = 0; i < 32; i++) {
        ck_assert_double_eq_tol(after[i], -recon[i] - rate[i], 1e-6 * fabs(after[i]));
        sum += rate[i] / 32;
        gain += (after[i] - before[i]) - (rate_before[i] - rate[i]);
    }
    ck_assert_double_eq_tol(gain, 0, 1e-3);
    if (vae_model_codes_per_example(m) > 0) {
        ck_assert_double_lt(sum, last + 0.5); /* one step later than the last loss */
        ck_assert_double_lt(sum, (double)vae_model_codes_per_example(m) * log((double)vae_model_codebook_size(m)));
    }
    ck_assert_ok(bound(s, m, 32, x, 3, after, recon, rate));
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
    ck_assert_ok(sample(s, m, 20, o.sample));
    ck_assert_ok(bound(s, m, 20, x, 2, o.elbo, NULL, NULL));
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
    static const int32_t isas[] = {VAE_ISA_PORTABLE, VAE_ISA_AVX2, VAE_ISA_AVX512, VAE_ISA_NEON, VAE_ISA_WASM128};
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
        ck_assert_ok(step(t, m, 32, x, NULL));
        ck_assert_ok(sample(s, m, 20, y));
        ck_assert_ok(bound(s, m, 20, x, 1, elbo, NULL, NULL));
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
        ck_assert_ok(step(t, a, 32, x, NULL));
    }
    vae_trainer_destroy(t);
    ck_assert_ok(vae_trainer_create(&t, b, fits[_i].fit, 32));
    ck_assert_ok(vae_trainer_load(t, path));
    for (int i = 3; i < 6; i++) ck_assert_ok(step(t, b, 32, x, NULL));
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
    ck_assert_ok(vae_spec_set(text, "prior.top_k", "5", out, sizeof(out), NULL));
    ck_assert_ptr_nonnull(strstr(out, "top_k=5"));
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
    for (int32_t i = 0; i < examples_of(vaei_priors, vaei_priors_count); i++) {
        char example[EXAMPLE_MAX];
        const vaei_module *const module = example_of(vaei_priors, vaei_priors_count, i, example);
        const vaei_prior_ops *ops = (const vaei_prior_ops *)(const void *)module;
        if (strstr(example, "classes=")) continue; /* samples want labels */
        snprintf(text, sizeof(text), "%sprior %s\n", ops->flags & VAEI_PRIOR_OF_CODES ? CODES_MODEL : SPEC_DENSE, example);
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
    vae_ctx_t *ctx = limited_ctx(1 << 30);
    vae_model_t *m = make_model(ctx, _i);
    vae_trainer_t *t;
    uint64_t bytes;
    vae_status_t status = vae_session_bytes(m, INT32_MAX, &bytes);
    ck_assert(status == VAE_OK || status == VAE_E_LIMIT);
    status = vae_trainer_create(&t, m, fits[_i].fit, INT32_MAX);
    ck_assert(status == VAE_E_NOMEM || status == VAE_E_LIMIT);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
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
    m = make_model(NULL, 3);
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

START_TEST(test_codes_fit_to_the_same_bits_as_their_examples) {
    vae_model_t *a = make_model(NULL, _i), *b = make_model(NULL, _i);
    vae_trainer_t *t, *u;
    vae_session_t *s;
    const int64_t S = vae_model_input_size(a), width = vae_model_codes_per_example(a);
    float *x = filled(32 * S, 4);
    int32_t *codes = malloc((size_t)(32 * width) * sizeof(*codes));
    ck_assert_ok(vae_session_create(&s, b, 5));
    ck_assert_ok(vae_encode_codes(s, 32, x, codes));
    vae_session_destroy(s);
    ck_assert_ok(vae_trainer_create(&t, a, fits[_i].fit, 20));
    ck_assert_ok(vae_trainer_create(&u, b, fits[_i].fit, 20));
    for (int64_t i = 0; i < 6; i++) {
        const int64_t first = i % 2 * 20, n = i % 2 ? 12 : 20;
        vae_metrics_t of_x = {.struct_size = sizeof(of_x)}, of_codes = of_x;
        ck_assert_ok(step(t, a, n, x + first * S, &of_x));
        ck_assert_ok(vae_trainer_backward_batch(u, BATCH(.n = n, .codes = codes + first * width, .label = labels_for(b)), &of_codes));
        ck_assert_ok(vae_trainer_apply(u, &of_codes));
        ck_assert_mem_eq(&of_codes, &of_x, sizeof(of_x));
    }
    for (int64_t p = 0; p < vae_model_param_count(a); p++) {
        const vae_tensor_t *v, *w;
        size_t size = sizeof(float);
        ck_assert_ok(vae_model_param(a, p, &v, NULL));
        ck_assert_ok(vae_model_param(b, p, &w, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(v); d++) size *= (size_t)vae_tensor_shape(v)[d];
        ck_assert_mem_eq(vae_tensor_data(v), vae_tensor_data(w), size);
    }
    vae_trainer_destroy(t), vae_trainer_destroy(u);
    vae_model_destroy(a), vae_model_destroy(b);
    free(codes), free(x);
}
END_TEST

START_TEST(test_codes_to_fit_are_checked) {
    vae_model_t *m = make_model(NULL, 0), *values = make_model(NULL, 4);
    vae_trainer_t *t;
    const int64_t width = vae_model_codes_per_example(m);
    int32_t codes[2 * 4] = {0};
    ck_assert_int_eq(width, 4);
    ck_assert_ok(vae_trainer_create(&t, m, FIT, 2));
    codes[5] = 8;
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 2, .codes = codes), NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "codes[1][1]: 8, wanted 0..7"));
    codes[5] = -1;
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 2, .codes = codes), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 3, .codes = codes), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 0, .codes = codes), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 1, .codes = NULL), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_backward_batch(NULL, BATCH(.n = 1, .codes = codes), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_apply(t, NULL), VAE_E_STATE); /* none of them left a gradient */
    ck_assert_ok(vae_trainer_backward_batch(t, BATCH(.n = 1, .codes = codes), NULL));
    ck_assert_ok(vae_trainer_apply(t, NULL));
    vae_trainer_destroy(t);
    ck_assert_ok(vae_trainer_create(&t, m, NULL, 2));
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 1, .codes = codes), NULL), VAE_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "objective prior"));
    vae_trainer_destroy(t);
    ck_assert_ok(vae_trainer_create(&t, values, "objective prior\n", 8));
    ck_assert_fails(vae_trainer_backward_batch(t, BATCH(.n = 1, .codes = codes), NULL), VAE_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "has no codes"));
    vae_trainer_destroy(t);
    vae_model_destroy(m), vae_model_destroy(values);
}
END_TEST

START_TEST(test_labels_are_checked) {
    vae_model_t *m = make_model(NULL, 2), *plain = make_model(NULL, 0);
    vae_trainer_t *t;
    vae_session_t *s;
    const int32_t bad[3] = {0, 3, 1}, below[1] = {-1};
    float *x = filled(32 * 64, 4), y[3 * 64];
    double elbo[3];
    ck_assert_int_eq(vae_model_class_count(m), 3);
    ck_assert_int_eq(vae_model_class_count(plain), 0);
    ck_assert_int_eq(vae_model_class_count(NULL), 0);
    ck_assert_ok(vae_trainer_create(&t, m, FIT, 32));
    ck_assert_ok(vae_session_create(&s, m, 2));
    ck_assert_fails(vae_trainer_step(t, 3, x, NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "label: is NULL"));
    ck_assert_fails(vae_trainer_step_batch(t, BATCH(.n = 3, .x = x, .label = bad), NULL), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "label[1]: 3, wanted 0..2"));
    ck_assert_fails(vae_trainer_step_batch(t, BATCH(.n = 1, .x = x, .label = below), NULL), VAE_E_ARG);
    ck_assert_fails(vae_trainer_step_batch(t, BATCH(.n = -1, .x = x, .label = labels), NULL), VAE_E_ARG);
    ck_assert_ok(vae_trainer_step_batch(t, BATCH(.n = 3, .x = x, .label = labels), NULL));
    ck_assert_fails(vae_sample(s, 3, NULL, y), VAE_E_ARG);
    ck_assert_fails(vae_sample_batch(s, BATCH(.n = 3, .label = bad), y), VAE_E_ARG);
    ck_assert_ok(vae_sample_batch(s, BATCH(.n = 3, .label = labels), y));
    ck_assert_fails(vae_elbo(s, 3, x, 1, NULL, elbo, NULL, NULL), VAE_E_ARG);
    ck_assert_ok(vae_elbo_batch(s, BATCH(.n = 3, .x = x, .label = labels), 1, elbo, NULL, NULL));
    ck_assert_ok(vae_reconstruct(s, 3, x, y)); /* what needs none, takes none */
    vae_session_destroy(s);
    vae_trainer_destroy(t);
    ck_assert_ok(vae_trainer_create(&t, m, NULL, 32));
    ck_assert_fails(vae_trainer_step_batch(t, BATCH(.n = 3, .x = x, .label = labels), NULL), VAE_E_UNSUPPORTED);
    ck_assert_ok(vae_trainer_step(t, 3, x, NULL));
    vae_trainer_destroy(t);
    ck_assert_ok(vae_session_create(&s, plain, 2));
    ck_assert_fails(vae_sample_batch(s, BATCH(.n = 1, .label = labels), y), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    vae_model_destroy(m), vae_model_destroy(plain);
    free(x);
}
END_TEST

Suite *suite_model_priors(void);
Suite *suite_model_priors(void) {
    Suite *suite = suite_create("model priors");
    TCase *models = tcase_create("models");
    tcase_set_timeout(models, 60);
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
    tcase_add_loop_test(models, test_codes_fit_to_the_same_bits_as_their_examples, 0, FITS_OF_CODES);
    tcase_add_test(models, test_codes_to_fit_are_checked);
    tcase_add_test(models, test_labels_are_checked);
    suite_add_tcase(suite, models);
    return suite;
}
