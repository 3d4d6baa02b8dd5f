/* SPDX-License-Identifier: MIT
 * console.h - the output of the program: exit codes, sentences on stderr, one live line on a terminal.
 *
 * Results go to stdout, everything here goes to stderr. The live line is the last line of a terminal, rewritten in
 * place; any sentence first clears it. If stderr is not a terminal there is no live line.
 *
 * Sentences contain names and contents of files. All of them pass one filter (escape.h): a control character, a mark
 * of direction or a byte that is no UTF-8 is shown by its number, so that no data reaches the terminal as a command. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <vae/vae.h>

enum {
    EXIT_DONE = 0,
    EXIT_RUNTIME = 1,      /* the system or the library could not */
    EXIT_USAGE = 2,        /* the command line is wrong */
    EXIT_FORMAT = 3,       /* data or a model file is damaged or of another kind */
    EXIT_DIVERGED = 4,     /* training left the finite numbers */
    EXIT_HUNG_UP = 129,    /* training stopped and saved, after SIGHUP */
    EXIT_INTERRUPTED = 130 /* the same, after Ctrl-C or SIGTERM */
};

/* No sentences but errors and warnings. */
void console_quiet(bool quiet);

/* True if stderr is a terminal that takes a live line. */
bool console_live(void);

/* The columns of the terminal behind stderr, 80 if they are not known. */
int console_width(void);

/* Rewrite the live line; "" clears it. Longer lines are cut to the terminal's width. Does nothing if not
 * console_live(). */
void console_line(const char *line);

/* A sentence, a warning. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A sentence behind a title in bold. */
void say_titled(const char *title, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The standard output takes a file: results in words go to stderr. */
void console_stdout_is_data(void);

/* A sentence to stdout: a result. */
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text through the filter; line ends stay. For names within a table on stdout. */
void print_filtered(FILE *stream, const char *text);

/* "vae: sentence" and exit with the code. */
noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Die with the library's sentence unless status is VAE_OK: must() with the exit code that suits the status, must_or()
 * with the given one. */
void must(vae_status_t status);
void must_or(vae_status_t status, int code);

#endif
