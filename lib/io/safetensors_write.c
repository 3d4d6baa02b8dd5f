/* SPDX-License-Identifier: MIT
 * safetensors_write.c - writes a model file. It checks everything and finishes the header before it writes a byte.
 *
 *     {"__metadata__":{"vae.crc32c":"...",...},"name":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},...}   spaces
 *
 * The header begins with '{', and its spaces bring the data to a multiple of 64 in the file. The tensors keep the caller's
 * order and have no holes, as the format requires. On a big-endian machine the bytes of each number are swapped. */
#include "io/crc32c.h"
#include "io/dtype.h"
#include "io/file_system.h"
#include "io/limits.h"
#include "io/safetensors.h"
#include "io/sort.h"
#include "base/utf8.h"

#define ALIGN  64
#define BUFFER 65536 /* bytes that are swapped at a time; a multiple of the size of every element */
#define MOST   (SIZE_MAX > UINT32_MAX ? SIZE_MAX / 4 : SIZE_MAX / 2) /* bytes of all tensors; with a header they fit size_t and off_t */

/* ---- checks ---- */

static int is_name(const char *s) {
    const size_t length = strlen(s);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F) return 0;
    }
    return length >= 1 && length <= VAEI_NAME_MAX && vaei_utf8_prefix(s, length) == length;
}

static vae_status_t check_entry(const vaei_entry *e, uint64_t *size) {
    int64_t count = 1, bytes;
    const int32_t bits = vaei_dtype_bits(e->dtype);
    if (!e->name || !is_name(e->name) || strcmp(e->name, VAEI_METADATA_KEY) == 0)
        return vaei_fail(VAE_E_ARG, "tensor name '%.80s': wanted 1 to 256 bytes of UTF-8", e->name ? e->name : "");
    if (bits == 0 || bits % 8 != 0) return vaei_fail(VAE_E_ARG, "tensor '%.80s': no such dtype", e->name);
    if (e->ndim < 0 || e->ndim > VAEI_FILE_DIMS) return vaei_fail(VAE_E_ARG, "tensor '%.80s': wanted 0 to 8 dimensions", e->name);
    for (int32_t i = 0; i < e->ndim; i++) {
        if (e->shape[i] < 0 || !vaei_count_mul(count, e->shape[i], &count))
            return vaei_fail(VAE_E_LIMIT, "tensor '%.80s': its sizes overflow", e->name);
    }
    if (count != e->count) return vaei_fail(VAE_E_ARG, "tensor '%.80s': its count and its shape disagree", e->name);
    if (!vaei_count_mul(count, bits / 8, &bytes) || (uint64_t)bytes > SIZE_MAX)
        return vaei_fail(VAE_E_LIMIT, "tensor '%.80s': its sizes overflow", e->name);
    if (count > 0 && !e->data) return vaei_fail(VAE_E_ARG, "tensor '%.80s': its data is NULL", e->name);
    *size = (uint64_t)bytes;
    return VAE_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

static vae_status_t check_unique(const void **names, size_t count) {
    vaei_sort(names, count, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) return vaei_fail(VAE_E_ARG, "the name '%.80s' is given twice", (const char *)names[i]);
    }
    return VAE_OK;
}

static vae_status_t check_tensors(vaei_arena *arena, const vaei_entry *entry, int64_t n) {
    if (n < 0 || n > VAEI_TENSORS_MAX) return vaei_fail(VAE_E_LIMIT, "%lld tensors, at most %d fit a file", (long long)n, VAEI_TENSORS_MAX);
    const void **names = vaei_arena_array(arena, (size_t)n, sizeof *names);
    uint64_t end = 0, size = 0;
    if (!names) return VAE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        VAEI_TRY(check_entry(&entry[i], &size));
        end += size; /* the sum cannot wrap, because each size is below 2^63 */
        if (end > MOST) return vaei_fail(VAE_E_LIMIT, "the tensors' sizes overflow");
        names[i] = entry[i].name;
    }
    return check_unique(names, (size_t)n);
}

static vae_status_t check_texts(vaei_arena *arena, const vaei_text_entry *text, int64_t n) {
    if (n < 0 || n >= VAEI_TEXTS_MAX) return vaei_fail(VAE_E_LIMIT, "%lld texts, at most %d fit a file", (long long)n, VAEI_TEXTS_MAX - 1);
    const void **keys = vaei_arena_array(arena, (size_t)n + 1, sizeof *keys);
    if (!keys) return VAE_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        const vaei_text_entry *t = &text[i];
        if (!is_name(t->key)) return vaei_fail(VAE_E_ARG, "text key '%.80s': wanted 1 to 256 bytes of UTF-8", t->key);
        const size_t length = strlen(t->value);
        if (length > VAEI_TEXT_VALUE_MAX) return vaei_fail(VAE_E_LIMIT, "text '%.80s': longer than 64 KiB", t->key);
        if (vaei_utf8_prefix(t->value, length) != length) return vaei_fail(VAE_E_ARG, "text '%.80s': not UTF-8", t->key);
        keys[i] = t->key;
    }
    keys[n] = VAEI_CHECKSUM_KEY;
    return check_unique(keys, (size_t)n + 1);
}

/* ---- header ---- */

/* Writes a string in quotes. Parts without a character to escape are written by one call. */
static void write_string(vaei_writer *w, const char *s) {
    vaei_write(w, "\"");
    for (;;) {
        size_t run = 0;
        while ((unsigned char)s[run] >= 0x20 && s[run] != '"' && s[run] != '\\') run++;
        vaei_write(w, "%.*s", (int)run, s);
        s += run;
        if (*s == '\0') break;
        if (*s == '"' || *s == '\\') vaei_write(w, "\\%c", *s);
        else if (*s == '\n') vaei_write(w, "\\n");
        else vaei_write(w, "\\u%04x", (unsigned)(unsigned char)*s);
        s++;
    }
    vaei_write(w, "\"");
}

static void write_tensor(vaei_writer *w, const vaei_entry *e, uint64_t *offset) {
    const uint64_t end = *offset + (uint64_t)e->count * (uint64_t)(vaei_dtype_bits(e->dtype) / 8);
    vaei_write(w, ",");
    write_string(w, e->name);
    vaei_write(w, ":{\"dtype\":\"%s\",\"shape\":[", vaei_dtype_name(e->dtype));
    for (int32_t i = 0; i < e->ndim; i++) vaei_write(w, "%s%lld", i ? "," : "", (long long)e->shape[i]);
    vaei_write(w, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*offset, (unsigned long long)end);
    *offset = end;
}

static void write_header(vaei_writer *w, uint32_t checksum, const vaei_entry *entry, int64_t n_entries, const vaei_text_entry *text,
                         int64_t n_text) {
    uint64_t offset = 0;
    vaei_write(w, "{\"%s\":{\"%s\":\"%08lx\"", VAEI_METADATA_KEY, VAEI_CHECKSUM_KEY, (unsigned long)checksum);
    for (int64_t i = 0; i < n_text; i++) {
        vaei_write(w, ",");
        write_string(w, text[i].key);
        vaei_write(w, ":");
        write_string(w, text[i].value);
    }
    vaei_write(w, "}");
    for (int64_t i = 0; i < n_entries; i++) write_tensor(w, &entry[i], &offset);
    vaei_write(w, "}");
}

/* Makes the eight bytes of the length, the header and its spaces. */
static vae_status_t make_head(char **out, size_t *size, vaei_arena *arena, uint32_t checksum, const vaei_entry *entry, int64_t n_entries,
                              const vaei_text_entry *text, int64_t n_text) {
    vaei_writer w = {NULL, 0, 0};
    write_header(&w, checksum, entry, n_entries, text, n_text);
    if (w.length > VAEI_HEADER_MAX - ALIGN) return vaei_fail(VAE_E_LIMIT, "names and texts are longer than the 1 MiB of a header");
    const size_t total = (8 + w.length + ALIGN - 1) / ALIGN * ALIGN, length = total - 8;
    char *head = vaei_arena_alloc(arena, total + 1);
    if (!head) return VAE_E_NOMEM;
    memset(head + 8, ' ', length);
    w = (vaei_writer){head + 8, length + 1, 0};
    write_header(&w, checksum, entry, n_entries, text, n_text);
    if (w.length < length) head[8 + w.length] = ' '; /* replaces the writer's NUL by a space */
    for (int i = 0; i < 8; i++) head[i] = (char)((uint64_t)length >> 8 * i & 0xFF);
    *out = head;
    *size = total;
    return VAE_OK;
}

/* ---- data ---- */

static int is_big_endian(void) {
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 0;
}

/* The destination of the bytes: a file, memory, or their checksum alone. */
typedef struct sink {
    const vaei_fs_new *file;
    uint8_t *memory; /* the position of the next byte */
    uint32_t checksum;
} sink;

static vae_status_t put(sink *to, const void *bytes, size_t size) {
    if (to->file) return vaei_fs_write(to->file, bytes, size);
    if (!to->memory) {
        to->checksum = vaei_crc32c_add(to->checksum, bytes, size);
        return VAE_OK;
    }
    memcpy(to->memory, bytes, size);
    to->memory += size;
    return VAE_OK;
}

/* LCOV_EXCL_START for hosts that store the first byte last, on which the coverage is not measured */
/* Writes a tensor with the bytes of each element in the order of the file. */
static vae_status_t put_turned(sink *to, const uint8_t *from, size_t size, size_t element, uint8_t *buffer) {
    for (size_t at = 0; at < size; at += BUFFER) {
        const size_t run = size - at < BUFFER ? size - at : BUFFER;
        for (size_t i = 0; i < run; i++) buffer[i] = from[at + i - i % element + element - 1 - i % element];
        VAEI_TRY(put(to, buffer, run));
    }
    return VAE_OK;
}
/* LCOV_EXCL_STOP */

/* Writes the bytes of every tensor as they are in the file. */
static vae_status_t each_byte(const vaei_entry *entry, int64_t n, uint8_t *buffer, sink *to) {
    const int32_t turned = is_big_endian();
    for (int64_t i = 0; i < n; i++) {
        const size_t element = (size_t)vaei_dtype_bits(entry[i].dtype) / 8, size = (size_t)entry[i].count * element;
        if (size == 0) continue;                                               /* the data of an empty tensor may be NULL */
        VAEI_TRY(turned ? put_turned(to, entry[i].data, size, element, buffer) /* LCOV_EXCL_BR_LINE: see there */
                        : put(to, entry[i].data, size));
    }
    return VAE_OK;
}

/* The part of a file before its data. It is made after everything has been checked. */
typedef struct plan {
    char *head;
    size_t head_bytes;
    uint8_t *buffer;
} plan;

static vae_status_t prepare(plan *p, vaei_arena *arena, const vaei_entry *entry, int64_t n_entries, const vaei_text_entry *text,
                            int64_t n_text) {
    sink sum = {NULL, NULL, 0};
    VAEI_TRY(check_tensors(arena, entry, n_entries));
    VAEI_TRY(check_texts(arena, text, n_text));
    p->buffer = vaei_arena_alloc(arena, BUFFER);
    if (!p->buffer) return VAE_E_NOMEM;
    (void)each_byte(entry, n_entries, p->buffer, &sum); /* computing a checksum cannot fail */
    return make_head(&p->head, &p->head_bytes, arena, sum.checksum, entry, n_entries, text, n_text);
}

static vae_status_t write_all(const plan *p, const vaei_entry *entry, int64_t n_entries, sink *to) {
    VAEI_TRY(put(to, p->head, p->head_bytes));
    return each_byte(entry, n_entries, p->buffer, to);
}

static vae_status_t write_file(vaei_arena *arena, const char *path, const plan *p, const vaei_entry *entry, int64_t n_entries) {
    vaei_fs_new f;
    VAEI_TRY(vaei_fs_begin(&f, arena, path));
    const vae_status_t status = write_all(p, entry, n_entries, &(sink){&f, NULL, 0});
    if (status == VAE_OK) return vaei_fs_commit(&f, arena);
    vaei_fs_cancel(&f);
    return status;
}

static vae_status_t write_memory(void *data, size_t cap, size_t *needed, const plan *p, const vaei_entry *entry, int64_t n_entries) {
    size_t size = p->head_bytes;
    for (int64_t i = 0; i < n_entries; i++) size += (size_t)entry[i].count * ((size_t)vaei_dtype_bits(entry[i].dtype) / 8);
    if (needed) *needed = size;
    if (!data && cap == 0 && needed) return VAE_OK;
    if (!data) return vaei_fail(VAE_E_ARG, "data: is NULL");
    if (cap < size) return vaei_fail(VAE_E_ARG, "data: %zu bytes, wanted %zu", cap, size);
    return write_all(p, entry, n_entries, &(sink){NULL, data, 0});
}

vae_status_t vaei_file_write(const char *path, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries, const vaei_text_entry *text,
                             int64_t n_text) {
    vaei_arena arena;
    plan p;
    vaei_arena_init(&arena, heap);
    vae_status_t status = prepare(&p, &arena, entry, n_entries, text, n_text);
    if (status == VAE_OK) status = write_file(&arena, path, &p, entry, n_entries);
    vaei_arena_free(&arena);
    return status;
}

vae_status_t vaei_file_write_memory(void *data, size_t cap, size_t *needed, vaei_heap *heap, const vaei_entry *entry, int64_t n_entries,
                                    const vaei_text_entry *text, int64_t n_text) {
    vaei_arena arena;
    plan p;
    vaei_arena_init(&arena, heap);
    vae_status_t status = prepare(&p, &arena, entry, n_entries, text, n_text);
    if (status == VAE_OK) status = write_memory(data, cap, needed, &p, entry, n_entries);
    vaei_arena_free(&arena);
    return status;
}
