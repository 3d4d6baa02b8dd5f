/* SPDX-License-Identifier: MIT
 * bitmap_pnm.c - reads the formats of Netpbm as 8-bit grey or RGB.
 *
 *     P1 P4  bits, 1 is black        "P5 width height most" and one white space, then the values: as decimal numbers (P1 to P3), or
 *     P2 P5  grey, 0 .. most         as bits (P4), bytes or, where most is above 255, pairs of bytes with the higher one first;
 *     P3 P6  red, green, blue        # begins a comment in the head
 *
 * This file reads the formats itself, because libnetpbm ends the program at the first error. A value v becomes 255 v / most, rounded. */
#include "bitmap.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUE = 65535 };

typedef struct reader {
    const uint8_t *byte;
    size_t size, at;
    int kind; /* 1 .. 6 */
    int64_t h, w, c, most;
} reader_t;

static bool is_space(int byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

static bool refuse(char *why, const char *reason) {
    snprintf(why, BITMAP_WHY, "damaged PNM: %s", reason);
    return false;
}

static void pass_space(reader_t *reader) {
    while (reader->at < reader->size) {
        const uint8_t byte = reader->byte[reader->at];
        if (byte == '#')
            while (reader->at < reader->size && reader->byte[reader->at] != '\n') reader->at++;
        else if (is_space(byte)) reader->at++;
        else return;
    }
}

/* The next decimal number, of at most `digits` digits; -1 if there is none. */
static int64_t next_number(reader_t *reader, int digits) {
    int64_t value = 0;
    pass_space(reader);
    int n = 0;
    for (; n < digits && reader->at < reader->size && is_digit(reader->byte[reader->at]); n++)
        value = value * 10 + reader->byte[reader->at++] - '0';
    return n > 0 ? value : -1;
}

static bool read_head(reader_t *reader, char *why) {
    reader->kind = reader->byte[1] - '0';
    reader->at = 2;
    reader->w = next_number(reader, 9);
    reader->h = next_number(reader, 9);
    reader->most = reader->kind == 1 || reader->kind == 4 ? 1 : next_number(reader, 9);
    reader->c = reader->kind == 3 || reader->kind == 6 ? 3 : 1;
    if (reader->w <= 0 || reader->h <= 0) return refuse(why, "it has no size");
    if (reader->most <= 0 || reader->most > MOST_VALUE) return refuse(why, "its largest value is not between 1 and 65535");
    if (reader->at == reader->size || !is_space(reader->byte[reader->at])) return refuse(why, "its head has no end");
    reader->at++;
    return true;
}

static uint8_t scaled(const reader_t *reader, int64_t value) {
    return (uint8_t)(value >= reader->most ? 255 : (value * 255 + reader->most / 2) / reader->most);
}

/* The next row, [w][c]; false if the file ends before it. */
static bool next_row(reader_t *reader, uint8_t *row) {
    const int64_t n = reader->w * reader->c, bytes = reader->most > 255 ? 2 : 1;
    const int64_t needed = reader->kind == 4 ? (reader->w + 7) / 8 : n * bytes;
    const uint8_t *from = reader->byte + reader->at;
    if (reader->kind <= 3) {
        for (int64_t i = 0; i < n; i++) {
            const int64_t value = next_number(reader, reader->kind == 1 ? 1 : 5);
            if (value < 0) return false;
            row[i] = reader->kind == 1 ? (value ? 0 : 255) : scaled(reader, value);
        }
        return true;
    }
    if (needed > (int64_t)(reader->size - reader->at)) return false;
    for (int64_t i = 0; i < n; i++)
        if (reader->kind == 4) row[i] = from[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
        else row[i] = scaled(reader, bytes == 2 ? from[2 * i] << 8 | from[2 * i + 1] : from[i]);
    reader->at += (size_t)needed;
    return true;
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    reader_t reader = {.byte = byte, .size = size};
    (void)background; /* these formats have no transparency */
    if (!read_head(&reader, why)) return false;
    *seen = (bitmap_t){.h = reader.h, .w = reader.w, .c = reader.c};
    if (!bitmap_size_read(reader.h, reader.w, BITMAP_MOST_SIDE, why)) return false;
    if (fit_only_looks(fit)) return true;
    bool good = true;
    uint8_t *row = mem_alloc(reader.w, (size_t)reader.c);
    fit_begin(fit, reader.h, reader.w, reader.c, 1);
    for (int64_t y = 0; y < reader.h && good; y++) {
        good = next_row(&reader, row);
        if (good) fit_row(fit, row);
    }
    free(row);
    return good || refuse(why, "cut short");
}

static bool is(const uint8_t *head, size_t n) {
    return n >= 3 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' && (is_space(head[2]) || head[2] == '#');
}

const bitmap_format_t bitmap_format_pnm = {.name = "PNM", .is = is, .decode = decode};
