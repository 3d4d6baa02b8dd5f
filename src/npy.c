/* SPDX-License-Identifier: MIT
 * npy.c - reads and writes NumPy's array files.
 *
 *     0x93 "NUMPY"  major minor  header length (2 bytes, from version 2 on 4), little-endian
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (100, 28, 28), }   padded by spaces to 64 bytes, then "\n"
 *     the values
 *
 * The format is that of numpy.lib.format. The header is a Python literal; the reader accepts exactly the three keys in any
 * order. The declared size must be that of the file, which is checked before a value is read or memory is allocated. The code
 * is for little-endian machines. */
#include "npy.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_HEADER 65536 /* bytes; NumPy itself accepts 10,000 */

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool npy_is(const uint8_t *head, size_t n) {
    return n >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

/* A position in the header. */
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

/* Reads a quoted word into text[cap]. */
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
    if (*c->p != quote) bad_header(c);
    c->p++;
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
        if (!size_mul(array->total, size, &array->total)) die(EXIT_FORMAT, "%s: the product of the sizes overflows", c->path);
        if (!take(c, ",")) {
            want(c, ")");
            break;
        }
    }
}

/* Returns NumPy's name of a type such as "<f8", or NULL. */
static const char *type_name(const char *descr) {
    static const struct {
        const char *code, *name;
    } known[] = {
        {"b1", "bool"},        {"i1", "int8"},      {"i2", "int16"},       {"i4", "int32"},
        {"i8", "int64"},       {"u1", "uint8"},     {"u2", "uint16"},      {"u4", "uint32"},
        {"u8", "uint64"},      {"f2", "float16"},   {"f4", "float32"},     {"f8", "float64"},
        {"f16", "longdouble"}, {"c8", "complex64"}, {"c16", "complex128"}, {"O", "Python objects, a pickle, which is never read"},
    };
    if (!descr[0]) return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(descr + 1, known[i].code) == 0) return known[i].name;
    switch (descr[1]) {
    case 'S':
    case 'U': return "texts";
    case 'V': return "raw bytes";
    case 'M':
    case 'm': return "dates";
    default: return NULL;
    }
}

static void set_type(const char *path, npy_t *array, const char *descr) {
    const char *name = type_name(descr);
    if (name && strcmp(name, "uint8") == 0) array->type = 'B';
    else if (strcmp(descr, "<i4") == 0) array->type = 'i';
    else if (strcmp(descr, "<f4") == 0) array->type = 'f';
    else if (name && descr[0] == '>')
        die(EXIT_FORMAT, "%s: values of type %s (big-endian %s) are not read; save x.astype('<f4'), codes as '<i4'", path, descr, name);
    else if (name)
        die(EXIT_FORMAT, "%s: values of type %s (%s) are not read; save them as uint8 or float32, codes as int32", path, descr, name);
    else die(EXIT_FORMAT, "%s: values of type %s are not read; save them as uint8 or float32, codes as int32", path, descr);
}

/* Reads the type as a quoted word. A structured type is a list of fields, [('a', '<f4'), ...]; a type with its own shape is a tuple. */
static void take_type(cursor_t *c, npy_t *array) {
    char descr[16];
    skip_space(c);
    if (*c->p == '[' || *c->p == '(')
        die(EXIT_FORMAT, "%s: values of a structured type, %.48s..., are not read; save one field alone, as x['name']", c->path, c->p);
    take_quoted(c, descr, sizeof descr);
    set_type(c->path, array, descr);
}

static void parse_header(cursor_t *c, npy_t *array) {
    unsigned seen = 0;
    char key[16];
    want(c, "{");
    while (!take(c, "}")) {
        take_quoted(c, key, sizeof key);
        want(c, ":");
        unsigned bit = 0;
        if (strcmp(key, "descr") == 0) {
            bit = 1;
            take_type(c, array);
        } else if (strcmp(key, "fortran_order") == 0) {
            bit = 2;
            if (take(c, "True")) die(EXIT_FORMAT, "%s: the array is in Fortran order; save numpy.ascontiguousarray of it", c->path);
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

/* Reads the text of the header into fresh memory; the stream is then behind it, at byte *end. */
static char *read_header(const char *path, FILE *stream, int64_t size, int64_t *end) {
    uint8_t head[12] = {0};
    size_t n = fread(head, 1, 10, stream);
    if (!npy_is(head, n)) {
        const char *kind = file_kind(head, n);
        die(EXIT_FORMAT, "%s: not a .npy file%s%s", path, kind ? " but " : "", kind ? kind : "");
    }
    const int major = n > 6 ? head[6] : 0, minor = n > 7 ? head[7] : 0;
    if (n >= 8 && (major < 1 || major > 3 || minor != 0))
        die(EXIT_FORMAT, "%s: .npy version %d.%d is not read, only 1.0, 2.0 and 3.0", path, major, minor);
    if (major > 1) n += fread(head + 10, 1, 2, stream);
    const size_t start = major == 1 ? 10 : 12;
    const int64_t length = head[8] | head[9] << 8 | (int64_t)head[10] << 16 | (int64_t)head[11] << 24;
    *end = (int64_t)start + length;
    if (n < start || *end > size) die(EXIT_FORMAT, "%s: the .npy header is cut short", path);
    if (length > MOST_HEADER)
        die(EXIT_FORMAT, "%s: a .npy header of %lld bytes, at most %d are read", path, (long long)length, MOST_HEADER);
    char *text = mem_alloc(length + 1, 1);
    file_take(stream, path, text, length);
    return text;
}

static int64_t width(const npy_t *array) {
    return array->type == 'B' ? 1 : 4;
}

void npy_open(npy_t *array, const char *path) {
    int64_t size, end, bytes;
    FILE *stream = file_open(path, &size);
    char *text = read_header(path, stream, size, &end);
    *array = (npy_t){.path = path, .stream = stream};
    parse_header(&(cursor_t){path, text}, array);
    free(text);
    if (!size_mul(array->total, width(array), &bytes) || bytes != size - end)
        die(EXIT_FORMAT, "%s: the header declares %lld values of %lld bytes, the file holds %lld bytes", path, (long long)array->total,
            (long long)width(array), (long long)(size - end));
}

static void require_finite(const npy_t *array) {
    const float *value = array->value;
    for (int64_t i = 0; i < array->total; i++) {
        if (isfinite(value[i])) continue;
        const int64_t each = array->ndim > 0 ? array->total / array->shape[0] : 1;
        die(EXIT_FORMAT, "%s: example %lld, value %lld is not finite (%g)", array->path, (long long)(i / each), (long long)(i % each),
            (double)value[i]);
    }
}

void npy_values(npy_t *array) {
    array->value = mem_alloc(array->total, (size_t)width(array));
    file_take(array->stream, array->path, array->value, array->total * width(array));
    fclose(array->stream);
    array->stream = NULL;
    if (array->type == 'f') require_finite(array);
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
    file_put(&writer, magic, sizeof magic);
    file_put(&writer, version_and_length, sizeof version_and_length);
    file_put(&writer, text.s, text.n);
    file_put(&writer, value, 4 * (size_t)total);
    file_end(&writer);
    free(text.s);
}

void npy_write_f32(const char *path, int32_t ndim, const int64_t *shape, const float *value) {
    write_array(path, "<f4", ndim, shape, value);
}

void npy_write_i32(const char *path, int32_t ndim, const int64_t *shape, const int32_t *value) {
    write_array(path, "<i4", ndim, shape, value);
}
