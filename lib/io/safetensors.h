/* SPDX-License-Identifier: MIT
 * safetensors.h - floor 4: named arrays and one text map in a file, strict reader, aligned writer. Knows nothing of layers.
 *
 *     offset 0        8              8 + N                       end
 *     | N, u64 LE     | JSON header, padded with spaces | tensors without holes; the first at a multiple of 64 |
 *
 * The reader validates everything before anything is allocated by the sizes a file claims: checked products, offsets that cover the
 * data exactly, unique names, limits (the cases MF01-MF52 in tests/check_safetensors.c). It reads a file through a plain
 * read(), never mmap, and refuses what is not a regular file. */
#ifndef VAEI_SAFETENSORS_H
#define VAEI_SAFETENSORS_H

#include "base/base.h"

enum { VAEI_DTYPE_F32 = 1, VAEI_DTYPE_U8, VAEI_DTYPE_I32, VAEI_DTYPE_I64, VAEI_DTYPE_F16, VAEI_DTYPE_BF16, VAEI_DTYPE_F64 };

#define VAEI_FILE_DIMS 8

typedef struct vaei_entry {
    const char *name;
    int32_t dtype, ndim;
    int64_t shape[VAEI_FILE_DIMS];
    int64_t count;       /* elements */
    const uint8_t *data; /* count * size bytes, any alignment */
} vaei_entry;

typedef struct vaei_text_entry {
    const char *key, *value;
} vaei_text_entry;

/* A file read and validated; borrowed pointers live as long as it. */
typedef struct vaei_file {
    vaei_heap *heap;
    vaei_arena arena;
    uint8_t *bytes;      /* owned copy, or NULL if opened over the caller's memory */
    size_t size;
    vaei_entry *entry;
    int64_t n_entries;
    vaei_text_entry *text; /* __metadata__ */
    int64_t n_text;
} vaei_file;

vae_status_t vaei_file_read(vaei_file *f, vaei_heap *heap, const char *path);
/* Over data[size], borrowed until vaei_file_close. `where` stands for the path in sentences. */
vae_status_t vaei_file_read_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where);
void vaei_file_close(vaei_file *f);

const vaei_entry *vaei_file_find(const vaei_file *f, const char *name); /* or NULL */
const char *vaei_file_text(const vaei_file *f, const char *key);        /* or NULL */

/* Element values as float32, from F32, F16, BF16, F64 (rounded to nearest even); VAE_E_UNSUPPORTED else; VAE_E_NUMERIC if
 * one is not finite. */
vae_status_t vaei_entry_floats(const vaei_entry *e, float *out, const char *where);

/* Write entries (name, dtype F32/I64..., shape, data in memory order) and texts: path.tmp.<pid>, write, fsync, rename, fsync of the
 * folder. On failure the temporary is removed and an old file stands. Data bytes are written as they are; names and texts are escaped. */
vae_status_t vaei_file_write(const char *path, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries,
                             const vaei_text_entry *text, int64_t n_text);

/* The system calls of the writer and reader, so that tests can make each fail. NULL members: the real ones. */
typedef struct vaei_system {
    void *user;
    int (*fails)(void *user, const char *call); /* asked before each call: "open", "write", "fsync", "rename", "read", ...; errno or 0 */
} vaei_system;
void vaei_file_set_system(const vaei_system *system); /* tests only; thread-local; NULL restores */

#endif
