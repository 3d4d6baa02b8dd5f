/* SPDX-License-Identifier: MIT
 * console.c - sentences on stderr and the live line.
 *
 * The live line is written as "\r", the text, and the escape that erases to the end of the line. NO_COLOR
 * (no-color.org) turns off bold and dim; TERM=dumb turns off the live line too. */
#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool be_quiet;
static bool line_open;

void console_quiet(bool quiet) {
    be_quiet = quiet;
}

bool console_live(void) {
    const char *term = getenv("TERM");
    return !be_quiet && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

int console_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
    return 80;
}

void console_line(const char *line) {
    if (!console_live()) return;
    fprintf(stderr, "\r%.*s\033[K", console_width() - 1, line);
    fflush(stderr);
    line_open = line[0] != '\0';
}

static void clear_line(void) {
    if (line_open) fputs("\r\033[K", stderr);
    line_open = false;
}

static void speak(const char *before, const char *format, va_list args) {
    clear_line();
    fputs(before, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    fflush(stderr);
}

void say(const char *format, ...) {
    if (be_quiet) return;
    va_list args;
    va_start(args, format);
    speak("", format, args);
    va_end(args);
}

void warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    speak("vae: warning: ", format, args);
    va_end(args);
}

noreturn void die(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout);
    speak("vae: ", format, args);
    va_end(args);
    exit(code);
}

static int exit_code(vae_status_t status) {
    switch (status) {
    case VAE_E_SHAPE:
    case VAE_E_SPEC:
    case VAE_E_FORMAT:
    case VAE_E_VERSION:
    case VAE_E_NUMERIC:
    case VAE_E_LIMIT:
        return EXIT_FORMAT;
    default:
        return EXIT_RUNTIME;
    }
}

void must_or(vae_status_t status, int code) {
    if (status != VAE_OK) die(code, "%s", vae_last_error()[0] ? vae_last_error() : vae_status_string(status));
}

void must(vae_status_t status) {
    must_or(status, exit_code(status));
}

static bool coloured(void) {
    const char *no_color = getenv("NO_COLOR");
    return console_live() && !(no_color && no_color[0]);
}

const char *console_bold(void) {
    return coloured() ? "\033[1m" : "";
}

const char *console_dim(void) {
    return coloured() ? "\033[2m" : "";
}

const char *console_plain(void) {
    return coloured() ? "\033[0m" : "";
}
