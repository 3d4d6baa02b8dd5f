/* SPDX-License-Identifier: MIT
 * safetensors.h - floor 4: named arrays and one text map in a file, a strict reader and an aligned writer.
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

enum {
    VAEI_DTYPE_F32 = 1,
    VAEI_DTYPE_U8,
    VAEI_DTYPE_I32,
    VAEI_DTYPE_I64,
    VAEI_DTYPE_F16,
    VAEI_DTYPE_BF16,
    VAEI_DTYPE_F64,
    VAEI_DTYPE_F8_E4M3,
    VAEI_DTYPE_F8_E5M2
};

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
    const char *where; /* borrowed */
    const struct vaei_file_limits *limits;
    intptr_t file;         /* of a path, until its data are read: file_system.h */
    uint64_t data_at;      /* where the data begin in the file */
    const uint8_t *given;  /* the data, in the caller's memory; NULL for a path */
    uint8_t *bytes;        /* the data, a copy of the file's */
    size_t size;           /* bytes of the data */
    const uint64_t *begin; /* [n_entries] in the data */
    vaei_entry *entry;
    int64_t n_entries;
    vaei_text_entry *text; /* __metadata__ */
    int64_t n_text;
} vaei_file;

/* The header alone, proved against the size of the file: entries have no data yet, so that the caller can refuse what does not fit
 * before it is read. On failure nothing is to be closed. */
vae_status_t vaei_file_open(vaei_file *f, vaei_heap *heap, const char *path);
/* The same for a file of another program, under the wider limits of limits.h. */
vae_status_t vaei_file_open_foreign(vaei_file *f, vaei_heap *heap, const char *path);
/* Over data[size], borrowed until vaei_file_close. `where` stands for the path in sentences. */
vae_status_t vaei_file_open_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where);
/* Then the data, by their checksum if the file has one. The file is to be closed in any case. */
vae_status_t vaei_file_data(vaei_file *f);
/* Both at once; on failure nothing is to be closed. */
vae_status_t vaei_file_read(vaei_file *f, vaei_heap *heap, const char *path);
vae_status_t vaei_file_read_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where);
void vaei_file_close(vaei_file *f);

/* In place of vaei_file_data(), of a path: the bytes of one entry of f, vaei_entry_bytes() of them, into out. */
size_t vaei_entry_bytes(const vaei_entry *e);
vae_status_t vaei_file_entry(const vaei_file *f, const vaei_entry *e, void *out);

const vaei_entry *vaei_file_find(const vaei_file *f, const char *name); /* or NULL */
const char *vaei_file_text(const vaei_file *f, const char *key);        /* or NULL */

/* Whether the elements can be read as float32: from F32, F16, BF16, F64, F8_E4M3, F8_E5M2; VAE_E_UNSUPPORTED else. */
vae_status_t vaei_entry_is_floats(const vaei_entry *e, const char *where);
/* The elements as float32 (rounded to nearest even); VAE_E_NUMERIC if one is not finite. out NULL: they are only checked. */
vae_status_t vaei_entry_floats(const vaei_entry *e, float *out, const char *where);

/* Write entries (name, dtype F32/I64..., shape, data in memory order) and texts: path.tmp.<pid>, write, fsync, rename, fsync of the
 * folder. On failure the temporary is removed and an old file stands. Data bytes are written as they are; names and texts are escaped. */
vae_status_t vaei_file_write(const char *path, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries, const vaei_text_entry *text,
                             int64_t n_text);

/* The same bytes into data[cap]; *needed, which may be NULL, is how many. data NULL and cap 0: only that. VAE_E_ARG: they do not fit. */
vae_status_t vaei_file_write_memory(void *data, size_t cap, size_t *needed, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries,
                                    const vaei_text_entry *text, int64_t n_text);

/* The system calls of the writer and reader, so that tests can make each fail. NULL members: the real ones. */
typedef struct vaei_system {
    void *user;
    int (*fails)(void *user, const char *call); /* asked before each call: "open", "write", "fsync", "rename", "read", ...; errno or 0 */
} vaei_system;
void vaei_file_set_system(const vaei_system *system); /* tests only; thread-local; NULL restores */

#endif
