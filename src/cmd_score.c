/* SPDX-License-Identifier: MIT
 * cmd_score.c - vae score: writes a table of how well a model explains each example. */
#include "console.h"
#include "csv.h"
#include "files.h"
#include "rank.h"
#include "score.h"
#include "task.h"

#include <stdlib.h>

static void write_table(const task_t *task, const bounds_t *scores) {
    static const char *const head[] = {"example", "loss", "recon", "rate"};
    const data_t *data = task->data;
    strbuf_t table = {0};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) csv_text(&table, head[i]);
    if (data->label) csv_text(&table, "label");
    if (data->name) csv_text(&table, "file");
    csv_end_line(&table);
    for (int64_t i = 0; i < task->n; i++) {
        csv_int(&table, (long long)i);
        csv_real(&table, -scores->elbo[i]);
        csv_real(&table, scores->recon[i]);
        csv_real(&table, scores->rate[i]);
        if (data->label) csv_int(&table, data->label[i]);
        if (data->name) csv_text(&table, data->name[i]);
        csv_end_line(&table);
    }
    file_write_text(task->output, table.s);
    free(table.s);
}

/* Prints the examples that the model explains worst, one on each line. */
static void print_worst(const task_t *task, const bounds_t *scores, int64_t count) {
    ranked_t *ranked = mem_alloc(task->n, sizeof *ranked);
    for (int64_t i = 0; i < task->n; i++) ranked[i] = (ranked_t){-scores->elbo[i], i};
    rank_largest_first(ranked, task->n);
    for (int64_t k = 0; k < count && k < task->n; k++) {
        const int64_t i = ranked[k].example;
        print_line("%12.2f  %s%lld%s%s", ranked[k].value, "example ", (long long)i, task->data->name ? "  " : "",
                   task->data->name ? task->data->name[i] : "");
    }
    free(ranked);
}

static int run(const cli_t *cli) {
    task_t task;
    task_open(&task, cli, true, true);
    if (!path_ends(task.output, ".csv") && !path_is_stdout(task.output))
        die(EXIT_USAGE, "%s: the table's name must end in .csv", task.output);
    bounds_t scores;
    must(bounds_of(&scores, task.session, task.model, task.data, task.n, cli_int(cli, "samples"), (uint64_t)cli_int(cli, "seed")));
    console_line("");
    write_table(&task, &scores);
    print_worst(&task, &scores, cli_int(cli, "worst"));
    bounds_free(&scores);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("the table, scores.csv"),
    {"worst", 0, CLI_INT, "N", "10", "also print the N examples with the largest loss, the largest first", 0},
    {"samples", 'k', CLI_INT, "K", "1", "draw K latents for each example and average", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal draws", 0},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_score = {
    .name = "score",
    .operands = "MODEL DATA...",
    .summary = "write how well a model explains each example, and print the worst",
    .text = "The table has a line for each example: its number, loss, recon and rate in nats, and\n"
            "its label and its file if it has them. The loss, recon + rate, is minus the evidence\n"
            "lower bound, so an example that differs from the training data has a large loss. vae\n"
            "help train describes DATA.",
    .example = "  vae score run/best.safetensors photos/ -o scores.csv --worst 20",
    .options = options,
    .computes = true,
    .run = run,
};
