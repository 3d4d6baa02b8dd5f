/* SPDX-License-Identifier: MIT
 * bitmap_fit.h - scales a picture of any size down row by row, so that the whole picture is never in memory. */
#ifndef BITMAP_FIT_H
#define BITMAP_FIT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct fit {
    int64_t h, w, c; /* the wanted size, set by the caller; the rest starts as 0; with h = 0 no pixel is decoded */
    int64_t rows, columns, channels;
    int orientation;  /* a constant of exif.h: the order of the stored rows and columns */
    int64_t th, tw;   /* h and w in the orientation of the file */
    int64_t y, first; /* the next row, and the first target row that it may overlap */
    double box, top, left;
    float *narrow; /* [tw][channels] of one row */
    double *sum;   /* [th][tw][channels] */
} fit_t;

void fit_begin(fit_t *fit, int64_t rows, int64_t columns, int64_t channels, int orientation);

/* Returns true if only the picture's size and channels are wanted. */
bool fit_only_looks(const fit_t *fit);

/* Takes the next row, uint8[columns][channels]. */
void fit_row(fit_t *fit, const uint8_t *row);

/* Called after the last row: writes pixel[h][w][c]. */
void fit_end(const fit_t *fit, uint8_t *pixel);

/* Frees the memory; allowed at any time, also before fit_begin(). */
void fit_free(fit_t *fit);

#endif
