/* SPDX-License-Identifier: MIT
 * bitmap_png.c - reads PNG from bytes by libpng's push reader.
 *
 * Every valid PNG becomes 8-bit grey or RGB: palettes and low depths are expanded, 16 bits are scaled, interlacing is undone.
 * Transparent pixels (RGBA, grey with alpha, tRNS) are composed over one colour, the background:
 *
 *     value = (alpha * value + (most - alpha) * background) / most        most: 255, or 65535 where the file has 16 bits
 *
 * on the stored values, without a correction of gamma, as in browsers and viewers. Other chunks (colour profiles, gamma, texts)
 * are not read, so a compressed bomb in one of them does no harm.
 *
 * The push reader reports at once if there are more data than the image holds, whereas the other reader first inflates all of them.
 * libpng reports errors by longjmp; everything that must survive one is in a struct outside of the stack frame. */
#include "bitmap.h"
#include "console.h"
#include "exif.h"
#include "mem.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MOST_RAW ((int64_t)1 << 28) /* bytes of all rows in the form of the file */

enum { SIGNATURE = 8, HEAD = SIGNATURE + 8 + 13 + 4 }; /* bytes before the second chunk */

typedef struct reader {
    jmp_buf failed;
    bool rgba;  /* four channels are wanted, whatever the file has */
    bool whole; /* the whole image must be in memory: rgba, or interlaced */
    bool clear; /* its pixels have alpha */
    bool ended;
    fit_t *fit; /* takes the rows, unless rgba is set */
    const uint8_t *background;
    int64_t most_side;
    int orientation; /* a constant of exif.h */
    char *why;
    int64_t h, w, c, bytes; /* channels, and bytes of a value, of the rows of libpng */
    int64_t rows;           /* rows of the last pass up to now */
    unsigned notes;
    uint8_t *pixel; /* [h][w][c * bytes] of a whole image */
    uint8_t *row;   /* [w][3]: a composed row */
} reader_t;

static int64_t u32(const uint8_t *p) {
    return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Checks the sizes of the first chunk, if it is complete, before libpng checks them. */
static bool within_limits(const uint8_t *byte, size_t size, int64_t most_side, char why[BITMAP_WHY]) {
    static const int channels[8] = {1, 0, 3, 1, 2, 0, 4, 0};
    if (size < HEAD || memcmp(byte + SIGNATURE, "\0\0\0\015IHDR", 8) != 0) return true;
    if ((int64_t)crc32(0, byte + SIGNATURE + 4, 17) != u32(byte + HEAD - 4)) return true;
    const uint8_t *head = byte + SIGNATURE + 8;
    const int64_t w = u32(head), h = u32(head + 4), bits = head[8] * (head[9] < 8 ? channels[head[9]] : 0);
    if (w == 0 || h == 0 || w > INT32_MAX || h > INT32_MAX) return true;
    if (!bitmap_size_read(h, w, most_side, why)) return false;
    const int64_t raw = h * ((w * bits + 7) / 8);
    if (raw > MOST_RAW)
        snprintf(why, BITMAP_WHY, "%lldx%lld pixels of %lld bits make %lld bytes, at most %lld are read", (long long)w, (long long)h,
                 (long long)bits, (long long)raw, (long long)MOST_RAW);
    return raw <= MOST_RAW;
}

static void on_error(png_structp png, png_const_charp message) {
    reader_t *reader = png_get_error_ptr(png);
    snprintf(reader->why, BITMAP_WHY, "damaged PNG: %s", message);
    longjmp(reader->failed, 1);
}

/* For libpng it is only a warning if there are more data than the image needs. */
static void on_warning(png_structp png, png_const_charp message) {
    if (strncmp(message, "Extra compress", 14) == 0) on_error(png, "more image data than its pixels take");
}

static noreturn void refuse_whole(reader_t *reader) {
    snprintf(reader->why, BITMAP_WHY, "an interlaced PNG of %lldx%lld pixels, at most %lld bytes of them are read", (long long)reader->w,
             (long long)reader->h, (long long)BITMAP_MOST_WHOLE);
    longjmp(reader->failed, 1);
}

static void on_info(png_structp png, png_infop info) {
    reader_t *reader = png_get_progressive_ptr(png);
    const uint8_t *ground = reader->background;
    reader->h = png_get_image_height(png, info);
    reader->w = png_get_image_width(png, info);
    const bool clear = reader->clear = png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA || png_get_valid(png, info, PNG_INFO_tRNS);
    png_set_expand(png);
    if (reader->rgba || !clear) png_set_scale_16(png);
    if (reader->rgba || (clear && (ground[0] != ground[1] || ground[0] != ground[2]))) png_set_gray_to_rgb(png);
    if (reader->rgba) png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    reader->c = png_get_channels(png, info);
    reader->bytes = png_get_bit_depth(png, info) / 8;
    const size_t row_bytes = (size_t)(reader->w * (reader->rgba ? 4 : reader->c) * reader->bytes);
    if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "neither grey nor RGB"); /* LCOV_EXCL_BR_LINE: never of libpng 1.6 */
    reader->whole = reader->rgba || png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
    if (!reader->rgba && reader->whole && reader->h * reader->w * reader->c * reader->bytes > BITMAP_MOST_WHOLE) refuse_whole(reader);
    if (reader->whole) reader->pixel = mem_alloc(reader->h * reader->w, (size_t)(reader->c * reader->bytes));
    reader->row = mem_alloc(reader->w, 3);
    if (!reader->rgba) fit_begin(reader->fit, reader->h, reader->w, reader->c - clear, reader->orientation);
}

static int64_t value_at(const uint8_t *p, int64_t bytes) {
    return bytes == 2 ? p[0] << 8 | p[1] : p[0];
}

/* Returns a row composed over the background, as 8 bits without alpha. */
static const uint8_t *compose(reader_t *reader, const uint8_t *from) {
    const int64_t c = reader->c, bytes = reader->bytes, colours = c - 1, most = bytes == 2 ? 65535 : 255;
    uint8_t *to = reader->row;
    for (int64_t x = 0; x < reader->w; x++, from += c * bytes) {
        const int64_t alpha = value_at(from + colours * bytes, bytes);
        if (alpha < most) reader->notes |= BITMAP_ALPHA;
        for (int64_t k = 0; k < colours; k++) {
            const int64_t ground = reader->background[k] * (most / 255);
            const int64_t mixed = alpha * value_at(from + k * bytes, bytes) + (most - alpha) * ground;
            *to++ = (uint8_t)((mixed * 2 * 255 + most * most) / (2 * most * most));
        }
    }
    return reader->row;
}

static void give_row(reader_t *reader, const uint8_t *row) {
    fit_row(reader->fit, reader->clear ? compose(reader, row) : row);
}

static void on_row(png_structp png, png_bytep row, png_uint_32 y, int pass) {
    reader_t *reader = png_get_progressive_ptr(png);
    (void)pass;
    if (row && reader->whole) png_progressive_combine_row(png, reader->pixel + (int64_t)y * reader->w * reader->c * reader->bytes, row);
    else if (row) give_row(reader, row);
    reader->rows = (int64_t)y + 1;
}

static void on_end(png_structp png, png_infop info) {
    reader_t *reader = png_get_progressive_ptr(png);
    (void)info;
    reader->ended = true;
}

static void read_rows(png_structp png, png_infop info, reader_t *reader, const uint8_t *byte, size_t size) {
    png_set_user_limits(png, (png_uint_32)reader->most_side, (png_uint_32)reader->most_side);
    png_set_chunk_malloc_max(png, 0); /* a chunk is not longer than the file, and texts are skipped */
    png_set_chunk_cache_max(png, 128);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_progressive_read_fn(png, reader, on_info, on_row, on_end);
    png_process_data(png, info, (png_bytep)(uintptr_t)byte, size);
    if (!reader->ended || reader->rows != reader->h) png_error(png, "cut short");
    const int64_t width = reader->w * reader->c * reader->bytes;
    for (int64_t y = 0; reader->whole && !reader->rgba && y < reader->h; y++) give_row(reader, reader->pixel + y * width);
}

/* True if the image was read. */
static bool read_image(reader_t *reader, const uint8_t *byte, size_t size) {
    if (!within_limits(byte, size, reader->most_side, reader->why)) return false;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    /* LCOV_EXCL_START: without memory, which check_failures.sh with FAILURES=all tries */
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) die(EXIT_RUNTIME, "out of memory for a PNG");
    /* LCOV_EXCL_STOP */
    volatile bool good = false;
    if (setjmp(reader->failed) == 0) {
        read_rows(png, info, reader, byte, size);
        good = true;
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(reader->row);
    return good;
}

static bool is(const uint8_t *head, size_t n) {
    static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    return n >= sizeof signature && memcmp(head, signature, sizeof signature) == 0;
}

/* Reads the part before the pixels; returns true if it is the head of an image. */
static bool look(bitmap_t *seen, const uint8_t *byte, size_t size, char why[BITMAP_WHY]) {
    if (!within_limits(byte, size, BITMAP_MOST_SIDE, why)) return false;
    const bool good = size >= HEAD && memcmp(byte + SIGNATURE, "\0\0\0\015IHDR", 8) == 0;
    if (!good) snprintf(why, BITMAP_WHY, "damaged PNG: it has no head");
    else *seen = (bitmap_t){.h = u32(byte + SIGNATURE + 12), .w = u32(byte + SIGNATURE + 8), .c = byte[SIGNATURE + 17] & 2 ? 3 : 1};
    return good;
}

/* Returns a chunk before the pixels, or NULL if there is none of this name. */
static const uint8_t *find_chunk(const uint8_t *byte, size_t size, const char name[4], size_t *length) {
    for (size_t at = SIGNATURE; size - at >= 12; at += 12 + *length) {
        *length = (size_t)u32(byte + at);
        if (*length > size - at - 12 || memcmp(byte + at + 4, "IDAT", 4) == 0) return NULL;
        if (memcmp(byte + at + 4, name, 4) == 0) return byte + at + 8;
    }
    return NULL;
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    if (fit_only_looks(fit)) return look(seen, byte, size, why);
    reader_t reader = {.background = background, .most_side = BITMAP_MOST_SIDE, .orientation = 1, .fit = fit, .why = why};
    size_t length;
    const uint8_t *exif = find_chunk(byte, size, "eXIf", &length);
    if (exif) reader.orientation = exif_orientation_tiff(exif, length);
    if (reader.orientation > 1) reader.notes |= BITMAP_TURNED;
    if (find_chunk(byte, size, "acTL", &length)) reader.notes |= BITMAP_FIRST;
    const bool good = read_image(&reader, byte, size);
    free(reader.pixel);
    *seen = (bitmap_t){.h = reader.h, .w = reader.w, .c = reader.c - reader.clear, .notes = reader.notes};
    return good;
}

const bitmap_format_t bitmap_format_png = {.name = "PNG", .library = "libpng", .is = is, .decode = decode};

bool bitmap_decode_png_rgba(bitmap_t *image, const uint8_t *byte, size_t size, int64_t most_side, char why[BITMAP_WHY]) {
    reader_t reader = {.rgba = true, .background = (const uint8_t[3]){255, 255, 255}, .most_side = most_side, .why = why};
    const bool good = read_image(&reader, byte, size);
    if (!good) free(reader.pixel);
    *image = (bitmap_t){.h = reader.h, .w = reader.w, .c = reader.c, .pixel = good ? reader.pixel : NULL};
    return good;
}
