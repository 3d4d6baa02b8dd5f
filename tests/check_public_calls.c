/* SPDX-License-Identifier: MIT
 * check_public_calls.c - tests every function that libvae.map exports with wrong numbers of examples and wrong pointers: the result is an
 * error with a sentence, outputs and objects do not change, and nothing crashes. A function without a row in this file fails the test. */
#include "public_calls.h"

#include <stdio.h>

static void open_rig(rig *r) {
    const int64_t shape[1] = {4};
    r->ctx = test_ctx(NULL, 1, 0);
    ck_assert_ok(vae_model_create(&r->plain, r->ctx, SPEC_DENSE, 1));
    ck_assert_ok(vae_model_create(&r->coded, r->ctx, LABELLED, 1));
    ck_assert_ok(vae_session_create(&r->session, r->plain, MAX_BATCH));
    ck_assert_ok(vae_session_create(&r->codes_session, r->coded, MAX_BATCH));
    ck_assert_ok(vae_trainer_create(&r->trainer, r->plain, NULL, MAX_BATCH));
    ck_assert_ok(vae_trainer_create(&r->prior_trainer, r->coded, "objective prior", MAX_BATCH));
    ck_assert_ok(vae_tensor_create(&r->tensor, r->ctx, VAE_F32, 1, shape));
    fill(r->x, FLOATS, 3);
    fill(r->y, FLOATS, 4);
    memcpy(r->before, r->y, sizeof(r->y));
    memset(r->codes, 0, sizeof(r->codes));
    r->S = vae_model_input_size(r->plain);
    r->D = vae_model_latent_size(r->plain);
    r->codes_each = vae_model_codes_per_example(r->coded);
}

static void close_rig(rig *r) {
    vae_tensor_destroy(r->tensor);
    vae_trainer_destroy(r->trainer);
    vae_trainer_destroy(r->prior_trainer);
    vae_session_destroy(r->session);
    vae_session_destroy(r->codes_session);
    vae_model_destroy(r->plain);
    vae_model_destroy(r->coded);
    vae_ctx_destroy(r->ctx);
}

/* ---- one test a function, in the order of libvae.map -------------------------------------------------------------- */

void of_version_number(rig *r) {
    (void)r;
    ck_assert_uint_eq(vae_version_number(), VAE_VERSION_NUMBER);
}

void of_version_string(rig *r) {
    (void)r;
    ck_assert_str_eq(vae_version_string(), VAE_VERSION_STRING);
}

void of_build_info(rig *r) {
    (void)r;
    ck_assert_ptr_nonnull(strstr(vae_build_info(), VAE_VERSION_STRING));
}

void of_status_name(rig *r) {
    (void)r;
    for (int64_t s = -1000; s < 1000; s++) ck_assert_ptr_nonnull(vae_status_name((vae_status_t)s));
    ck_assert_str_eq(vae_status_name(INT32_MIN), "VAE_E_UNKNOWN");
    ck_assert_str_eq(vae_status_name(INT32_MAX), "VAE_E_UNKNOWN");
}

void of_status_string(rig *r) {
    (void)r;
    ck_assert_ptr_nonnull(vae_status_string(INT32_MIN));
    ck_assert_ptr_nonnull(vae_status_string(1));
}

void of_last_error(rig *r) {
    (void)r;
    ck_assert_ptr_nonnull(vae_last_error());
}

void of_ctx_config_init(rig *r) {
    char room[sizeof(vae_ctx_config_t) + 64];
    (void)r;
    REFUSED(vae_ctx_config_init(NULL, sizeof(vae_ctx_config_t)));
    for (size_t size = 0; size < sizeof(vae_ctx_config_t); size++) REFUSED(vae_ctx_config_init((vae_ctx_config_t *)(void *)room, size));
    REFUSED(vae_ctx_config_init((vae_ctx_config_t *)(void *)room, SIZE_MAX));
    for (size_t size = sizeof(vae_ctx_config_t); size <= sizeof(room); size++)
        ck_assert_ok(vae_ctx_config_init((vae_ctx_config_t *)(void *)room, size));
}

void of_ctx_create(rig *r) {
    union {
        vae_ctx_config_t config;
        char room[sizeof(vae_ctx_config_t) + 64];
    } u;
    vae_ctx_t *ctx = r->ctx;
    REFUSED(vae_ctx_create(NULL, NULL));
    for (uint32_t size = 0; size < sizeof(u); size++) {
        memset(&u, 0, sizeof(u));
        u.config.struct_size = size;
        const vae_status_t status = vae_ctx_create(&ctx, &u.config);
        ck_assert_int_eq(status, size < sizeof(u.config) ? VAE_E_ARG : VAE_OK);
        ck_assert(status == VAE_OK || ctx == NULL);
        vae_ctx_destroy(ctx);
        if (size <= sizeof(u.config)) continue;
        u.room[size - 1] = 1; /* a field of a newer header */
        ck_assert_fails(vae_ctx_create(&ctx, &u.config), VAE_E_VERSION);
    }
    u.config.struct_size = UINT32_MAX;
    REFUSED(vae_ctx_create(&ctx, &u.config));
}

void of_ctx_destroy(rig *r) {
    vae_ctx_destroy(NULL);
    vae_ctx_destroy((vae_ctx_t *)(void *)r->session);
}

void of_ctx_isa(rig *r) {
    ck_assert_ptr_nonnull(vae_ctx_isa(NULL));
    ck_assert_ptr_nonnull(vae_ctx_isa((vae_ctx_t *)(void *)r->session));
}

void of_ctx_bytes_in_use(rig *r) {
    ck_assert_uint_eq(vae_ctx_bytes_in_use(NULL), 0);
    ck_assert_uint_eq(vae_ctx_bytes_in_use((vae_ctx_t *)(void *)r->session), 0);
}

void of_tensor_create(rig *r) {
    vae_tensor_t *t = r->tensor;
    const int64_t shape[2] = {2, 2};
    REFUSED(vae_tensor_create(NULL, r->ctx, VAE_F32, 2, shape));
    REFUSED(vae_tensor_create(&t, r->ctx, VAE_F32, 2, NULL));
    REFUSED(vae_tensor_create(&t, (vae_ctx_t *)(void *)r->session, VAE_F32, 2, shape));
    REFUSED(vae_tensor_create(&t, r->ctx, 0, 2, shape));
    REFUSED(vae_tensor_create(&t, r->ctx, VAE_F32, -1, shape));
    REFUSED(vae_tensor_create(&t, r->ctx, VAE_F32, VAE_MAX_DIMS + 1, shape));
    ck_assert_ptr_null(t);
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        const int64_t bad[2] = {2, hostile(i, 1)};
        const vae_status_t status = vae_tensor_create(&t, r->ctx, VAE_F32, 2, bad);
        ck_assert(status == VAE_E_ARG || status == VAE_E_LIMIT || status == VAE_E_NOMEM);
    }
}

void of_tensor_wrap(rig *r) {
    vae_tensor_t *t = r->tensor;
    const int64_t shape[2] = {2, 2};
    REFUSED(vae_tensor_wrap(NULL, r->ctx, VAE_F32, 2, shape, r->x));
    REFUSED(vae_tensor_wrap(&t, r->ctx, VAE_F32, 2, NULL, r->x));
    REFUSED(vae_tensor_wrap(&t, r->ctx, VAE_F32, 2, shape, NULL));
    ck_assert_ptr_null(t);
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        const int64_t bad[2] = {4, hostile(i, 1)};
        const vae_status_t status = vae_tensor_wrap(&t, r->ctx, VAE_F32, 2, bad, r->x);
        ck_assert(status == VAE_E_ARG || status == VAE_E_LIMIT);
    }
}

void of_tensor_destroy(rig *r) {
    vae_tensor_destroy(NULL);
    vae_tensor_destroy((vae_tensor_t *)(void *)r->session);
}

void of_tensor_dtype(rig *r) {
    ck_assert_int_eq(vae_tensor_dtype(NULL), 0);
    ck_assert_int_eq(vae_tensor_dtype((vae_tensor_t *)(void *)r->session), 0);
}

void of_tensor_ndim(rig *r) {
    ck_assert_int_eq(vae_tensor_ndim(NULL), -1);
    ck_assert_int_eq(vae_tensor_ndim((vae_tensor_t *)(void *)r->session), -1);
}

void of_tensor_shape(rig *r) {
    ck_assert_ptr_null(vae_tensor_shape(NULL));
    ck_assert_ptr_null(vae_tensor_shape((vae_tensor_t *)(void *)r->session));
}

void of_tensor_data(rig *r) {
    ck_assert_ptr_null(vae_tensor_data(NULL));
    ck_assert_ptr_null(vae_tensor_data((vae_tensor_t *)(void *)r->session));
}

void of_registry_kind(rig *r) {
    (void)r;
    ck_assert_ptr_null(vae_registry_kind(-1));
    ck_assert_ptr_null(vae_registry_kind(INT32_MIN));
    ck_assert_ptr_null(vae_registry_kind(INT32_MAX));
}

void of_registry_count(rig *r) {
    (void)r;
    ck_assert_int_eq(vae_registry_count(NULL), 0);
    ck_assert_int_eq(vae_registry_count("no such kind"), 0);
}

void of_registry_name(rig *r) {
    (void)r;
    ck_assert_ptr_null(vae_registry_name(NULL, 0));
    ck_assert_ptr_null(vae_registry_name("layer", -1));
    ck_assert_ptr_null(vae_registry_name("layer", INT32_MAX));
}

void of_registry_option(rig *r) {
    union {
        vae_option_t option;
        char room[sizeof(vae_option_t) + 64];
    } u;
    (void)r;
    REFUSED(vae_registry_option("layer", "conv2d", 0, NULL));
    for (uint32_t size = 0; size <= sizeof(u); size++) {
        memset(&u, 0x5A, sizeof(u));
        u.option.struct_size = size;
        const vae_status_t status = vae_registry_option("layer", "conv2d", 0, &u.option);
        ck_assert_int_eq(status, size < sizeof(u.option) ? VAE_E_ARG : VAE_OK);
        ck_assert_uint_eq(u.option.struct_size, size);
        ck_assert_int_eq(u.room[sizeof(u) - 1], 0x5A);
    }
    u.option.struct_size = sizeof(u.option);
    REFUSED(vae_registry_option(NULL, "conv2d", 0, &u.option));
    REFUSED(vae_registry_option("layer", NULL, 0, &u.option));
    REFUSED(vae_registry_option("layer", "conv2d", -1, &u.option));
    REFUSED(vae_registry_option("layer", "conv2d", INT32_MAX, &u.option));
}

void of_registry_text(rig *r) {
    size_t length;
    (void)r;
    REFUSED(vae_registry_text(NULL, "conv2d", NULL, 0, &length));
    REFUSED(vae_registry_text("layer", NULL, NULL, 0, &length));
    GIVES_TEXT(vae_registry_text("layer", "conv2d", buf, cap, needed));
    GIVES_TEXT(vae_registry_text("preset", "conv", buf, cap, needed));
}

void of_spec_canonical(rig *r) {
    size_t length;
    (void)r;
    REFUSED(vae_spec_canonical(NULL, NULL, 0, &length));
    GIVES_TEXT(vae_spec_canonical(SPEC_DENSE, buf, cap, needed));
}

void of_spec_set(rig *r) {
    size_t length;
    (void)r;
    REFUSED(vae_spec_set(NULL, "latent.dim", "4", NULL, 0, &length));
    REFUSED(vae_spec_set(SPEC_DENSE, NULL, "4", NULL, 0, &length));
    REFUSED(vae_spec_set(SPEC_DENSE, "latent.dim", NULL, NULL, 0, &length));
    GIVES_TEXT(vae_spec_set(SPEC_DENSE, "latent.dim", "4", buf, cap, needed));
}

void of_spec_get(rig *r) {
    size_t length;
    (void)r;
    REFUSED(vae_spec_get(NULL, "latent.dim", NULL, 0, &length));
    REFUSED(vae_spec_get(SPEC_DENSE, NULL, NULL, 0, &length));
    GIVES_TEXT(vae_spec_get(SPEC_DENSE, "latent.dim", buf, cap, needed));
}

void of_model_create(rig *r) {
    vae_model_t *m = r->plain;
    REFUSED(vae_model_create(NULL, r->ctx, SPEC_DENSE, 0));
    REFUSED(vae_model_create(&m, r->ctx, NULL, 0));
    REFUSED(vae_model_create(&m, (vae_ctx_t *)(void *)r->session, SPEC_DENSE, 0));
    ck_assert_ptr_null(m);
}

void of_model_load(rig *r) {
    vae_model_t *m = r->plain;
    REFUSED(vae_model_load(NULL, r->ctx, "x"));
    REFUSED(vae_model_load(&m, r->ctx, NULL));
    REFUSED(vae_model_load(&m, (vae_ctx_t *)(void *)r->session, "x"));
    ck_assert_ptr_null(m);
}

void of_model_load_memory(rig *r) {
    vae_model_t *m = r->plain;
    REFUSED(vae_model_load_memory(NULL, r->ctx, "x", 1));
    REFUSED(vae_model_load_memory(&m, r->ctx, NULL, 1));
    REFUSED(vae_model_load_memory(&m, (vae_ctx_t *)(void *)r->session, "x", 1));
    ck_assert_fails(vae_model_load_memory(&m, r->ctx, NULL, 0), VAE_E_FORMAT);
    ck_assert_ptr_null(m);
}

void of_model_load_weights(rig *r) {
    REFUSED(vae_model_load_weights(NULL, "x"));
    REFUSED(vae_model_load_weights(r->plain, NULL));
    REFUSED(vae_model_load_weights((vae_model_t *)(void *)r->session, "x"));
}

void of_model_save(rig *r) {
    REFUSED(vae_model_save(NULL, "x"));
    REFUSED(vae_model_save(r->plain, NULL));
    REFUSED(vae_model_save((vae_model_t *)(void *)r->session, "x"));
}

void of_model_save_memory(rig *r) {
    static uint8_t data[65536];
    size_t size = 0, again = 0;
    vae_model_t *m;
    REFUSED(vae_model_save_memory(NULL, data, sizeof(data), &size));
    REFUSED(vae_model_save_memory((vae_model_t *)(void *)r->session, data, sizeof(data), &size));
    REFUSED(vae_model_save_memory(r->plain, NULL, 0, NULL));
    REFUSED(vae_model_save_memory(r->plain, NULL, SIZE_MAX, &size));
    ck_assert_ok(vae_model_save_memory(r->plain, NULL, 0, &size));
    memset(data, 0x5A, sizeof(data));
    REFUSED(vae_model_save_memory(r->plain, data, size - 1, &again));
    ck_assert_uint_eq(again, size);
    ck_assert_int_eq(data[0], 0x5A);
    ck_assert_ok(vae_model_save_memory(r->plain, data, size, NULL));
    ck_assert_int_eq(data[size], 0x5A);
    ck_assert_ok(vae_model_load_memory(&m, r->ctx, data, size));
    vae_model_destroy(m);
    ck_assert_ok(vae_model_save(r->plain, "build/public_calls.safetensors"));
    FILE *file = fopen("build/public_calls.safetensors", "rb");
    static uint8_t saved[65536];
    ck_assert_uint_eq(fread(saved, 1, sizeof(saved), file), size);
    ck_assert_mem_eq(saved, data, size);
    fclose(file);
    remove("build/public_calls.safetensors");
}

void of_model_destroy(rig *r) {
    vae_model_destroy(NULL);
    vae_model_destroy((vae_model_t *)(void *)r->session);
}

void of_model_spec(rig *r) {
    size_t length;
    REFUSED(vae_model_spec(NULL, NULL, 0, &length));
    GIVES_TEXT(vae_model_spec(r->plain, buf, cap, needed));
}

static const int64_t plan_sizes[] = {INT64_MIN, -1, 0, INT64_MAX};

void of_model_plan(rig *r) {
    size_t length;
    REFUSED(vae_model_plan(NULL, 1, 0, VAE_PLAN_TEXT, NULL, 0, &length));
    REFUSED(vae_model_plan(r->plain, 1, 0, 2, NULL, 0, &length));
    for (size_t i = 0; i < sizeof(plan_sizes) / sizeof(plan_sizes[0]); i++)
        REFUSED(vae_model_plan(r->plain, plan_sizes[i], 0, VAE_PLAN_TEXT, NULL, 0, &length));
    GIVES_TEXT(vae_model_plan(r->plain, 1, 1, VAE_PLAN_JSON, buf, cap, needed));
}

COUNT_OF(model_input_size, vae_model_t *, 0)
COUNT_OF(model_latent_size, vae_model_t *, 0)
COUNT_OF(model_codes_per_example, vae_model_t *, 0)
COUNT_OF(model_codebook_size, vae_model_t *, 0)
COUNT_OF(model_class_count, vae_model_t *, 0)
COUNT_OF(model_token_count, vae_model_t *, 0)
COUNT_OF(model_condition_size, vae_model_t *, 0)
COUNT_OF(model_param_count, vae_model_t *, 0)
COUNT_OF(model_param_total, vae_model_t *, 0)

void of_model_input_shape(rig *r) {
    int64_t shape[4];
    ck_assert_int_eq(vae_model_input_shape(NULL, shape), 0);
    ck_assert_int_eq(vae_model_input_shape(r->plain, NULL), 3);
}

void of_model_latent_shape(rig *r) {
    int64_t shape[4];
    ck_assert_int_eq(vae_model_latent_shape(NULL, shape), 0);
    ck_assert_int_eq(vae_model_latent_shape(r->plain, NULL), 1);
}

COUNT_OF(model_latent_count, vae_model_t *, 0)

void of_model_latent_shape_at(rig *r) {
    static const int32_t wrong[] = {INT32_MIN, -1, 1, INT32_MAX};
    int64_t shape[4];
    ck_assert_int_eq(vae_model_latent_shape_at(NULL, 0, shape), 0);
    ck_assert_int_eq(vae_model_latent_shape_at(r->plain, 0, NULL), 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) ck_assert_int_eq(vae_model_latent_shape_at(r->plain, wrong[i], shape), 0);
}

void of_model_param(rig *r) {
    const vae_tensor_t *t = r->tensor;
    const char *name;
    REFUSED(vae_model_param(NULL, 0, &t, &name));
    REFUSED(vae_model_param(r->plain, 0, NULL, &name));
    ck_assert_ok(vae_model_param(r->plain, 0, &t, NULL));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) REFUSED(vae_model_param(r->plain, hostile(i, 1), &t, &name));
    REFUSED(vae_model_param(r->plain, vae_model_param_count(r->plain), &t, &name));
    ck_assert_ptr_null(t);
}

void of_model_param_find(rig *r) {
    int64_t i = 7;
    REFUSED(vae_model_param_find(NULL, "encoder.1.weight", &i));
    REFUSED(vae_model_param_find(r->plain, NULL, &i));
    REFUSED(vae_model_param_find(r->plain, "encoder.1.weight", NULL));
    REFUSED(vae_model_param_find(r->plain, "encoder.1.wieght", &i));
    ck_assert_int_eq(i, 7);
}

void of_model_set_param(rig *r) {
    REFUSED(vae_model_set_param(NULL, 0, r->x, 1));
    REFUSED(vae_model_set_param(r->plain, 0, NULL, 12 * 16));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        REFUSED(vae_model_set_param(r->plain, hostile(i, 1), r->x, 12 * 16));
        ck_assert_fails(vae_model_set_param(r->plain, 0, r->x, hostile(i, 1)), VAE_E_SHAPE);
    }
}

void of_model_set_input_size(rig *r) {
    vae_model_t *m;
    REFUSED(vae_model_set_input_size(NULL, 4, 4));
    REFUSED(vae_model_set_input_size((vae_model_t *)(void *)r->session, 4, 4));
    ck_assert_fails(vae_model_set_input_size(r->plain, 4, 4), VAE_E_STATE);
    ck_assert_ok(vae_model_create(&m, r->ctx, LABELLED, 1));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        REFUSED(vae_model_set_input_size(m, hostile(i, 1), 4));
        REFUSED(vae_model_set_input_size(m, 4, hostile(i, 1)));
    }
    REFUSED(vae_model_set_input_size(m, 0, 4));
    ck_assert_int_eq(vae_model_input_size(m), 16);
    vae_model_destroy(m);
}

void of_model_import(rig *r) {
    vae_model_t *m = r->plain;
    vae_import_options_t o = {.struct_size = sizeof(o)};
    REFUSED(vae_model_import(NULL, r->ctx, "x", &o));
    REFUSED(vae_model_import(&m, r->ctx, NULL, &o));
    REFUSED(vae_model_import(&m, (vae_ctx_t *)(void *)r->session, "x", &o));
    ck_assert_fails(vae_model_import(&m, r->ctx, "no such file", NULL), VAE_E_IO);
    ck_assert_ptr_null(m);
    o.struct_size = 4;
    REFUSED(vae_model_import(&m, r->ctx, "x", &o));
    o.struct_size = sizeof(o);
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        o.height = hostile(i, 1);
        ck_assert_int_lt(vae_model_import(&m, r->ctx, "no such file", &o), 0);
        o.height = 0, o.width = hostile(i, 1);
        ck_assert_int_lt(vae_model_import(&m, r->ctx, "no such file", &o), 0);
        o.width = 0;
    }
    o.factor = NAN;
    REFUSED(vae_model_import(&m, r->ctx, "x", &o));
    o.factor = 0, o.shift = 1;
    REFUSED(vae_model_import(&m, r->ctx, "x", &o));
}

void of_import_describe(rig *r) {
    char text[8];
    size_t needed;
    REFUSED(vae_import_describe(r->ctx, NULL, text, sizeof(text), &needed));
    REFUSED(vae_import_describe((vae_ctx_t *)(void *)r->session, "x", text, sizeof(text), &needed));
    ck_assert_fails(vae_import_describe(r->ctx, "no such file", text, sizeof(text), &needed), VAE_E_IO);
}

void of_measure_reads(rig *r) {
    uint32_t reads = 7;
    (void)r;
    REFUSED(vae_measure_reads(NULL, &reads));
    REFUSED(vae_measure_reads("nll", NULL));
    ck_assert_uint_eq(reads, 7);
}

void of_measure(rig *r) {
    vae_measured_t m = {.struct_size = sizeof(m), .n = 2, .height = 1, .width = 1, .channels = 4, .x = r->x, .y = r->x + 8};
    double value = 7;
    ck_assert_ok(vae_measure(r->ctx, "psnr", &m, r->d[0], r->d[1]));
    REFUSED(vae_measure((vae_ctx_t *)(void *)r->session, "psnr", &m, &value, NULL));
    REFUSED(vae_measure(r->ctx, NULL, &m, &value, NULL));
    REFUSED(vae_measure(r->ctx, "psnr", NULL, &value, NULL));
    REFUSED(vae_measure(r->ctx, "psnr", &m, NULL, NULL));
    for (int32_t i = 0; hostile(i, 4) != 0; i++) {
        m.n = hostile(i, 4);
        REFUSED(vae_measure(r->ctx, "psnr", &m, &value, NULL));
    }
    ck_assert_double_eq(value, 7);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*test)(rig *r);
} calls[] = {
#define CALL(name) {"vae_" #name, of_##name},
#include "public_calls.def"
#undef CALL
};

START_TEST(test_a_mistaken_call_is_an_error_and_changes_nothing) {
    static rig r;
    open_rig(&r);
    calls[_i].test(&r);
    close_rig(&r);
}
END_TEST

START_TEST(test_every_exported_function_is_among_them) {
    char line[256], name[256];
    FILE *map = fopen("libvae.map", "r");
    int32_t count = 0;
    ck_assert_ptr_nonnull(map);
    while (fgets(line, sizeof(line), map)) {
        if (sscanf(line, " vae_%200[a-z0-9_];", name) != 1) continue;
        int32_t found = 0;
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) found |= strcmp(calls[i].name + 4, name) == 0;
        ck_assert_msg(found, "vae_%s has no test of mistaken calls in check_public_calls.c", name);
        count++;
    }
    fclose(map);
    ck_assert_int_eq(count, (int)(sizeof(calls) / sizeof(calls[0])));
}
END_TEST

Suite *suite_public_calls(void);
Suite *suite_public_calls(void) {
    Suite *s = suite_create("public calls");
    TCase *t = tcase_create("mistakes");
    tcase_add_loop_test(t, test_a_mistaken_call_is_an_error_and_changes_nothing, 0, (int)(sizeof(calls) / sizeof(calls[0])));
    tcase_add_test(t, test_every_exported_function_is_among_them);
    suite_add_tcase(s, t);
    return s;
}
