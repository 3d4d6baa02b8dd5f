/* SPDX-License-Identifier: MIT
 * cli.c - parses the command line by the tables of cli.h.
 *
 * Long options have the form --name value or --name=value, short ones -n 64 or -n64. Operands may be anywhere, and "--" ends
 * the options. Every mistake gives one sentence on stderr, with the nearest known name, and exit code 2. */
#include "cli.h"
#include "bitmap.h"
#include "cli_suggest.h"
#include "console.h"
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_OPTIONS 32
#define MOST_LIST    256

typedef struct value {
    const char *text;
    int64_t number;
    bool given;
} value_t;

struct cli {
    const cli_command_t *command;
    value_t value[MOST_OPTIONS];
    const char *list[MOST_LIST];
    const char **operand; /* as long as the number of words */
    size_t n_list, n_operand;
};

#define COMMAND(name) extern const cli_command_t command_##name;
#include "commands.def"
#undef COMMAND

static const cli_command_t *const commands[] = {
#define COMMAND(name) &command_##name,
#include "commands.def"
#undef COMMAND
};

static const cli_option_t common_options[] = {
    {"threads", 0, CLI_INT, "N", "", "compute with N threads (default: one for each processor)", 1},
    {"arith", 0, CLI_CHOICE, "reproducible|blas", "reproducible", "reproducible: equal bits on every machine; blas: products by BLAS", 0},
    {"isa", 0, CLI_CHOICE, "auto|portable|avx2|avx512|neon|wasm128", "auto", "instruction set of the kernels", 0},
};
static const cli_option_t help_option = {"help", 'h', CLI_FLAG, "", "", "show this text", 0};

const cli_command_t *cli_command(size_t i) {
    return i < sizeof commands / sizeof *commands ? commands[i] : NULL;
}

const cli_command_t *cli_command_find(const char *name) {
    for (size_t i = 0; cli_command(i); i++)
        if (strcmp(cli_command(i)->name, name) == 0) return cli_command(i);
    return NULL;
}

const cli_option_t *cli_option(const cli_command_t *command, size_t i) {
    const size_t n_common = command->computes ? sizeof common_options / sizeof *common_options : 0;
    size_t n_own = 0;
    while (command->options[n_own].name) n_own++;
    if (i < n_own) return &command->options[i];
    if (i < n_own + n_common) return &common_options[i - n_own];
    return i == n_own + n_common ? &help_option : NULL;
}

/* Returns the index of the option that has this name of n bytes, or this letter. */
static size_t option_index(const cli_command_t *command, const char *name, size_t n, char letter) {
    size_t i = 0;
    for (const cli_option_t *o; (o = cli_option(command, i)); i++)
        if (letter ? o->letter == letter : strlen(o->name) == n && memcmp(o->name, name, n) == 0) return i;
    return SIZE_MAX;
}

static noreturn void unknown_option(const cli_command_t *command, const char *word, size_t n) {
    char *name = mem_text_n(word, n);
    suggest_t suggest = {.word = name};
    for (size_t i = 0; cli_option(command, i); i++) suggest_try(&suggest, cli_option(command, i)->name);
    die(EXIT_USAGE, "%s: unknown option --%s%s", command->name, name, suggest_text(&suggest, "--"));
}

static bool is_choice(const char *choices, const char *word) {
    const size_t n = strlen(word);
    for (const char *p = choices; p; p = strchr(p, '|')) {
        p += *p == '|';
        if (strncmp(p, word, n) == 0 && (p[n] == '|' || p[n] == '\0')) return n > 0;
    }
    return false;
}

static int64_t parse_int(const cli_option_t *option, const char *word) {
    char *end;
    errno = 0;
    const long long number = strtoll(word, &end, 10);
    if (errno || end == word || *end != '\0') die(EXIT_USAGE, "--%s: \"%s\" is not a whole number", option->name, word);
    if (number < option->least) die(EXIT_USAGE, "--%s: %lld is too small, at least %lld", option->name, number, (long long)option->least);
    return number;
}

static void take_value(cli_t *cli, size_t i, const char *word) {
    const cli_option_t *option = cli_option(cli->command, i);
    value_t *value = &cli->value[i];
    value->given = true;
    value->text = word;
    if (option->kind == CLI_INT) value->number = parse_int(option, word);
    if (option->kind == CLI_CHOICE && !is_choice(option->arg, word))
        die(EXIT_USAGE, "--%s: \"%s\" is none of %s", option->name, word, option->arg);
    if (option->kind == CLI_LIST) {
        if (cli->n_list == MOST_LIST) die(EXIT_USAGE, "--%s: given more than %d times", option->name, MOST_LIST);
        cli->list[cli->n_list++] = word;
    }
}

static void take_operand(cli_t *cli, const char *word) {
    size_t most = 0;
    for (const char *p = cli->command->operands; *p; p++) most += *p != ' ' && (p == cli->command->operands || p[-1] == ' ');
    if (cli->n_operand >= most && !strstr(cli->command->operands, "..."))
        die(EXIT_USAGE, "%s: \"%s\" is one argument too many; usage: vae %s %s", cli->command->name, word, cli->command->name,
            cli->command->operands);
    cli->operand[cli->n_operand++] = word;
}

static void parse(cli_t *cli, int argc, char **argv) {
    bool only_operands = false;
    for (int a = 0; a < argc; a++) {
        const char *word = argv[a];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            take_operand(cli, word);
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_operands = true;
            continue;
        }
        const bool is_long = word[1] == '-';
        const char *name = is_long ? word + 2 : word + 1;
        const size_t n = is_long ? strcspn(name, "=") : 1;
        const size_t i = option_index(cli->command, name, n, is_long ? '\0' : name[0]);
        if (i == SIZE_MAX && !is_long)
            die(EXIT_USAGE, "%s: unknown option %s; vae help %s lists them", cli->command->name, word, cli->command->name);
        if (i == SIZE_MAX) unknown_option(cli->command, name, n);
        const char *rest = is_long ? (name[n] == '=' ? name + n + 1 : NULL) : (name[1] ? name + 1 : NULL);
        if (cli_option(cli->command, i)->kind == CLI_FLAG) {
            if (rest) die(EXIT_USAGE, "--%s takes no value", cli_option(cli->command, i)->name);
            cli->value[i].given = true;
            continue;
        }
        if (!rest && a + 1 == argc) die(EXIT_USAGE, "--%s wants a value", cli_option(cli->command, i)->name);
        take_value(cli, i, rest ? rest : argv[++a]);
    }
}

static void require_operands(const cli_t *cli) {
    const char *p = cli->command->operands;
    for (size_t i = 0; *p; i++) {
        const size_t n = strcspn(p, " ");
        if (p[0] != '[' && i >= cli->n_operand)
            die(EXIT_USAGE, "%s: %.*s is missing; usage: vae %s %s", cli->command->name, (int)strcspn(p, " ."), p, cli->command->name,
                cli->command->operands);
        p += n + (p[n] == ' ');
    }
}

static const value_t *find(const cli_t *cli, const char *name) {
    const size_t i = option_index(cli->command, name, strlen(name), '\0');
    if (i == SIZE_MAX) die(EXIT_RUNTIME, "%s has no option --%s in its table", cli->command->name, name);
    return &cli->value[i];
}

bool cli_given(const cli_t *cli, const char *name) {
    return find(cli, name)->given;
}

bool cli_flag(const cli_t *cli, const char *name) {
    return find(cli, name)->given;
}

const char *cli_text(const cli_t *cli, const char *name) {
    return find(cli, name)->text;
}

int64_t cli_int(const cli_t *cli, const char *name) {
    return find(cli, name)->number;
}

const char *cli_list(const cli_t *cli, size_t i) {
    return i < cli->n_list ? cli->list[i] : NULL;
}

const char *cli_operand(const cli_t *cli, size_t i) {
    return i < cli->n_operand ? cli->operand[i] : NULL;
}

const char *const *cli_operands(const cli_t *cli, size_t i, size_t *n) {
    *n = cli->n_operand > i ? cli->n_operand - i : 0;
    return cli->operand + i;
}

static void set_defaults(cli_t *cli) {
    const cli_option_t *option;
    for (size_t i = 0; (option = cli_option(cli->command, i)); i++) {
        if (i == MOST_OPTIONS) die(EXIT_RUNTIME, "%s has more than %d options", cli->command->name, MOST_OPTIONS);
        cli->value[i].text = option->default_value;
        if (option->kind == CLI_INT && option->default_value[0]) cli->value[i].number = parse_int(option, option->default_value);
    }
}

static noreturn void unknown_command(const char *word) {
    suggest_t suggest = {.word = word};
    for (size_t i = 0; cli_command(i); i++) suggest_try(&suggest, cli_command(i)->name);
    die(EXIT_USAGE, "unknown command \"%s\"%s", word, suggest.best ? suggest_text(&suggest, "") : "; vae help lists the commands");
}

/* Prints which parts this build contains and which not. */
static void print_version(void) {
    char *read = bitmap_formats_text(true), *missing = bitmap_formats_text(false);
    printf("vae %s\n%s\npictures: %s%s%s\n", VAE_VERSION_STRING, vae_build_info(), read,
           missing[0] ? "; built without the libraries of " : "", missing);
    free(read);
    free(missing);
}

int cli_main(int argc, char **argv) {
    if (argc < 2) {
        help_overview(stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        print_version();
        return EXIT_DONE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        help_overview(stdout);
        return EXIT_DONE;
    }
    cli_t cli = {.command = cli_command_find(word), .operand = mem_alloc(argc, sizeof *cli.operand)};
    if (!cli.command) unknown_command(word);
    set_defaults(&cli);
    parse(&cli, argc - 2, argv + 2);
    if (cli_flag(&cli, "help")) {
        help_command(cli.command);
        free(cli.operand);
        return EXIT_DONE;
    }
    require_operands(&cli);
    const int code = cli.command->run(&cli);
    free(cli.operand);
    return code;
}
