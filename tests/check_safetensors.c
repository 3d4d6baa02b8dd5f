/* SPDX-License-Identifier: MIT
 * check_safetensors.c - tests the reader of model files: the files that it accepts, and the ways in which a file can be wrong, MF01
 * to MF52. check_file_system.c tests writing and failures of the system, check_model_file.c files that do not fit their model. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/crc32c.h"
#include "io/dtype.h"
#include "io/half.h"
#include "io/limits.h"
#include "io/safetensors.h"

/* ---- a heap that counts, and bytes in the making ----------------------------------------------------------------- */

typedef struct counter {
    vaei_heap heap;
    uint64_t now, peak;
    int64_t left; /* allocations granted before one fails; below 0: all */
} counter;

static void *counting_alloc(void *user, size_t size, size_t align) {
    counter *c = user;
    if (c->left == 0) return NULL;
    if (c->left > 0) c->left--;
    c->now += size;
    if (c->now > c->peak) c->peak = c->now;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void counting_free(void *user, void *ptr, size_t size) {
    counter *c = user;
    c->now -= size;
    free(ptr);
}

static void counter_init(counter *c) {
    memset(c, 0, sizeof *c);
    c->heap.user = c;
    c->heap.alloc = counting_alloc;
    c->heap.free = counting_free;
    c->left = -1;
}

typedef struct bytes {
    uint8_t *at;
    size_t size;
} bytes;

/* length LE, header, data_size bytes 0, 1, 2, ... */
static bytes file_of(const char *header, size_t length, uint64_t claimed, size_t data_size) {
    bytes b = {malloc(8 + length + data_size), 8 + length + data_size};
    for (int i = 0; i < 8; i++) b.at[i] = (uint8_t)(claimed >> 8 * i);
    memcpy(b.at + 8, header, length);
    for (size_t i = 0; i < data_size; i++) b.at[8 + length + i] = (uint8_t)i;
    return b;
}

static bytes file_text(const char *header, size_t data_size) {
    return file_of(header, strlen(header), strlen(header), data_size);
}

/* of this process, so that a busy machine does not count */
static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Reads from memory; it takes less than 50 ms, nothing stays allocated, and no more is taken than twice the bytes there and 1 MiB. */
static vae_status_t read_bytes(bytes b) {
    counter c;
    vaei_file f;
    counter_init(&c);
    const double start = now_ms();
    const vae_status_t status = vaei_file_read_memory(&f, &c.heap, b.at, b.size, "case");
    ck_assert_double_lt(now_ms() - start, 50);
    if (status == VAE_OK) vaei_file_close(&f);
    ck_assert_uint_eq(c.now, 0);
    ck_assert_uint_le(c.peak, ((size_t)1 << 20) + 2 * b.size);
    if (status < 0) ck_assert_msg(strstr(vaei_fail_text(), "case") != NULL, "%s", vaei_fail_text());
    return status;
}

static void check_text_case(const char *id, const char *header, size_t data_size, vae_status_t wanted) {
    bytes b = file_text(header, data_size);
    const vae_status_t status = read_bytes(b);
    ck_assert_msg(status == wanted, "%s: %.100s: got %s (%s), wanted %s", id, header, vaei_status_name(status),
                  status < 0 ? vaei_fail_text() : "", vaei_status_name(wanted));
    free(b.at);
}

/* ---- headers that can be written down ---------------------------------------------------------------------------- */

#define ONE                      "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define T(dtype, shape, offsets) "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
    const char *id, *header;
    size_t data_size;
    vae_status_t status;
} headers[] = {
    {"ok", "{" ONE "}", 8, VAE_OK},
    {"ok no tensors", "{}", 0, VAE_OK},
    {"ok white space", " \t\r\n{ " ONE " } \n  ", 8, VAE_OK},
    {"ok rank 0", T("F32", "[]", "[0,4]"), 4, VAE_OK},
    {"ok empty tensor", T("F32", "[3,0,2]", "[0,0]"), 0, VAE_OK},
    {"ok any order", "{\"b\":{\"data_offsets\":[8,12],\"shape\":[1],\"dtype\":\"F32\"}," ONE "}", 12, VAE_OK},
    {"ok empty between", "{" ONE ",\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[8,8]}}", 8, VAE_OK},
    {"ok types", T("I8", "[3]", "[0,3]"), 3, VAE_OK},
    {"ok sub-byte", T("F4", "[2,3]", "[0,3]"), 3, VAE_OK},
    {"ok metadata", "{\"__metadata__\":{\"format\":\"pt\",\"\":\"\"}," ONE "}", 8, VAE_OK},
    {"MF07 not UTF-8", "{\"\377\":1}", 0, VAE_E_FORMAT},
    {"long unknown type", T("F32_as_long_as_a_sentence_is", "[2]", "[0,8]"), 8, VAE_E_FORMAT},
    {"long unknown key", "{\"a\":{\"as_long_as_a_sentence_is\":1}}", 0, VAE_E_FORMAT},
    {"MF08 not JSON", "{a:1}", 0, VAE_E_FORMAT},
    {"MF08 cut", "{" ONE, 8, VAE_E_FORMAT},
    {"MF09 first byte", "x{}", 0, VAE_E_FORMAT},
    {"MF09 BOM", "\357\273\277{}", 0, VAE_E_FORMAT},
    {"MF11 behind the brace", "{}x", 0, VAE_E_FORMAT},
    {"MF11 two objects", "{}{}", 0, VAE_E_FORMAT},
    {"MF12 array", "[]", 0, VAE_E_FORMAT},
    {"MF12 number", "12", 0, VAE_E_FORMAT},
    {"MF12 text", "\"a\"", 0, VAE_E_FORMAT},
    {"MF15 twice", "{" ONE "," ONE "}", 8, VAE_E_FORMAT},
    {"MF15 twice, other place", "{" ONE ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, VAE_E_FORMAT},
    {"MF16 inner twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF17 equal by escape", "{" ONE ",\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, VAE_E_FORMAT},
    {"MF17 inner by escape", "{\"a\":{\"dtype\":\"F32\",\"shap\\u0065\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF18 no dtype", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF18 no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF18 no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, VAE_E_FORMAT},
    {"MF18 nothing", "{\"a\":{}}", 0, VAE_E_FORMAT},
    {"MF18 no object", "{\"a\":[]}", 0, VAE_E_FORMAT},
    {"MF18 null", "{\"a\":null}", 0, VAE_E_FORMAT},
    {"MF19 unknown key", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"strides\":[1]}}", 8, VAE_E_FORMAT},
    {"MF20 unknown dtype", T("F33", "[2]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF20 lower case", T("f32", "[2]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF20 no text", "{\"a\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF21 negative", T("F32", "[-2]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 minus zero", T("F32", "[-0]", "[0,0]"), 0, VAE_E_FORMAT},
    {"MF21 fraction", T("F32", "[2.0]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 exponent", T("F32", "[2e0]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 text", T("F32", "[\"2\"]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 2^64", T("F32", "[18446744073709551616]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 2^64 + 2", T("F32", "[18446744073709551618]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 nested", T("F32", "[[2]]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF21 number", T("F32", "2", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF22 product", T("F32", "[2,18446744073709551614]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF22 product of int64", T("U8", "[4294967296,4294967296]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF23 product by size", T("F32", "[2,4611686018427387903]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF23 bits wrap to the size", T("F32", "[576460752303423490]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF24 nine dimensions", T("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, VAE_E_LIMIT},
    {"MF24 eight dimensions", T("F32", "[1,1,1,1,1,1,1,2]", "[0,8]"), 8, VAE_OK},
    {"MF27 begin behind end", T("F32", "[2]", "[8,0]"), 8, VAE_E_FORMAT},
    {"MF28 end behind data", T("F32", "[3]", "[0,12]"), 8, VAE_E_FORMAT},
    {"MF28 far behind", T("F32", "[2]", "[9223372036854775800,9223372036854775807]"), 8, VAE_E_FORMAT},
    {"MF29 too short", T("F32", "[2]", "[0,4]"), 8, VAE_E_FORMAT},
    {"MF29 too long", T("F32", "[1]", "[0,8]"), 8, VAE_E_FORMAT},
    {"MF30 overlap", "{" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF30 part", "{" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, VAE_E_FORMAT},
    {"MF31 hole between", "{" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16, VAE_E_FORMAT},
    {"MF32 hole before", T("F32", "[2]", "[4,12]"), 12, VAE_E_FORMAT},
    {"MF32 empty tensor apart", "{" ONE ",\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[3,3]}}", 8, VAE_E_FORMAT},
    {"MF33 bytes behind", "{" ONE "}", 9, VAE_E_FORMAT},
    {"MF33 bytes, no tensor", "{}", 1, VAE_E_FORMAT},
    {"MF34 bytes missing", "{" ONE "}", 7, VAE_E_FORMAT},
    {"MF35 exponent", T("F32", "[2]", "[0,8e0]"), 8, VAE_E_FORMAT},
    {"MF35 fraction", T("F32", "[2]", "[0.0,8]"), 8, VAE_E_FORMAT},
    {"MF35 negative", T("F32", "[2]", "[-8,0]"), 8, VAE_E_FORMAT},
    {"MF36 one offset", T("F32", "[2]", "[8]"), 8, VAE_E_FORMAT},
    {"MF36 three offsets", T("F32", "[2]", "[0,4,8]"), 8, VAE_E_FORMAT},
    {"MF36 none", T("F32", "[2]", "[]"), 8, VAE_E_FORMAT},
    {"MF37 sub-byte rest", T("F4", "[3]", "[0,2]"), 2, VAE_E_FORMAT},
    {"MF37 six bits", T("F6_E2M3", "[4]", "[0,3]"), 3, VAE_OK},
    {"MF38 number", "{\"__metadata__\":{\"a\":1}}", 0, VAE_E_FORMAT},
    {"MF38 object", "{\"__metadata__\":{\"a\":{}}}", 0, VAE_E_FORMAT},
    {"MF38 null", "{\"__metadata__\":null}", 0, VAE_E_FORMAT},
    {"MF39 two", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, VAE_E_FORMAT},
    {"MF39 key twice", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, VAE_E_FORMAT},
    {"MF41 empty name", "{\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF41 NUL", "{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF41 newline", "{\"a\\nb\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF41 delete", "{\"a\177\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, VAE_E_FORMAT},
    {"MF47 checksum", "{\"__metadata__\":{\"vae.crc32c\":\"00000000\"}," ONE "}", 8, VAE_E_FORMAT},
    {"MF47 no checksum", "{\"__metadata__\":{\"vae.crc32c\":\"\"}," ONE "}", 8, VAE_E_FORMAT},
    {"MF47 right checksum", "{\"__metadata__\":{\"vae.crc32c\":\"8a2cbc3b\"}," ONE "}", 8, VAE_OK},
};

START_TEST(test_reader_judges_headers) {
    check_text_case(headers[_i].id, headers[_i].header, headers[_i].data_size, headers[_i].status);
}
END_TEST

/* ---- files that have to be built --------------------------------------------------------------------------------- */

START_TEST(test_MF01_MF02_file_shorter_than_its_length) {
    const uint8_t zeros[8] = {2, 0, 0, 0, 0, 0, 0, 0};
    for (size_t n = 0; n <= 8; n++) {
        bytes b = {malloc(n + 1), n};
        memcpy(b.at, zeros, n);
        ck_assert_int_eq(read_bytes(b), VAE_E_FORMAT);
        free(b.at);
    }
}
END_TEST

START_TEST(test_MF03_to_MF06_length_of_the_header) {
    static const struct {
        uint64_t claimed;
        vae_status_t status;
    } cases[] = {{3, VAE_E_FORMAT},
                 {UINT64_C(1) << 20, VAE_E_FORMAT},
                 {UINT64_C(1) << 63, VAE_E_FORMAT},
                 {UINT64_MAX - 7, VAE_E_FORMAT},
                 {UINT64_MAX, VAE_E_FORMAT},
                 {0, VAE_E_FORMAT},
                 {1, VAE_E_FORMAT},
                 {2, VAE_OK}};
    for (size_t i = 0; i < VAEI_COUNT(cases); i++) {
        bytes b = file_of("{}", 2, cases[i].claimed, 0);
        ck_assert_int_eq(read_bytes(b), cases[i].status);
        free(b.at);
    }
    for (size_t extra = 0; extra < 2; extra++) { /* MF04: 1 MiB of spaces fits, one more does not */
        bytes b = file_of("", 0, VAEI_HEADER_MAX + extra, VAEI_HEADER_MAX + extra);
        memset(b.at + 8, ' ', b.size - 8);
        memcpy(b.at + 8, "{}", 2);
        ck_assert_int_eq(read_bytes(b), extra ? VAE_E_LIMIT : VAE_OK);
        free(b.at);
    }
}
END_TEST

START_TEST(test_MF10_header_padded_with_NUL) {
    bytes b = file_of("{}\0\0\0\0\0\0", 8, 8, 0);
    ck_assert_int_eq(read_bytes(b), VAE_E_FORMAT);
    free(b.at);
}
END_TEST

START_TEST(test_MF13_depth_bomb) {
    char *text = malloc(900001);
    for (int inside = 0; inside < 2; inside++) {
        memset(text, '[', 900000);
        text[900000] = '\0';
        if (inside) memcpy(text, "{\"a\":", 5);
        check_text_case("MF13", text, 0, inside ? VAE_E_LIMIT : VAE_E_FORMAT);
    }
    free(text);
}
END_TEST

/* `count` empty tensors; as many as fit a header. */
static char *many_tensors(int count) {
    char *text = malloc((size_t)count * 64 + 8);
    size_t n = 0;
    for (int i = 0; i < count; i++)
        n += (size_t)sprintf(text + n, "%c\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? ',' : '{', i);
    strcpy(text + n, "}");
    return text;
}

START_TEST(test_MF14_many_tensors) {
    static const int counts[] = {VAEI_TENSORS_MAX, VAEI_TENSORS_MAX + 1, 18000, 100000};
    for (size_t i = 0; i < VAEI_COUNT(counts); i++) {
        char *text = many_tensors(counts[i]);
        const double start = now_ms();
        check_text_case("MF14", text, 0, i == 0 ? VAE_OK : VAE_E_LIMIT);
        ck_assert_double_lt(now_ms() - start, 50);
        free(text);
    }
}
END_TEST

/* 1 MiB of keys inside one tensor. */
START_TEST(test_MF14_many_keys) {
    char *text = malloc(VAEI_HEADER_MAX);
    size_t n = (size_t)sprintf(text, "{\"a\":{");
    for (int i = 0; n < VAEI_HEADER_MAX - 32; i++) n += (size_t)sprintf(text + n, "%s\"%x\":0", i ? "," : "", i);
    strcpy(text + n, "}}");
    const double start = now_ms();
    check_text_case("MF14", text, 0, VAE_E_LIMIT);
    ck_assert_double_lt(now_ms() - start, 50);
    free(text);
}
END_TEST

START_TEST(test_MF30_ten_tensors_on_the_same_bytes) {
    char text[1000];
    size_t n = 0;
    for (int i = 0; i < 10; i++)
        n += (size_t)sprintf(text + n, "%c\"%d\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}", i ? ',' : '{', i);
    strcpy(text + n, "}");
    check_text_case("MF30", text, 8, VAE_E_FORMAT);
}
END_TEST

START_TEST(test_MF41_long_names) {
    for (int extra = 0; extra < 2; extra++) {
        char name[300], text[500];
        memset(name, 'n', sizeof name);
        name[VAEI_NAME_MAX + extra] = '\0';
        (void)snprintf(text, sizeof text, "{\"%s\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", name);
        check_text_case("MF41", text, 2, extra ? VAE_E_LIMIT : VAE_OK);
        (void)snprintf(text, sizeof text, "{\"__metadata__\":{\"%s\":\"\"}}", name);
        check_text_case("MF41 key", text, 0, extra ? VAE_E_LIMIT : VAE_OK);
    }
}
END_TEST

START_TEST(test_texts_are_limited) {
    char *text = malloc(100000);
    for (size_t extra = 0; extra < 2; extra++) {
        const size_t n = (size_t)sprintf(text, "{\"__metadata__\":{\"a\":\"");
        memset(text + n, 'x', VAEI_TEXT_VALUE_MAX + extra);
        strcpy(text + n + VAEI_TEXT_VALUE_MAX + extra, "\"}}");
        check_text_case("long text", text, 0, extra ? VAE_E_LIMIT : VAE_OK);
        size_t at = (size_t)sprintf(text, "{\"__metadata__\":{");
        for (size_t i = 0; i < VAEI_TEXTS_MAX + extra; i++) at += (size_t)sprintf(text + at, "%s\"%d\":\"\"", i ? "," : "", (int)i);
        strcpy(text + at, "}}");
        check_text_case("many texts", text, 0, extra ? VAE_E_LIMIT : VAE_OK);
    }
    free(text);
}
END_TEST

static const struct {
    const char *head, *word;
} kinds[] = {
    {"PK\003\004\024\000\000\000\010\000", "ZIP"},
    {"\200\002\212\012l\374\234F\371 j\250P\031.", "pickle"},
    {"GGUF\003\000\000\000\001\000", "GGUF"},
    {"\211HDF\r\n\032\n\000\000", "HDF5"},
    {"version https://git-lfs.github.com/spec/v1\noid sha256:", "LFS"},
    {"<!DOCTYPE html><html>", "web page"},
    {"\n<HTML><head>", "web page"},
    {"\r\n\t <html>", "web page"},
    {"<?xml version=", "web page"},
    {"\037\213\010\000\000\000\000\000\000\003", "gzip"},
    {"\223NUMPY\001\000v\000", "NumPy"},
};

START_TEST(test_MF52_other_formats_are_named) {
    bytes b = {calloc(1, 4096), 4096};
    memcpy(b.at, kinds[_i].head, strlen(kinds[_i].head) > 8 ? strlen(kinds[_i].head) : 10);
    ck_assert_int_eq(read_bytes(b), VAE_E_FORMAT);
    ck_assert_msg(strstr(vaei_fail_text(), kinds[_i].word) != NULL, "%s", vaei_fail_text());
    free(b.at);
}
END_TEST

/* What only resembles one of them is not called by its name. */
START_TEST(test_other_formats_are_not_guessed) {
    static const char *const heads[] = {"\200\000\377\377\377\377\377\377", "\200\006\377\377\377\377\377\377", "<hr>\377\377\377\377\377",
                                        "<x>\377\377\377\377\377\377", "        "};
    for (size_t i = 0; i < VAEI_COUNT(heads); i++) {
        bytes b = {calloc(1, 16), i == 4 ? 8 : 16};
        memcpy(b.at, heads[i], 8);
        ck_assert_int_ne(read_bytes(b), VAE_OK);
        ck_assert_msg(!strstr(vaei_fail_text(), "pickle") && !strstr(vaei_fail_text(), "web page"), "%s", vaei_fail_text());
        free(b.at);
    }
    ck_assert_ptr_null(vaei_dtype_name(77));
}
END_TEST

/* A file cut at any byte is refused; one with any byte changed is refused or read, but never if the data changed. */
START_TEST(test_damaged_anywhere) {
    const char *header = "{\"__metadata__\":{\"vae.crc32c\":\"8a2cbc3b\",\"k\":\"\\u00e9\"}," ONE "}";
    bytes whole = file_text(header, 8);
    ck_assert_int_eq(read_bytes(whole), VAE_OK);
    for (size_t n = 0; n < whole.size; n++) {
        bytes cut = {malloc(n + 1), n};
        memcpy(cut.at, whole.at, n);
        ck_assert_int_eq(read_bytes(cut), VAE_E_FORMAT);
        free(cut.at);
    }
    for (size_t i = 0; i < whole.size; i++) {
        for (int change = 1; change < 256; change++) {
            whole.at[i] ^= (uint8_t)change;
            const vae_status_t status = read_bytes(whole);
            if (i >= whole.size - 8) ck_assert_int_eq(status, VAE_E_FORMAT);
            whole.at[i] ^= (uint8_t)change;
        }
    }
    free(whole.at);
}
END_TEST

/* ---- values ------------------------------------------------------------------------------------------------------ */

static vae_status_t floats_of(int32_t dtype, const void *data, int64_t count, float *out) {
    const vaei_entry e = {.name = "t", .dtype = dtype, .ndim = 1, .shape = {count}, .count = count, .data = data};
    return vaei_entry_floats(&e, out, "case");
}

START_TEST(test_MF45_values_of_every_type) {
    static const uint8_t f32[] = {9, 0, 0, 128, 63, 0, 0, 0, 192}, f16[] = {0, 60, 0, 192, 1, 0, 255, 123, 0, 128};
    static const uint8_t bf16[] = {128, 63, 0, 192};
    static const uint8_t f64[] = {0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 16, 0, 0, 240, 63, 0, 0, 0, 48, 0, 0, 240, 63};
    float x[5];
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F32, f32 + 1, 2, x), VAE_OK); /* at an odd address */
    ck_assert_float_eq(x[0], 1);
    ck_assert_float_eq(x[1], -2);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F16, f16, 5, x), VAE_OK);
    ck_assert_float_eq(x[0], 1);
    ck_assert_float_eq(x[1], -2);
    ck_assert_float_eq(x[2], 0x1p-24f); /* the smallest subnormal */
    ck_assert_float_eq(x[3], 65504);
    ck_assert(signbit(x[4]) && !(x[4] < 0));
    ck_assert_int_eq(floats_of(VAEI_DTYPE_BF16, bf16, 2, x), VAE_OK);
    ck_assert_float_eq(x[1], -2);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F64, f64, 3, x), VAE_OK);
    ck_assert_float_eq(x[0], 1);
    ck_assert_float_eq(x[1], 1); /* half way between neighbours: to even */
    ck_assert_float_eq(x[2], 1 + 0x1p-22f);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_I64, f64, 1, x), VAE_E_UNSUPPORTED);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_U8, f64, 1, x), VAE_E_UNSUPPORTED);
}
END_TEST

/* As torch.float8_e4m3fn and torch.float8_e5m2 widen them. */
START_TEST(test_floats_of_eight_bits) {
    static const uint8_t e4m3[] = {0x00, 0x01, 0x07, 0x08, 0x38, 0x7E, 0x81, 0xFE},
                         e5m2[] = {0x00, 0x01, 0x03, 0x04, 0x3C, 0x7B, 0x81, 0xFB};
    static const float of_e4m3[] = {0, 0x1p-9f, 7 * 0x1p-9f, 0x1p-6f, 1, 448, -0x1p-9f, -448};
    static const float of_e5m2[] = {0, 0x1p-16f, 3 * 0x1p-16f, 0x1p-14f, 1, 57344, -0x1p-16f, -57344};
    static const uint8_t nan_e4m3[] = {0x7F}, inf_e5m2[] = {0x7C};
    float x[8];
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F8_E4M3, e4m3, 8, x), VAE_OK);
    ck_assert_mem_eq(x, of_e4m3, sizeof x);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F8_E5M2, e5m2, 8, x), VAE_OK);
    ck_assert_mem_eq(x, of_e5m2, sizeof x);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F8_E4M3, nan_e4m3, 1, x), VAE_E_NUMERIC);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F8_E5M2, inf_e5m2, 1, x), VAE_E_NUMERIC);
}
END_TEST

START_TEST(test_MF20_unsupported_type_is_refused_when_its_floats_are_asked) {
    bytes b = file_text(T("F8_E8M0", "[2]", "[0,2]"), 2);
    counter c;
    vaei_file f;
    float x[2];
    counter_init(&c);
    ck_assert_int_eq(vaei_file_read_memory(&f, &c.heap, b.at, b.size, "case"), VAE_OK);
    ck_assert_int_eq(vaei_entry_floats(vaei_file_find(&f, "a"), x, "case"), VAE_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "F8_E8M0"));
    vaei_file_close(&f);
    free(b.at);
}
END_TEST

START_TEST(test_MF46_not_finite) {
    static const uint8_t inf16[] = {0, 124}, nan16[] = {1, 124}, inf_bf16[] = {128, 255}, nan32[] = {0, 0, 192, 127};
    static const uint8_t big64[] = {0, 0, 0, 0, 0, 0, 240, 71}; /* 2^128 */
    float x[1];
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F16, inf16, 1, x), VAE_E_NUMERIC);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F16, nan16, 1, x), VAE_E_NUMERIC);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_BF16, inf_bf16, 1, x), VAE_E_NUMERIC);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F32, nan32, 1, x), VAE_E_NUMERIC);
    ck_assert_int_eq(floats_of(VAEI_DTYPE_F64, big64, 1, x), VAE_E_NUMERIC);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "'t'"));
}
END_TEST

/* Rounding back must give each half its own bits. */
START_TEST(test_every_half_is_widened_exactly) {
    for (uint32_t h = 0; h < 65536; h++) {
        const uint32_t exponent = h >> 10 & 31, mantissa = h & 1023;
        const float x = vaei_float_from_half((uint16_t)h);
        if (exponent == 31) {
            ck_assert(mantissa ? isnan(x) : isinf(x));
            continue;
        }
        const double wanted = exponent ? ldexp(1 + mantissa / 1024.0, (int)exponent - 15) : ldexp(mantissa / 1024.0, -14);
        ck_assert_double_eq((double)x, h & 0x8000 ? -wanted : wanted);
    }
}
END_TEST

START_TEST(test_crc32c_known_values) {
    uint8_t data[10000] = {0};
    ck_assert_uint_eq(vaei_crc32c("", 0), 0);
    ck_assert_uint_eq(vaei_crc32c("123456789", 9), 0xE3069283u);
    ck_assert_uint_eq(vaei_crc32c(data, 32), 0x8A9136AAu);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + i / 255);
    const uint32_t whole = vaei_crc32c(data, sizeof data);
    uint32_t bytewise = 0;
    for (size_t i = 0; i < sizeof data; i++) bytewise = vaei_crc32c_add(bytewise, data + i, 1);
    ck_assert_uint_eq(bytewise, whole);
    ck_assert_uint_eq(vaei_crc32c_add(vaei_crc32c(data, 4999), data + 4999, 5001), whole);
}
END_TEST

Suite *suite_safetensors(void);

Suite *suite_safetensors(void) {
    Suite *s = suite_create("safetensors");
    TCase *t = tcase_create("reader");
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, test_reader_judges_headers, 0, (int)VAEI_COUNT(headers));
    tcase_add_test(t, test_MF01_MF02_file_shorter_than_its_length);
    tcase_add_test(t, test_MF03_to_MF06_length_of_the_header);
    tcase_add_test(t, test_MF10_header_padded_with_NUL);
    tcase_add_test(t, test_MF13_depth_bomb);
    tcase_add_test(t, test_MF14_many_tensors);
    tcase_add_test(t, test_MF14_many_keys);
    tcase_add_test(t, test_MF30_ten_tensors_on_the_same_bytes);
    tcase_add_test(t, test_MF41_long_names);
    tcase_add_test(t, test_texts_are_limited);
    tcase_add_loop_test(t, test_MF52_other_formats_are_named, 0, (int)VAEI_COUNT(kinds));
    tcase_add_test(t, test_other_formats_are_not_guessed);
    tcase_add_test(t, test_damaged_anywhere);
    suite_add_tcase(s, t);
    t = tcase_create("values");
    tcase_add_test(t, test_MF45_values_of_every_type);
    tcase_add_test(t, test_floats_of_eight_bits);
    tcase_add_test(t, test_MF20_unsupported_type_is_refused_when_its_floats_are_asked);
    tcase_add_test(t, test_MF46_not_finite);
    tcase_add_test(t, test_every_half_is_widened_exactly);
    tcase_add_test(t, test_crc32c_known_values);
    suite_add_tcase(s, t);
    return s;
}
