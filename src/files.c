/* SPDX-License-Identifier: MIT
 * files.c - reads files and makes folders. It reads only regular files, because a FIFO would block and /dev/zero never ends. */
#include "files.h"
#include "console.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_join(const char *folder, const char *name) {
    return mem_format("%s%s%s", folder, path_ends(folder, "/") ? "" : "/", name);
}

char *path_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return mem_text(".");
    return mem_text_n(path, slash > path ? (size_t)(slash - path) : 1);
}

bool path_ends(const char *path, const char *ending) {
    const size_t n = strlen(path), m = strlen(ending);
    return n >= m && strcasecmp(path + n - m, ending) == 0;
}

bool path_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

bool path_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

FILE *file_open(const char *path, int64_t *size) {
    struct stat info;
    if (stat(path, &info) != 0) die(EXIT_RUNTIME, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) die(EXIT_FORMAT, "%s: not a regular file", path);
    FILE *stream = fopen(path, "rb");
    if (!stream) die(EXIT_RUNTIME, "%s: %s", path, strerror(errno)); /* LCOV_EXCL_BR_LINE: root may read every file */
    *size = info.st_size;
    return stream;
}

uint8_t *file_read(const char *path, int64_t most, size_t *size) {
    int64_t bytes;
    FILE *stream = file_open(path, &bytes);
    if (bytes > most) die(EXIT_FORMAT, "%s: %lld bytes, at most %lld are read", path, (long long)bytes, (long long)most);
    uint8_t *data = mem_alloc(bytes + 1, 1);
    file_take(stream, path, data, bytes);
    fclose(stream);
    *size = (size_t)bytes;
    return data;
}

void file_take(FILE *stream, const char *path, void *data, int64_t bytes) {
    const size_t got = fread(data, 1, (size_t)bytes, stream);
    if (got != (size_t)bytes) die(EXIT_RUNTIME, "%s: could not be read whole", path); /* LCOV_EXCL_BR_LINE: it shrank meanwhile */
}

size_t file_head(const char *path, uint8_t *head, size_t cap, int64_t *size) {
    FILE *stream = file_open(path, size);
    const size_t n = fread(head, 1, cap, stream);
    fclose(stream);
    return n;
}

const char *file_kind(const uint8_t *head, size_t n) {
    static const struct {
        const char *magic;
        size_t at, size;
        const char *name;
    } kind[] = {
        {"version https://git-lfs", 0, 23, "a Git LFS pointer, not the file itself; run git lfs pull"},
        {"<!DOCTYPE", 0, 9, "a web page"},
        {"<!doctype", 0, 9, "a web page"},
        {"<html", 0, 5, "a web page"},
        {"PK\003\004", 0, 4, "a zip archive; unpack it first"},
        {"\x80\x02", 0, 2, "a Python pickle, which is never read"},
        {"\x80\x03", 0, 2, "a Python pickle, which is never read"},
        {"\x80\x04", 0, 2, "a Python pickle, which is never read"},
        {"\x80\x05", 0, 2, "a Python pickle, which is never read"},
        {"\x89HDF", 0, 4, "an HDF5 file; save the array as .npy"},
        {"GGUF", 0, 4, "a GGUF file"},
        {"ustar", 257, 5, "a tar archive; unpack it first"},
        {"ftypavif", 4, 8, "an AVIF picture"},
        {"ftyphei", 4, 7, "a HEIC picture"},
        {"ftypmif1", 4, 8, "a HEIC picture"},
        {"\0\0\0\014JXL ", 0, 8, "a JPEG XL picture"},
        {"\377\012", 0, 2, "a JPEG XL picture"},
        {"\0\0\0\014jP  ", 0, 8, "a JPEG 2000 picture"},
        {"qoif", 0, 4, "a QOI picture"},
        {"8BPS", 0, 4, "a Photoshop picture"},
        {"%PDF", 0, 4, "a PDF document"},
    };
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        if (n >= kind[i].at + kind[i].size && memcmp(head + kind[i].at, kind[i].magic, kind[i].size) == 0) return kind[i].name;
    return NULL;
}

/* Flushes the folder above, so that a power cut cannot remove a new folder. */
static void sync_parent(const char *path) {
    char *parent = path_folder(path);
    folder_sync(parent);
    free(parent);
}

void folder_make(const char *path) {
    char *copy = mem_text(path);
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0') continue;
        const char end = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && path_is_folder(copy)))
            die(EXIT_RUNTIME, "%s: the folder cannot be made: %s", copy, strerror(errno));
        sync_parent(copy); /* also for an existing folder, because the process that made it may have been killed before this line */
        *p = end;
        if (end == '\0') break;
    }
    free(copy);
}

bool path_is_stdout(const char *path) {
    return strcmp(path, "-") == 0;
}

void refuse_existing(const char *path, bool force) {
    if (path_is_stdout(path)) {
        console_stdout_is_data();
        return;
    }
    if (!force && path_exists(path)) die(EXIT_RUNTIME, "%s exists already; --force replaces it", path);
    file_remove_temporaries_of(path);
}
