/* SPDX-License-Identifier: MIT
 * bitmap_png.c - PNG to a file, through libpng. */
#include "bitmap.h"
#include "console.h"
#include "files.h"

#include <png.h>

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
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
