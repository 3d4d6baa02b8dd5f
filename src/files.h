/* SPDX-License-Identifier: MIT
 * files.h - reads whole files, makes folders, and refuses to overwrite a file unless the user asks for it. */
#ifndef FILES_H
#define FILES_H

#include "file_writer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Returns folder/name in fresh memory. */
char *path_join(const char *folder, const char *name);
/* Returns the folder of a path in fresh memory, "." if it names none. */
char *path_folder(const char *path);
bool path_ends(const char *path, const char *ending);
bool path_exists(const char *path);
bool path_is_folder(const char *path);
/* Whether the name of an output is "-". */
bool path_is_stdout(const char *path);

/* Reads all bytes of a regular file of at most `most` bytes, with a NUL behind them; dies if it cannot. */
uint8_t *file_read(const char *path, int64_t most, size_t *size);

/* Opens a regular file for reading and finds its size; dies if it is none. */
FILE *file_open(const char *path, int64_t *size);

/* Reads the next bytes of a stream; dies if it has fewer. */
void file_take(FILE *stream, const char *path, void *data, int64_t bytes);

/* Reads the first bytes of a file and its size; dies if it is not a regular file. Returns how many bytes were read. */
size_t file_head(const char *path, uint8_t *head, size_t cap, int64_t *size);

/* Returns the file type that the first bytes show ("a Git LFS pointer"), or NULL. */
const char *file_kind(const uint8_t *head, size_t n);

/* Makes a folder and its parents. */
void folder_make(const char *path);

/* Called before work that ends by writing the path: dies unless the path is free or force is set, and removes temporary files of dead
 * processes for it. If the path is the standard output, results in words go to stderr from now on. */
void refuse_existing(const char *path, bool force);

#endif
