/* SPDX-License-Identifier: MIT
 * files.h - files and folders: read whole, written so that a crash leaves the old file, and overwritten only if the user asks for it. */
#ifndef FILES_H
#define FILES_H

#include "file_writer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* folder/name in fresh memory. */
char *path_join(const char *folder, const char *name);
/* The folder of a path, "." if it names none, in fresh memory. */
char *path_folder(const char *path);
bool path_ends(const char *path, const char *ending);
bool path_exists(const char *path);
bool path_is_folder(const char *path);
/* "-" as a name of an output. */
bool path_is_stdout(const char *path);

/* All bytes of a regular file of at most `most` bytes, with a NUL behind them; dies if it can't be read. */
uint8_t *file_read(const char *path, int64_t most, size_t *size);

/* Open a regular file to read, and its size; dies if it is none. */
FILE *file_open(const char *path, int64_t *size);

/* The next bytes of a stream that has them; dies if it has not. */
void file_take(FILE *stream, const char *path, void *data, int64_t bytes);

/* The first bytes of a file and its size; dies if it is not a regular file. Returns how many bytes were read. */
size_t file_head(const char *path, uint8_t *head, size_t cap, int64_t *size);

/* Names the file type that the first bytes betray ("a Git LFS pointer"), or NULL. */
const char *file_kind(const uint8_t *head, size_t n);

/* Make a folder and its parents. */
void folder_make(const char *path);

/* Before work that ends with writing the path: die unless it is free or force is set; temporaries of dead processes beside it go. Where
 * it is the standard output, results in words go to the standard error from now on. */
void refuse_existing(const char *path, bool force);

#endif
