/* SPDX-License-Identifier: MIT
 * bitmap_fit.h - scales a picture of any size down row by row, so that the whole picture is never in memory. */
#ifndef BITMAP_FIT_H
#define BITMAP_FIT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct fit {
    int64_t h, w, c; /* what the picture becomes: set by the caller, the rest starts as 0; h is 0 to look only */
    int64_t rows, columns, channels;
    int orientation;  /* of exif.h: how rows and columns are stored */
    int64_t th, tw;   /* h and w as they are stored */
    int64_t y, first; /* the next row, and the first target row that it may reach */
    double box, top, left;
    float *narrow; /* [tw][channels] of one row */
    double *sum;   /* [th][tw][channels] */
} fit_t;

void fit_begin(fit_t *fit, int64_t rows, int64_t columns, int64_t channels, int orientation);

/* True if no pixel is wanted, only the picture's size and channels. */
bool fit_only_looks(const fit_t *fit);

/* The next row, uint8[columns][channels]. */
void fit_row(fit_t *fit, const uint8_t *row);

/* After the last row: pixel[h][w][c]. */
void fit_end(const fit_t *fit, uint8_t *pixel);

/* Give the memory back; at any time, also before fit_begin(). */
void fit_free(fit_t *fit);

#endif
