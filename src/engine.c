/* SPDX-License-Identifier: MIT
 * engine.c - makes contexts, models and texts for the commands. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for sched_getaffinity() */
#endif
#include "engine.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSION_MOST ((uint64_t)1 << 30) /* bytes of a session for more than one example */

int32_t engine_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int32_t)n : 1;
}

static void log_line(void *user, int32_t level, const char *line) {
    (void)user;
    if (level == VAE_LOG_WARNING) warn("%s", line);
    else say("%s", line);
}

static int32_t isa_number(const char *name) {
    static const struct {
        const char *name;
        int32_t isa;
    } isa[] = {{"portable", VAE_ISA_PORTABLE},
               {"avx2", VAE_ISA_AVX2},
               {"avx512", VAE_ISA_AVX512},
               {"neon", VAE_ISA_NEON},
               {"wasm128", VAE_ISA_WASM128}};
    for (size_t i = 0; i < sizeof isa / sizeof *isa; i++)
        if (strcmp(isa[i].name, name) == 0) return isa[i].isa;
    return VAE_ISA_AUTO;
}

void engine_config(const cli_t *cli, vae_ctx_config_t *config) {
    const int64_t threads = cli_given(cli, "threads") ? cli_int(cli, "threads") : engine_processors();
    must(vae_ctx_config_init(config, sizeof *config));
    config->threads = (int32_t)(threads > 256 ? 256 : threads);
    config->arith = strcmp(cli_text(cli, "arith"), "blas") == 0 ? VAE_ARITH_BLAS : VAE_ARITH_REPRODUCIBLE;
    config->isa = isa_number(cli_text(cli, "isa"));
    config->log = log_line;
}

vae_ctx_t *engine_ctx(const cli_t *cli) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    engine_config(cli, &config);
    must(vae_ctx_create(&ctx, &config));
    return ctx;
}

char *engine_model_file(const char *path) {
    if (!path_is_folder(path)) return mem_text(path);
    char *prior = path_join(path, "prior.safetensors");
    if (path_exists(prior)) return prior;
    free(prior);
    return engine_run_model(path);
}

char *engine_run_model(const char *folder) {
    char *best = path_join(folder, "best.safetensors"), *last = path_join(folder, "last.safetensors");
    const bool only_last = !path_exists(best) && path_exists(last);
    if (only_last) say("%s holds no best.safetensors, as no epoch was finished: last.safetensors is taken", folder);
    free(only_last ? best : last);
    return only_last ? last : best;
}

vae_model_t *engine_load(vae_ctx_t *ctx, const char *path) {
    vae_model_t *model;
    char *file = engine_model_file(path);
    const vae_status_t status = vae_model_load(&model, ctx, file);
    if (status == VAE_E_UNSUPPORTED) must_or(status, EXIT_FORMAT);
    must(status);
    free(file);
    return model;
}

vae_status_t engine_checkpoint(vae_ctx_t *ctx, const char *path, char **text) {
    size_t needed = 0;
    const vae_status_t status = vae_import_describe(ctx, path, NULL, 0, &needed);
    if (status < 0) return status;
    *text = mem_alloc((int64_t)needed + 1, 1);
    return vae_import_describe(ctx, path, *text, needed, NULL);
}

extent_t model_input(const vae_model_t *model) {
    extent_t extent;
    extent.n = vae_model_input_shape(model, extent.size);
    return extent;
}

extent_t model_latent(const vae_model_t *model) {
    extent_t extent;
    extent.n = vae_model_latent_shape(model, extent.size);
    return extent;
}

bool model_has_prior(const vae_model_t *model) {
    vae_session_t *session = engine_session(model, 1);
    const int64_t total = vae_model_input_size(model);
    float *x = mem_alloc(total, sizeof *x);
    const int32_t label = 0;
    const vae_batch_t batch = {.struct_size = sizeof batch, .n = 1, .label = vae_model_class_count(model) > 0 ? &label : NULL};
    const vae_status_t status = vae_sample_batch(session, &batch, x);
    free(x);
    if (status == VAE_E_NOMEM) must(status);
    vae_session_destroy(session);
    return status != VAE_E_UNSUPPORTED;
}

char *model_spec_text(const vae_model_t *model) {
    size_t needed = 0;
    (void)vae_model_spec(model, NULL, 0, &needed);
    char *text = mem_alloc((int64_t)needed + 1, 1);
    must(vae_model_spec(model, text, needed, NULL));
    return text;
}

char *registry_text(const char *kind, const char *name) {
    size_t needed = 0;
    (void)vae_registry_text(kind, name, NULL, 0, &needed);
    char *text = mem_alloc((int64_t)needed + 1, 1);
    must_or(vae_registry_text(kind, name, text, needed, NULL), EXIT_USAGE);
    return text;
}

char *spec_set(const char *text, const char *path, const char *value) {
    size_t needed = 0;
    (void)vae_spec_set(text, path, value, NULL, 0, &needed);
    char *changed = mem_alloc((int64_t)needed + 1, 1);
    must_or(vae_spec_set(text, path, value, changed, needed, NULL), EXIT_USAGE);
    return changed;
}

char *spec_get(const char *text, const char *path) {
    size_t needed = 0;
    vae_status_t status = vae_spec_get(text, path, NULL, 0, &needed);
    char *value = mem_alloc((int64_t)needed + 1, 1);
    if (status != VAE_E_NOMEM) status = vae_spec_get(text, path, value, needed, NULL);
    if (status == VAE_OK) return value;
    if (status == VAE_E_NOMEM) must(status); /* without memory the option would seem to be missing */
    free(value);
    return NULL;
}

char *spec_canonical(const char *text, int code) {
    size_t needed = 0;
    (void)vae_spec_canonical(text, NULL, 0, &needed);
    char *canonical = mem_alloc((int64_t)needed + 1, 1);
    must_or(vae_spec_canonical(text, canonical, needed, NULL), code);
    return canonical;
}

/* For large pictures it makes a session for fewer examples: a call accepts any number, and works on as many at a time as the session is
 * for. */
vae_session_t *engine_session(const vae_model_t *model, int64_t max_batch) {
    vae_session_t *session;
    uint64_t bytes;
    while (max_batch > 1 && (vae_session_bytes(model, max_batch, &bytes) < 0 || bytes > SESSION_MOST)) max_batch /= 2;
    must(vae_session_create(&session, model, max_batch));
    return session;
}
