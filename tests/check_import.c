/* SPDX-License-Identifier: MIT
 * check_import.c - checkpoints of other programs: each scheme of names against the results of the program that the model is of (files by
 * tests/fixtures/make_import.py), and files that cannot be opened, each with a status and a sentence that says what it is. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "io/limits.h"
#include "io/safetensors.h"

#define FOLDER    "tests/fixtures/import/"
#define TOLERANCE 5e-6 /* of the largest value */

static vaei_heap heap;
static char folder[64], path[128], beside[128];

static void setup(void) {
    strcpy(folder, "/tmp/vae-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a.safetensors", folder);
    (void)snprintf(beside, sizeof(beside), "%s/config.json", folder);
    vaei_heap_init_default(&heap);
}

static void teardown(void) {
    (void)unlink(path);
    (void)unlink(beside);
    (void)rmdir(folder);
    ck_assert_uint_eq(heap.in_use, 0);
}

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
    FOLDER "kl/diffusers.safetensors",   FOLDER "kl/ldm.safetensors",   FOLDER "kl/old.safetensors",
    FOLDER "kl16/diffusers.safetensors", FOLDER "kl16/ldm.safetensors", FOLDER "flux2/diffusers.safetensors",
    FOLDER "flux2/bfl.safetensors",
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
    vae_model_t *m, *again;
    int64_t n, k;
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 16, .width = 8};
    ck_assert_ok(vae_model_import(&m, NULL, kl_files[0], &o));
    ck_assert_ok(vae_model_save(m, path));
    ck_assert_ok(vae_model_load(&again, NULL, path));
    float *a = all_params(m, &n), *b = all_params(again, &k);
    ck_assert_int_eq(n, k);
    ck_assert_mem_eq(a, b, (size_t)n * sizeof(*a));
    ck_assert_fails(vae_model_import(&again, NULL, path, &o), VAE_E_ARG);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "vae_model_load"));
    free(a), free(b);
    vae_model_destroy(m);
    vae_model_destroy(again);
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

/* ---- files that cannot be opened ------------------------------------------------------------------------------------- */

/* The checkpoint with something done to its list of tensors, under `path`. */
typedef struct changed {
    vaei_file file;
    vaei_entry entry[300];
    int64_t n;
} changed;

static void open_changed(changed *c, const char *file) {
    ck_assert_ok(vaei_file_read(&c->file, &heap, file));
    ck_assert_int_le(c->file.n_entries, 200);
    c->n = c->file.n_entries;
    memcpy(c->entry, c->file.entry, (size_t)c->n * sizeof(*c->entry));
}

static vaei_entry *entry_of(changed *c, const char *name) {
    for (int64_t i = 0; i < c->n; i++)
        if (strcmp(c->entry[i].name, name) == 0) return &c->entry[i];
    ck_abort_msg("no %s", name);
    return NULL;
}

static void write_changed(changed *c) {
    ck_assert_ok(vaei_file_write(path, &heap, c->entry, c->n, NULL, 0));
    vaei_file_close(&c->file);
}

static void copy_config(const char *from) {
    char text[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(beside, "wb");
    const size_t n = fread(text, 1, sizeof(text), in);
    ck_assert_uint_eq(fwrite(text, 1, n, out), n);
    (void)fclose(in), (void)fclose(out);
}

static void assert_refused(vae_status_t status, const char *words) {
    vae_model_t *m;
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 16, .width = 16};
    ck_assert_fails(vae_model_import(&m, NULL, path, &o), status);
    ck_assert_ptr_null(m);
    ck_assert_msg(strstr(vae_last_error(), words) != NULL, "%s: no '%s'", vae_last_error(), words);
}

START_TEST(test_a_missing_tensor) {
    changed c;
    open_changed(&c, kl_files[0]);
    copy_config(FOLDER "kl/config.json");
    *entry_of(&c, "decoder.mid_block.resnets.1.conv2.bias") = c.entry[c.n - 1];
    c.n--;
    write_changed(&c);
    assert_refused(VAE_E_FORMAT, "decoder.mid_block.resnets.1.conv2");
}
END_TEST

START_TEST(test_a_tensor_of_another_shape) {
    changed c;
    open_changed(&c, kl_files[0]);
    copy_config(FOLDER "kl/config.json");
    vaei_entry *e = entry_of(&c, "encoder.conv_in.weight");
    e->shape[1] = 9;
    e->shape[2] = 1;
    write_changed(&c);
    assert_refused(VAE_E_SHAPE, "encoder.conv_in.weight' is [8,9,1,3], wanted [8,3,3,3]");
}
END_TEST

START_TEST(test_a_tensor_without_a_place) {
    changed c;
    open_changed(&c, kl_files[0]);
    copy_config(FOLDER "kl/config.json");
    c.entry[c.n] = c.entry[0];
    c.entry[c.n++].name = "encoder.gate.weight";
    write_changed(&c);
    assert_refused(VAE_E_UNSUPPORTED, "tensor 'encoder.gate.weight' is no part of AutoencoderKL");
}
END_TEST

START_TEST(test_both_schemes_of_names) {
    changed c;
    open_changed(&c, kl_files[0]);
    copy_config(FOLDER "kl/config.json");
    c.entry[c.n] = *entry_of(&c, "encoder.conv_norm_out.weight");
    c.entry[c.n++].name = "encoder.norm_out.weight";
    write_changed(&c);
    assert_refused(VAE_E_FORMAT, "the same tensor in two schemes of names");
}
END_TEST

START_TEST(test_NaN_inside_and_outside_of_the_selection) {
    static const float nan_values[8] = {0, NAN};
    changed c;
    open_changed(&c, kl_files[0]);
    copy_config(FOLDER "kl/config.json");
    vaei_entry *e = entry_of(&c, "encoder.conv_in.bias");
    e->dtype = VAEI_DTYPE_F32;
    e->data = (const uint8_t *)nan_values;
    c.entry[c.n] = *e;
    c.entry[c.n++].name = "model_ema.encoder";
    write_changed(&c);
    assert_refused(VAE_E_NUMERIC, "encoder.conv_in.bias");
    open_changed(&c, kl_files[0]);
    c.entry[c.n] = (vaei_entry){.name = "loss.weight", .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {2}, .count = 2};
    c.entry[c.n++].data = (const uint8_t *)nan_values;
    write_changed(&c);
    vae_model_t *m;
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 16, .width = 16};
    ck_assert_ok(vae_model_import(&m, NULL, path, &o));
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_whole_numbers_for_a_weight) {
    static const int64_t zeros[8];
    changed c;
    open_changed(&c, kl_files[0]);
    copy_config(FOLDER "kl/config.json");
    vaei_entry *e = entry_of(&c, "encoder.conv_in.bias");
    e->dtype = VAEI_DTYPE_I64;
    e->data = (const uint8_t *)zeros;
    write_changed(&c);
    assert_refused(VAE_E_UNSUPPORTED, "is I64");
}
END_TEST

START_TEST(test_unknown_scaling_is_not_guessed) {
    changed c;
    vae_model_t *m;
    vae_import_options_t o = {.struct_size = sizeof(o), .flags = VAE_IMPORT_SCALED, .height = 16, .width = 16};
    open_changed(&c, kl_files[0]);
    write_changed(&c);
    ck_assert_fails(vae_model_import(&m, NULL, path, &o), VAE_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "the scaling of its latents is not known"));
    copy_config(FOLDER "kl/config.json");
    ck_assert_ok(vae_model_import(&m, NULL, path, &o));
    vae_model_destroy(m);
    o.factor = 0.5;
    ck_assert_ok(vae_model_import(&m, NULL, path, &o));
    vae_model_destroy(m);
    o.factor = 0, o.shift = 1;
    ck_assert_fails(vae_model_import(&m, NULL, path, &o), VAE_E_ARG);
    o.shift = 0, o.flags = 1u << 31;
    ck_assert_fails(vae_model_import(&m, NULL, path, &o), VAE_E_VERSION);
}
END_TEST

static const struct {
    const char *text, *words;
    vae_status_t status;
} configs[] = {
    {"{\"norm_num_groups\": 4", "config.json: byte 21", VAE_E_FORMAT},
    {"{\"norm_num_groups\": \"4\"}", "norm_num_groups: the value is of another kind", VAE_E_FORMAT},
    {"{\"norm_num_groups\": 0}", "norm_num_groups", VAE_E_FORMAT},
    {"{\"norm_num_groups\": 3}", "groups", VAE_E_SHAPE},
    {"{\"_class_name\": \"UNet2DConditionModel\", \"norm_num_groups\": 4}", "config.json beside it is of UNet2DConditionModel",
     VAE_E_FORMAT},
    {"[4]", "wanted an object", VAE_E_FORMAT},
};

START_TEST(test_configs) {
    changed c;
    FILE *out = fopen(beside, "wb");
    (void)fputs(configs[_i].text, out);
    (void)fclose(out);
    open_changed(&c, kl_files[0]);
    write_changed(&c);
    assert_refused(configs[_i].status, configs[_i].words);
}
END_TEST

/* A safetensors file with one tensor, by its name: what it is said to be. */
static const struct {
    const char *tensor, *words;
} others[] = {
    {"unet.down_blocks.0.attentions.0.lora_up.weight", "a LoRA"},
    {"text_model.encoder.layers.0.mlp.fc1.weight", "a text encoder"},
    {"model.layers.0.self_attn.q_proj.weight", "a language model"},
    {"double_blocks.0.img_attn.qkv.weight", "a diffusion model without its autoencoder"},
    {"decoder.middle.0.residual.0.gamma", "Wan"},
    {"decoder.up_blocks.0.resnets.0.norm1.conv_y.weight", "MoVQ"},
    {"weight", "none of its 1 tensors is of an autoencoder that is known here"},
};

START_TEST(test_other_models_are_named) {
    static const float one[1] = {1};
    const vaei_entry e = {
        .name = others[_i].tensor, .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {1}, .count = 1, .data = (const uint8_t *)one};
    ck_assert_ok(vaei_file_write(path, &heap, &e, 1, NULL, 0));
    assert_refused(VAE_E_UNSUPPORTED, others[_i].words);
}
END_TEST

static const struct {
    const char *head, *words;
} kinds[] = {
    {"PK\003\004................", "ZIP"}, {"\200\002}q\001(X\005..............", "pickle"},        {"GGUF\003...............", "GGUF"},
    {"<!DOCTYPE html><html>", "web page"}, {"version https://git-lfs.github.com/spec/v1\n", "LFS"},
};

START_TEST(test_other_formats_are_named) {
    FILE *out = fopen(path, "wb");
    (void)fputs(kinds[_i].head, out);
    (void)fclose(out);
    assert_refused(VAE_E_FORMAT, kinds[_i].words);
}
END_TEST

/* A header of so many empty tensors, with a text of so many bytes among its texts. */
static void write_header(int tensors, int text) {
    const size_t cap = (size_t)tensors * 80 + (size_t)text + 200;
    char *json = malloc(cap);
    vaei_writer w = {json, cap, 0};
    vaei_write(&w, "{\"__metadata__\":{\"ss_tag_frequency\":\"");
    memset(json + w.length, 'x', (size_t)text);
    w.length += (size_t)text;
    vaei_write(&w, "\"}");
    for (int i = 0; i < tensors; i++) vaei_write(&w, ",\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i);
    vaei_write(&w, "}");
    FILE *out = fopen(path, "wb");
    for (int i = 0; i < 8; i++) (void)fputc((int)(w.length >> 8 * i & 255), out);
    ck_assert_uint_eq(fwrite(json, 1, w.length, out), w.length);
    (void)fclose(out);
    free(json);
}

START_TEST(test_headers_of_whole_diffusion_models) {
    write_header(5000, 100000);
    assert_refused(VAE_E_UNSUPPORTED, "none of its 5000 tensors");
    write_header(VAEI_FOREIGN_TENSORS_MAX + 1, 10);
    assert_refused(VAE_E_LIMIT, "more than 65536 tensors");
    write_header(200000, 10);
    assert_refused(VAE_E_LIMIT, "more than 131072 keys");
    write_header(1, VAEI_FOREIGN_HEADER_MAX);
    assert_refused(VAE_E_LIMIT, "longer than 16 MiB");
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
    tcase_add_loop_test(t, test_unit_pixels_and_scaled_latents, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("models");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_imported_models_are_saved_and_loaded);
    tcase_add_test(t, test_sizes_are_multiples_of_the_factor);
    tcase_add_test(t, test_descriptions);
    tcase_add_test(t, test_memory_is_that_of_the_autoencoder);
    tcase_add_test(t, test_every_refused_allocation_is_survived);
    suite_add_tcase(s, t);
    t = tcase_create("refused");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_a_missing_tensor);
    tcase_add_test(t, test_a_tensor_of_another_shape);
    tcase_add_test(t, test_a_tensor_without_a_place);
    tcase_add_test(t, test_both_schemes_of_names);
    tcase_add_test(t, test_NaN_inside_and_outside_of_the_selection);
    tcase_add_test(t, test_whole_numbers_for_a_weight);
    tcase_add_test(t, test_unknown_scaling_is_not_guessed);
    tcase_add_loop_test(t, test_configs, 0, (int)VAEI_COUNT(configs));
    tcase_add_loop_test(t, test_other_models_are_named, 0, (int)VAEI_COUNT(others));
    tcase_add_loop_test(t, test_other_formats_are_named, 0, (int)VAEI_COUNT(kinds));
    tcase_add_test(t, test_headers_of_whole_diffusion_models);
    suite_add_tcase(s, t);
    return s;
}
