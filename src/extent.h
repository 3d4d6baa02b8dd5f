/* SPDX-License-Identifier: MIT
 * extent.h - the sizes of one example: 1 to 4, channels last. */
#ifndef EXTENT_H
#define EXTENT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct extent {
    int32_t n; /* sizes used; 0: not known */
    int64_t size[4];
} extent_t;

extent_t extent_image(int64_t h, int64_t w, int64_t c);

/* The product of the sizes; -1 if it overflows. */
int64_t extent_total(const extent_t *extent);

bool extent_equal(const extent_t *a, const extent_t *b);

/* True if values of one lie in the same order as values of the other: equal sizes, but for sizes of 1, or one of them flat. */
bool extent_fits(const extent_t *a, const extent_t *b);

/* True if they have the same sizes in another order. */
bool extent_permuted(const extent_t *a, const extent_t *b);

/* "28x28x1" into text[cap]; returns text. */
#define EXTENT_TEXT 88
const char *extent_text(const extent_t *extent, char text[EXTENT_TEXT]);

/* The extent as a picture h x w x c with 1 or 3 channels; a plain row of a square number of values counts as a grey
 * square. False if it is no picture. */
bool extent_picture(const extent_t *extent, int64_t *h, int64_t *w, int64_t *c);

/* The same with 4 channels too, of which the last is alpha: what is drawn, not what is loaded. */
bool extent_drawable(const extent_t *extent, int64_t *h, int64_t *w, int64_t *c);

#endif
