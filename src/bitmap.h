/* SPDX-License-Identifier: MIT
 * bitmap.h - pictures of 8 bits: read from PNG and JPEG, laid out in a grid, written as PNG. */
#ifndef BITMAP_H
#define BITMAP_H

#include "bitmap_fit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image {
    int64_t h, w, c; /* c: 1 grey or 3 red, green, blue; 4 with alpha, from bitmap_decode_png_rgba() and
                        of models with four channels */
    uint8_t *pixel;  /* [h][w][c] in fresh memory */
    unsigned notes;  /* what was done to it, of the flags below */
} bitmap_t;

enum {
    BITMAP_ALPHA = 1, /* composed over the background, where it was transparent */
    BITMAP_CMYK = 2,  /* converted from CMYK */
    BITMAP_TURNED = 4 /* stored lying or upside down */
};

/* The largest picture that is read. */
#define BITMAP_MOST_SIDE   16384
#define BITMAP_MOST_PIXELS ((int64_t)1 << 26)

bool bitmap_is(const uint8_t *head, size_t n);

/* Read a PNG or JPEG file into the small picture that fit makes, with transparent pixels over the background; fit_end() gives it,
 * fit_free() is the caller's. *seen gets the file's size, channels and notes. False with a reason in why. */
#define BITMAP_WHY 160
bool bitmap_read(bitmap_t *seen, fit_t *fit, const char *path, const uint8_t background[3], char why[BITMAP_WHY]);

/* True if a picture of this size is read; else why not. */
bool bitmap_size_read(int64_t h, int64_t w, int64_t most_side, char why[BITMAP_WHY]);

/* Write a PNG of 1, 3 or 4 channels. */
void bitmap_write(const bitmap_t *image, const char *path);

bitmap_t bitmap_new(int64_t h, int64_t w, int64_t c, uint8_t value);
void bitmap_free(bitmap_t *image);

/* Set the colours of a rectangle to one value, and its alpha, if it has one, to solid. */
void bitmap_fill(bitmap_t *image, int64_t left, int64_t top, int64_t right, int64_t bottom, uint8_t value);

/* A picture in memory, cropped and scaled to h x w x c (bitmap_fit.h). */
void bitmap_fit(const bitmap_t *image, int64_t h, int64_t w, int64_t c, uint8_t *pixel);

/* A grid of n pictures x[n][h][w][c] with values 0..1 (clamped), row by row; small ones are magnified by a whole
 * factor. */
bitmap_t bitmap_grid(const float *x, int64_t n, int64_t h, int64_t w, int64_t c, int64_t columns);

/* The columns that make n pictures a grid about as wide as high. */
int64_t bitmap_columns(int64_t n);

/* The decoders. False with a reason in why. */
bool bitmap_decode_png(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]);
bool bitmap_decode_jpeg(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, char why[BITMAP_WHY]);
/* A PNG as a whole, R G B A, of a side of its own at most. */
bool bitmap_decode_png_rgba(bitmap_t *image, const uint8_t *byte, size_t size, int64_t most_side, char why[BITMAP_WHY]);

#endif
