/* SPDX-License-Identifier: MIT
 * console.c - prints sentences on stderr and the live line.
 *
 * The live line is written as "\r", the text, and the escape that erases to the end of the line. NO_COLOR
 * (no-color.org) turns off bold; TERM=dumb turns off the live line too. No function of this file allocates memory, because
 * it must also report that memory is exhausted. */
#include "console.h"
#include "escape.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MOST_SENTENCE 16384 /* bytes; two of the longest paths fit */

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
    char piece[ESCAPE_TEXT];
    if (!console_live()) return;
    fputc('\r', stderr);
    for (int left = console_width() - 1; *line;) {
        const char *shown = escape_next(&line, piece);
        left -= shown[0] == '\\' ? (int)strlen(shown) : 1;
        if (left < 0) break;
        fputs(shown, stderr);
    }
    fputs("\033[K", stderr);
    fflush(stderr);
    line_open = line[0] != '\0';
}

static void clear_line(void) {
    if (line_open) fputs("\r\033[K", stderr);
    line_open = false;
}

static bool coloured(void) {
    const char *no_color = getenv("NO_COLOR");
    return console_live() && !(no_color && no_color[0]);
}

static void put_filtered(FILE *stream, const char *text, bool keep_lines) {
    char piece[ESCAPE_TEXT];
    while (*text) {
        if (keep_lines && *text == '\n') fputc(*text++, stream);
        else fputs(escape_next(&text, piece), stream);
    }
}

static void __attribute__((format(printf, 2, 0))) put_sentence(FILE *stream, const char *format, va_list args) {
    char text[MOST_SENTENCE];
    const int n = vsnprintf(text, sizeof text, format, args);
    put_filtered(stream, text, false);
    fputs(n >= MOST_SENTENCE ? "...\n" : "\n", stream);
}

static void __attribute__((format(printf, 2, 0))) speak(const char *before, const char *format, va_list args) {
    clear_line();
    fputs(before, stderr);
    put_sentence(stderr, format, args);
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

void say_titled(const char *title, const char *format, ...) {
    if (be_quiet) return;
    const bool bold = coloured();
    va_list args;
    va_start(args, format);
    clear_line();
    if (bold) fputs("\033[1m", stderr);
    put_filtered(stderr, title, false);
    if (bold) fputs("\033[0m", stderr);
    speak("", format, args);
    va_end(args);
}

static bool stdout_is_data;

void console_stdout_is_data(void) {
    stdout_is_data = true;
}

void print_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    put_sentence(stdout_is_data ? stderr : stdout, format, args);
    va_end(args);
}

void print_filtered(FILE *stream, const char *text) {
    put_filtered(stream, text, true);
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
    case VAE_E_LIMIT: return EXIT_FORMAT;
    default: return EXIT_RUNTIME;
    }
}

void must_or(vae_status_t status, int code) {
    if (status != VAE_OK) die(code, "%s", vae_last_error()[0] ? vae_last_error() : vae_status_string(status));
}

void must(vae_status_t status) {
    must_or(status, exit_code(status));
}
