/* SPDX-License-Identifier: MIT
 * safetensors.c - opens a model file and reads its data.
 *
 *     vaei_file_open     size of the file -> length of the header -> the header, checked against that size
 *     vaei_file_data     all data in one block, then their checksum
 *
 * So the real size of the file bounds every allocation, not the sizes that its header claims. If the header does not list the tensors that
 * a caller needs, the caller reads no more than the header. A caller that needs a few of many tensors reads them one by one:
 *
 *     vaei_file_open_foreign, vaei_file_entry     the header under wider limits; the bytes of one tensor */
#include "io/safetensors.h"

#include "io/crc32c.h"
#include "io/dtype.h"
#include "io/file_kind.h"
#include "io/file_system.h"
#include "io/limits.h"
#include "io/safetensors_header.h"

#define PREFIX 8 /* bytes that hold the header's length */

const vaei_file_limits vaei_limits_own = {.header = VAEI_HEADER_MAX, .tensors = VAEI_TENSORS_MAX};
const vaei_file_limits vaei_limits_foreign = {.header = VAEI_FOREIGN_HEADER_MAX, .tensors = VAEI_FOREIGN_TENSORS_MAX, .skips_texts = 1};

static vae_status_t refuse(const uint8_t *head, size_t n, const char *where, const char *otherwise) {
    const char *kind = vaei_file_kind(head, n);
    if (kind) return vaei_fail(VAE_E_FORMAT, "%.80s: is %s", where, kind);
    return vaei_fail(VAE_E_FORMAT, "%.80s: not a safetensors file: %s", where, otherwise);
}

/* head[n] are the first bytes of the file: VAEI_FILE_HEAD bytes, or the whole file if it is shorter. */
static vae_status_t header_length(size_t *out, const vaei_file *f, const uint8_t *head, size_t n, uint64_t size) {
    const char *const where = f->where;
    uint64_t length = 0;
    if (size == 0) return vaei_fail(VAE_E_FORMAT, "%.80s: the file is empty", where);
    if (size < PREFIX) return refuse(head, n, where, "shorter than 8 bytes");
    for (int i = PREFIX - 1; i >= 0; i--) length = length << 8 | head[i];
    if (length > size - PREFIX) return refuse(head, n, where, "cut short, or another format: its header ends behind its end");
    if (length > f->limits->header)
        return vaei_fail(VAE_E_LIMIT, "%.80s: the header is longer than %zu MiB", where, f->limits->header >> 20);
    if (length == 0) return refuse(head, n, where, "its header is empty");
    *out = (size_t)length;
    return VAE_OK;
}

static vae_status_t check_sum(const vaei_file *f, const uint8_t *data) {
    const char *wanted = vaei_file_text(f, VAEI_CHECKSUM_KEY);
    char got[16];
    vaei_writer w = {got, sizeof got, 0};
    if (!wanted) return VAE_OK;
    vaei_write(&w, "%08lx", (unsigned long)vaei_crc32c(data, f->size));
    if (strcmp(got, wanted) == 0) return VAE_OK;
    return vaei_fail(VAE_E_FORMAT, "%.80s: damaged: the checksum of its tensors is %s, the file says %.8s", f->where, got, wanted);
}

/* Reads the entries and texts of the header. The data of the entries are read later. */
static vae_status_t parse(vaei_file *f, vaei_arena *scratch, const char *text, size_t length, uint64_t data_size) {
    vaei_header h;
    const vae_status_t status = vaei_header_parse(&h, f->limits, &f->arena, scratch, text, length, data_size);
    if (status < 0) return vaei_fail_at(status, "%.80s: header", f->where);
    if (data_size > SIZE_MAX) return vaei_fail(VAE_E_LIMIT, "%.80s: larger than this machine can address", f->where);
    uint64_t *begin = vaei_arena_array(&f->arena, h.n_tensors, sizeof *begin);
    f->entry = vaei_arena_array(&f->arena, h.n_tensors, sizeof *f->entry);
    if (!begin || !f->entry) return VAE_E_NOMEM;
    for (size_t i = 0; i < h.n_tensors; i++) {
        const vaei_tensor_place *p = h.tensor[i];
        f->entry[i] = p->entry;
        begin[i] = p->begin;
    }
    f->begin = begin;
    f->n_entries = (int64_t)h.n_tensors;
    f->text = h.text;
    f->n_text = (int64_t)h.n_text;
    f->size = (size_t)data_size;
    return VAE_OK;
}

/* Opens a file on the disk. The header is read into a block of its own, which is freed together with the scratch. */
static vae_status_t open_path(vaei_file *f, vaei_arena *scratch) {
    uint8_t head[VAEI_FILE_HEAD];
    uint64_t size;
    size_t length;
    VAEI_TRY(vaei_fs_open(&f->file, &size, scratch, f->where));
    const size_t n = size < sizeof head ? (size_t)size : sizeof head;
    VAEI_TRY(vaei_fs_read(f->file, 0, head, n, f->where));
    VAEI_TRY(header_length(&length, f, head, n, size));
    char *text = vaei_arena_alloc(scratch, length);
    if (!text) return VAE_E_NOMEM;
    VAEI_TRY(vaei_fs_read(f->file, PREFIX, text, length, f->where));
    f->data_at = PREFIX + length;
    return parse(f, scratch, text, length, size - f->data_at);
}

static vae_status_t open_block(vaei_file *f, vaei_arena *scratch, const uint8_t *bytes, size_t size) {
    size_t length;
    VAEI_TRY(header_length(&length, f, bytes, size < VAEI_FILE_HEAD ? size : VAEI_FILE_HEAD, size));
    f->given = bytes + PREFIX + length;
    return parse(f, scratch, (const char *)bytes + PREFIX, length, size - PREFIX - length);
}

static void init(vaei_file *f, vaei_arena *scratch, vaei_heap *heap, const char *where, const vaei_file_limits *limits) {
    *f = (vaei_file){.heap = heap, .where = where, .file = VAEI_FS_NO_FILE, .limits = limits};
    vaei_arena_init(&f->arena, heap);
    vaei_arena_init(scratch, heap);
}

static vae_status_t opened(vaei_file *f, vaei_arena *scratch, vae_status_t status) {
    vaei_arena_free(scratch);
    if (status < 0) vaei_file_close(f);
    return status;
}

vae_status_t vaei_file_open(vaei_file *f, vaei_heap *heap, const char *path) {
    vaei_arena scratch;
    init(f, &scratch, heap, path, &vaei_limits_own);
    return opened(f, &scratch, open_path(f, &scratch));
}

vae_status_t vaei_file_open_foreign(vaei_file *f, vaei_heap *heap, const char *path) {
    vaei_arena scratch;
    init(f, &scratch, heap, path, &vaei_limits_foreign);
    return opened(f, &scratch, open_path(f, &scratch));
}

vae_status_t vaei_file_open_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where) {
    vaei_arena scratch;
    init(f, &scratch, heap, where, &vaei_limits_own);
    return opened(f, &scratch, open_block(f, &scratch, data, size));
}

static void close_file(vaei_file *f) {
    if (f->file != VAEI_FS_NO_FILE) vaei_fs_close(f->file);
    f->file = VAEI_FS_NO_FILE;
}

vae_status_t vaei_file_data(vaei_file *f) {
    const uint8_t *data = f->given;
    if (!data) {
        data = f->bytes = vaei_heap_alloc(f->heap, f->size, "model file");
        if (!data) return VAE_E_NOMEM;
        VAEI_TRY(vaei_fs_read(f->file, f->data_at, f->bytes, f->size, f->where));
        close_file(f);
    }
    for (int64_t i = 0; i < f->n_entries; i++) f->entry[i].data = data + f->begin[i];
    return check_sum(f, data);
}

size_t vaei_entry_bytes(const vaei_entry *e) {
    return (size_t)e->count * (size_t)vaei_dtype_bits(e->dtype) / 8;
}

vae_status_t vaei_file_entry(const vaei_file *f, const vaei_entry *e, void *out) {
    return vaei_fs_read(f->file, f->data_at + f->begin[e - f->entry], out, vaei_entry_bytes(e), f->where);
}

static vae_status_t read_data(vaei_file *f) {
    const vae_status_t status = vaei_file_data(f);
    if (status < 0) vaei_file_close(f);
    return status;
}

vae_status_t vaei_file_read(vaei_file *f, vaei_heap *heap, const char *path) {
    VAEI_TRY(vaei_file_open(f, heap, path));
    return read_data(f);
}

vae_status_t vaei_file_read_memory(vaei_file *f, vaei_heap *heap, const void *data, size_t size, const char *where) {
    VAEI_TRY(vaei_file_open_memory(f, heap, data, size, where));
    return read_data(f);
}

void vaei_file_close(vaei_file *f) {
    close_file(f);
    vaei_heap_free(f->heap, f->bytes, f->size);
    vaei_arena_free(&f->arena);
    *f = (vaei_file){.file = VAEI_FS_NO_FILE};
}

const vaei_entry *vaei_file_find(const vaei_file *f, const char *name) {
    int64_t lo = 0, hi = f->n_entries; /* the entries are sorted by name */
    while (lo < hi) {
        const int64_t mid = lo + (hi - lo) / 2;
        const int order = strcmp(f->entry[mid].name, name);
        if (order == 0) return &f->entry[mid];
        if (order < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

const char *vaei_file_text(const vaei_file *f, const char *key) {
    for (int64_t i = 0; i < f->n_text; i++) {
        if (strcmp(f->text[i].key, key) == 0) return f->text[i].value;
    }
    return NULL;
}
