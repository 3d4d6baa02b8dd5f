/* SPDX-License-Identifier: MIT
 * target_command.c - runs whole commands of the program in a temporary folder. The input is a text of commands and files:
 *
 *     train set -o run --model m.txt --steps 1        a command line; its words are divided by single spaces
 *     VAE_DATA=set                                    the environment of the commands that follow, "." at first; `VAE_DATA` removes it
 *     === m.txt                                       a file: its bytes end at the next line that begins with ===
 *     === set/                                        a folder
 *     === set/b.png -> ../other.png                   a link
 *     === set/pipe|                                   neither file nor folder
 *
 * It runs `train` and `encode`, which bounds.c limits. The commands change the working folder, so libFuzzer needs an absolute
 * -artifact_prefix. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "console.h"
#include "fuzz.h"

enum { MOST_LINES = 6, MOST_WORDS = 32, MOST_FILES = 320, MOST_NAME = 200 };

static const char mark[] = "=== ";
enum { MARK = sizeof mark - 1 };

/* Where the bytes begin, at their start or behind a line's end, with the mark; else their end. */
static const uint8_t *next_mark(const uint8_t *from, const uint8_t *end) {
    for (const uint8_t *p = from; (size_t)(end - p) >= MARK; p++)
        if (memcmp(p, mark, MARK) == 0 && (p == from || p[-1] == '\n')) return p;
    return end;
}

/* Does the name stay in the folder? */
static bool stays(const char *name) {
    return name[0] != '/' && !strstr(name, "..") && !strstr(name, "=/");
}

static void make_folders(char *name) {
    for (char *p = name; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        (void)mkdir(name, 0777);
        *p = '/';
    }
}

/* What cannot be made, such as a file whose name is a folder's, is left out. */
static void make_one(char *name, const uint8_t *data, size_t size) {
    char *arrow = strstr(name, " -> ");
    const size_t n = strlen(name);
    if (arrow) *arrow = '\0';
    if (n == 0 || !stays(name)) return;
    make_folders(name);
    if (arrow) {
        const char *target = arrow + 4 + (strncmp(arrow + 4, "../", 3) == 0 ? 3 : 0);
        if (stays(target)) (void)!symlink(arrow + 4, name);
    } else if (name[n - 1] == '|') {
        name[n - 1] = '\0';
        (void)mkfifo(name, 0666);
    } else if (name[n - 1] != '/') {
        const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0) return;
        MUST_HOLD(write(fd, data, size) == (ssize_t)size);
        (void)close(fd);
    }
}

static void make_files(const uint8_t *p, const uint8_t *end) {
    for (int i = 0; p < end && i < MOST_FILES; i++) {
        const uint8_t *line = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *data = line ? line + 1 : end, *next = next_mark(data, end);
        const size_t length = (size_t)((line ? line : end) - p) - MARK;
        char name[MOST_NAME];
        if (length < sizeof name) {
            memcpy(name, p + MARK, length);
            name[length] = '\0';
            const size_t size = (size_t)(next - data);
            make_one(name, data, size > 0 && next < end ? size - 1 : size); /* the line's end before the mark is no part of it */
        }
        p = next;
    }
}

typedef struct command {
    char *word[MOST_WORDS + 1];
    int n;
} command;

static void run_words(void *user) {
    command *c = user;
    const int code = cli_main(c->n, c->word);
    MUST_HOLD(code == EXIT_DONE || code == EXIT_DIVERGED);
}

/* Commands that end, and outputs in the folder. The textures that the machine has in its own folder, where VAE_DATA is not set, take
 * seconds under a sanitizer. */
static bool is_safe(const command *c) {
    const char *const folder = getenv("VAE_DATA");
    if (c->n < 2 || (strcmp(c->word[1], "train") != 0 && strcmp(c->word[1], "encode") != 0)) return false;
    for (int i = 2; i < c->n; i++) {
        const char *word = c->word[i];
        if (!stays(word) || (word[0] == '-' && strchr(word, '/'))) return false;
        if ((!folder || !*folder) && strcmp(word, "freedoom") == 0) return false;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return false; /* a page of text for each input */
    }
    return true;
}

static void run_line(char *text) {
    static char program[] = "vae";
    command c = {.word = {program}, .n = 1};
    if (strncmp(text, "VAE_DATA=", 9) == 0) {
        if (stays(text + 9)) MUST_HOLD(setenv("VAE_DATA", text + 9, 1) == 0);
        return;
    }
    if (strcmp(text, "VAE_DATA") == 0) {
        MUST_HOLD(unsetenv("VAE_DATA") == 0);
        return;
    }
    for (char *p = text; p && c.n < MOST_WORDS;) {
        c.word[c.n++] = p;
        p = strchr(p, ' ');
        if (p) *p++ = '\0';
    }
    if (is_safe(&c)) (void)fuzz_program(run_words, &c);
}

void fuzz_one(const uint8_t *data, size_t size) {
    const uint8_t *end = data + size, *files = next_mark(data, end);
    char *text = malloc((size_t)(files - data) + 1);
    const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST_HOLD(text && here >= 0);
    memcpy(text, data, (size_t)(files - data));
    text[files - data] = '\0';
    MUST_HOLD(chdir(fuzz_empty_folder("command")) == 0 && setenv("VAE_DATA", ".", 1) == 0);
    make_files(files, end);
    char *line = text;
    for (int i = 0; line && *line && i < MOST_LINES; i++) {
        char *next = strchr(line, '\n');
        if (next) *next++ = '\0';
        run_line(line);
        line = next;
    }
    MUST_HOLD(fchdir(here) == 0);
    (void)close(here);
    free(text);
}
