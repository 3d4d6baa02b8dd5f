/* SPDX-License-Identifier: MIT
 * console.h - the output of the program: exit codes, sentences on stderr, one live line on a terminal.
 *
 * Results go to stdout, all other output to stderr. The live line is the last line of a terminal and is rewritten in place;
 * any sentence first clears it. If stderr is not a terminal, there is no live line.
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
    EXIT_RUNTIME = 1,      /* the system or the library failed */
    EXIT_USAGE = 2,        /* the command line is wrong */
    EXIT_FORMAT = 3,       /* a data file or a model file is damaged or has a wrong format */
    EXIT_DIVERGED = 4,     /* the loss of a training was no longer finite */
    EXIT_HUNG_UP = 129,    /* training stopped and saved, after SIGHUP */
    EXIT_INTERRUPTED = 130 /* the same, after Ctrl-C or SIGTERM */
};

/* Turns off all sentences except errors and warnings. */
void console_quiet(bool quiet);

/* Returns true if stderr is a terminal that can show a live line. */
bool console_live(void);

/* The columns of the terminal of stderr, or 80 if they are unknown. */
int console_width(void);

/* Rewrites the live line; "" clears it. A longer line is cut to the terminal's width. Does nothing unless console_live(). */
void console_line(const char *line);

/* Prints a sentence, and a warning. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a sentence behind a bold title. */
void say_titled(const char *title, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Called if the standard output is a file: results in words then go to stderr. */
void console_stdout_is_data(void);

/* Prints a sentence to stdout as a result. */
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints text through the filter, with its line ends; for names within a table on stdout. */
void print_filtered(FILE *stream, const char *text);

/* Prints "vae: sentence" and exits with the code. */
noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Die with the library's sentence unless status is VAE_OK: must() with the exit code that belongs to the status, must_or() with the
 * given code. */
void must(vae_status_t status);
void must_or(vae_status_t status, int code);

#endif
