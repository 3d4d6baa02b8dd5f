/* SPDX-License-Identifier: MIT
 * rename.h - tensors' names from one scheme to another, by rows of two patterns.
 *
 *     {"encoder.down.#.block.#", "encoder.down_blocks.#.resnets.#"}
 *     {"decoder.up.#", "decoder.up_blocks.^"}
 *
 * A pattern covers whole parts of a name, between points. # is a number; in the second pattern the numbers come in their order, and ^
 * stands for a number counted from the other end: the largest of the file in that place, minus it. +N and -N behind # add to it.
 * / at the beginning of a pattern stands for the beginning of the name. */
#ifndef VAEI_RENAME_H
#define VAEI_RENAME_H

#include "io/safetensors.h"

/* Bytes of a name after renaming, with the NUL: a file's names have 256 bytes at most, and a row adds a few. */
#define VAEI_NAME_ROOM 512

typedef struct vaei_rename_row {
    const char *from, *to; /* NULL at the end of a table */
} vaei_rename_row;

typedef struct vaei_named {
    const char *name;
    const vaei_entry *entry;
    int32_t used;
} vaei_named;

/* Each row in turn, over all names, once each. VAE_E_NOMEM. */
vae_status_t vaei_rename(const vaei_rename_row *rows, vaei_named *named, int64_t n, vaei_arena *arena);

#endif
