/* SPDX-License-Identifier: MIT
 * bitmap_png.c - PNG through libpng.
 *
 * Every valid PNG is reduced to 8-bit grey or RGB, or brought to RGBA where that is asked for: palettes and low depths
 * are expanded, 16 bits scaled, alpha dropped or added, interlacing undone. libpng reports errors by longjmp; all that
 * must survive one stands in a struct outside the frame. */
#include "console.h"
#include "files.h"
#include "bitmap.h"
#include "mem.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    jmp_buf failed;
    bool rgba; /* four channels wanted, whatever the file has */
    char *why;
    const uint8_t *byte;
    size_t left;
    uint8_t *pixel;
    png_bytep *row;
} reader_t;

static void on_error(png_structp png, png_const_charp message) {
    reader_t *reader = png_get_error_ptr(png);
    snprintf(reader->why, BITMAP_WHY, "damaged PNG: %s", message);
    longjmp(reader->failed, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep out, size_t n) {
    reader_t *reader = png_get_io_ptr(png);
    if (n > reader->left) png_error(png, "cut short");
    memcpy(out, reader->byte, n);
    reader->byte += n;
    reader->left -= n;
}

static void decode(png_structp png, png_infop info, reader_t *reader, bitmap_t *image) {
    png_set_read_fn(png, reader, read_bytes);
    png_set_user_limits(png, BITMAP_MOST_SIDE, BITMAP_MOST_SIDE);
    png_set_chunk_malloc_max(png, 8 << 20);
    png_set_chunk_cache_max(png, 128);
    png_read_info(png, info);
    const int64_t h = png_get_image_height(png, info), w = png_get_image_width(png, info);
    if (h * w > BITMAP_MOST_PIXELS) png_error(png, "more pixels than are read");
    png_set_expand(png);
    png_set_scale_16(png);
    if (reader->rgba) {
        png_set_gray_to_rgb(png);
        png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    } else {
        png_set_strip_alpha(png);
    }
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    const int64_t c = png_get_channels(png, info);
    const bool known = reader->rgba ? c == 4 : c == 1 || c == 3;
    if (!known || png_get_rowbytes(png, info) != (size_t)(w * c)) png_error(png, "neither grey nor RGB");
    reader->pixel = mem_alloc(h * w, (size_t)c);
    reader->row = mem_alloc(h, sizeof *reader->row);
    for (int64_t y = 0; y < h; y++) reader->row[y] = reader->pixel + y * w * c;
    png_read_image(png, reader->row);
    png_read_end(png, NULL);
    *image = (bitmap_t){.h = h, .w = w, .c = c, .pixel = reader->pixel};
}

static bool decode_as(bitmap_t *image, bool rgba, const uint8_t *byte, size_t size, char why[BITMAP_WHY]) {
    reader_t reader = {.rgba = rgba, .why = why, .byte = byte, .left = size};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) die(EXIT_RUNTIME, "out of memory for a PNG");
    if (setjmp(reader.failed)) {
        png_destroy_read_struct(&png, &info, NULL);
        free(reader.row);
        free(reader.pixel);
        return false;
    }
    decode(png, info, &reader, image);
    png_destroy_read_struct(&png, &info, NULL);
    free(reader.row);
    return true;
}

bool bitmap_decode_png(bitmap_t *image, const uint8_t *byte, size_t size, char why[BITMAP_WHY]) {
    return decode_as(image, false, byte, size, why);
}

bool bitmap_decode_png_rgba(bitmap_t *image, const uint8_t *byte, size_t size, char why[BITMAP_WHY]) {
    return decode_as(image, true, byte, size, why);
}

static void on_write_error(png_structp png, png_const_charp message) {
    (void)png;
    die(EXIT_RUNTIME, "a picture could not be written: %s", message);
}

void bitmap_write(const bitmap_t *image, const char *path) {
    file_writer_t writer;
    file_begin(&writer, path);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_write_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) die(EXIT_RUNTIME, "out of memory for a PNG");
    png_init_io(png, writer.stream);
    png_set_IHDR(png, info, (png_uint_32)image->w, (png_uint_32)image->h, 8,
                 image->c == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int64_t y = 0; y < image->h; y++) png_write_row(png, image->pixel + y * image->w * image->c);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    file_end(&writer);
}
