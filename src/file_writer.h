/* SPDX-License-Identifier: MIT
 * file_writer.h - writes a file as a whole or not at all.
 *
 *     open path.tmp.PID, which must not exist -> write -> fsync -> rename to path -> fsync of the folder
 *
 * The path "-" is the standard output, a pipe or a file that the shell has opened: bytes are written to it at once.
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
    char *buffer; /* bytes that are not yet written */
    size_t n;
} file_writer_t;

/* Only one file may be open at a time. Each function dies with the path and the system's reason if it fails. */
void file_begin(file_writer_t *writer, const char *path);
void file_put(file_writer_t *writer, const void *bytes, size_t n);
void file_end(file_writer_t *writer);

void file_write_text(const char *path, const char *text);

/* Removes the temporary file that is being written, if there is one. Safe in a signal handler. */
void file_abandon(void);

/* Writes all bytes; false with errno. */
bool write_all(int fd, const void *bytes, size_t n);

/* Flush the names of a folder, if it may be read, or the bytes of one file; die if that fails. */
void folder_sync(const char *path);
void file_sync(int fd, const char *path);

/* Removes the temporary files of dead processes in the folder, if the function accepts the names of their files. */
void file_remove_temporaries(const char *folder, bool (*is_ours)(const char *name, const void *user), const void *user);

/* Does the same for the temporary files of one file. */
void file_remove_temporaries_of(const char *path);

#endif
