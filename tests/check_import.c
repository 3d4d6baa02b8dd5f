/* SPDX-License-Identifier: MIT
 * check_import.c - tests checkpoints of other programs: each scheme of names against the results of the original program (files by
 * tests/fixtures/make_import.py). Files that cannot be opened are in check_import_refused.c. */
#include "import_rig.h"

#include <math.h>

#define TOLERANCE 5e-6 /* of the largest value */

/* ---- against the programs that the models are of -------------------------------------------------------------------- */

typedef struct golden {
    vaei_file file;
    int64_t n, height, width;
} golden;

static const vaei_entry *entry(const golden *g, const char *name) {
    const vaei_entry *e = vaei_file_find(&g->file, name);
    ck_assert_msg(e != NULL, "no %s in %s", name, g->file.where);
    return e;
}

static float *values(const golden *g, const char *name) {
    const vaei_entry *e = entry(g, name);
    float *x = malloc((size_t)e->count * sizeof(*x) + 1);
    ck_assert_ok(vaei_entry_floats(e, x, name));
    return x;
}

static void check_close(const golden *g, const char *name, const float *got, double tolerance) {
    const vaei_entry *e = entry(g, name);
    float *wanted = values(g, name);
    double scale = 0, worst = 0;
    for (int64_t i = 0; i < e->count; i++) scale = fmax(scale, fabs((double)wanted[i]));
    for (int64_t i = 0; i < e->count; i++) worst = fmax(worst, fabs((double)got[i] - (double)wanted[i]));
    ck_assert_msg(worst <= tolerance * scale, "%s of %s: off by %g of %g", name, g->file.where, worst, scale);
    free(wanted);
}

/* The golden values beside a checkpoint. */
static void open_golden(golden *g, const char *checkpoint) {
    static char where[160];
    (void)snprintf(where, sizeof(where), "%.*s/golden.safetensors", (int)(strrchr(checkpoint, '/') - checkpoint), checkpoint);
    ck_assert_ok(vaei_file_read(&g->file, &heap, where));
    const vaei_entry *x = entry(g, "x");
    g->n = x->shape[0];
    g->height = x->shape[1];
    g->width = x->shape[2];
}

static vae_import_options_t options_of(const golden *g, uint32_t flags) {
    return (vae_import_options_t){.struct_size = sizeof(vae_import_options_t), .flags = flags, .height = g->height, .width = g->width};
}

static const char *const kl_files[] = {
    FOLDER "kl/diffusers.safetensors",   FOLDER "kl/ldm.safetensors",        FOLDER "kl/old.safetensors",
    FOLDER "kl16/diffusers.safetensors", FOLDER "kl16/ldm.safetensors",      FOLDER "flux2/diffusers.safetensors",
    FOLDER "flux2/bfl.safetensors",      FOLDER "wan/diffusers.safetensors", FOLDER "wan/wan.safetensors",
};

START_TEST(test_kl_equals_diffusers) {
    golden g;
    vae_model_t *m;
    vae_session_t *s;
    open_golden(&g, kl_files[_i]);
    const vae_import_options_t o = options_of(&g, VAE_IMPORT_OWN_PIXELS);
    ck_assert_ok(vae_model_import(&m, NULL, kl_files[_i], &o));
    ck_assert_ok(vae_session_create(&s, m, g.n));
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m);
    ck_assert_int_eq(entry(&g, "x")->count, g.n * S);
    ck_assert_int_eq(entry(&g, "z")->count, g.n * D);
    float *x = values(&g, "x"), *z = values(&g, "z");
    float *mean = filled(g.n * D, 1), *logvar = filled(g.n * D, 2), *y = filled(g.n * S, 3);
    ck_assert_ok(vae_encode(s, g.n, x, mean, logvar));
    check_close(&g, "mean", mean, TOLERANCE);
    check_close(&g, "logvar", logvar, TOLERANCE);
    ck_assert_ok(vae_decode(s, g.n, z, y));
    check_close(&g, "y", y, TOLERANCE);
    free(x), free(z), free(mean), free(logvar), free(y);
    vae_session_destroy(s);
    vae_model_destroy(m);
    vaei_file_close(&g.file);
}
END_TEST

static const char *const vq_files[] = {FOLDER "vq/diffusers.safetensors", FOLDER "vq/ldm.safetensors"};

START_TEST(test_vq_equals_diffusers) {
    golden g;
    vae_model_t *m;
    vae_session_t *s;
    open_golden(&g, vq_files[_i]);
    const vae_import_options_t o = options_of(&g, VAE_IMPORT_OWN_PIXELS);
    ck_assert_ok(vae_model_import(&m, NULL, vq_files[_i], &o));
    ck_assert_ok(vae_session_create(&s, m, g.n));
    const int64_t S = vae_model_input_size(m), codes = vae_model_codes_per_example(m);
    ck_assert_int_eq(vae_model_codebook_size(m), 17);
    ck_assert_int_eq(entry(&g, "codes")->count, g.n * codes);
    float *x = values(&g, "x"), *y = filled(g.n * S, 3), *h = filled(g.n * vae_model_latent_size(m), 2);
    int32_t *code = malloc((size_t)(g.n * codes) * sizeof(*code)), *wanted = malloc((size_t)(g.n * codes) * sizeof(*wanted));
    memcpy(wanted, entry(&g, "codes")->data, (size_t)(g.n * codes) * sizeof(*wanted));
    ck_assert_ok(vae_encode_codes(s, g.n, x, code));
    ck_assert_mem_eq(code, wanted, (size_t)(g.n * codes) * sizeof(*code));
    ck_assert_ok(vae_encode(s, g.n, x, h, NULL));
    check_close(&g, "h", h, TOLERANCE);
    ck_assert_ok(vae_decode_codes(s, g.n, code, y));
    check_close(&g, "y", y, TOLERANCE);
    free(x), free(y), free(h), free(code), free(wanted);
    vae_session_destroy(s);
    vae_model_destroy(m);
    vaei_file_close(&g.file);
}
END_TEST

static const struct {
    const char *file;
    int32_t encodes, decodes;
} tiny_files[] = {
    {FOLDER "tiny/diffusers.safetensors", 1, 1},
    {FOLDER "tiny/comfy.safetensors", 1, 1},
    {FOLDER "tiny/encoder.safetensors", 1, 0},
    {FOLDER "tiny/decoder.safetensors", 0, 1},
};

/* What a half does not have is refused. */
START_TEST(test_tiny_equals_diffusers) {
    golden g;
    vae_model_t *m;
    vae_session_t *s;
    vae_trainer_t *t;
    open_golden(&g, tiny_files[_i].file);
    const vae_import_options_t o = options_of(&g, 0);
    ck_assert_ok(vae_model_import(&m, NULL, tiny_files[_i].file, &o));
    ck_assert_ok(vae_session_create(&s, m, g.n));
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m);
    float *x = values(&g, "x"), *z = values(&g, "z"), *mean = filled(g.n * D, 1), *y = filled(g.n * S, 3);
    if (tiny_files[_i].encodes) {
        ck_assert_ok(vae_encode(s, g.n, x, mean, NULL));
        check_close(&g, "mean", mean, TOLERANCE);
    } else {
        ck_assert_fails(vae_encode(s, g.n, x, mean, NULL), VAE_E_UNSUPPORTED);
        ck_assert_str_eq(vae_last_error(), "vae_encode_batch: the model has no encoder, its file held a decoder alone");
    }
    if (tiny_files[_i].decodes) {
        ck_assert_ok(vae_decode(s, g.n, z, y));
        check_close(&g, "y", y, TOLERANCE);
    } else {
        ck_assert_fails(vae_decode(s, g.n, z, y), VAE_E_UNSUPPORTED);
        ck_assert_str_eq(vae_last_error(), "vae_decode_batch: the model has no decoder, its file held an encoder alone");
    }
    if (!tiny_files[_i].encodes || !tiny_files[_i].decodes) {
        ck_assert_fails(vae_reconstruct(s, g.n, x, y), VAE_E_UNSUPPORTED);
        ck_assert_fails(vae_elbo(s, g.n, x, 1, NULL, NULL, NULL, NULL), VAE_E_UNSUPPORTED);
        ck_assert_fails(vae_trainer_create(&t, m, NULL, 2), VAE_E_UNSUPPORTED);
    }
    free(x), free(z), free(mean), free(y);
    vae_session_destroy(s);
    vae_model_destroy(m);
    vaei_file_close(&g.file);
}
END_TEST

/* One half of a file that holds both gives what it gives in the whole model. */
START_TEST(test_one_half_of_a_whole_file) {
    golden g;
    vae_model_t *m;
    vae_session_t *s;
    const char *file = _i == 2 ? FOLDER "vq/ldm.safetensors" : kl_files[_i];
    open_golden(&g, file);
    vae_import_options_t o = options_of(&g, VAE_IMPORT_OWN_PIXELS | VAE_IMPORT_NO_ENCODER);
    ck_assert_ok(vae_model_import(&m, NULL, file, &o));
    ck_assert_ok(vae_session_create(&s, m, g.n));
    float *x = values(&g, "x"), *y = filled(g.n * vae_model_input_size(m), 3), *mean = filled(g.n * vae_model_latent_size(m), 1);
    if (_i == 2) {
        ck_assert_ok(vae_decode_codes(s, g.n, (const int32_t *)(const void *)entry(&g, "codes")->data, y));
    } else {
        float *z = values(&g, "z");
        ck_assert_ok(vae_decode(s, g.n, z, y));
        free(z);
    }
    check_close(&g, "y", y, TOLERANCE);
    ck_assert_fails(vae_encode(s, g.n, x, mean, NULL), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    vae_model_destroy(m);
    o.flags = VAE_IMPORT_OWN_PIXELS | VAE_IMPORT_NO_DECODER;
    ck_assert_ok(vae_model_import(&m, NULL, file, &o));
    ck_assert_ok(vae_session_create(&s, m, g.n));
    ck_assert_ok(vae_encode(s, g.n, x, mean, NULL));
    check_close(&g, _i == 2 ? "h" : "mean", mean, TOLERANCE);
    ck_assert_fails(vae_reconstruct(s, g.n, x, y), VAE_E_UNSUPPORTED);
    vae_session_destroy(s);
    vae_model_destroy(m);
    o.flags = VAE_IMPORT_NO_ENCODER | VAE_IMPORT_NO_DECODER;
    ck_assert_fails(vae_model_import(&m, NULL, file, &o), VAE_E_UNSUPPORTED);
    free(x), free(y), free(mean);
    vaei_file_close(&g.file);
}
END_TEST

/* Pictures of 0..1, latents as the diffusion model sees them; the scaling is config.json's. */
START_TEST(test_unit_pixels_and_scaled_latents) {
    const double factor = _i == 0 ? 0.13025 : 1.5305, shift = _i == 0 ? 0 : 0.0609;
    const char *file = kl_files[_i == 0 ? 0 : 3];
    golden g;
    vae_model_t *m;
    vae_session_t *s;
    open_golden(&g, file);
    const vae_import_options_t o = options_of(&g, VAE_IMPORT_SCALED);
    ck_assert_ok(vae_model_import(&m, NULL, file, &o));
    ck_assert_ok(vae_session_create(&s, m, g.n));
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m);
    float *x = values(&g, "x"), *z = values(&g, "z");
    float *mean = filled(g.n * D, 1), *logvar = filled(g.n * D, 2), *y = filled(g.n * S, 3);
    for (int64_t i = 0; i < g.n * S; i++) x[i] = 0.5f * x[i] + 0.5f;
    for (int64_t i = 0; i < g.n * D; i++) z[i] = (float)((z[i] - shift) * factor);
    ck_assert_ok(vae_encode(s, g.n, x, mean, logvar));
    for (int64_t i = 0; i < g.n * D; i++) mean[i] = (float)(mean[i] / factor + shift);
    for (int64_t i = 0; i < g.n * D; i++) logvar[i] = (float)(logvar[i] - 2 * log(factor));
    check_close(&g, "mean", mean, 2 * TOLERANCE);
    check_close(&g, "logvar", logvar, 2 * TOLERANCE);
    ck_assert_ok(vae_decode(s, g.n, z, y));
    for (int64_t i = 0; i < g.n * S; i++) y[i] = 2 * y[i] - 1;
    check_close(&g, "y", y, 2 * TOLERANCE);
    free(x), free(z), free(mean), free(logvar), free(y);
    vae_session_destroy(s);
    vae_model_destroy(m);
    vaei_file_close(&g.file);
}
END_TEST

/* An imported model is a model: it is saved, loaded again and gives the same bytes. */
START_TEST(test_imported_models_are_saved_and_loaded) {
    vae_model_t *m, *again, *none;
    int64_t n, k;
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 16, .width = 8};
    ck_assert_ok(vae_model_import(&m, NULL, kl_files[0], &o));
    ck_assert_ok(vae_model_save(m, path));
    ck_assert_ok(vae_model_load(&again, NULL, path));
    float *a = all_params(m, &n), *b = all_params(again, &k);
    ck_assert_int_eq(n, k);
    ck_assert_mem_eq(a, b, (size_t)n * sizeof(*a));
    ck_assert_fails(vae_model_import(&none, NULL, path, &o), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "vae_model_load"));
    free(a), free(b);
    vae_model_destroy(m);
    vae_model_destroy(again);
}
END_TEST

/* It learns, as any model does: what it is shown comes out better than before. */
START_TEST(test_imported_models_are_trained) {
    vae_model_t *m;
    vae_trainer_t *t;
    vae_metrics_t first = {.struct_size = sizeof(first)}, last = first;
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 8, .width = 8};
    ck_assert_ok(vae_model_import(&m, NULL, kl_files[_i], &o));
    const int64_t S = vae_model_input_size(m);
    float *x = filled(4 * S, 5);
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.002\nobjective elbo beta=0.001", 4));
    ck_assert_ok(vae_trainer_step(t, 4, x, &first));
    for (int32_t i = 0; i < 40; i++) ck_assert_ok(vae_trainer_step(t, 4, x, &last));
    ck_assert_double_lt(last.recon, first.recon - 1);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_sizes_are_multiples_of_the_factor) {
    vae_model_t *m;
    vae_import_options_t o = {.struct_size = sizeof(o), .height = 18, .width = 20};
    int64_t shape[4];
    ck_assert_fails(vae_model_import(&m, NULL, kl_files[3], &o), VAE_E_ARG);
    ck_assert_str_eq(vae_last_error(), "height: 18, wanted a multiple of 4");
    o.height = 8;
    ck_assert_ok(vae_model_import(&m, NULL, kl_files[3], &o));
    ck_assert_int_eq(vae_model_latent_shape(m, shape), 3);
    ck_assert_int_eq(shape[0], 2);
    ck_assert_int_eq(shape[1], 5);
    ck_assert_int_eq(shape[2], 5);
    vae_model_destroy(m);
}
END_TEST

/* ---- descriptions ---------------------------------------------------------------------------------------------------- */

static const char *described(const char *file) {
    static char text[2048];
    ck_assert_ok(vae_import_describe(NULL, file, text, sizeof(text), NULL));
    return text;
}

START_TEST(test_descriptions) {
    ck_assert_str_eq(described(kl_files[1]), "family      AutoencoderKL\n"
                                             "holds       encoder and decoder\n"
                                             "tensors     124 of the file's 128, under 'first_stage_model.'\n"
                                             "values      27031\n"
                                             "pictures    3 channels, sides that are multiples of 2\n"
                                             "latents     3 channels, 1/2 of each side\n"
                                             "scaling     (z - 0) * 0.13025, by config.json\n");
    ck_assert_ptr_nonnull(strstr(described(vq_files[0]), "codes of 17"));
    ck_assert_ptr_nonnull(strstr(described(kl_files[6]), "AutoencoderKLFlux2"));
    ck_assert_ptr_nonnull(strstr(described(kl_files[6]), "unknown: latents are raw"));
}
END_TEST

/* 27031 values of 4 bytes, the text and its layers; the file has 68334 bytes. */
START_TEST(test_memory_is_that_of_the_autoencoder) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
    vae_model_t *m;
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 16, .width = 16};
    ck_assert_ok(vae_model_import(&m, ctx, kl_files[1], &o));
    ck_assert_int_lt(h.peak, 700000);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
}
END_TEST

START_TEST(test_every_refused_allocation_is_survived) {
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 16, .width = 16};
    for (int64_t at = 1;; at++) {
        test_heap h = {0};
        vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
        vae_model_t *m;
        h.calls = 0;
        h.fail_at = at;
        const vae_status_t status = vae_model_import(&m, ctx, kl_files[1], &o);
        const int32_t done = status == VAE_OK;
        ck_assert(done || status == VAE_E_NOMEM);
        vae_model_destroy(m);
        vae_ctx_destroy(ctx);
        ck_assert_int_eq(h.live, 0);
        if (done) return;
    }
}
END_TEST

Suite *suite_import(void);
Suite *suite_import(void) {
    Suite *s = suite_create("import");
    TCase *t = tcase_create("parity");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_kl_equals_diffusers, 0, (int)VAEI_COUNT(kl_files));
    tcase_add_loop_test(t, test_vq_equals_diffusers, 0, (int)VAEI_COUNT(vq_files));
    tcase_add_loop_test(t, test_tiny_equals_diffusers, 0, (int)VAEI_COUNT(tiny_files));
    tcase_add_loop_test(t, test_one_half_of_a_whole_file, 0, 3);
    tcase_add_loop_test(t, test_unit_pixels_and_scaled_latents, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("models");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_imported_models_are_saved_and_loaded);
    tcase_add_loop_test(t, test_imported_models_are_trained, 0, (int)VAEI_COUNT(kl_files));
    tcase_add_test(t, test_sizes_are_multiples_of_the_factor);
    tcase_add_test(t, test_descriptions);
    tcase_add_test(t, test_memory_is_that_of_the_autoencoder);
    tcase_add_test(t, test_every_refused_allocation_is_survived);
    suite_add_tcase(s, t);
    return s;
}
