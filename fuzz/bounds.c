/* SPDX-License-Identifier: MIT
 * bounds.c - limits the commands of the program in a target: a megabyte of the library's memory, one thread, models of 4096 values, two
 * steps of training, twenty generated examples, no picture of the loss. A user may request more and wait longer, but an input of a target
 must * end soon.
 *
 * The linker redirects calls of the program to this file (--wrap). libFuzzer keeps its signal handlers. Functions that the program
 registers * for its exit are left out, because the names that they use no longer exist at that time. */
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "data.h"
#include "fuzz.h"
#include "train_loop.h"

enum { MOST_VALUES = 4096, MOST_STEPS = 2, MOST_SHAPES = 20 };
#define MEMORY ((uint64_t)1 << 20)

vae_status_t __real_vae_ctx_create(vae_ctx_t **out, const vae_ctx_config_t *config);
vae_status_t __real_vae_model_create(vae_model_t **out, vae_ctx_t *ctx, const char *spec, uint64_t seed);
vae_status_t __real_vae_model_load(vae_model_t **out, vae_ctx_t *ctx, const char *path);
int __real_train_loop_run(train_loop_t *loop);
void __real_data_load_shapes(data_set_t *set);
void __real_interrupt_catch(void);
int __real_atexit(void (*function)(void));
vae_status_t __wrap_vae_ctx_create(vae_ctx_t **out, const vae_ctx_config_t *config);
vae_status_t __wrap_vae_model_create(vae_model_t **out, vae_ctx_t *ctx, const char *spec, uint64_t seed);
vae_status_t __wrap_vae_model_load(vae_model_t **out, vae_ctx_t *ctx, const char *path);
int __wrap_train_loop_run(train_loop_t *loop);
void __wrap_data_load_shapes(data_set_t *set);
void __wrap_plot_write(const char *path, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name);
void __wrap_interrupt_catch(void);
int __wrap_atexit(void (*function)(void));

vae_status_t __wrap_vae_ctx_create(vae_ctx_t **out, const vae_ctx_config_t *config) {
    vae_ctx_config_t bounded;
    if (!fuzz_program_runs()) return __real_vae_ctx_create(out, config);
    MUST_HOLD(vae_ctx_config_init(&bounded, sizeof bounded) == VAE_OK);
    if (config) bounded = *config;
    bounded.threads = 1;
    bounded.mem_limit = MEMORY;
    return __real_vae_ctx_create(out, &bounded);
}

/* The context given, or a bounded one, of which the model then has the only share. */
static vae_ctx_t *context(vae_ctx_t *given) {
    vae_ctx_t *ctx = given;
    if (fuzz_program_runs() && !given) must(__wrap_vae_ctx_create(&ctx, NULL));
    return ctx;
}

static vae_status_t bounded(vae_model_t *const *model, const vae_ctx_t *given, vae_ctx_t *ctx, vae_status_t status) {
    if (ctx != given) vae_ctx_destroy(ctx);
    if (fuzz_program_runs() && status == VAE_OK && vae_model_input_size(*model) > MOST_VALUES) die(EXIT_USAGE, "a large model");
    return status;
}

vae_status_t __wrap_vae_model_create(vae_model_t **out, vae_ctx_t *ctx, const char *spec, uint64_t seed) {
    vae_ctx_t *const own = context(ctx);
    const vae_status_t status = __real_vae_model_create(out, own, spec, seed);
    return bounded(out, ctx, own, status);
}

vae_status_t __wrap_vae_model_load(vae_model_t **out, vae_ctx_t *ctx, const char *path) {
    vae_ctx_t *const own = context(ctx);
    const vae_status_t status = __real_vae_model_load(out, own, path);
    return bounded(out, ctx, own, status);
}

int __wrap_train_loop_run(train_loop_t *loop) {
    const settings_t *asked = loop->settings;
    settings_t few = *asked;
    if (loop->state.step + MOST_STEPS < train_last_step(loop)) few.steps = loop->state.step + MOST_STEPS;
    loop->settings = &few;
    const int code = __real_train_loop_run(loop);
    loop->settings = asked;
    return code;
}

void __wrap_data_load_shapes(data_set_t *set) {
    const bool few = set->source[6] == ':' && strtoll(set->source + 7, NULL, 10) <= MOST_SHAPES;
    if (!few) die(EXIT_USAGE, "many examples");
    __real_data_load_shapes(set);
}

void __wrap_plot_write(const char *path, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name) {
    (void)path, (void)curve, (void)n_curve, (void)x_name, (void)y_name;
}

void __wrap_interrupt_catch(void) {
    if (!fuzz_program_runs()) __real_interrupt_catch();
}

int __wrap_atexit(void (*function)(void)) {
    return fuzz_program_runs() ? 0 : __real_atexit(function);
}
