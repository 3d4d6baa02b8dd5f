/* SPDX-License-Identifier: MIT
 * target_npy.c - any bytes as a .npy file. */
#include "fuzz.h"
#include "load.h"

void fuzz_one(const uint8_t *data, size_t size) {
    const extent_t model[] = { { 0 }, extent_image(2, 3, 1) };
    fuzz_load("input.npy", data, size, &model[size % 2]);
}
