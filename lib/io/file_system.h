/* SPDX-License-Identifier: MIT
 * file_system.h - reading a file and replacing one, as the system has it: file_system_posix.c, file_system_windows.c, or
 * file_system_none.c, where every call is refused. Nothing is read or written in part, an interrupted call is made again. Paths are UTF-8
 * on Windows and the system's bytes elsewhere. Tests make each call fail through vaei_file_set_system (safetensors.h). */
#ifndef VAEI_FILE_SYSTEM_H
#define VAEI_FILE_SYSTEM_H

#include "base/base.h"

typedef intptr_t vaei_fs_file; /* a descriptor or a handle */
#define VAEI_FS_NO_FILE ((vaei_fs_file)-1)

/* Opens a regular file for reading, never waiting for one that is not (a FIFO): VAE_E_IO. The arena may be asked for the system's form of
 * the path. */
vae_status_t vaei_fs_open(vaei_fs_file *file, uint64_t *size, vaei_arena *arena, const char *path);

/* Whether there is something of that name. */
int32_t vaei_fs_exists(vaei_arena *arena, const char *path);

/* How many bytes of the path are its folder, the separator included; 0: it names none. */
size_t vaei_fs_folder(const char *path);

/* Reads exactly `size` bytes at the offset; VAE_E_FORMAT if the file ends before. */
vae_status_t vaei_fs_read(vaei_fs_file file, uint64_t offset, void *data, size_t size, const char *path);

void vaei_fs_close(vaei_fs_file file); /* of a file that was read: cannot fail in a way that matters */

/* A file being replaced as a whole: written aside, flushed, then renamed over the old one. After _begin exactly one of
 * _commit and _cancel ends it. */
typedef struct vaei_fs_new {
    vaei_fs_file file;
    const char *path;
    void *name, *temporary; /* of the file and the one aside, in the system's form and in the arena */
} vaei_fs_new;

vae_status_t vaei_fs_begin(vaei_fs_new *f, vaei_arena *arena, const char *path);
vae_status_t vaei_fs_write(const vaei_fs_new *f, const void *data, size_t size);
/* Flush, close, rename, flush the folder. If it fails the old file stands and the temporary is gone; but if only the
 * folder could not be flushed, the new file stands and may not outlive a power cut. */
vae_status_t vaei_fs_commit(vaei_fs_new *f, vaei_arena *arena);
void vaei_fs_cancel(vaei_fs_new *f); /* the thread's sentence stays */

/* The error with which a test wants this call to fail, or 0. */
int vaei_fs_error_of_test(const char *call);

#endif
