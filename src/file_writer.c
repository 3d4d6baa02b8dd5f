/* SPDX-License-Identifier: MIT
 * file_writer.c - replaces files as a whole. It uses POSIX calls and not stdio, so that each error is found where it happens. While a file
 * is open, only names are allocated. */
#include "file_writer.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER ((size_t)65536)
#define NAMES  100 /* names tried for a temporary file */

static char *volatile unfinished; /* the temporary file in progress */

void file_abandon(void) {
    if (unfinished) (void)unlink(unfinished);
}

/* After a failed fsync or close there is no second attempt: the kernel marks the pages clean, so a second one would succeed although
 * data are lost. */
static noreturn void fail(const char *path, int error) {
    die(EXIT_RUNTIME, "%s: cannot be written: %s", path, strerror(error));
}

static int open_retried(const char *path, int flags) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

bool write_all(int fd, const void *bytes, size_t n) {
    const char *at = bytes;
    while (n > 0) {
        const ssize_t done = write(fd, at, n < (size_t)1 << 30 ? n : (size_t)1 << 30);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

static bool sync_retried(int fd) {
    int result;
    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

void file_sync(int fd, const char *path) {
    if (!sync_retried(fd)) fail(path, errno);
}

void folder_sync(const char *path) {
    const int fd = open_retried(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == EACCES) return; /* a folder that may not be read can still have new names, but cannot be flushed */
    if (fd < 0) fail(path, errno);
    /* EINVAL: this system flushes no folders; EROFS: the file system is read-only */
    if (!sync_retried(fd) && errno != EINVAL && errno != EROFS) fail(path, errno);
    (void)close(fd);
}

void file_begin(file_writer_t *writer, const char *path) {
    static bool registered;
    *writer = (file_writer_t){.path = mem_text(path), .fd = -1, .buffer = mem_alloc(BUFFER, 1)};
    if (!registered && atexit(file_abandon) != 0) die(EXIT_RUNTIME, "%s: no room to clean up after it", path);
    registered = true;
    if (path_is_stdout(path)) {
        if (isatty(STDOUT_FILENO)) die(EXIT_USAGE, "-o -: a terminal shows no file; send it into a pipe or name a file");
        writer->fd = STDOUT_FILENO;
        return;
    }
    for (int i = 0; i < NAMES && writer->fd < 0; i++) {
        free(writer->temporary);
        writer->temporary = i == 0 ? mem_format("%s.tmp.%ld", path, (long)getpid()) : mem_format("%s.tmp.%ld.%d", path, (long)getpid(), i);
        writer->fd = open_retried(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY);
        if (writer->fd < 0 && errno != EEXIST) fail(path, errno);
    }
    if (writer->fd < 0) fail(path, errno);
    unfinished = writer->temporary;
}

static void flush(file_writer_t *writer) {
    if (!write_all(writer->fd, writer->buffer, writer->n)) fail(writer->path, errno);
    writer->n = 0;
}

void file_put(file_writer_t *writer, const void *bytes, size_t n) {
    if (n > BUFFER - writer->n) flush(writer);
    if (n >= BUFFER) {
        if (!write_all(writer->fd, bytes, n)) fail(writer->path, errno);
    } else if (n > 0) {
        memcpy(writer->buffer + writer->n, bytes, n);
        writer->n += n;
    }
}

void file_end(file_writer_t *writer) {
    flush(writer);
    if (writer->fd == STDOUT_FILENO) {
        free(writer->buffer);
        free(writer->path);
        return;
    }
    char *folder = path_folder(writer->path);
    file_sync(writer->fd, writer->path);
    if (close(writer->fd) != 0 && errno != EINTR) fail(writer->path, errno);
    if (rename(writer->temporary, writer->path) != 0) fail(writer->path, errno);
    unfinished = NULL;
    folder_sync(folder);
    free(folder);
    free(writer->buffer);
    free(writer->path);
    free(writer->temporary);
}

void file_write_text(const char *path, const char *text) {
    file_writer_t writer;
    file_begin(&writer, path);
    file_put(&writer, text, strlen(text));
    file_end(&writer);
}

/* ---- temporary files of dead processes --------------------------------------------------------------------------------- */

/* Returns the bytes before ".tmp.PID" or ".tmp.PID.K" at the end of a name, and the process number; 0 if the name has no such end. */
static size_t temporary_stem(const char *name, long *pid) {
    const char *end = NULL;
    for (const char *at = name; (at = strstr(at, ".tmp.")); at++) end = at;
    if (!end || end == name) return 0;
    char *after;
    const char *digits = end + 5;
    *pid = strtol(digits, &after, 10);
    if (after == digits || *pid < 1 || *digits < '0' || *digits > '9') return 0;
    if (*after == '.') {
        digits = after + 1;
        after += 1 + strspn(digits, "0123456789");
        if (after == digits) return 0;
    }
    return *after == '\0' ? (size_t)(end - name) : 0;
}

static bool is_dead(long pid) {
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

void file_remove_temporaries(const char *folder, bool (*is_ours)(const char *name, const void *user), const void *user) {
    DIR *listing = opendir(folder);
    if (!listing) return;
    for (struct dirent *entry; (entry = readdir(listing));) {
        long pid;
        const size_t n = temporary_stem(entry->d_name, &pid);
        if (n == 0 || !is_dead(pid)) continue;
        char *name = mem_text_n(entry->d_name, n), *path = path_join(folder, entry->d_name);
        if (is_ours(name, user)) (void)unlink(path);
        free(path);
        free(name);
    }
    closedir(listing);
}

static bool is_the_name(const char *name, const void *user) {
    return strcmp(name, user) == 0;
}

void file_remove_temporaries_of(const char *path) {
    char *folder = path_folder(path);
    const char *slash = strrchr(path, '/');
    file_remove_temporaries(folder, is_the_name, slash ? slash + 1 : path);
    free(folder);
}
