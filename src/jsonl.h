/* SPDX-License-Identifier: MIT
 * jsonl.h - a log of JSON objects, one on each line (jsonlines.org), that grows during a run and is shortened when the run is resumed from
 * an earlier step. */
#ifndef JSONL_H
#define JSONL_H

#include <stdbool.h>

typedef struct jsonl {
    int fd;
    char *path;
} jsonl_t;

/* Whether the line is kept. It is complete: it ends in a brace. */
typedef bool (*jsonl_keep_fn)(void *user, const char *line);

/* Creates a file, which must not exist. The path is in fresh memory and now belongs to the log. */
void jsonl_create(jsonl_t *log, char *path);

/* Opens the existing file, if any, and keeps those of its complete lines for which `keeps` returns true. */
void jsonl_reopen(jsonl_t *log, char *path, jsonl_keep_fn keeps, void *user);

void jsonl_add(jsonl_t *log, const char *line);

/* Flushes the file, so that a power cut does not remove lines. */
void jsonl_sync(jsonl_t *log);
void jsonl_close(jsonl_t *log);

#endif
