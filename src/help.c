/* SPDX-License-Identifier: MIT
 * help.c - writes the help texts and the man page vae(1) from the tables of the commands. */
#include "cli.h"
#include "console.h"

#include <stdio.h>
#include <string.h>

void help_overview(FILE *stream) {
    fprintf(stream, "usage: vae COMMAND [OPTIONS]\n\n"
                    "Trains variational autoencoders and uses them, on the CPU.\n\n");
    for (size_t i = 0; cli_command(i); i++) fprintf(stream, "  %-12s %s\n", cli_command(i)->name, cli_command(i)->summary);
    fprintf(stream, "\nvae help COMMAND explains a command, vae help NAME a layer or another module\n"
                    "(conv2d, gaussian, adam), vae help layer lists the layers. A first run, without\n"
                    "any data:\n\n"
                    "  vae train shapes -o run --epochs 2\n"
                    "  vae recon run shapes -o recon.png\n");
}

/* Writes "-o, --output FILE" to text[cap]. */
static void option_head(const cli_option_t *option, char *text, size_t cap) {
    const char *value = option->kind == CLI_FLAG ? "" : option->arg;
    char letter[8] = "    ";
    if (option->letter) snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(text, cap, "%s--%s%s%s", letter, option->name, value[0] ? " " : "", value);
}

void help_command(const cli_command_t *command) {
    printf("usage: vae %s %s%s[OPTIONS]\n\n%s\n\nOptions\n", command->name, command->operands, command->operands[0] ? " " : "",
           command->text);
    const cli_option_t *option;
    for (size_t i = 0; (option = cli_option(command, i)); i++) {
        char head[96];
        option_head(option, head, sizeof head);
        if (strlen(head) > 28) printf("  %s\n  %-28s", head, "");
        else printf("  %-28s", head);
        printf(" %s", option->text);
        if (option->default_value[0] && option->kind != CLI_FLAG) printf(" (default: %s)", option->default_value);
        putchar('\n');
    }
    if (command->example[0]) printf("\nExamples\n%s\n", command->example);
}

/* Writes text for troff: it escapes a backslash, a dash, and a dot or quote at the beginning of a line. An empty line separates
 * paragraphs; indented lines are not changed. */
static void troff(const char *text) {
    bool line_start = true, table = false;
    for (const char *p = text; *p; p++) {
        if (line_start && *p == '\n') {
            printf(table ? ".fi\n.PP\n" : ".PP\n");
            table = false;
            continue;
        }
        if (line_start && *p == ' ' && !table) {
            printf(".nf\n");
            table = true;
        }
        if (line_start && (*p == '.' || *p == '\'')) printf("\\&");
        if (*p == '\\') printf("\\e");
        else if (*p == '-') printf("\\-");
        else putchar(*p);
        line_start = *p == '\n';
    }
    if (table) printf("\n.fi");
}

static void man_option(const cli_option_t *option) {
    printf(".TP\n");
    if (option->letter) printf("\\fB\\-%c\\fR, ", option->letter);
    printf("\\fB\\-\\-");
    troff(option->name);
    printf("\\fR");
    if (option->kind != CLI_FLAG) {
        printf(" \\fI");
        troff(option->arg);
        printf("\\fR");
    }
    putchar('\n');
    troff(option->text);
    if (option->default_value[0] && option->kind != CLI_FLAG) {
        printf(" (default: ");
        troff(option->default_value);
        putchar(')');
    }
    putchar('\n');
}

static void man_command(const cli_command_t *command) {
    printf(".SS vae %s %s\n", command->name, command->operands);
    troff(command->text);
    putchar('\n');
    for (size_t i = 0; cli_option(command, i); i++) man_option(cli_option(command, i));
    if (command->example[0]) {
        printf(".PP\n");
        troff(command->example);
        putchar('\n');
    }
}

void help_man_page(void) {
    printf(".TH VAE 1 \"\" \"libvae %s\" \"User Commands\"\n"
           ".SH NAME\nvae \\- train variational autoencoders and use them\n"
           ".SH SYNOPSIS\n",
           VAE_VERSION_STRING);
    for (size_t i = 0; cli_command(i); i++)
        printf("%s\\fBvae %s\\fR \\fI%s\\fR [options]\n", i ? ".br\n" : "", cli_command(i)->name, cli_command(i)->operands);
    printf(".SH DESCRIPTION\n"
           "Results go to the standard output, progress and messages to the standard error. The number of\n"
           "threads does not change a bit of any result, unless \\-\\-arith blas was asked for.\n"
           ".SH COMMANDS\n");
    for (size_t i = 0; cli_command(i); i++) man_command(cli_command(i));
    printf(".SH EXIT STATUS\n"
           ".TP\n0\ndone\n.TP\n1\nthe system or the library could not\n.TP\n2\nthe command line is wrong\n"
           ".TP\n3\ndata or a model file is damaged or of another kind\n.TP\n4\ntraining diverged\n"
           ".TP\n130\ninterrupted; what was reached is saved\n"
           ".SH ENVIRONMENT\n"
           ".TP\nVAE_DATA\nthe folder of the data set fashion\\-mnist\n"
           ".TP\nNO_COLOR\nif set, no bold and dim text on the terminal\n");
}
