/* SPDX-License-Identifier: MIT
 * exif.h - reads the orientation of a photograph and turns its picture upright. */
#ifndef EXIF_H
#define EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the orientation, 1 to 8, in an APP1 segment of a JPEG ("Exif\0\0", then TIFF); 1, upright, if there is none. */
int exif_orientation(const uint8_t *segment, size_t size);

/* Does the same for a TIFF head without a segment, as in PNG (eXIf) and WebP. */
int exif_orientation_tiff(const uint8_t *tiff, size_t size);

/* Returns true for the orientations whose rows are the columns of the upright picture. */
bool exif_lies(int orientation);

/* Turns and mirrors a picture stored as pixel[rows][columns][c] so that it is upright. */
void exif_turn(const uint8_t *pixel, int64_t rows, int64_t columns, int64_t c, int orientation, uint8_t *upright);

#endif
