/* SPDX-License-Identifier: MIT
 * safetensors.h - floor 4: a file holds named arrays and one map of texts. The reader is strict, and the writer aligns the data.
 *
 *     offset 0        8              8 + N                       end
 *     | N, u64 LE     | JSON header, padded with spaces | tensors without holes; the first at a multiple of 64 |
 *
 * The reader validates the whole header before it allocates memory by the sizes that the file claims: products without overflow, offsets
 * that cover the data exactly, unique names, limits (the cases MF01-MF52 in tests/check_safetensors.c). It reads the file by read(), never
 * by mmap, and refuses a file that is not a regular file. */
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

/* A file that was read and validated. Borrowed pointers are valid as long as this struct. */
typedef struct vaei_file {
    vaei_heap *heap;
    vaei_arena arena;
    const char *where; /* the path or the caller's words for it; borrowed */
    const struct vaei_file_limits *limits;
    intptr_t file;         /* the open file of a path, until its data are read (file_system.h) */
    uint64_t data_at;      /* offset of the data in the file */
    const uint8_t *given;  /* the data, in the caller's memory; NULL for a path */
    uint8_t *bytes;        /* the data, copied from the file */
    size_t size;           /* bytes of the data */
    const uint64_t *begin; /* [n_entries], offsets in the data */
    vaei_entry *entry;
    int64_t n_entries;
    vaei_text_entry *text; /* the texts of __metadata__ */
    int64_t n_text;
} vaei_file;

/* Reads the header alone and checks it against the size of the file. The entries have no data yet, so that the caller can refuse a file
 * that does not fit before its data are read. After a failure nothing needs to be closed. */
vae_status_t vaei_file_open(vaei_file *f, vaei_heap *heap, const char *path);
/* Does the same for a file of another program, with the wider limits of limits.h. */
vae_status_t vaei_file_open_foreign(vaei_file *f, vaei_heap *heap, const char *path);
/* Opens data[size], borrowed until vaei_file_close. Sentences name `where` in place of a path. */
vae_status_t vaei_file_open_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where);
/* Reads the data and checks their checksum if the file has one. The caller closes the file in any case. */
vae_status_t vaei_file_data(vaei_file *f);
/* Reads the header and the data; after a failure nothing needs to be closed. */
vae_status_t vaei_file_read(vaei_file *f, vaei_heap *heap, const char *path);
vae_status_t vaei_file_read_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where);
void vaei_file_close(vaei_file *f);

/* For a file opened by its path, a caller may use this in place of vaei_file_data(): it reads the bytes of one entry of f,
 * vaei_entry_bytes() of them, into out. */
size_t vaei_entry_bytes(const vaei_entry *e);
vae_status_t vaei_file_entry(const vaei_file *f, const vaei_entry *e, void *out);

const vaei_entry *vaei_file_find(const vaei_file *f, const char *name); /* NULL if there is no such entry */
const char *vaei_file_text(const vaei_file *f, const char *key);        /* NULL if there is no such text */

/* Checks that the elements can be read as float32: from F32, F16, BF16, F64, F8_E4M3, F8_E5M2. Otherwise VAE_E_UNSUPPORTED. */
vae_status_t vaei_entry_is_floats(const vaei_entry *e, const char *where);
/* Reads the elements as float32, rounded to nearest even. VAE_E_NUMERIC if one is not finite. If out is NULL, they are only checked. */
vae_status_t vaei_entry_floats(const vaei_entry *e, float *out, const char *where);

/* Write the entries (name, dtype F32/I64..., shape, data in the memory order of this machine) and the texts by path.tmp.<pid>, write,
 * fsync, rename, fsync of the folder. After a failure the temporary file is removed and an old file is unchanged. Data bytes are written
 * as they are; names and texts are escaped. */
vae_status_t vaei_file_write(const char *path, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries, const vaei_text_entry *text,
                             int64_t n_text);

/* Writes the same bytes into data[cap]; *needed (may be NULL) is their number. With data NULL and cap 0 the call only counts them.
 * VAE_E_ARG if they do not fit. */
vae_status_t vaei_file_write_memory(void *data, size_t cap, size_t *needed, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries,
                                    const vaei_text_entry *text, int64_t n_text);

/* Lets a test make the system calls of the reader and the writer fail, one by one. */
typedef struct vaei_system {
    void *user;
    /* asked before each call: "open", "write", "fsync", "rename", "read", ...; it returns an errno, or 0 */
    int (*fails)(void *user, const char *call);
} vaei_system;
void vaei_file_set_system(const vaei_system *system); /* for tests only; thread-local; NULL restores the real calls */

#endif
