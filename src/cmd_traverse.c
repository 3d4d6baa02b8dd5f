/* SPDX-License-Identifier: MIT
 * cmd_traverse.c - vae traverse: shows the effect of each dimension of the latent.
 *
 * A row for each dimension, those of the largest rate first: the rate of dimension d is the mean over the examples of
 * KL(N(mean_d, e^logvar_d) || N(0, 1)) = (mean_d^2 + e^logvar_d - 1 - logvar_d) / 2. In a row z is the mean of one example, except for
 * dimension d, which runs from -range to range. */
#include "console.h"
#include "engine.h"
#include "labels.h"
#include "mem.h"
#include "pictures.h"
#include "progress.h"
#include "task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct dimension {
    double rate;
    int64_t d;
} dimension_t;

static int larger_first(const void *a, const void *b) {
    const dimension_t *x = a, *y = b;
    if (x->rate != y->rate) return x->rate < y->rate ? 1 : -1;
    return (x->d > y->d) - (x->d < y->d);
}

/* Sorts the dimensions, and writes the mean of example `start` to z[D]. */
static dimension_t *rank(const task_t *task, int64_t start, float *z) {
    const int64_t D = vae_model_latent_size(task->model);
    dimension_t *dimension = mem_alloc(D, sizeof *dimension);
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(task->model), sizeof *x);
    float *mean = mem_alloc(ENGINE_BATCH * D, sizeof *mean), *logvar = mem_alloc(ENGINE_BATCH * D, sizeof *logvar);
    for (int64_t d = 0; d < D; d++) dimension[d] = (dimension_t){0.0, d};
    for (int64_t first = 0; first < task->n; first += ENGINE_BATCH) {
        const int64_t n = task->n - first < ENGINE_BATCH ? task->n - first : ENGINE_BATCH;
        data_range(task->data, first, n, x);
        const vae_batch_t batch = labels_batch(task->model, task->data, first, n, x);
        must(vae_encode_batch(task->session, &batch, mean, logvar));
        for (int64_t i = 0; i < n * D; i++) {
            const double m = (double)mean[i], v = (double)logvar[i];
            dimension[i % D].rate += (m * m + exp(v) - 1.0 - v) / 2.0 / (double)task->n;
        }
        if (start >= first && start < first + n) memcpy(z, mean + (start - first) * D, (size_t)D * sizeof *z);
        progress_count("encoding examples", first + n, task->n);
    }
    console_line("");
    qsort(dimension, (size_t)D, sizeof *dimension, larger_first);
    free(x);
    free(mean);
    free(logvar);
    return dimension;
}

static void decode(const task_t *task, int64_t start, int64_t n, const float *z, float *x) {
    const vae_batch_t from = labels_batch(task->model, task->data, start, 1, NULL);
    int32_t *label = mem_alloc(n, sizeof *label);
    vae_batch_t walk = {.struct_size = sizeof walk, .n = n};
    for (int64_t i = 0; i < n && from.label; i++) label[i] = from.label[0];
    if (from.label) walk.label = label;
    must(vae_decode_batch(task->session, &walk, z, x));
    free(label);
}

static int run(const cli_t *cli) {
    task_t task;
    task_open(&task, cli, true, true);
    (void)picture_is_array(task.output);
    if (!model_has_prior(task.model) || vae_model_codebook_size(task.model) > 0)
        die(EXIT_USAGE, "traverse: the latent of this model has no dimensions with a distribution");
    const int64_t D = vae_model_latent_size(task.model), S = vae_model_input_size(task.model), steps = cli_int(cli, "steps");
    const int64_t rows = cli_int(cli, "count") < D ? cli_int(cli, "count") : D, start = cli_int(cli, "example");
    char *end;
    const float range = strtof(cli_text(cli, "range"), &end);
    if (*end || !(range > 0.0f && range <= 100.0f))
        die(EXIT_USAGE, "--range: \"%s\" is no number above 0, up to 100", cli_text(cli, "range"));
    if (start >= task.n) die(EXIT_USAGE, "--example: there are %lld, counted from 0", (long long)task.n);
    float *z = mem_alloc(rows * steps * D, sizeof *z), *x = mem_alloc(rows * steps * S, sizeof *x), *from = mem_alloc(D, sizeof *from);
    dimension_t *dimension = rank(&task, start, from);
    for (int64_t i = 0; i < rows * steps; i++) {
        memcpy(z + i * D, from, (size_t)D * sizeof *z);
        z[i * D + dimension[i / steps].d] = range * (2.0f * (float)(i % steps) / (float)(steps - 1) - 1.0f);
    }
    decode(&task, start, rows * steps, z, x);
    const extent_t extent = picture_extent(task.model, task.data);
    picture_write(task.output, x, rows * steps, &extent, steps);
    for (int64_t r = 0; r < rows; r++)
        print_line("row %lld: dimension %lld, rate %.3f nats", (long long)r + 1, (long long)dimension[r].d, dimension[r].rate);
    free(dimension);
    free(from);
    free(x);
    free(z);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("a grid of pictures, grid.png, or an array, x.npy"),
    {"count", 'n', CLI_INT, "N", "10", "number of dimensions; each has a row", 1},
    {"steps", 0, CLI_INT, "N", "11", "pictures in a row", 2},
    {"range", 0, CLI_TEXT, "R", "3", "the dimension of a row runs from -R to R", 0},
    {"example", 0, CLI_INT, "I", "0", "the example that gives the other dimensions", 0},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_traverse = {
    .name = "traverse",
    .operands = "MODEL DATA...",
    .summary = "show the effect of each dimension of the latent",
    .text = "Encodes DATA, sorts the dimensions of the latent by their rate, and decodes a row for\n"
            "each of them: this dimension runs from -R to R, and the others keep their values for\n"
            "one example. A dimension with a rate near 0 does not distinguish examples. vae help\n"
            "train describes DATA.",
    .example = "  vae traverse run/best.safetensors shapes -o traverse.png -n 8",
    .options = options,
    .computes = true,
    .run = run,
};
