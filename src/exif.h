/* SPDX-License-Identifier: MIT
 * exif.h - the orientation of a photograph. */
#ifndef EXIF_H
#define EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The orientation, 1 to 8, in an APP1 segment of a JPEG ("Exif\0\0", then TIFF); 1, upright, if it names none. */
int exif_orientation(const uint8_t *segment, size_t size);

/* The same of a bare TIFF head, as PNG (eXIf) and WebP keep it. */
int exif_orientation_tiff(const uint8_t *tiff, size_t size);

/* True for those orientations whose rows are the columns of the upright picture. */
bool exif_lies(int orientation);

/* Turn and mirror a picture stored as pixel[rows][columns][c] so that it stands upright. */
void exif_turn(const uint8_t *pixel, int64_t rows, int64_t columns, int64_t c, int orientation, uint8_t *upright);

#endif
