/* SPDX-License-Identifier: MIT
 * task.h - operands and options that the commands with a model share: MODEL, DATA, --split, --limit, --output, --force. */
#ifndef TASK_H
#define TASK_H

#include "cli.h"
#include "data_options.h"
#include <vae/vae.h>

typedef struct task {
    vae_ctx_t *ctx;
    vae_model_t *model;
    vae_session_t *session;
    data_set_t set;
    const data_t *data; /* the chosen split; NULL if the command has no DATA */
    int64_t n;          /* the number of its examples, after --limit */
    const char *output; /* NULL if the command has none */
} task_t;

/* Check the output's name first, then load MODEL, operand number `first`, and, if the operands behind it are data, DATA. */
void task_open_at(task_t *task, const cli_t *cli, size_t first, bool with_output, bool with_data);
/* The same with MODEL as the first operand. */
void task_open(task_t *task, const cli_t *cli, bool with_output, bool with_data);
/* Dies if the output has no name, unless the model makes lines of tokens, which go to stdout. */
void task_require_output(const task_t *task);
void task_close(task_t *task);

#define TASK_OUTPUT(what)                                              \
    {"output", 'o', CLI_TEXT, "FILE", "", what, 0}, {                  \
        "force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0 \
    }

#define TASK_DATA                                                                                \
    {"split", 0, CLI_CHOICE, "test|train", "test", "which part of DATA, where it has parts", 0}, \
        {"limit", 0, CLI_INT, "N", "", "the first N examples only", 1}, DATA_OPTIONS

#endif
