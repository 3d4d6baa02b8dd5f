/* SPDX-License-Identifier: MIT
 * cli.h - the command line as tables.
 *
 * Each command is one file with one table of options and one line in commands.def. The tables drive the parser,
 * --help, the man page and the shell completions, so these cannot disagree. A command reads its options by name. A
 * name that is in no table is a mistake of this program, and ends it. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_INT, CLI_CHOICE, CLI_LIST } cli_kind_t;

typedef struct cli_option {
    const char *name; /* without the dashes */
    char letter;      /* its short form, or 0 */
    cli_kind_t kind;
    const char *arg;           /* the value's name in the help; the choices "a|b|c" of a CLI_CHOICE */
    const char *default_value; /* the default as text, "" if there is none */
    const char *text;          /* one line */
    int64_t least;             /* smallest value of a CLI_INT */
} cli_option_t;

typedef struct cli cli_t;

typedef struct cli_command {
    const char *name;
    const char *operands;        /* "MODEL DATA..."; "[NAME]" may be left out, the last one with "..." may be given several times */
    const char *summary;         /* one line, without a full stop */
    const char *text;            /* paragraphs of the help and the man page, wrapped at 80 columns */
    const char *example;         /* one command line on each line */
    const cli_option_t *options; /* ends with a NULL name */
    bool computes;               /* the options --threads, --arith, --isa apply too */
    int (*run)(const cli_t *cli);
} cli_command_t;

/* All commands in the order of the help; NULL past the last. */
const cli_command_t *cli_command(size_t i);
const cli_command_t *cli_command_find(const char *name);

/* Returns the i-th option of a command, with the common ones; NULL past the last. */
const cli_option_t *cli_option(const cli_command_t *command, size_t i);

/* Parses and runs: argv[0] is the program, argv[1] the command. Returns the exit code. */
int cli_main(int argc, char **argv);

/* The values on the command line. An option that was not given has its default. */
bool cli_given(const cli_t *cli, const char *name);
bool cli_flag(const cli_t *cli, const char *name);
const char *cli_text(const cli_t *cli, const char *name); /* "" if it was not given and has no default */
int64_t cli_int(const cli_t *cli, const char *name);
/* The i-th value of the command's CLI_LIST option, and the i-th operand; NULL past the last. */
const char *cli_list(const cli_t *cli, size_t i);
const char *cli_operand(const cli_t *cli, size_t i);
/* Returns the operands from the i-th on, and their number. */
const char *const *cli_operands(const cli_t *cli, size_t i, size_t *n);

/* help.c, completion.c */
void help_overview(FILE *stream);
void help_command(const cli_command_t *command);
void help_man_page(void);
int completion_print(const char *shell);

#endif
