/* SPDX-License-Identifier: MIT
 * file_system.h - reads a file and replaces one by the calls of the system: file_system_posix.c, file_system_windows.c, or
 * file_system_none.c, which refuses every call. A call never reads or writes only a part, and an interrupted system call is repeated.
 * Paths are UTF-8 on Windows and bytes on other systems. Tests make each call fail through vaei_file_set_system (safetensors.h). */
#ifndef VAEI_FILE_SYSTEM_H
#define VAEI_FILE_SYSTEM_H

#include "base/base.h"

typedef intptr_t vaei_fs_file; /* a file descriptor or a handle */
#define VAEI_FS_NO_FILE ((vaei_fs_file)-1)

/* Opens a regular file for reading. A file of another kind, such as a FIFO, is refused without waiting: VAE_E_IO. The form of the path
 * that the system needs is allocated in the arena. */
vae_status_t vaei_fs_open(vaei_fs_file *file, uint64_t *size, vaei_arena *arena, const char *path);

/* Whether a file of this name exists. */
int32_t vaei_fs_exists(vaei_arena *arena, const char *path);

/* Returns how many bytes of the path are its folder with the separator, or 0 if the path names no folder. */
size_t vaei_fs_folder(const char *path);

/* Reads exactly `size` bytes at the offset; VAE_E_FORMAT if the file ends before. */
vae_status_t vaei_fs_read(vaei_fs_file file, uint64_t offset, void *data, size_t size, const char *path);

void vaei_fs_close(vaei_fs_file file); /* closes a file that was read; a failure would not matter */

/* A file that will be replaced as a whole: the new bytes go to a temporary file, which is flushed and then renamed over the old file.
 * After _begin, exactly one of _commit and _cancel must be called. */
typedef struct vaei_fs_new {
    vaei_fs_file file;
    const char *path;
    void *name, *temporary; /* names of the file and of the temporary file, in the form that the system needs; they are in the arena */
} vaei_fs_new;

vae_status_t vaei_fs_begin(vaei_fs_new *f, vaei_arena *arena, const char *path);
vae_status_t vaei_fs_write(const vaei_fs_new *f, const void *data, size_t size);
/* Flush, close, rename, flush the folder. If this fails, the old file is unchanged and the temporary file is removed. If only the folder
 * cannot be flushed, the new file is in place but may be lost in a power cut. */
vae_status_t vaei_fs_commit(vaei_fs_new *f, vaei_arena *arena);
void vaei_fs_cancel(vaei_fs_new *f); /* keeps the thread's sentence */

/* Returns the error with which a test wants this call to fail, or 0. */
int vaei_fs_error_of_test(const char *call);

#endif
