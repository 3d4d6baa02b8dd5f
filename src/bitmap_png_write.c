/* SPDX-License-Identifier: MIT
 * bitmap_png_write.c - writes PNG to a file by libpng. */
#include "bitmap.h"
#include "console.h"
#include "files.h"

#include <png.h>

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

/* The writer itself reports the path and the reason; the only other error of libpng is that memory was refused. */
static noreturn void on_write_error(png_structp png, png_const_charp message) {
    const file_writer_t *writer = png_get_error_ptr(png);
    die(EXIT_RUNTIME, "%s: the picture cannot be written: %s", writer->path, message);
}

static void put_bytes(png_structp png, png_bytep bytes, size_t n) {
    file_put(png_get_io_ptr(png), bytes, n);
}

static void no_flush(png_structp png) {
    (void)png;
}

void bitmap_write(const bitmap_t *image, const char *path) {
    static const int colour[5] = {0, PNG_COLOR_TYPE_GRAY, 0, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    file_writer_t writer;
    file_begin(&writer, path);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, on_write_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) die(EXIT_RUNTIME, "%s: out of memory for a PNG", path);
    png_set_write_fn(png, &writer, put_bytes, no_flush);
    png_set_IHDR(png, info, (png_uint_32)image->w, (png_uint_32)image->h, 8, colour[image->c], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int64_t y = 0; y < image->h; y++) png_write_row(png, image->pixel + y * image->w * image->c);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    file_end(&writer);
}
