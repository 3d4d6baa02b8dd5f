/* SPDX-License-Identifier: MIT
 * exif.c - reads the orientation of photographs (CIPA DC-008, 4.6.5: tag 0112, one SHORT).
 *
 *     value   the upright pixel (y, x) is stored at this row and column, which are counted from the end if they have a "-"
 *     1, 2    y, x      y, -x
 *     3, 4    -y, -x    -y, x
 *     5, 6    x, y      -x, y
 *     7, 8    -x, -y    x, -y
 *
 * Cameras write 1, 3, 6 and 8. A damaged segment counts as one without an orientation. */
#include "exif.h"

#include <string.h>

enum { TIFF = 6, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3 };

typedef struct view {
    const uint8_t *byte;
    size_t size;
    bool big; /* the most significant byte comes first */
} view_t;

static uint32_t number(const view_t *view, size_t at, size_t n) {
    uint32_t value = 0;
    if (at > view->size || n > view->size - at) return 0;
    for (size_t i = 0; i < n; i++) value |= (uint32_t)view->byte[at + i] << 8 * (view->big ? n - 1 - i : i);
    return value;
}

int exif_orientation_tiff(const uint8_t *tiff, size_t size) {
    if (size < 8) return 1;
    const view_t view = {.byte = tiff, .size = size, .big = tiff[0] == 'M'};
    const size_t folder = number(&view, 4, 4);
    const size_t entries = number(&view, folder, 2);
    for (size_t i = 0; i < entries; i++) {
        const size_t at = folder + 2 + i * ENTRY;
        if (at >= view.size) break;
        if (number(&view, at, 2) != ORIENTATION || number(&view, at + 2, 2) != SHORT) continue;
        const uint32_t value = number(&view, at + 8, 2);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int exif_orientation(const uint8_t *segment, size_t size) {
    if (size < TIFF || memcmp(segment, "Exif\0\0", TIFF) != 0) return 1;
    return exif_orientation_tiff(segment + TIFF, size - TIFF);
}

bool exif_lies(int orientation) {
    return orientation >= 5;
}

void exif_turn(const uint8_t *pixel, int64_t rows, int64_t columns, int64_t c, int orientation, uint8_t *upright) {
    const bool lies = exif_lies(orientation);
    const bool last_row = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool last_column = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const int64_t h = lies ? columns : rows, w = lies ? rows : columns;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            const int64_t row = lies ? x : y, column = lies ? y : x;
            const int64_t from = (last_row ? rows - 1 - row : row) * columns + (last_column ? columns - 1 - column : column);
            memcpy(upright + (y * w + x) * c, pixel + from * c, (size_t)c);
        }
}
