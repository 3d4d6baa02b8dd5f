/* SPDX-License-Identifier: MIT
 * bitmap_jpeg.c - JPEG through libjpeg(-turbo), to 8-bit grey or RGB. CMYK is refused. A file that ends early is
 * refused too; libjpeg itself would fill the rest with grey. */
#include "console.h"
#include "bitmap.h"
#include "mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

typedef struct reader {
    struct jpeg_error_mgr error; /* first: libjpeg hands out a pointer to it */
    jmp_buf failed;
    char *why;
    uint8_t *pixel;
} reader_t;

static noreturn void fail(j_common_ptr jpeg) {
    reader_t *reader = (reader_t *)jpeg->err;
    char message[JMSG_LENGTH_MAX];
    reader->error.format_message(jpeg, message);
    snprintf(reader->why, BITMAP_WHY, "damaged JPEG: %.*s", BITMAP_WHY - 20, message);
    longjmp(reader->failed, 1);
}

static void on_message(j_common_ptr jpeg, int level) {
    const int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) fail(jpeg);
}

static bool refuse(reader_t *reader, const char *why) {
    snprintf(reader->why, BITMAP_WHY, "%s", why);
    return false;
}

static bool decode(struct jpeg_decompress_struct *jpeg, reader_t *reader, const uint8_t *byte, size_t size,
                   bitmap_t *image) {
    jpeg_mem_src(jpeg, byte, size);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 && jpeg->num_components != 3)
        return refuse(reader, "a JPEG that is neither grey nor RGB");
    const int64_t h = jpeg->image_height, w = jpeg->image_width, c = jpeg->num_components;
    if (h > BITMAP_MOST_SIDE || w > BITMAP_MOST_SIDE || h * w > BITMAP_MOST_PIXELS)
        return refuse(reader, "a JPEG of more pixels than are read");
    jpeg->out_color_space = c == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    reader->pixel = mem_alloc(h * w, (size_t)c);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = reader->pixel + (int64_t)jpeg->output_scanline * w * c;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    *image = (bitmap_t){.h = h, .w = w, .c = c, .pixel = reader->pixel};
    return true;
}

bool bitmap_decode_jpeg(bitmap_t *image, const uint8_t *byte, size_t size, char why[BITMAP_WHY]) {
    struct jpeg_decompress_struct jpeg;
    reader_t reader = {.why = why};
    jpeg.err = jpeg_std_error(&reader.error);
    reader.error.error_exit = fail;
    reader.error.emit_message = on_message;
    if (setjmp(reader.failed)) {
        jpeg_destroy_decompress(&jpeg);
        free(reader.pixel);
        return false;
    }
    jpeg_create_decompress(&jpeg);
    const bool good = decode(&jpeg, &reader, byte, size, image);
    jpeg_destroy_decompress(&jpeg);
    return good;
}
