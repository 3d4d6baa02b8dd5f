/* SPDX-License-Identifier: MIT
 * alphabet.c - converts between tokens and characters. */
#include "alphabet.h"
#include "mem.h"

#include <stdio.h>

enum { LETTERS = 27, PRINTABLE = 96, BYTES = 256 };

bool alphabet_has(int64_t tokens) {
    return tokens == LETTERS || tokens == PRINTABLE || tokens == BYTES;
}

/* Returns 0 if the alphabet does not have the character. */
static int token_of(int64_t tokens, unsigned char c) {
    if (tokens == BYTES) return c;
    if (tokens == PRINTABLE) return c >= ' ' && c <= '~' ? c - ' ' + 1 : 0;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 1;
    return c >= 'a' && c <= 'z' ? c - 'a' + 1 : 0;
}

bool alphabet_read(int64_t tokens, const char *line, size_t n, int64_t T, float *x) {
    if (n == 0 || n > (size_t)T) return false;
    for (int64_t i = 0; i < T; i++) {
        const int token = i < (int64_t)n ? token_of(tokens, (unsigned char)line[i]) : 0;
        if (i < (int64_t)n && token == 0) return false;
        x[i] = (float)token;
    }
    return true;
}

/* Writes one example at `to` and returns the position behind its line. */
static char *put_line(char *to, int64_t tokens, int64_t T, const float *x) {
    const bool known = alphabet_has(tokens);
    for (int64_t i = 0; i < T; i++) {
        const int token = (int)x[i];
        if (!known) to += sprintf(to, "%s%d", i > 0 ? " " : "", token);
        else if (token == 0) break;
        else *to++ = (char)(tokens == BYTES ? token : tokens == PRINTABLE ? ' ' + token - 1 : 'a' + token - 1);
    }
    *to++ = '\n';
    return to;
}

char *alphabet_lines(int64_t tokens, int64_t T, int64_t n, int64_t group, const float *x) {
    enum { DIGITS = 8 }; /* of a token, with the space before it: there are at most 65,536 tokens */
    char *text = mem_alloc(n * (T * DIGITS + 2) + 1, 1), *to = text;
    for (int64_t i = 0; i < n; i++) {
        if (group > 0 && i > 0 && i % group == 0) *to++ = '\n';
        to = put_line(to, tokens, T, x + i * T);
    }
    *to = '\0';
    return text;
}
