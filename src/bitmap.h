/* SPDX-License-Identifier: MIT
 * bitmap.h - pictures of 8 bits: read from the formats of bitmap_formats.def, laid out in a grid, written as PNG. */
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
    BITMAP_ALPHA = 1,  /* composed over the background, where it was transparent */
    BITMAP_CMYK = 2,   /* converted from CMYK */
    BITMAP_TURNED = 4, /* stored lying or upside down */
    BITMAP_FIRST = 8   /* the first of several pictures of its file: an animation, pages */
};

/* The largest picture that is read. */
#define BITMAP_MOST_SIDE   16384
#define BITMAP_MOST_PIXELS ((int64_t)1 << 26)
/* Bytes of an image that must stand in memory whole. */
#define BITMAP_MOST_WHOLE ((int64_t)1 << 27)

#define BITMAP_WHY 160

/* A format: what its files begin with, and its decoder, which makes of a file's bytes what bitmap_read() says. decode is NULL where the
 * program was built without the library. */
typedef struct bitmap_format {
    const char *name, *library;
    bool (*is)(const uint8_t *head, size_t n);
    bool (*decode)(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]);
} bitmap_format_t;

/* The formats in the order of bitmap_formats.def; NULL past the last. */
const bitmap_format_t *bitmap_format(size_t i);

/* The format of a file by its first bytes, NULL if it is none of them. BITMAP_HEAD bytes are enough. */
#define BITMAP_HEAD 16
const bitmap_format_t *bitmap_format_of(const uint8_t *head, size_t n);

/* "PNG, JPEG and BMP": the formats that are read, or those whose library was missing when the program was built; "" if there are none. In
 * fresh memory. */
char *bitmap_formats_text(bool read);

/* Read a picture file into the small picture that fit makes, with transparent pixels over the background; fit_end() gives it,
 * fit_free() is the caller's. A fit of no height only looks: no pixel is decoded. *seen gets the file's size, channels and notes. False
 * with a reason in why. */
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

/* A row of w pixels R G B A over the background, as R G B; true if any of them was transparent. */
bool bitmap_over(const uint8_t *rgba, int64_t w, const uint8_t background[3], uint8_t *rgb);

/* A PNG as a whole, R G B A, of a side of its own at most. */
bool bitmap_decode_png_rgba(bitmap_t *image, const uint8_t *byte, size_t size, int64_t most_side, char why[BITMAP_WHY]);

#endif
