/* SPDX-License-Identifier: MIT
 * cmd_interp.c - vae interp: shows the way from one example to another through the latent space.
 *
 * Row r goes from example 2r to example 2r + 1: z_t = (1 - t) mean_a + t mean_b for t = 0, 1/(steps - 1), ..., 1,
 * decoded. In a model with a condition, the whole row has the class of its first example. */
#include "console.h"
#include "labels.h"
#include "mem.h"
#include "pictures.h"
#include "task.h"

#include <stdlib.h>

static int run(const cli_t *cli) {
    task_t task;
    task_open(&task, cli, cli_given(cli, "output"), true);
    const bool text = vae_model_token_count(task.model) > 0;
    task_require_output(&task);
    const int64_t steps = cli_int(cli, "steps"), D = vae_model_latent_size(task.model);
    const int64_t S = vae_model_input_size(task.model);
    const int64_t rows = cli_int(cli, "count") < task.n / 2 ? cli_int(cli, "count") : task.n / 2;
    if (!text) (void)picture_is_array(task.output);
    if (rows == 0) die(EXIT_FORMAT, "%s: two examples are wanted, there is one", task.set.source);
    float *x = mem_alloc(rows * (steps > 2 ? steps : 2) * S, sizeof *x);
    float *end = mem_alloc(2 * rows * D, sizeof *end), *z = mem_alloc(rows * steps * D, sizeof *z);
    data_range(task.data, 0, 2 * rows, x);
    const vae_batch_t ends = labels_batch(task.model, task.data, 0, 2 * rows, x);
    must(vae_encode_batch(task.session, &ends, end, NULL));
    for (int64_t i = 0; i < rows * steps * D; i++) {
        const int64_t row = i / (steps * D), d = i % D;
        const float t = (float)(i / D % steps) / (float)(steps - 1);
        z[i] = (1.0f - t) * end[2 * row * D + d] + t * end[(2 * row + 1) * D + d];
    }
    vae_batch_t walk = {.struct_size = sizeof walk, .n = rows * steps};
    int32_t *label = mem_alloc(rows * steps, sizeof *label);
    for (int64_t i = 0; i < rows * steps && ends.label; i++) label[i] = ends.label[i / steps * 2];
    if (ends.label) walk.label = label;
    must(vae_decode_batch(task.session, &walk, z, x));
    free(label);
    const extent_t extent = picture_extent(task.model, task.data);
    if (text) text_write(task.output, task.model, x, rows * steps, steps);
    else picture_write(task.output, x, rows * steps, &extent, steps);
    free(x);
    free(end);
    free(z);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("a grid of pictures, grid.png, or an array, x.npy; of tokens a text (default: stdout)"),
    {"count", 'n', CLI_INT, "N", "8", "number of pairs of examples; each pair is a row", 1},
    {"steps", 0, CLI_INT, "N", "10", "pictures in a row, both ends included", 2},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_interp = {
    .name = "interp",
    .operands = "MODEL DATA...",
    .summary = "walk from example to example through the latent space",
    .text = "Each row decodes points on the straight line between the posterior means of two\n"
            "examples of DATA: the first and the second, the third and the fourth, and so on. A\n"
            "model with a condition decodes a row with the class of its first example.",
    .example = "  vae interp run/best.safetensors fashion-mnist -o walk.png",
    .options = options,
    .computes = true,
    .run = run,
};
