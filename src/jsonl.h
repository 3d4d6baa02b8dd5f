/* SPDX-License-Identifier: MIT
 * jsonl.h - a log of JSON objects, one a line (jsonlines.org), that grows during a run and is shortened when the run is resumed from an
 * earlier step. */
#ifndef JSONL_H
#define JSONL_H

#include <stdbool.h>

typedef struct jsonl {
    int fd;
    char *path;
} jsonl_t;

/* Does the line stay? It is whole: it ends in a brace. */
typedef bool (*jsonl_keep_fn)(void *user, const char *line);

/* A fresh file; it must not exist. The path, in fresh memory, belongs to the log from here on. */
void jsonl_create(jsonl_t *log, char *path);

/* The file that is there, if any, with those of its whole lines that stay. */
void jsonl_reopen(jsonl_t *log, char *path, jsonl_keep_fn keeps, void *user);

void jsonl_add(jsonl_t *log, const char *line);

/* What was added outlives a power cut. */
void jsonl_sync(jsonl_t *log);
void jsonl_close(jsonl_t *log);

#endif
