/* SPDX-License-Identifier: MIT
 * alphabet.h - tokens as characters. The number of tokens alone decides which character a token means:
 *
 *     27     0 the end, 1..26 the letters a to z; a capital letter is read as the small one
 *     96     0 the end, 1..95 the printable characters of ASCII, from the space to ~
 *     256    bytes; 0 the end
 *
 * Behind its end, an example is filled with 0. */
#ifndef ALPHABET_H
#define ALPHABET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether there is an alphabet of so many tokens. */
bool alphabet_has(int64_t tokens);

/* Reads line[n] into x[T]; returns false if it is empty, longer than T, or has a character that the alphabet does not have. */
bool alphabet_read(int64_t tokens, const char *line, size_t n, int64_t T, float *x);

/* Writes examples x[n][T] as text in fresh memory: one line for each, up to its end, as numbers if there is no alphabet; an empty line
 * separates groups of `group` examples (0: no groups). */
char *alphabet_lines(int64_t tokens, int64_t T, int64_t n, int64_t group, const float *x);

#endif
