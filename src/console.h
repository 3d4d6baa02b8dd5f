/* SPDX-License-Identifier: MIT
 * console.h - how the program speaks: exit codes, sentences on stderr, one live line on a terminal.
 *
 * Results go to stdout, everything here goes to stderr. The live line is the last line of a terminal, rewritten in
 * place; any sentence first clears it. Where stderr is no terminal there is no live line. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdnoreturn.h>
#include <vae/vae.h>

enum {
    EXIT_DONE = 0,
    EXIT_RUNTIME = 1,  /* the system or the library could not */
    EXIT_USAGE = 2,    /* the command line is wrong */
    EXIT_FORMAT = 3,   /* data or a model file is damaged or of another kind */
    EXIT_DIVERGED = 4, /* training left the finite numbers */
    EXIT_INTERRUPTED = 130
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

/* "vae: sentence" and exit with the code. */
noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Die with the library's sentence unless status is VAE_OK: must() with the exit code that suits the status, must_or()
 * with the given one. */
void must(vae_status_t status);
void must_or(vae_status_t status, int code);

/* Text wrapped in the terminal's escape for bold or dim, or "" where colour is not wanted (NO_COLOR, no terminal). */
const char *console_bold(void);
const char *console_dim(void);
const char *console_plain(void);

#endif
