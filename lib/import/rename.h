/* SPDX-License-Identifier: MIT
 * rename.h - converts the names of tensors from one scheme to another by rows of two patterns.
 *
 *     {"encoder.down.#.block.#", "encoder.down_blocks.#.resnets.#"}
 *     {"decoder.up.#", "decoder.up_blocks.^"}
 *
 * A pattern matches whole parts of a name, between points. # is a number. In the second pattern, each # is the next number of the first
 * pattern; ^ is that number counted from the end: the largest number in the file at this place, minus the number. +N and -N behind #
 * add to the number. A / at the beginning of a pattern matches only at the beginning of the name. */
#ifndef VAEI_RENAME_H
#define VAEI_RENAME_H

#include "io/safetensors.h"

/* Bytes of a name after the renaming, with the NUL: a file's names have 256 bytes at most, and a row adds only a few. */
#define VAEI_NAME_ROOM 512

typedef struct vaei_rename_row {
    const char *from, *to; /* both are NULL at the end of a table */
} vaei_rename_row;

typedef struct vaei_named {
    const char *name;
    const vaei_entry *entry;
    int32_t used;
} vaei_named;

/* Applies each row in turn to all names, once to each name. VAE_E_NOMEM. */
vae_status_t vaei_rename(const vaei_rename_row *rows, vaei_named *named, int64_t n, vaei_arena *arena);

#endif
