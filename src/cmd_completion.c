/* SPDX-License-Identifier: MIT
 * cmd_completion.c - vae completion: print the completion script of a shell. */
#include "cli.h"

static int run(const cli_t *cli) {
    return completion_print(cli_operand(cli, 0));
}

static const cli_option_t options[] = {{.name = NULL}};

const cli_command_t command_completion = {
    .name = "completion",
    .operands = "SHELL",
    .summary = "print the completion script for bash, zsh or fish",
    .text = "Prints a script that completes commands and options in the SHELL bash, zsh or\nfish.",
    .example = "  vae completion bash > ~/.local/share/bash-completion/completions/vae\n"
               "  vae completion fish > ~/.config/fish/completions/vae.fish",
    .options = options,
    .run = run,
};
