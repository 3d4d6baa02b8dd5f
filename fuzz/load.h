/* SPDX-License-Identifier: MIT
 * load.h - reads a file with the program's loaders, and then uses the examples as the program does. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "data.h"

/* The bytes as a file of this name, loaded for a model of this input; n is 0 for any. */
void fuzz_load(const char *name, const uint8_t *data, size_t size, const extent_t *want);

/* A file that is there already. */
void fuzz_load_path(const char *path, const extent_t *want);

#endif
