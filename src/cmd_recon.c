/* SPDX-License-Identifier: MIT
 * cmd_recon.c - vae recon: shows examples and, below them, their reconstructions. */
#include "console.h"
#include "mem.h"
#include "pictures.h"
#include "task.h"

static int run(const cli_t *cli) {
    task_t task;
    task_open(&task, cli, true, true);
    if (picture_is_array(task.output)) die(EXIT_USAGE, "recon writes a picture, wanted a name that ends in .png");
    const int64_t n = cli_int(cli, "count") < task.n ? cli_int(cli, "count") : task.n;
    const extent_t extent = picture_extent(task.model, task.data);
    picture_reconstructions(task.output, task.session, task.model, task.data, n, &extent, cli_int(cli, "columns"));
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("the picture, grid.png"),
    {"count", 'n', CLI_INT, "N", "40", "number of examples", 1},
    {"columns", 0, CLI_INT, "N", "10", "examples in a row", 1},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_recon = {
    .name = "recon",
    .operands = "MODEL DATA...",
    .summary = "show examples and their reconstructions",
    .text = "Writes rows of examples, each above the row of their reconstructions, decoded from\n"
            "the mean of the posterior. vae help train describes DATA.",
    .example = "  vae recon run/best.safetensors fashion-mnist -o recon.png",
    .options = options,
    .computes = true,
    .run = run,
};
