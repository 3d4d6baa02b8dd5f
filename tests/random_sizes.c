/* SPDX-License-Identifier: MIT
 * random_sizes.c - runs a random model under a budget of memory, which may change no bit, and for pictures of another size: if its
 * parameters allow it, a session of that size gives the bits of the model that is saved and loaded at that size. */
#include "random_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MOST = 1 << 15 };

/* The posterior of one example, and the mean of the likelihood for it. */
static int32_t run(vae_session_t *s, const random_case *c, const float *x, float *z, float *y, random_report *out) {
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = 1, .x = x};
    random_bring(c, vae_session_model(s), 0, &batch);
    RANDOM_TRY(out, vae_encode_batch(s, &batch, z, NULL));
    batch.x = NULL;
    RANDOM_TRY(out, vae_decode_batch(s, &batch, z, y));
    return 1;
}

/* The model of the session, saved and loaded. */
static int32_t loaded_session(vae_session_t **s, vae_ctx_t *ctx, const vae_model_t *from, random_report *out) {
    size_t size = 0;
    vae_model_t *m;
    RANDOM_TRY(out, vae_model_save_memory(from, NULL, 0, &size));
    char *const data = malloc(size);
    if (!data) abort();
    RANDOM_TRY(out, vae_model_save_memory(from, data, size, NULL));
    RANDOM_TRY(out, vae_model_load_memory(&m, ctx, data, size));
    RANDOM_TRY(out, vae_session_create(s, m, 1));
    vae_model_destroy(m);
    free(data);
    return 1;
}

/* A session under a budget between the least, which the refusal of none tells, and what it takes without one. */
static int32_t check_budget(const random_case *c, vae_model_t *m, random_report *out) {
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m);
    vae_session_config_t config = {.struct_size = sizeof(config), .max_batch = 1, .memory_budget = 1};
    unsigned long long least;
    uint64_t bytes;
    vae_session_t *s[2];
    RANDOM_TRY(out, vae_session_bytes(m, 1, &bytes));
    const vae_status_t status = vae_session_create_sized(&s[1], m, &config);
    const char *const at = strstr(vae_last_error(), " takes ");
    if (status != VAE_E_LIMIT || !at || sscanf(at, " takes %llu at least", &least) != 1 || least > bytes)
        return random_fail(out, "a budget of 1 byte: %s: %s", vae_status_name(status), vae_last_error());
    config.memory_budget = least + (bytes - least) * (c->seed % 5) / 4;
    RANDOM_TRY(out, vae_session_create(&s[0], m, 1));
    RANDOM_TRY(out, vae_session_create_sized(&s[1], m, &config));
    const float *const x = random_examples(c, m);
    float *const y[2] = {random_floats(S), random_floats(S)}, *const z[2] = {random_floats(D), random_floats(D)};
    for (int32_t i = 0; i < 2; i++)
        if (!run(s[i], c, x, z[i], y[i], out)) return 0;
    if (memcmp(z[0], z[1], (size_t)D * sizeof(float)) != 0 || memcmp(y[0], y[1], (size_t)S * sizeof(float)) != 0)
        return random_fail(out, "a budget of %llu bytes, of %llu: other results", (unsigned long long)config.memory_budget,
                           (unsigned long long)bytes);
    vae_session_destroy(s[0]);
    vae_session_destroy(s[1]);
    return 1;
}

int32_t random_check_size(const random_case *c, random_report *out) {
    vae_ctx_t *const ctx = random_ctx(1 + (int32_t)(c->seed % 2), VAE_ISA_AUTO);
    vae_model_t *const m = random_model(c, ctx, out);
    int64_t shape[4];
    vae_session_t *s[2];
    random_case one = *c;
    one.n = 1;
    if (!m) return !out->failed;
    if (!check_budget(&one, m, out)) return 0;
    if (vae_model_input_shape(m, shape) != 3) return 1;
    const vae_session_config_t config = {.struct_size = sizeof(config),
                                         .max_batch = 1,
                                         .height = shape[0] * (1 + (int64_t)(c->seed / 2 % 3)),
                                         .width = shape[1] * (1 + (int64_t)(c->seed / 6 % 2))};
    if (config.height * config.width * shape[2] > VALUES_MOST) return 1;
    const vae_status_t status = vae_session_create_sized(&s[0], m, &config);
    if (status == VAE_E_SHAPE || status == VAE_E_UNSUPPORTED || status == VAE_E_SPEC) return 1;
    if (status != VAE_OK) return random_fail(out, "session of another size: %s: %s", vae_status_name(status), vae_last_error());
    const vae_model_t *const sized = vae_session_model(s[0]);
    if (!loaded_session(&s[1], ctx, sized, out)) return 0;
    const int64_t S = vae_model_input_size(sized), D = vae_model_latent_size(sized);
    const float *const x = random_examples(&one, sized);
    float *const y[2] = {random_floats(S), random_floats(S)}, *const z[2] = {random_floats(D), random_floats(D)};
    for (int32_t i = 0; i < 2; i++)
        if (!run(s[i], &one, x, z[i], y[i], out)) return out->failed ? 0 : 1;
    if (memcmp(z[0], z[1], (size_t)D * sizeof(float)) != 0)
        return random_fail(out, "session of another size: z is not that of the loaded model");
    if (memcmp(y[0], y[1], (size_t)S * sizeof(float)) != 0)
        return random_fail(out, "session of another size: y is not that of the loaded model");
    vae_session_destroy(s[0]);
    vae_session_destroy(s[1]);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    return 1;
}
