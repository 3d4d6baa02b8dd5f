/* SPDX-License-Identifier: MIT
 * program.c - runs parts of the vae program in a target: a console without a terminal and without exit.
 *
 * The program ends at the first error, so its loaders do not free anything after an error. In a target, die() of console.h
 * jumps back instead of exiting: limits.c frees the memory, and the list below closes the streams and descriptors. The
 * linker redirects fopen, fdopen and fclose of the program to functions of this file (--wrap), which keep the list. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "fuzz.h"

static jmp_buf back;
static bool running;

/* ---- console.h -------------------------------------------------------------------------------------------------- */

/* The sentence is made in full, so that a sanitizer sees what it reads. */
static void speak(const char *format, va_list args) {
    static char line[1 << 16];
    const int n = vsnprintf(line, sizeof line, format, args);
    if (n <= 0) fuzz_broken("a message is empty");
}

void console_quiet(bool quiet) {
    (void)quiet;
}

bool console_live(void) {
    return false;
}

int console_width(void) {
    return 80;
}

void console_line(const char *line) {
    (void)line;
}

void say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    speak(format, args);
    va_end(args);
}

void warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    speak(format, args);
    va_end(args);
}

noreturn void die(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    speak(format, args);
    va_end(args);
    if (code < EXIT_RUNTIME || code > EXIT_DIVERGED) fuzz_broken("an error with the exit code of something else");
    if (!running) fuzz_broken("an error outside of fuzz_program()");
    longjmp(back, 1);
}

void must_or(vae_status_t status, int code) {
    if (status == VAE_OK) return;
    fuzz_sentence();
    die(code, "%s", vae_last_error());
}

void must(vae_status_t status) {
    must_or(status, EXIT_RUNTIME);
}

void say_titled(const char *title, const char *format, ...) {
    va_list args;
    if (!title[0]) fuzz_broken("a title is empty");
    va_start(args, format);
    speak(format, args);
    va_end(args);
}

void print_line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    speak(format, args);
    va_end(args);
}

void console_stdout_is_data(void) {}

void print_filtered(FILE *stream, const char *text) {
    (void)stream;
    (void)text;
}

/* ---- open files ------------------------------------------------------------------------------------------------- */

enum { STREAMS = 32 };
static FILE *stream[STREAMS];

FILE *__real_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int descriptor, const char *mode);
int __real_fclose(FILE *file);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fdopen(int descriptor, const char *mode);
int __wrap_fclose(FILE *file);

static FILE *note(FILE *file) {
    int i = 0;
    while (running && file && i < STREAMS && stream[i]) i++;
    if (running && file && i < STREAMS) stream[i] = file;
    return file;
}

FILE *__wrap_fopen(const char *path, const char *mode) {
    return note(__real_fopen(path, mode));
}

FILE *__wrap_fdopen(int descriptor, const char *mode) {
    return note(__real_fdopen(descriptor, mode));
}

int __wrap_fclose(FILE *file) {
    for (int i = 0; i < STREAMS; i++)
        if (stream[i] == file) stream[i] = NULL;
    return __real_fclose(file);
}

static void close_all(int first) {
    for (int i = 0; i < STREAMS; i++)
        if (stream[i]) (void)__wrap_fclose(stream[i]);
    for (int i = first; i < first + STREAMS; i++) (void)close(i);
}

bool fuzz_program(void (*piece)(void *user), void *user) {
    const int first = dup(STDERR_FILENO);
    (void)close(first);
    running = true;
    fuzz_memory_begin();
    if (setjmp(back) == 0) {
        piece(user);
        fuzz_memory_end(false);
        running = false;
        for (int i = 0; i < STREAMS; i++)
            if (stream[i]) fuzz_broken("a file stays open");
        return true;
    }
    close_all(first);
    fuzz_memory_end(true);
    running = false;
    return false;
}

bool fuzz_program_runs(void) {
    return running;
}

/* ---- input as a file -------------------------------------------------------------------------------------------- */

static char folder[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static void remove_folder(void) {
    if (getpid() == owner) (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_folder(void) {
    if (folder[0]) return folder;
    snprintf(folder, sizeof folder, "%s/vae-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) fuzz_broken("no folder for the inputs");
    owner = getpid();
    if (atexit(remove_folder) != 0) fuzz_broken("atexit");
    return folder;
}

static char path[256];

const char *fuzz_empty_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (mkdir(path, 0777) != 0) fuzz_broken("no empty folder");
    return path;
}

const char *fuzz_file(const char *name, const void *data, size_t size) {
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *file = __real_fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || __real_fclose(file) != 0) fuzz_broken("an input as a file");
    return path;
}
