/* SPDX-License-Identifier: MIT
 * target_npy.c - reads any bytes as a .npy file. */
#include "fuzz.h"
#include "load.h"
#include "npy.h"

#include <stdlib.h>

/* As latents and codes are read: no shape is asked for. */
static void read_values(void *user) {
    npy_t array;
    npy_open(&array, user);
    npy_values(&array);
    free(array.value);
}

void fuzz_one(const uint8_t *data, size_t size) {
    const extent_t model[] = {{0}, extent_image(2, 3, 1)};
    fuzz_load("input.npy", data, size, &model[size % 2]);
    (void)fuzz_program(read_values, (void *)(uintptr_t)fuzz_file("input.npy", data, size));
}
