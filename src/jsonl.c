/* SPDX-License-Identifier: MIT
 * jsonl.c - writes a log of lines. Each line is written by one call, so that a kill between two calls leaves whole lines. */
#include "jsonl.h"
#include "console.h"
#include "file_writer.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_BYTES ((int64_t)1 << 32)

/* O_NOFOLLOW: the run must not write through a link into another file. */
static void open_log(jsonl_t *log, char *path, int how) {
    log->path = path;
    do log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC | how, 0666);
    while (log->fd < 0 && errno == EINTR);
    if (log->fd < 0) die(EXIT_RUNTIME, "%s: cannot be written: %s", path, strerror(errno));
}

void jsonl_create(jsonl_t *log, char *path) {
    open_log(log, path, O_EXCL);
}

void jsonl_reopen(jsonl_t *log, char *path, jsonl_keep_fn keeps, void *user) {
    if (path_exists(path)) {
        size_t size;
        char *text = (char *)file_read(path, MOST_BYTES, &size);
        strbuf_t kept = {0};
        strbuf_put(&kept, "", 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            if (line[strlen(line) - 1] == '}' && keeps(user, line)) {
                strbuf_put(&kept, line, strlen(line));
                strbuf_put(&kept, "\n", 1);
            }
        file_write_text(path, kept.s);
        free(kept.s);
        free(text);
    }
    open_log(log, path, 0);
}

void jsonl_add(jsonl_t *log, const char *line) {
    char *whole = mem_format("%s\n", line);
    if (!write_all(log->fd, whole, strlen(whole))) die(EXIT_RUNTIME, "%s: cannot be written: %s", log->path, strerror(errno));
    free(whole);
}

void jsonl_sync(jsonl_t *log) {
    file_sync(log->fd, log->path);
}

void jsonl_close(jsonl_t *log) {
    if (close(log->fd) != 0 && errno != EINTR) die(EXIT_RUNTIME, "%s: cannot be written: %s", log->path, strerror(errno));
    free(log->path);
    *log = (jsonl_t){.fd = -1};
}
