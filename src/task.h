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

/* Checks the output's name, loads MODEL, which is operand number `first`, and then, if with_data, DATA, the operands after MODEL. */
void task_open_at(task_t *task, const cli_t *cli, size_t first, bool with_output, bool with_data);
/* Calls task_open_at() with MODEL as the first operand. */
void task_open(task_t *task, const cli_t *cli, bool with_output, bool with_data);
/* Dies if the output has no name, unless the model makes lines of tokens, which go to stdout. */
void task_require_output(const task_t *task);
void task_close(task_t *task);

#define TASK_OUTPUT(what)                                              \
    {"output", 'o', CLI_TEXT, "FILE", "", what, 0}, {                  \
        "force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0 \
    }

#define TASK_DATA                                                                                    \
    {"split", 0, CLI_CHOICE, "test|train", "test", "the part of DATA to use, if DATA has parts", 0}, \
        {"limit", 0, CLI_INT, "N", "", "use only the first N examples", 1}, DATA_OPTIONS

#endif
