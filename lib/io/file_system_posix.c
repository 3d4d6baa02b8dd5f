/* SPDX-License-Identifier: MIT
 * file_system_posix.c - reads a file and replaces one by the calls of POSIX.
 *
 *     open path.tmp.<pid> (it must not exist) -> write -> fsync -> close -> rename to path -> fsync of the folder
 *
 * If the machine stops at any moment, `path` holds either the old bytes or the new ones. After a failed fsync there is no
 * second attempt: the kernel marks the pages clean, so a second fsync would succeed although the data are lost (Rebello et
 * al. 2020, "Can Applications Recover from fsync Failures?"). A crash can leave a temporary file, which is not removed; if
 * its name is needed again, the new temporary file gets another name. */
#define _FILE_OFFSET_BITS 64 /* allows large files on 32-bit systems */
#define _POSIX_C_SOURCE   200809L
#include "io/file_system.h"

#include "base/system.h"

#if VAEI_FILES == VAEI_POSIX
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/threads.h"

#define CHUNK ((size_t)1 << 30) /* bytes of one call, because some systems refuse more than 2 GiB */
#define NAMES 100               /* names that are tried for a temporary file */

/* Returns 1 with errno set if a test wants this call to fail. */
static int is_failed(const char *call) {
    const int error = vaei_fs_error_of_test(call);
    if (error == 0) return 0;
    errno = error;
    return 1;
}

/* Returns the result of a call, or -1 if a test wants the call to fail. */
static int returned(const char *call, int result) {
    return is_failed(call) ? -1 : result;
}

static vae_status_t io_fail(const char *path, const char *call) {
    char reason[128];
    const int error = errno;
    if (strerror_r(error, reason, sizeof reason) != 0) (void)snprintf(reason, sizeof reason, "error %d", error);
    return vaei_fail(VAE_E_IO, "%.120s: %s: %s", path, call, reason);
}

static int open_retried(const char *path, int flags, mode_t mode) {
    int fd;
    do { fd = is_failed("open") ? -1 : open(path, flags | O_CLOEXEC, mode); } while (fd < 0 && errno == EINTR);
    return fd;
}

/* ---- reading ---- */

vae_status_t vaei_fs_open(vaei_fs_file *out, uint64_t *size, vaei_arena *arena, const char *path) {
    struct stat st;
    (void)arena;
    const int fd = open_retried(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) return io_fail(path, "open");
    if (returned("fstat", fstat(fd, &st)) != 0) {
        const vae_status_t status = io_fail(path, "fstat");
        vaei_fs_close(fd);
        return status;
    }
    if (!S_ISREG(st.st_mode)) {
        vaei_fs_close(fd);
        return vaei_fail(VAE_E_IO, "%.120s: not a regular file", path);
    }
    *size = (uint64_t)st.st_size;
    *out = fd;
    return VAE_OK;
}

int32_t vaei_fs_exists(vaei_arena *arena, const char *path) {
    struct stat st;
    (void)arena;
    return stat(path, &st) == 0;
}

size_t vaei_fs_folder(const char *path) {
    const char *const slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

vae_status_t vaei_fs_read(vaei_fs_file file, uint64_t offset, void *data, size_t size, const char *path) {
    char *at = data;
    for (size_t left = size; left > 0;) {
        const ssize_t got = is_failed("read") ? -1 : pread((int)file, at, left < CHUNK ? left : CHUNK, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_fail(path, "read");
        if (got == 0) return vaei_fail(VAE_E_FORMAT, "%.120s: the file became shorter while it was read", path);
        at += got;
        offset += (uint64_t)got;
        left -= (size_t)got;
    }
    return VAE_OK;
}

void vaei_fs_close(vaei_fs_file file) {
    (void)close((int)file);
}

/* ---- replacing ---- */

vae_status_t vaei_fs_begin(vaei_fs_new *f, vaei_arena *arena, const char *path) {
    const long long process = (long long)vaei_process();
    char *name = NULL;
    int fd = -1;
    for (int i = 0; i < NAMES && fd < 0; i++) {
        name =
            i == 0 ? vaei_arena_format(arena, "%s.tmp.%lld", path, process) : vaei_arena_format(arena, "%s.tmp.%lld.%d", path, process, i);
        if (!name) return VAE_E_NOMEM;
        fd = open_retried(name, O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd < 0) return io_fail(name, "open");
    *f = (vaei_fs_new){.file = fd, .path = path, .name = NULL, .temporary = name};
    return VAE_OK;
}

vae_status_t vaei_fs_write(const vaei_fs_new *f, const void *data, size_t size) {
    const char *at = data;
    for (size_t left = size; left > 0;) {
        const ssize_t done = is_failed("write") ? -1 : write((int)f->file, at, left < CHUNK ? left : CHUNK);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return io_fail(f->path, "write");
        at += done;
        left -= (size_t)done;
    }
    return VAE_OK;
}

void vaei_fs_cancel(vaei_fs_new *f) {
    if (f->file != VAEI_FS_NO_FILE) (void)close((int)f->file);
    (void)unlink(f->temporary);
    f->file = VAEI_FS_NO_FILE;
}

/* The folder is opened before the rename, so that a folder that cannot be opened leaves the old file in place. */
static int open_folder(vaei_arena *arena, const char *path, vae_status_t *status) {
    const size_t length = vaei_fs_folder(path);
    const char *folder = length > 0 ? vaei_arena_copy(arena, path, length) : ".";
    if (!folder) {
        *status = VAE_E_NOMEM;
        return -1;
    }
    const int fd = open_retried(folder, O_RDONLY | O_DIRECTORY, 0);
    *status = fd < 0 ? io_fail(folder, "open") : VAE_OK;
    return fd;
}

static vae_status_t flush_and_close(vaei_fs_new *f) {
    const int fd = (int)f->file;
    if (returned("fsync", fsync(fd)) != 0) return io_fail(f->path, "fsync");
    f->file = VAEI_FS_NO_FILE; /* the file is closed even if close fails */
    if (returned("close", close(fd)) != 0) return io_fail(f->path, "close");
    return VAE_OK;
}

vae_status_t vaei_fs_commit(vaei_fs_new *f, vaei_arena *arena) {
    vae_status_t status;
    const int folder = open_folder(arena, f->path, &status);
    if (folder >= 0) status = flush_and_close(f);
    if (status == VAE_OK && (is_failed("rename") ? -1 : rename(f->temporary, f->path)) != 0) status = io_fail(f->path, "rename");
    if (status < 0) {
        vaei_fs_cancel(f);
    } else if (returned("fsync", fsync(folder)) != 0 && errno != EINVAL) { /* EINVAL: this system flushes no folders */
        status = io_fail(f->path, "written, but fsync of its folder");
    }
    if (folder >= 0) (void)close(folder);
    return status;
}
#endif
