/* SPDX-License-Identifier: MIT
 * alphabet.h - tokens as characters. Which character a token stands for follows from the number of tokens alone:
 *
 *     27     0 the end, 1..26 the letters a to z; a capital counts as its small letter
 *     96     0 the end, 1..95 the printable characters of ASCII, from the space to ~
 *     256    bytes; 0 the end
 *
 * Behind its end an example is filled with 0. */
#ifndef ALPHABET_H
#define ALPHABET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is there an alphabet of so many tokens? */
bool alphabet_has(int64_t tokens);

/* line[n] as x[T]; false if it is empty, longer than T, or holds a character that the alphabet does not have. */
bool alphabet_read(int64_t tokens, const char *line, size_t n, int64_t T, float *x);

/* Examples x[n][T] as text in fresh memory: a line each, up to its end, without an alphabet as numbers; an empty line between groups of
 * `group` (0: none). */
char *alphabet_lines(int64_t tokens, int64_t T, int64_t n, int64_t group, const float *x);

#endif
