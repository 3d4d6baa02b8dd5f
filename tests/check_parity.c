/* SPDX-License-Identifier: MIT
 * check_parity.c - tests whole models against PyTorch: posterior, reconstruction, bounds, loss, every gradient, ten steps of Adam,
 * to 1e-5 of each tensor's largest value. tests/fixtures/make_torch.py makes the files. */
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "io/safetensors.h"

static const char *const fixtures[] = {"tests/fixtures/conv.safetensors", "tests/fixtures/conv-bn.safetensors"};
#define FIXTURES  2
#define TOLERANCE 1e-5
#define STEPS     10

typedef struct fixture {
    vaei_heap heap;
    vaei_file file;
    vae_model_t *model;
    int64_t n, S, D;
} fixture;

static const vaei_entry *entry(const fixture *f, const char *prefix, const char *name) {
    char full[160];
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    const vaei_entry *e = vaei_file_find(&f->file, full);
    ck_assert_msg(e != NULL, "fixture has no %s", full);
    return e;
}

static float *values(const fixture *f, const char *prefix, const char *name) {
    const vaei_entry *e = entry(f, prefix, name);
    float *x = malloc((size_t)e->count * sizeof(*x) + 1);
    ck_assert_ptr_nonnull(x);
    ck_assert_ok(vaei_entry_floats(e, x, name));
    return x;
}

static void check_close(const fixture *f, const char *prefix, const char *name, const float *got) {
    const vaei_entry *e = entry(f, prefix, name);
    float *wanted = values(f, prefix, name);
    double scale = 0, worst = 0;
    for (int64_t i = 0; i < e->count; i++) scale = fmax(scale, fabs((double)wanted[i]));
    for (int64_t i = 0; i < e->count; i++) worst = fmax(worst, fabs((double)got[i] - (double)wanted[i]));
    ck_assert_msg(worst <= TOLERANCE * scale, "%s%s: off by %g of %g", prefix, name, worst, scale);
    free(wanted);
}

static void open_fixture(fixture *f, int i) {
    vaei_heap_init_default(&f->heap);
    ck_assert_ok(vaei_file_read(&f->file, &f->heap, fixtures[i]));
    ck_assert_ok(vae_model_create(&f->model, NULL, vaei_file_text(&f->file, "fixture.spec"), 0));
    f->S = vae_model_input_size(f->model);
    f->D = vae_model_latent_size(f->model);
    f->n = entry(f, "", "x")->count / f->S;
    for (int64_t p = 0; p < vae_model_param_count(f->model); p++) {
        const vae_tensor_t *t;
        const char *name;
        ck_assert_ok(vae_model_param(f->model, p, &t, &name));
        float *w = values(f, "param.", name);
        ck_assert_ok(vae_model_set_param(f->model, p, w, entry(f, "param.", name)->count));
        free(w);
    }
}

static void close_fixture(fixture *f) {
    vae_model_destroy(f->model);
    vaei_file_close(&f->file);
}

START_TEST(test_inference_equals_pytorch) {
    fixture f;
    vae_session_t *s;
    open_fixture(&f, _i);
    float *x = values(&f, "", "x"), *noise = values(&f, "", "noise"), *z = values(&f, "", "z");
    float *mean = filled(f.n * f.D, 1), *logvar = filled(f.n * f.D, 2), *xhat = filled(f.n * f.S, 3);
    double *recon = malloc((size_t)f.n * sizeof(double)), *rate = malloc((size_t)f.n * sizeof(double));
    float *nll = malloc((size_t)f.n * sizeof(float)), *kl = malloc((size_t)f.n * sizeof(float));
    ck_assert_ok(vae_session_create(&s, f.model, f.n));
    ck_assert_ok(vae_encode(s, f.n, x, mean, logvar));
    check_close(&f, "", "mean", mean);
    check_close(&f, "", "logvar", logvar);
    ck_assert_ok(vae_decode(s, f.n, z, xhat));
    check_close(&f, "", "xhat", xhat);
    ck_assert_ok(vae_elbo(s, f.n, x, 1, noise, NULL, recon, rate));
    for (int64_t i = 0; i < f.n; i++) nll[i] = (float)recon[i], kl[i] = (float)rate[i];
    check_close(&f, "", "nll", nll);
    check_close(&f, "", "kl", kl);
    vae_session_destroy(s);
    free(x), free(noise), free(z), free(mean), free(logvar), free(xhat), free(recon), free(rate), free(nll), free(kl);
    close_fixture(&f);
}
END_TEST

START_TEST(test_loss_and_every_gradient_equal_pytorch) {
    fixture f;
    vae_trainer_t *t;
    vae_metrics_t m = {.struct_size = sizeof(m)};
    open_fixture(&f, _i);
    float *x = values(&f, "", "x"), *noise = values(&f, "", "noise");
    ck_assert_ok(vae_trainer_create(&t, f.model, vaei_file_text(&f.file, "fixture.options"), f.n));
    ck_assert_ok(vae_trainer_backward(t, f.n, x, noise, &m));
    const float loss = (float)m.loss;
    check_close(&f, "", "loss", &loss);
    for (int64_t p = 0; p < vae_model_param_count(f.model); p++) {
        const vae_tensor_t *param;
        vae_tensor_t *grad;
        const char *name;
        ck_assert_ok(vae_model_param(f.model, p, &param, &name));
        if (strstr(name, "running")) continue;
        ck_assert_ok(vae_trainer_grad(t, p, &grad));
        check_close(&f, "grad.", name, vae_tensor_data(grad));
    }
    vae_trainer_destroy(t);
    free(x), free(noise);
    close_fixture(&f);
}
END_TEST

START_TEST(test_ten_steps_of_adam_equal_pytorch) {
    fixture f;
    vae_trainer_t *t;
    float losses[STEPS];
    open_fixture(&f, _i);
    float *x = values(&f, "", "steps.x"), *noise = values(&f, "", "steps.noise");
    const int64_t n = entry(&f, "", "steps.x")->count / f.S / STEPS;
    ck_assert_ok(vae_trainer_create(&t, f.model, vaei_file_text(&f.file, "fixture.options"), n));
    for (int64_t i = 0; i < STEPS; i++) {
        vae_metrics_t m = {.struct_size = sizeof(m)};
        ck_assert_ok(vae_trainer_backward(t, n, x + i * n * f.S, noise + i * n * f.D, &m));
        ck_assert_ok(vae_trainer_apply(t, NULL));
        losses[i] = (float)m.loss;
    }
    check_close(&f, "", "steps.loss", losses);
    for (int64_t p = 0; p < vae_model_param_count(f.model); p++) {
        const vae_tensor_t *param;
        const char *name;
        ck_assert_ok(vae_model_param(f.model, p, &param, &name));
        check_close(&f, "after.", name, vae_tensor_data(param));
    }
    vae_trainer_destroy(t);
    free(x), free(noise);
    close_fixture(&f);
}
END_TEST

START_TEST(test_a_state_dict_of_pytorch_loads) {
    vaei_heap heap;
    vaei_file file;
    vae_model_t *m;
    vaei_heap_init_default(&heap);
    ck_assert_ok(vaei_file_read(&file, &heap, fixtures[1]));
    ck_assert_ok(vae_model_create(&m, NULL, vaei_file_text(&file, "fixture.spec"), 0));
    ck_assert_ok(vae_model_load_weights(m, "tests/fixtures/conv-bn-weights.safetensors"));
    for (int64_t p = 0; p < vae_model_param_count(m); p++) {
        const vae_tensor_t *t;
        const char *name;
        char full[160];
        ck_assert_ok(vae_model_param(m, p, &t, &name));
        snprintf(full, sizeof(full), "param.%s", name);
        const vaei_entry *e = vaei_file_find(&file, full);
        ck_assert_ptr_nonnull(e);
        ck_assert_mem_eq(vae_tensor_data(t), e->data, (size_t)e->count * sizeof(float));
    }
    vae_model_destroy(m);
    vaei_file_close(&file);
}
END_TEST

Suite *suite_parity(void);
Suite *suite_parity(void) {
    Suite *s = suite_create("parity with PyTorch");
    TCase *t = tcase_create("models");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_inference_equals_pytorch, 0, FIXTURES);
    tcase_add_loop_test(t, test_loss_and_every_gradient_equal_pytorch, 0, FIXTURES);
    tcase_add_loop_test(t, test_ten_steps_of_adam_equal_pytorch, 0, FIXTURES);
    tcase_add_test(t, test_a_state_dict_of_pytorch_loads);
    suite_add_tcase(s, t);
    return s;
}
