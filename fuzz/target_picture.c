/* SPDX-License-Identifier: MIT
 * target_picture.c - reads any bytes as a PNG, unchanged and with corrected checksums, or as a JPEG. The picture is fitted to a
 * model of one or three channels, or to no model; the number of bytes selects one of the three, to decode the picture only once. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "load.h"

static void load(const uint8_t *data, size_t size) {
    const extent_t model[] = {extent_image(3, 2, 1), extent_image(4, 5, 3)};
    fuzz_load("input.png", data, size, &model[size % 2]);
}

void fuzz_one(const uint8_t *data, size_t size) {
    uint8_t *mended = malloc(size + 1);
    MUST_HOLD(mended);
    if (size > 0) memcpy(mended, data, size);
    fuzz_mend_png(mended, size);
    load(mended, size);
    if (memcmp(mended, data, size) != 0) load(data, size);
    free(mended);
}
