/* SPDX-License-Identifier: MIT
 * extent.h - the sizes of one example: 1 to 4, channels last. */
#ifndef EXTENT_H
#define EXTENT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct extent {
    int32_t n; /* sizes in use; 0: unknown */
    int64_t size[4];
} extent_t;

extent_t extent_image(int64_t h, int64_t w, int64_t c);

/* The product of the sizes; -1 if it overflows. */
int64_t extent_total(const extent_t *extent);

bool extent_equal(const extent_t *a, const extent_t *b);

/* Returns true if values of both have the same order: equal sizes, except for sizes of 1, or one of them flat. */
bool extent_fits(const extent_t *a, const extent_t *b);

/* Returns true if they have the same sizes in another order. */
bool extent_permuted(const extent_t *a, const extent_t *b);

/* Writes "28x28x1" to text[cap]; returns text. */
#define EXTENT_TEXT 88
const char *extent_text(const extent_t *extent, char text[EXTENT_TEXT]);

/* Returns the extent as a picture h x w x c with 1 or 3 channels. A flat row whose number of values is a square is a grey square. False
 * if it is no picture. */
bool extent_picture(const extent_t *extent, int64_t *h, int64_t *w, int64_t *c);

/* The same, also with 4 channels, of which the last is alpha: for pictures that are drawn, not for those that are loaded. */
bool extent_drawable(const extent_t *extent, int64_t *h, int64_t *w, int64_t *c);

#endif
