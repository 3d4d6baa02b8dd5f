/* SPDX-License-Identifier: MIT
 * bitmap.h - pictures of 8 bits: reads the formats of bitmap_formats.def, arranges pictures in a grid, writes PNG. */
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
    unsigned notes;  /* how it was changed, by the flags below */
} bitmap_t;

enum {
    BITMAP_ALPHA = 1,  /* its transparent pixels were composed over the background */
    BITMAP_CMYK = 2,   /* converted from CMYK */
    BITMAP_TURNED = 4, /* the file stores it rotated or upside down */
    BITMAP_FIRST = 8   /* it is the first of several pictures of its file, such as frames or pages */
};

/* The largest picture that is read. */
#define BITMAP_MOST_SIDE   16384
#define BITMAP_MOST_PIXELS ((int64_t)1 << 26)
/* The largest image, in bytes, that must be in memory as a whole. */
#define BITMAP_MOST_WHOLE ((int64_t)1 << 27)

#define BITMAP_WHY 160

/* A format: the first bytes of its files, and its decoder, which does for the bytes of a file what bitmap_read() describes. decode is
 * NULL if the program was built without the library. */
typedef struct bitmap_format {
    const char *name, *library;
    bool (*is)(const uint8_t *head, size_t n);
    bool (*decode)(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]);
} bitmap_format_t;

/* The formats in the order of bitmap_formats.def; NULL past the last. */
const bitmap_format_t *bitmap_format(size_t i);

/* Returns the format of a file by its first bytes, or NULL if it is none of them. BITMAP_HEAD bytes are enough. */
#define BITMAP_HEAD 16
const bitmap_format_t *bitmap_format_of(const uint8_t *head, size_t n);

/* Returns "PNG, JPEG and BMP" in fresh memory: the formats that are read, or those whose library was missing when the program was built;
 * "" if there are none. */
char *bitmap_formats_text(bool read);

/* Reads a picture file into the small picture that `fit` makes, with transparent pixels over the background. fit_end() returns that
 * picture, and the caller calls fit_free(). If the height of `fit` is 0, no pixel is decoded. *seen receives the file's size, channels
 * and notes. Returns false with a reason in why. */
bool bitmap_read(bitmap_t *seen, fit_t *fit, const char *path, const uint8_t background[3], char why[BITMAP_WHY]);

/* Returns true if pictures of this size are read; otherwise false, with the reason in why. */
bool bitmap_size_read(int64_t h, int64_t w, int64_t most_side, char why[BITMAP_WHY]);

/* Writes a PNG of 1, 3 or 4 channels. */
void bitmap_write(const bitmap_t *image, const char *path);

bitmap_t bitmap_new(int64_t h, int64_t w, int64_t c, uint8_t value);
void bitmap_free(bitmap_t *image);

/* Sets the colours of a rectangle to one value, and its alpha, if it has one, to opaque. */
void bitmap_fill(bitmap_t *image, int64_t left, int64_t top, int64_t right, int64_t bottom, uint8_t value);

/* Crops and scales a picture in memory to h x w x c (bitmap_fit.h). */
void bitmap_fit(const bitmap_t *image, int64_t h, int64_t w, int64_t c, uint8_t *pixel);

/* Makes a grid of n pictures x[n][h][w][c] with values 0..1 (clamped), row by row. Small pictures are magnified by a whole factor. */
bitmap_t bitmap_grid(const float *x, int64_t n, int64_t h, int64_t w, int64_t c, int64_t columns);

/* The number of columns with which a grid of n pictures is about as wide as high. */
int64_t bitmap_columns(int64_t n);

/* Composes a row of w pixels R G B A over the background, as R G B; returns true if any of them was transparent. */
bool bitmap_over(const uint8_t *rgba, int64_t w, const uint8_t background[3], uint8_t *rgb);

/* Decodes a whole PNG as R G B A, with its own limit for the side. */
bool bitmap_decode_png_rgba(bitmap_t *image, const uint8_t *byte, size_t size, int64_t most_side, char why[BITMAP_WHY]);

#endif
