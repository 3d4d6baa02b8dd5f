/* SPDX-License-Identifier: MIT
 * cmd_sample.c - vae sample: new examples from the prior. */
#include "console.h"
#include "engine.h"
#include "bitmap.h"
#include "labels.h"
#include "mem.h"
#include "pictures.h"
#include "task.h"

#include <stdlib.h>

static int run(const cli_t *cli) {
    task_t task;
    const int64_t n = cli_int(cli, "count");
    task_open(&task, cli, true, false);
    const bool array = picture_is_array(task.output);
    char *file = engine_model_file(cli_operand(cli, 0));
    const int64_t class_index = cli_given(cli, "class") ? labels_class(task.model, file, cli_text(cli, "class")) : -1;
    float *x = mem_alloc(n * vae_model_input_size(task.model), sizeof *x);
    must(vae_session_seed(task.session, (uint64_t)cli_int(cli, "seed")));
    labels_sample(task.session, task.model, n, class_index, x);
    const extent_t extent = array ? model_input(task.model) : picture_extent(task.model, NULL);
    picture_write(task.output, x, n, &extent, cli_given(cli, "columns") ? cli_int(cli, "columns") : bitmap_columns(n));
    free(file);
    free(x);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("a grid of pictures, x.png, or an array, x.npy"),
    {"count", 'n', CLI_INT, "N", "64", "how many", 1},
    {"class", 'c', CLI_TEXT, "CLASS", "", "samples of this class, with a prior that has classes (default: of each in turn)", 0},
    {"columns", 0, CLI_INT, "N", "", "pictures in a row (default: a square)", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal samples", 0},
    {.name = NULL},
};

const cli_command_t command_sample = {
    .name = "sample",
    .operands = "MODEL",
    .summary = "make new examples from the prior",
    .text = "Draws latents from the model's prior, a learned one, N(0, I) or even codes, and decodes\n"
            "them. Shown is the mean of the likelihood, no noise is added to it.\n\n"
            "CLASS is a number from 0 on, or a name in MODEL's x.classes.txt, a name a line.",
    .example = "  vae sample run/best.safetensors -n 64 --seed 7 -o samples.png\n"
               "  vae sample sampler.safetensors --class sandal -o sandals.png\n"
               "  vae sample sampler.safetensors -n 80 --columns 10 -o each.png    (10 classes, one a column)",
    .options = options,
    .computes = true,
    .run = run,
};
