/* SPDX-License-Identifier: MIT
 * target_wad.c - reads any bytes as a Doom WAD or, depending on the name's ending, as the binary version of CIFAR-10. */
#include "fuzz.h"
#include "load.h"

void fuzz_one(const uint8_t *data, size_t size) {
    const extent_t model[] = {{0}, extent_image(8, 8, 3)};
    fuzz_load("input.bin", data, size, &model[size % 2]);
}
