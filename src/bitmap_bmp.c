/* SPDX-License-Identifier: MIT
 * bitmap_bmp.c - reads BMP of Windows and OS/2 as 8-bit RGB.
 *
 *     0   "BM"; at 10 the offset of the pixels
 *     14  the head's size: 12 with sizes of 16 bits, or 40 and more with 32:
 *         18 width, 22 height (negative: the first row is the top one), 28 bits a pixel, 30 compression, 46 colours
 *         54 masks of red, green, blue (and alpha from a head of 56 on), where the compression is 3
 *     then the palette, blue green red and a spare byte that heads of 12 leave out; rows are padded to four bytes
 *
 * This file reads the format itself, because no maintained library reads it from memory: 1, 2, 4 and 8 bits with a palette; 16, 24 and 32
 * bits with or without masks. Run lengths and embedded JPEG or PNG are refused. 32 bits without a mask of alpha have no alpha. */
#include "bitmap.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_HEAD = 14, OLD_HEAD = 12, HEAD = 40, PLAIN = 0, MASKS = 3, MASKS_ALPHA = 6 };

typedef struct reader {
    const uint8_t *byte;
    size_t size;
    int64_t h, w, bits, row_bytes, pixels; /* pixels: the offset of the first pixel */
    bool from_top;
    int64_t palette, entry, colours; /* its offset, bytes of an entry, number of entries */
    uint32_t mask[4];                /* red, green, blue, alpha; 0: none */
} reader_t;

static uint32_t number(const reader_t *reader, size_t at, size_t n) {
    uint32_t value = 0;
    if (at > reader->size || n > reader->size - at) return 0;
    for (size_t i = 0; i < n; i++) value |= (uint32_t)reader->byte[at + i] << 8 * i;
    return value;
}

static bool refuse(char *why, const char *reason) {
    snprintf(why, BITMAP_WHY, "damaged BMP: %s", reason);
    return false;
}

static void read_masks(reader_t *reader, uint32_t head, uint32_t compression) {
    static const uint32_t plain16[4] = {0x7c00, 0x03e0, 0x001f, 0}, plain[4] = {0xff0000, 0xff00, 0xff, 0};
    memcpy(reader->mask, reader->bits == 16 ? plain16 : plain, sizeof plain);
    if (compression == PLAIN) return;
    const size_t n = head >= 56 || compression == MASKS_ALPHA ? 4 : 3;
    for (size_t k = 0; k < n; k++) reader->mask[k] = number(reader, FILE_HEAD + HEAD + 4 * k, 4);
}

static bool read_head(reader_t *reader, char *why) {
    const uint32_t head = number(reader, FILE_HEAD, 4);
    const bool old = head == OLD_HEAD;
    uint32_t compression = PLAIN;
    reader->pixels = number(reader, 10, 4);
    if (old) {
        reader->w = number(reader, 18, 2);
        reader->h = number(reader, 20, 2);
        reader->bits = number(reader, 24, 2);
    } else {
        const int64_t h = (int32_t)number(reader, 22, 4);
        reader->w = (int32_t)number(reader, 18, 4);
        reader->from_top = h < 0;
        reader->h = h < 0 ? -h : h;
        reader->bits = number(reader, 28, 2);
        compression = number(reader, 30, 4);
        reader->colours = number(reader, 46, 4);
    }
    if (reader->w <= 0 || reader->h <= 0) return refuse(why, "it has no size");
    const bool masks = (compression == MASKS || compression == MASKS_ALPHA) && (reader->bits == 16 || reader->bits == 32);
    const bool known = reader->bits == 1 || reader->bits == 2 || reader->bits == 4 || reader->bits == 8 || reader->bits == 16 ||
                       reader->bits == 24 || reader->bits == 32;
    if (!known || (compression != PLAIN && !masks)) {
        snprintf(why, BITMAP_WHY, "a BMP of a kind that is not read: %lld bits a pixel, compression %u", (long long)reader->bits,
                 (unsigned)compression);
        return false;
    }
    const int64_t most = reader->bits <= 8 ? (int64_t)1 << reader->bits : 0;
    if (reader->colours == 0 || reader->colours > most) reader->colours = most;
    reader->entry = old ? 3 : 4;
    reader->palette = FILE_HEAD + (int64_t)head + (masks && head == HEAD ? 12 : 0);
    read_masks(reader, head, compression);
    return true;
}

/* Returns the value under a mask, scaled to 0 .. 255. */
static uint8_t under(uint32_t pixel, uint32_t mask) {
    if (mask == 0) return 0;
    while ((mask & 1) == 0) {
        mask >>= 1;
        pixel >>= 1;
    }
    return (uint8_t)(((uint64_t)(pixel & mask) * 255 + mask / 2) / mask);
}

/* Expands one row to R G B A. */
static void expand(const reader_t *reader, int64_t y, uint8_t *rgba) {
    const size_t at = (size_t)(reader->pixels + (reader->from_top ? y : reader->h - 1 - y) * reader->row_bytes);
    for (int64_t x = 0; x < reader->w; x++, rgba += 4) {
        const size_t bit = (size_t)(x * reader->bits);
        rgba[3] = 255;
        if (reader->bits <= 8) {
            const int64_t shift = 8 - reader->bits - (int64_t)(bit & 7),
                          k = reader->byte[at + bit / 8] >> shift & ((1 << reader->bits) - 1);
            const size_t entry = (size_t)(reader->palette + k * reader->entry);
            for (size_t c = 0; c < 3; c++) rgba[c] = k < reader->colours ? (uint8_t)number(reader, entry + 2 - c, 1) : 0;
        } else {
            const uint32_t pixel = number(reader, at + bit / 8, (size_t)reader->bits / 8);
            for (size_t c = 0; c < 3; c++) rgba[c] = under(pixel, reader->mask[c]);
            if (reader->mask[3]) rgba[3] = under(pixel, reader->mask[3]);
        }
    }
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    reader_t reader = {.byte = byte, .size = size};
    if (!read_head(&reader, why)) return false;
    *seen = (bitmap_t){.h = reader.h, .w = reader.w, .c = 3};
    if (!bitmap_size_read(reader.h, reader.w, BITMAP_MOST_SIDE, why)) return false;
    reader.row_bytes = (reader.w * reader.bits + 31) / 32 * 4;
    if (reader.pixels + reader.h * reader.row_bytes > (int64_t)size) return refuse(why, "cut short");
    if (fit_only_looks(fit)) return true;
    uint8_t *row = mem_alloc(reader.w, 4), *rgb = mem_alloc(reader.w, 3);
    fit_begin(fit, reader.h, reader.w, 3, 1);
    for (int64_t y = 0; y < reader.h; y++) {
        expand(&reader, y, row);
        if (bitmap_over(row, reader.w, background, rgb)) seen->notes |= BITMAP_ALPHA;
        fit_row(fit, rgb);
    }
    free(row);
    free(rgb);
    return true;
}

static bool is(const uint8_t *head, size_t n) {
    return n >= 16 && memcmp(head, "BM", 2) == 0 && (head[14] == OLD_HEAD || head[14] >= HEAD) && head[15] == 0;
}

const bitmap_format_t bitmap_format_bmp = {.name = "BMP", .is = is, .decode = decode};
