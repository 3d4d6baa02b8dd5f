/* SPDX-License-Identifier: MIT
 * cmd_encode.c - vae encode: encodes examples to arrays of latents or codes. */
#include "console.h"
#include "engine.h"
#include "files.h"
#include "labels.h"
#include "mem.h"
#include "npy.h"
#include "task.h"
#include "usage.h"

#include <stdlib.h>
#include <string.h>

/* Returns the path of an optional output, checked before any work; NULL if it was not given. */
static const char *extra_output(const cli_t *cli, const char *name) {
    if (!cli_given(cli, name)) return NULL;
    refuse_existing(cli_text(cli, name), cli_flag(cli, "force"));
    return cli_text(cli, name);
}

static void write_latents(const char *path, const task_t *task, const float *value) {
    const extent_t latent = model_latent(task->model);
    int64_t shape[5] = {task->n};
    memcpy(shape + 1, latent.size, sizeof latent.size);
    npy_write_f32(path, latent.n + 1, shape, value);
}

static void encode(const task_t *task, float *mean, float *logvar) {
    const int64_t D = vae_model_latent_size(task->model);
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(task->model), sizeof *x);
    for (int64_t first = 0; first < task->n; first += ENGINE_BATCH) {
        const int64_t n = task->n - first < ENGINE_BATCH ? task->n - first : ENGINE_BATCH;
        data_range(task->data, first, n, x);
        const vae_batch_t batch = labels_batch(task->model, task->data, first, n, x);
        must(vae_encode_batch(task->session, &batch, mean + first * D, logvar + first * D));
    }
    free(x);
}

/* Writes int32 [n, H, W], with a last size for the codes of a position if there are several; [n, codes] if the codes are no image. */
static void write_codes(const task_t *task) {
    usage_t sizes;
    usage_sizes(&sizes, task->model);
    if (sizes.K == 0) die(EXIT_USAGE, "--codes: the latent of this model has no codes");
    const extent_t latent = model_latent(task->model);
    const int64_t codes = vae_model_codes_per_example(task->model);
    int64_t shape[5] = {task->n, codes};
    int32_t ndim = 2;
    if (latent.n == 3 && sizes.positions == latent.size[0] * latent.size[1]) {
        memcpy(shape + 1, (const int64_t[]){latent.size[0], latent.size[1], sizes.stages}, 3 * sizeof *shape);
        ndim = sizes.stages > 1 ? 4 : 3;
    }
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(task->model), sizeof *x);
    int32_t *code = mem_alloc(task->n * codes, sizeof *code);
    for (int64_t first = 0; first < task->n; first += ENGINE_BATCH) {
        const int64_t n = task->n - first < ENGINE_BATCH ? task->n - first : ENGINE_BATCH;
        data_range(task->data, first, n, x);
        const vae_batch_t batch = labels_batch(task->model, task->data, first, n, x);
        must(vae_encode_codes_batch(task->session, &batch, code + first * codes));
    }
    npy_write_i32(task->output, ndim, shape, code);
    say("%lld times %lld codes, each one of %lld", (long long)task->n, (long long)codes, (long long)sizes.K);
    free(code);
    free(x);
}

static void write_means(const task_t *task, const char *logvars) {
    const int64_t D = vae_model_latent_size(task->model);
    float *mean = mem_alloc(task->n * D, sizeof *mean), *logvar = mem_alloc(task->n * D, sizeof *logvar);
    encode(task, mean, logvar);
    write_latents(task->output, task, mean);
    if (logvars) write_latents(logvars, task, logvar);
    say("%lld latent%s of %lld values", (long long)task->n, task->n == 1 ? "" : "s", (long long)D);
    free(mean);
    free(logvar);
}

static int run(const cli_t *cli) {
    const char *logvars = extra_output(cli, "logvar"), *labels = extra_output(cli, "labels");
    const char *factors = extra_output(cli, "factors");
    task_t task;
    if (logvars && cli_flag(cli, "codes")) die(EXIT_USAGE, "encode: --codes and --logvar exclude each other");
    task_open(&task, cli, true, true);
    if (labels && !task.data->label) die(EXIT_FORMAT, "--labels: %s has none", task.set.source);
    if (factors && !task.data->factor) die(EXIT_FORMAT, "--factors: %s has none, only shapes has", task.set.source);
    if (cli_flag(cli, "codes")) write_codes(&task);
    else write_means(&task, logvars);
    if (labels) npy_write_i32(labels, 1, &task.n, task.data->label);
    if (factors) npy_write_f32(factors, 2, (int64_t[]){task.n, task.data->n_factor}, task.data->factor);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("the array of posterior means, z.npy, or of codes"),
    {"codes", 0, CLI_FLAG, "", "", "write the codes as int32 and not the means, if the latent has codes", 0},
    {"logvar", 0, CLI_TEXT, "FILE", "", "also write the log-variances", 0},
    {"labels", 0, CLI_TEXT, "FILE", "", "also write the labels of the examples", 0},
    {"factors", 0, CLI_TEXT, "FILE", "", "also write the factors of shapes: kind, x, y, size, angle, value, hue", 0},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_encode = {
    .name = "encode",
    .operands = "MODEL DATA...",
    .summary = "encode examples into latents, as a NumPy array",
    .text = "Writes the means of the posterior q(z|x) as float32 [n, D], or with --codes the chosen\n"
            "codes as int32 [n, H, W] (with a last size if a position has several codes, and\n"
            "[n, codes] if the latent is no image). vae help train describes DATA.",
    .example = "  vae encode run/best.safetensors fashion-mnist -o z.npy --labels y.npy\n"
               "  vae encode run/best.safetensors freedoom --codes -o codes.npy",
    .options = options,
    .computes = true,
    .run = run,
};
