/* SPDX-License-Identifier: MIT
 * file_writer.h - writes a file as a whole or not at all.
 *
 *     open path.tmp.PID, which must not exist -> write -> fsync -> rename to path -> fsync of the folder
 *
 * The path "-" is the standard output, a pipe or a file that the shell has opened: bytes go there as they come.
 *
 * So a crash leaves the old file or the new one. A symbolic link at `path` is replaced, and its target is not changed. If an error or a
 * signal ends the program before file_end(), the temporary file is removed. Only SIGKILL and a power cut leave one, which
 * file_remove_temporaries() recognises by the number of a process that no longer exists. */
#ifndef FILE_WRITER_H
#define FILE_WRITER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct file_writer {
    char *path, *temporary;
    int fd;
    char *buffer; /* bytes that wait to be written */
    size_t n;
} file_writer_t;

/* One file at a time. Each dies with the path and the system's reason where it cannot do its work. */
void file_begin(file_writer_t *writer, const char *path);
void file_put(file_writer_t *writer, const void *bytes, size_t n);
void file_end(file_writer_t *writer);

void file_write_text(const char *path, const char *text);

/* Remove the temporary of the file that is being written, if there is one. Safe in a signal handler. */
void file_abandon(void);

/* Write all bytes; false with errno. */
bool write_all(int fd, const void *bytes, size_t n);

/* Flush a folder's names, where it may be read, or one file's bytes; dies if that fails. */
void folder_sync(const char *path);
void file_sync(int fd, const char *path);

/* Remove the temporaries in the folder that belong to dead processes, of the files whose names the function takes. */
void file_remove_temporaries(const char *folder, bool (*is_ours)(const char *name, const void *user), const void *user);

/* The same beside one file. */
void file_remove_temporaries_of(const char *path);

#endif
