/* SPDX-License-Identifier: MIT
 * task.c - opens a model and data. */
#include "task.h"
#include "console.h"
#include "engine.h"
#include "files.h"
#include "labels.h"

static void open_data(task_t *task, const cli_t *cli, size_t first) {
    const extent_t input = model_input(task->model);
    data_way_t way = data_way(cli);
    way.tokens = vae_model_token_count(task->model);
    size_t n_source;
    const char *const *source = cli_operands(cli, first, &n_source);
    data_load(&task->set, source, n_source, &input, &way);
    data_check_values(&task->set, false);
    binarize_data(&task->set, binarize_of(cli_text(cli, "binarize")), false);
    labels_check(task->model, &task->set);
    task->data = data_split(&task->set, cli_text(cli, "split"));
    task->n = task->data->n;
    if (cli_given(cli, "limit") && cli_int(cli, "limit") < task->n) task->n = cli_int(cli, "limit");
}

void task_open_at(task_t *task, const cli_t *cli, size_t first, bool with_output, bool with_data) {
    *task = (task_t){0};
    if (with_output) {
        task->output = cli_text(cli, "output");
        if (!task->output[0]) die(EXIT_USAGE, "-o FILE is missing, the file to write");
        refuse_existing(task->output, cli_flag(cli, "force"));
    }
    task->ctx = engine_ctx(cli);
    task->model = engine_load(task->ctx, cli_operand(cli, first));
    if (with_data) open_data(task, cli, first + 1);
    task->session = engine_session(task->model, ENGINE_BATCH);
}

void task_open(task_t *task, const cli_t *cli, bool with_output, bool with_data) {
    task_open_at(task, cli, 0, with_output, with_data);
}

void task_require_output(const task_t *task) {
    if (!task->output && vae_model_token_count(task->model) == 0) die(EXIT_USAGE, "-o FILE is missing, the file to write");
}

void task_close(task_t *task) {
    vae_session_destroy(task->session);
    vae_model_destroy(task->model);
    vae_ctx_destroy(task->ctx);
    data_free(&task->set);
}
