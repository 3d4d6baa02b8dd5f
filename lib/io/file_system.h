/* SPDX-License-Identifier: MIT
 * file_system.h - the system's calls as libvae wants them: EINTR retried, nothing read or written in part.
 * Tests make each call fail through vaei_file_set_system (safetensors.h). POSIX. */
#ifndef VAEI_FILE_SYSTEM_H
#define VAEI_FILE_SYSTEM_H

#include "base/base.h"

/* Opens a regular file for reading, never waiting for one that is not (a FIFO): VAE_E_IO. */
vae_status_t vaei_fs_open(int *fd, uint64_t *size, const char *path);

/* Whether there is something of that name. */
int32_t vaei_fs_exists(const char *path);

/* Reads exactly `size` bytes at the offset; VAE_E_FORMAT if the file ends before. */
vae_status_t vaei_fs_read(int fd, uint64_t offset, void *data, size_t size, const char *path);

void vaei_fs_close(int fd); /* of a file that was read: cannot fail in a way that matters */

/* A file being replaced as a whole: written aside, flushed, then renamed over the old one. After _begin exactly one of
 * _commit and _cancel ends it. */
typedef struct vaei_fs_new {
    int fd;
    const char *path;
    char *temporary; /* in the arena */
} vaei_fs_new;

vae_status_t vaei_fs_begin(vaei_fs_new *f, vaei_arena *arena, const char *path);
vae_status_t vaei_fs_write(const vaei_fs_new *f, const void *data, size_t size);
/* Flush, close, rename, flush the folder. If it fails the old file stands and the temporary is gone; but if only the
 * folder could not be flushed, the new file stands and may not outlive a power cut. */
vae_status_t vaei_fs_commit(vaei_fs_new *f, vaei_arena *arena);
void vaei_fs_cancel(vaei_fs_new *f); /* the thread's sentence stays */

#endif
