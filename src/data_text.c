/* SPDX-License-Identifier: MIT
 * data_text.c - reads the lines of a text file as examples of tokens (alphabet.h), and Debian's list of English words. */
#include "alphabet.h"
#include "console.h"
#include "data.h"
#include "files.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MOST ((int64_t)1 << 30)

/* Finds the next line of text[size] from *at on, without its end; false past the last. */
static bool next_line(const char *text, size_t size, size_t *at, const char **line, size_t *n) {
    if (*at >= size) return false;
    *line = text + *at;
    const char *end = memchr(*line, '\n', size - *at);
    *n = end ? (size_t)(end - *line) : size - *at;
    *at += *n + 1;
    if (*n > 0 && (*line)[*n - 1] == '\r') --*n;
    return true;
}

void data_load_text(data_set_t *set, const char *path) {
    const int64_t tokens = set->way.tokens, T = extent_total(&set->want);
    size_t size, at = 0, n;
    const char *line;
    int64_t lines = 0, kept = 0;
    if (!alphabet_has(tokens)) die(EXIT_FORMAT, "%s: text is of 27, 96 or 256 tokens, the model has %lld", path, (long long)tokens);
    if (set->want.n != 1) die(EXIT_FORMAT, "%s: lines are sequences of tokens, the model's input has %d sizes", path, set->want.n);
    char *text = (char *)file_read(path, TEXT_MOST, &size);
    while (next_line(text, size, &at, &line, &n)) lines++;
    float *x = mem_alloc((lines > 0 ? lines : 1) * T, sizeof *x);
    for (at = 0; next_line(text, size, &at, &line, &n);) kept += alphabet_read(tokens, line, n, T, x + kept * T);
    free(text);
    if (kept < lines)
        say("%s: %lld of %lld lines are taken; the others are empty, longer than %lld, or hold other characters", path, (long long)kept,
            (long long)lines, (long long)T);
    set->train = (data_t){.n = kept, .extent = set->want, .f32 = x};
}

void data_load_words(data_set_t *set) {
    const char *path = "/usr/share/dict/american-english";
    if (!path_exists(path)) die(EXIT_RUNTIME, "words: %s is not there; Debian's package is wamerican", path);
    if (set->way.tokens == 0) die(EXIT_FORMAT, "words: are tokens, the model takes numbers; --preset text-gru takes them");
    data_load_text(set, path);
}
