/* SPDX-License-Identifier: MIT
 * bitmap.c - reads a picture by its type, and arranges pictures in a grid. */
#include "bitmap.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_FILE ((int64_t)1 << 27)

#define FORMAT(name) extern const bitmap_format_t bitmap_format_##name;
#include "bitmap_formats.def"
#undef FORMAT

static const bitmap_format_t *const formats[] = {
#define FORMAT(name) &bitmap_format_##name,
#include "bitmap_formats.def"
#undef FORMAT
};

const bitmap_format_t *bitmap_format(size_t i) {
    return i < sizeof formats / sizeof *formats ? formats[i] : NULL;
}

const bitmap_format_t *bitmap_format_of(const uint8_t *head, size_t n) {
    for (size_t i = 0; bitmap_format(i); i++)
        if (bitmap_format(i)->is(head, n)) return bitmap_format(i);
    return NULL;
}

char *bitmap_formats_text(bool read) {
    strbuf_t text = {0};
    size_t n = 0, k = 0;
    for (size_t i = 0; bitmap_format(i); i++) n += (bitmap_format(i)->decode != NULL) == read;
    strbuf_put(&text, "", 0);
    for (size_t i = 0; bitmap_format(i); i++) {
        if ((bitmap_format(i)->decode != NULL) != read) continue;
        strbuf_add(&text, "%s%s", k == 0 ? "" : k + 1 == n ? " and " : ", ", bitmap_format(i)->name);
        k++;
    }
    return text.s;
}

bool bitmap_over(const uint8_t *rgba, int64_t w, const uint8_t background[3], uint8_t *rgb) {
    bool any = false;
    for (int64_t x = 0; x < w; x++, rgba += 4, rgb += 3) {
        const int alpha = rgba[3];
        any = any || alpha < 255;
        for (int k = 0; k < 3; k++) rgb[k] = (uint8_t)((alpha * rgba[k] + (255 - alpha) * background[k] + 127) / 255);
    }
    return any;
}

bool bitmap_size_read(int64_t h, int64_t w, int64_t most_side, char why[BITMAP_WHY]) {
    const bool narrow = h <= most_side && w <= most_side;
    if (narrow && h * w <= BITMAP_MOST_PIXELS) return true;
    snprintf(why, BITMAP_WHY, "%lldx%lld pixels, at most %lld %s", (long long)w, (long long)h,
             narrow ? (long long)BITMAP_MOST_PIXELS : (long long)most_side, narrow ? "in all" : "a side");
    return false;
}

/* Reads the bytes of a file into fresh memory; returns NULL and the reason if it cannot. */
static uint8_t *read_bytes(const char *path, size_t *size, char why[BITMAP_WHY]) {
    struct stat info;
    /* LCOV_EXCL_START: it vanished since it was listed, or is not ours to read, which root never meets */
    FILE *stream = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    if (!stream) {
        snprintf(why, BITMAP_WHY, "%s", errno ? strerror(errno) : "not a regular file");
        return NULL;
    } /* LCOV_EXCL_STOP */
    uint8_t *byte = NULL;
    *size = (size_t)info.st_size;
    if (info.st_size > MOST_FILE) {
        snprintf(why, BITMAP_WHY, "%lld bytes, at most %lld are read", (long long)info.st_size, (long long)MOST_FILE);
    } else {
        byte = mem_alloc(info.st_size, 1);
        if (fread(byte, 1, *size, stream) != *size) { /* LCOV_EXCL_START: it shrank meanwhile */
            snprintf(why, BITMAP_WHY, "could not be read whole");
            free(byte);
            byte = NULL;
        } /* LCOV_EXCL_STOP */
    }
    fclose(stream);
    return byte;
}

bool bitmap_read(bitmap_t *seen, fit_t *fit, const char *path, const uint8_t background[3], char why[BITMAP_WHY]) {
    size_t size;
    bool good = false;
    errno = 0;
    uint8_t *byte = read_bytes(path, &size, why);
    if (!byte) return false;
    const char *kind = file_kind(byte, size);
    const bitmap_format_t *format = bitmap_format_of(byte, size);
    if (format && format->decode) good = format->decode(seen, fit, byte, size, background, why);
    else if (format) snprintf(why, BITMAP_WHY, "this is a %s picture, and this vae was built without %s", format->name, format->library);
    else if (size == 0) snprintf(why, BITMAP_WHY, "the file is empty");
    else snprintf(why, BITMAP_WHY, "no picture that is known here%s%s", kind ? ": this is " : "", kind ? kind : "");
    free(byte);
    return good;
}

bitmap_t bitmap_new(int64_t h, int64_t w, int64_t c, uint8_t value) {
    bitmap_t image = {.h = h, .w = w, .c = c, .pixel = mem_alloc(h * w, (size_t)c)}; /* it fits, as so many values are in memory */
    bitmap_fill(&image, 0, 0, w, h, value);
    return image;
}

void bitmap_fill(bitmap_t *image, int64_t left, int64_t top, int64_t right, int64_t bottom, uint8_t value) {
    const int64_t c = image->c;
    for (int64_t y = top; y < bottom; y++) {
        uint8_t *row = image->pixel + (y * image->w + left) * c;
        memset(row, value, (size_t)((right - left) * c));
        for (int64_t x = 0; c == 4 && x < right - left; x++) row[x * 4 + 3] = 255;
    }
}

void bitmap_free(bitmap_t *image) {
    free(image->pixel);
    image->pixel = NULL;
}

static uint8_t to_byte(double value) {
    return (uint8_t)lround(fmin(fmax(value, 0.0), 255.0));
}

void bitmap_fit(const bitmap_t *image, int64_t h, int64_t w, int64_t c, uint8_t *pixel) {
    fit_t fit = {.h = h, .w = w, .c = c};
    fit_begin(&fit, image->h, image->w, image->c, 1);
    for (int64_t y = 0; y < image->h; y++) fit_row(&fit, image->pixel + y * image->w * image->c);
    fit_end(&fit, pixel);
    fit_free(&fit);
}

int64_t bitmap_columns(int64_t n) {
    const int64_t columns = (int64_t)ceil(sqrt((double)n));
    return columns > 0 ? columns : 1;
}

bitmap_t bitmap_grid(const float *x, int64_t n, int64_t h, int64_t w, int64_t c, int64_t columns) {
    const int64_t side = h > w ? h : w;
    const int64_t zoom = side < 48 ? 2 : 1, gap = 2;
    const int64_t rows = (n + columns - 1) / columns;
    bitmap_t grid = bitmap_new(rows * (h * zoom + gap) + gap, columns * (w * zoom + gap) + gap, c, 32);
    for (int64_t i = 0; i < n; i++) {
        const int64_t top = gap + i / columns * (h * zoom + gap), left = gap + i % columns * (w * zoom + gap);
        for (int64_t y = 0; y < h * zoom; y++)
            for (int64_t p = 0; p < w * zoom * c; p++) {
                const int64_t source = (y / zoom * w + p / c / zoom) * c + p % c;
                grid.pixel[((top + y) * grid.w + left) * c + p] = to_byte(255.0 * (double)x[i * h * w * c + source]);
            }
    }
    return grid;
}
