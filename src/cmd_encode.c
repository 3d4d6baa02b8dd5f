/* SPDX-License-Identifier: MIT
 * cmd_encode.c - vae encode: examples to latents, as arrays. */
#include "console.h"
#include "engine.h"
#include "files.h"
#include "mem.h"
#include "npy.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>

/* The path of an optional output, checked before any work; NULL if it is not wanted. */
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
        must(vae_encode(task->session, n, x, mean + first * D, logvar + first * D));
    }
    free(x);
}

static int run(const cli_t *cli) {
    const char *logvars = extra_output(cli, "logvar"), *labels = extra_output(cli, "labels");
    const char *factors = extra_output(cli, "factors");
    task_t task;
    task_open(&task, cli, true, true);
    if (labels && !task.data->label) die(EXIT_FORMAT, "--labels: %s has none", task.set.source);
    if (factors && !task.data->factor) die(EXIT_FORMAT, "--factors: %s has none, only shapes has", task.set.source);
    const int64_t D = vae_model_latent_size(task.model);
    float *mean = mem_alloc(task.n * D, sizeof *mean), *logvar = mem_alloc(task.n * D, sizeof *logvar);
    encode(&task, mean, logvar);
    write_latents(task.output, &task, mean);
    if (logvars) write_latents(logvars, &task, logvar);
    if (labels) npy_write_i32(labels, 1, &task.n, task.data->label);
    if (factors) npy_write_f32(factors, 2, (int64_t[]){task.n, task.data->n_factor}, task.data->factor);
    say("%lld latents of %lld values", (long long)task.n, (long long)D);
    free(mean);
    free(logvar);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("the array of posterior means, z.npy"),
    {"logvar", 0, CLI_TEXT, "FILE", "", "write the log-variances too", 0},
    {"labels", 0, CLI_TEXT, "FILE", "", "write the labels of the examples too", 0},
    {"factors", 0, CLI_TEXT, "FILE", "", "write the factors of shapes too: kind, x, y, size, angle, value, hue", 0},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_encode = {
    .name = "encode",
    .operands = "MODEL DATA",
    .summary = "encode examples into latents, as a NumPy array",
    .text = "Writes the means of the posterior q(z|x) as float32 [n, D]. DATA is as for vae train.",
    .example = "  vae encode run/best.safetensors fashion-mnist -o z.npy --labels y.npy",
    .options = options,
    .computes = true,
    .run = run,
};
