/* SPDX-License-Identifier: MIT
 * cmd_sample.c - vae sample: draws new examples from the prior. */
#include "console.h"
#include "engine.h"
#include "bitmap.h"
#include "labels.h"
#include "mem.h"
#include "pictures.h"
#include "shuffle.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>

enum { EACH_CLASS = 10 }; /* samples of a class for --each-class without -n */

/* Draws `row` samples of each class. The samples of a column share their noise, so that only the class makes the difference; a learned
 * prior uses its own random numbers. */
static void sample_each(const task_t *task, int64_t classes, int64_t row, uint64_t seed, float *x) {
    const int64_t D = vae_model_latent_size(task->model), n = classes * row;
    float *noise = mem_alloc(n * D, sizeof *noise);
    uint64_t stream = draw_stream(seed, 0);
    draw_normal(&stream, row * D, noise);
    for (int64_t i = 1; i < classes; i++) memcpy(noise + i * row * D, noise, (size_t)(row * D) * sizeof *noise);
    vae_status_t status = labels_sample(task->session, task->model, n, LABELS_BY_ROWS, row, noise, x);
    if (status == VAE_E_UNSUPPORTED) status = labels_sample(task->session, task->model, n, LABELS_BY_ROWS, row, NULL, x);
    free(noise);
    must(status);
}

static int run(const cli_t *cli) {
    task_t task;
    task_open(&task, cli, cli_given(cli, "output"), false);
    const bool text = vae_model_token_count(task.model) > 0;
    task_require_output(&task);
    const bool array = !text && picture_is_array(task.output);
    char *file = engine_model_file(cli_operand(cli, 0));
    const bool one = cli_given(cli, "class"), each = cli_flag(cli, "each-class");
    const int64_t class_index = one ? labels_class(task.model, file, cli_text(cli, "class")) : 0;
    const int64_t classes = vae_model_class_count(task.model);
    if (one && each) die(EXIT_USAGE, "sample: --class and --each-class exclude each other");
    if (each && classes == 0) die(EXIT_USAGE, "--each-class: the model has no classes, neither its condition nor its prior");
    const int64_t row = each && !cli_given(cli, "count") ? EACH_CLASS : cli_int(cli, "count"), n = each ? classes * row : row;
    float *x = mem_alloc(n * vae_model_input_size(task.model), sizeof *x);
    must(vae_session_seed(task.session, (uint64_t)cli_int(cli, "seed")));
    if (each) sample_each(&task, classes, row, (uint64_t)cli_int(cli, "seed"), x);
    else must(labels_sample(task.session, task.model, n, one ? LABELS_OF_ONE : LABELS_IN_TURN, class_index, NULL, x));
    if (text) {
        text_write(task.output, task.model, x, n, each ? row : 0);
        free(file);
        free(x);
        task_close(&task);
        return EXIT_DONE;
    }
    const extent_t extent = array ? model_input(task.model) : picture_extent(task.model, NULL);
    picture_write(task.output, x, n, &extent, cli_given(cli, "columns") ? cli_int(cli, "columns") : each ? row : bitmap_columns(n));
    free(file);
    free(x);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("a grid of pictures, x.png, or an array, x.npy; of tokens a text, x.txt (default: stdout)"),
    {"count", 'n', CLI_INT, "N", "64", "number of samples", 1},
    {"class", 'c', CLI_TEXT, "CLASS", "", "the class of the samples, if the model has classes (default: each class in turn)", 0},
    {"each-class", 0, CLI_FLAG, "", "", "draw a row of N samples for each class (default: 10)", 0},
    {"columns", 0, CLI_INT, "N", "", "pictures in a row (default: a square)", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal samples", 0},
    {.name = NULL},
};

const cli_command_t command_sample = {
    .name = "sample",
    .operands = "MODEL",
    .summary = "make new examples from the prior",
    .text = "Draws latents from the model's prior (a learned prior, N(0, I), or the uniform\n"
            "distribution over codes) and decodes them. A sample is the mean of the likelihood,\n"
            "without noise.\n\n"
            "The model's condition or its prior may have classes. CLASS is a number from 0 on, or a\n"
            "name in MODEL's x.classes.txt, which has one name on each line.",
    .example = "  vae sample run/best.safetensors -n 64 --seed 7 -o samples.png\n"
               "  vae sample sampler.safetensors --class sandal -o sandals.png\n"
               "  vae sample cvae/best.safetensors --each-class -o classes.png\n"
               "  vae sample sampler.safetensors -n 80 --columns 10 -o each.png    (10 classes, one in each column)",
    .options = options,
    .computes = true,
    .run = run,
};
