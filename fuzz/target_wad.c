/* SPDX-License-Identifier: MIT
 * target_wad.c - any bytes as a Doom WAD, or by its ending as CIFAR-10's binary version. */
#include "fuzz.h"
#include "load.h"

void fuzz_one(const uint8_t *data, size_t size) {
    const extent_t model[] = {{0}, extent_image(8, 8, 3)};
    fuzz_load("input.bin", data, size, &model[size % 2]);
}
