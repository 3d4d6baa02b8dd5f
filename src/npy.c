/* SPDX-License-Identifier: MIT
 * npy.c - NumPy's array files.
 *
 *     0x93 "NUMPY"  major minor  header length (2 bytes, from version 2 on 4), little-endian
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (100, 28, 28), }   padded by spaces to 64 bytes, then "\n"
 *     the values
 *
 * (numpy.lib.format.) The header is a Python literal; the reader takes exactly the three keys in any order and
 * nothing else. The declared bytes must be the file's bytes, checked before anything is allocated. Written for
 * little-endian machines. */
#include "npy.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES  ((int64_t)1 << 40)
#define MOST_HEADER 65536

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool npy_is(const uint8_t *head, size_t n) {
    return n >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

/* A cursor over the header. */
typedef struct cursor {
    const char *path, *p;
} cursor_t;

static noreturn void bad_header(const cursor_t *c) {
    die(EXIT_FORMAT, "%s: the .npy header is damaged near \"%.12s\"", c->path, c->p);
}

static void skip_space(cursor_t *c) {
    while (*c->p == ' ') c->p++;
}

static bool take(cursor_t *c, const char *word) {
    skip_space(c);
    const size_t n = strlen(word);
    if (strncmp(c->p, word, n) != 0) return false;
    c->p += n;
    return true;
}

static void want(cursor_t *c, const char *word) {
    if (!take(c, word)) bad_header(c);
}

/* A quoted word into text[cap]. */
static void take_quoted(cursor_t *c, char *text, size_t cap) {
    skip_space(c);
    const char quote = *c->p;
    if (quote != '\'' && quote != '"') bad_header(c);
    size_t n = 0;
    for (c->p++; *c->p && *c->p != quote; c->p++) {
        if (n + 1 == cap) bad_header(c);
        text[n++] = *c->p;
    }
    text[n] = '\0';
    if (*c->p++ != quote) bad_header(c);
}

static void take_shape(cursor_t *c, npy_t *array) {
    want(c, "(");
    array->ndim = 0;
    array->total = 1;
    while (!take(c, ")")) {
        skip_space(c);
        int64_t size = 0;
        if (*c->p < '0' || *c->p > '9') bad_header(c);
        for (; *c->p >= '0' && *c->p <= '9'; c->p++)
            if (!size_mul(size, 10, &size) || __builtin_add_overflow(size, *c->p - '0', &size))
                die(EXIT_FORMAT, "%s: a size of the array overflows", c->path);
        if (array->ndim == NPY_MAX_DIMS) die(EXIT_FORMAT, "%s: more than %d sizes", c->path, NPY_MAX_DIMS);
        array->shape[array->ndim++] = size;
        if (!size_mul(array->total, size, &array->total))
            die(EXIT_FORMAT, "%s: the product of the sizes overflows", c->path);
        if (!take(c, ",")) {
            want(c, ")");
            break;
        }
    }
}

static void set_type(const char *path, npy_t *array, const char *descr) {
    if (strcmp(descr, "|u1") == 0)
        array->type = 'B';
    else if (strcmp(descr, "<i4") == 0)
        array->type = 'i';
    else if (strcmp(descr, "<f4") == 0)
        array->type = 'f';
    else
        die(EXIT_FORMAT, "%s: values of type %s are not read; save them as uint8 or float32, codes as int32", path,
            descr);
}

static void parse_header(cursor_t *c, npy_t *array) {
    unsigned seen = 0;
    char key[16], descr[16];
    want(c, "{");
    while (!take(c, "}")) {
        take_quoted(c, key, sizeof key);
        want(c, ":");
        unsigned bit = 0;
        if (strcmp(key, "descr") == 0) {
            bit = 1;
            take_quoted(c, descr, sizeof descr);
            set_type(c->path, array, descr);
        } else if (strcmp(key, "fortran_order") == 0) {
            bit = 2;
            if (take(c, "True"))
                die(EXIT_FORMAT, "%s: the array is in Fortran order; save numpy.ascontiguousarray of it", c->path);
            want(c, "False");
        } else if (strcmp(key, "shape") == 0) {
            bit = 4;
            take_shape(c, array);
        }
        if (!bit || (seen & bit)) bad_header(c);
        seen |= bit;
        if (!take(c, ",")) {
            want(c, "}");
            break;
        }
    }
    skip_space(c);
    if (seen != 7 || strcmp(c->p, "\n") != 0) bad_header(c);
}

/* The bytes before the values, or 0 if the file is too short for its header. */
static size_t header_bytes(const char *path, const uint8_t *file, size_t size, size_t *start) {
    const uint8_t major = size > 8 ? file[6] : 0;
    if (major < 1 || major > 3) die(EXIT_FORMAT, "%s: .npy version %d is not read, only 1 to 3", path, major);
    *start = major == 1 ? 10 : 12;
    if (size < *start) return 0;
    const size_t length =
        major == 1 ? (size_t)(file[8] | file[9] << 8)
                   : (size_t)file[8] | (size_t)file[9] << 8 | (size_t)file[10] << 16 | (size_t)file[11] << 24;
    return length <= MOST_HEADER && length <= size - *start ? *start + length : 0;
}

void npy_read(npy_t *array, const char *path) {
    size_t size, start;
    uint8_t *file = file_read(path, MOST_BYTES, &size);
    if (!npy_is(file, size)) {
        const char *kind = file_kind(file, size);
        die(EXIT_FORMAT, "%s: not a .npy file%s%s", path, kind ? " but " : "", kind ? kind : "");
    }
    const size_t header = header_bytes(path, file, size, &start);
    if (header == 0) die(EXIT_FORMAT, "%s: the .npy header is cut short", path);
    char *text = mem_text_n((const char *)file + start, header - start);
    *array = (npy_t){0};
    parse_header(&(cursor_t){path, text}, array);
    free(text);
    const size_t width = array->type == 'B' ? 1 : 4;
    int64_t bytes;
    if (!size_mul(array->total, (int64_t)width, &bytes) || (uint64_t)bytes != size - header)
        die(EXIT_FORMAT, "%s: the header declares %lld values of %zu bytes, the file holds %zu bytes", path,
            (long long)array->total, width, size - header);
    /* the values move to the block's start, where they are aligned */
    memmove(file, file + header, (size_t)bytes);
    array->value = file;
    const float *value = array->value;
    for (int64_t i = 0; array->type == 'f' && i < array->total; i++)
        if (!isfinite(value[i])) die(EXIT_FORMAT, "%s: value %lld is not finite", path, (long long)i);
}

static void write_array(const char *path, const char *descr, int32_t ndim, const int64_t *shape, const void *value) {
    strbuf_t text = {0};
    int64_t total = 1;
    strbuf_add(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int32_t i = 0; i < ndim; i++) {
        strbuf_add(&text, "%lld,%s", (long long)shape[i], i + 1 < ndim ? " " : "");
        total *= shape[i];
    }
    strbuf_add(&text, "), }");
    while ((10 + text.n + 1) % 64 != 0) strbuf_put(&text, " ", 1);
    strbuf_put(&text, "\n", 1);
    const uint8_t version_and_length[4] = {1, 0, (uint8_t)(text.n & 255), (uint8_t)(text.n >> 8)};
    file_writer_t writer;
    file_begin(&writer, path);
    fwrite(magic, 1, sizeof magic, writer.stream);
    fwrite(version_and_length, 1, sizeof version_and_length, writer.stream);
    fwrite(text.s, 1, text.n, writer.stream);
    fwrite(value, 4, (size_t)total, writer.stream);
    file_end(&writer);
    free(text.s);
}

void npy_write_f32(const char *path, int32_t ndim, const int64_t *shape, const float *value) {
    write_array(path, "<f4", ndim, shape, value);
}

void npy_write_i32(const char *path, int32_t ndim, const int64_t *shape, const int32_t *value) {
    write_array(path, "<i4", ndim, shape, value);
}
