/* SPDX-License-Identifier: MIT
 * check_import_refused.c - tests checkpoints that cannot be opened: damaged, of another kind, or incomplete. Each gives a status and a
 * sentence that says what the file is, and takes no more memory than its size allows. */
#include "import_rig.h"

#include <math.h>

#include "io/limits.h"

static const char *const file = FOLDER "kl/diffusers.safetensors";

/* The checkpoint with something done to its list of tensors, under `path`. */
typedef struct changed {
    vaei_file file;
    vaei_entry entry[300];
    int64_t n;
} changed;

static void open_changed(changed *c, const char *from) {
    ck_assert_ok(vaei_file_read(&c->file, &heap, from));
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
    open_changed(&c, file);
    copy_config(FOLDER "kl/config.json");
    *entry_of(&c, "decoder.mid_block.resnets.1.conv2.bias") = c.entry[c.n - 1];
    c.n--;
    write_changed(&c);
    assert_refused(VAE_E_FORMAT, "decoder.mid_block.resnets.1.conv2");
}
END_TEST

START_TEST(test_a_tensor_of_another_shape) {
    changed c;
    open_changed(&c, file);
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
    open_changed(&c, file);
    copy_config(FOLDER "kl/config.json");
    c.entry[c.n] = c.entry[0];
    c.entry[c.n++].name = "encoder.gate.weight";
    write_changed(&c);
    assert_refused(VAE_E_UNSUPPORTED, "tensor 'encoder.gate.weight' is no known part of AutoencoderKL");
}
END_TEST

START_TEST(test_both_schemes_of_names) {
    changed c;
    open_changed(&c, file);
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
    open_changed(&c, file);
    copy_config(FOLDER "kl/config.json");
    vaei_entry *e = entry_of(&c, "encoder.conv_in.bias");
    e->dtype = VAEI_DTYPE_F32;
    e->data = (const uint8_t *)nan_values;
    c.entry[c.n] = *e;
    c.entry[c.n++].name = "model_ema.encoder";
    write_changed(&c);
    assert_refused(VAE_E_NUMERIC, "encoder.conv_in.bias");
    open_changed(&c, file);
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
    open_changed(&c, file);
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
    open_changed(&c, file);
    write_changed(&c);
    ck_assert_fails(vae_model_import(&m, NULL, path, &o), VAE_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "the scaling of its latents is unknown"));
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
    {"{\"norm_num_groups\": \"4\"}", "norm_num_groups: the value has a wrong kind", VAE_E_FORMAT},
    {"{\"norm_num_groups\": 0}", "norm_num_groups", VAE_E_FORMAT},
    {"{\"norm_num_groups\": 3}", "groups", VAE_E_SHAPE},
    {"{\"_class_name\": \"UNet2DConditionModel\", \"norm_num_groups\": 4}", "config.json beside it is for UNet2DConditionModel",
     VAE_E_FORMAT},
    {"[4]", "the text is not an object", VAE_E_FORMAT},
};

START_TEST(test_configs) {
    changed c;
    FILE *out = fopen(beside, "wb");
    (void)fputs(configs[_i].text, out);
    (void)fclose(out);
    open_changed(&c, file);
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
    {"decoder.upsamples.0.upsamples.0.residual.2.weight", "Wan 2.2"},
    {"decoder.up_blocks.0.resnets.0.norm1.conv_y.weight", "MoVQ"},
    {"weight", "none of its 1 tensors belongs to a known kind of autoencoder"},
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

static const char *const whole[] = {FOLDER "kl/ldm.safetensors", FOLDER "vq/diffusers.safetensors", FOLDER "tiny/decoder.safetensors",
                                    FOLDER "wan/wan.safetensors"};

/* A few bytes of the header are others, in names, shapes, types and offsets: whatever the file then says, it is opened or refused, and
 * nothing is left behind. */
START_TEST(test_changed_headers) {
    static const char letters[] = "0123456789[]{},.:\"abcnFI_";
    const vae_import_options_t o = {.struct_size = sizeof(o), .height = 8, .width = 16};
    static uint8_t bytes[200000], changed_bytes[200000];
    FILE *in = fopen(whole[_i], "rb");
    const size_t size = fread(bytes, 1, sizeof(bytes), in);
    const size_t header = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
    uint32_t state = (uint32_t)_i + 1;
    int64_t refused = 0;
    (void)fclose(in);
    for (int32_t round = 0; round < 400; round++) {
        test_heap h = {0};
        vae_ctx_t *ctx = test_ctx(&h, 1, VAE_ISA_AUTO);
        vae_model_t *m;
        memcpy(changed_bytes, bytes, size);
        for (int32_t i = 0; i <= round % 3; i++) {
            state = state * 1664525u + 1013904223u;
            size_t at = 8 + (state >> 4) % header;
            while (at < 8 + header && round % 2 && (bytes[at] < '0' || bytes[at] > '9')) at++; /* a number, every other time */
            state = state * 1664525u + 1013904223u;
            if (at < 8 + header) changed_bytes[at] = (uint8_t)letters[(state >> 8) % (round % 2 ? 10 : sizeof(letters) - 1)];
        }
        FILE *out = fopen(path, "wb");
        ck_assert_uint_eq(fwrite(changed_bytes, 1, size, out), size);
        (void)fclose(out);
        const vae_status_t status = vae_model_import(&m, ctx, path, &o);
        refused += status < 0;
        ck_assert(status == VAE_OK || (m == NULL && vae_last_error()[0] != '\0'));
        vae_model_destroy(m);
        vae_ctx_destroy(ctx);
        ck_assert_int_eq(h.live, 0);
        ck_assert_int_lt(h.peak, 4 << 20);
    }
    ck_assert_int_gt(refused, 100);
}
END_TEST

Suite *suite_import_refused(void);
Suite *suite_import_refused(void) {
    Suite *s = suite_create("import refused");
    TCase *t = tcase_create("refused");
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
    tcase_add_loop_test(t, test_changed_headers, 0, (int)VAEI_COUNT(whole));
    tcase_add_test(t, test_headers_of_whole_diffusion_models);
    suite_add_tcase(s, t);
    return s;
}
