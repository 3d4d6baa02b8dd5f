/* SPDX-License-Identifier: MIT
 * target_idx.c - reads any bytes as an IDX file, plain or gzipped: as images, and as the labels of three images. */
#include "fuzz.h"
#include "load.h"

/* Three images of one pixel. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8, 9};

void fuzz_one(const uint8_t *data, size_t size) {
    const extent_t any = {0};
    fuzz_load("input", data, size, &any);
    (void)fuzz_file("train-labels-idx1-ubyte", data, size);
    fuzz_load("train-images-idx3-ubyte", images, sizeof images, &any);
}
