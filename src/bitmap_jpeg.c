/* SPDX-License-Identifier: MIT
 * bitmap_jpeg.c - reads JPEG by libjpeg(-turbo) as 8-bit grey or RGB.
 *
 * Four components are CMYK or YCCK (which libjpeg converts to CMYK), inverted as in the files of Adobe's programs, so that 255
 * is no ink: red = C K / 255, and so on, without a colour profile. A file that ends early is refused; libjpeg itself would fill the
 * rest with grey. The orientation in the EXIF data is kept with the picture (exif.h). */
#include "bitmap.h"

#ifdef VAE_READS_jpeg
#include "console.h"
#include "exif.h"
#include "mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum { MOST_SCANS = 100 };                   /* of a progressive file; encoders write about ten, a malicious file thousands */
#define MOST_COEFFICIENTS ((int64_t)1 << 26) /* of a progressive file: libjpeg holds them all, two bytes each */

typedef struct reader {
    struct jpeg_error_mgr error; /* the first member, because libjpeg passes a pointer to it */
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    char *why;
    uint8_t *row; /* in the form of libjpeg */
    uint8_t *rgb; /* the same converted from CMYK */
} reader_t;

/* A file may be valid but of a kind that libjpeg does not read. */
static bool is_unsupported(int code) {
    switch (code) {
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED: return true;
    default: return false;
    }
}

static noreturn void fail(j_common_ptr jpeg) {
    reader_t *reader = (reader_t *)jpeg->err;
    char message[JMSG_LENGTH_MAX];
    const j_decompress_ptr decompress = (j_decompress_ptr)jpeg;
    const int code = jpeg->err->msg_code;
    reader->error.format_message(jpeg, message);
    if (code == JERR_IMAGE_TOO_BIG) /* libjpeg has its own limit, above ours */
        (void)bitmap_size_read(decompress->image_height, decompress->image_width, BITMAP_MOST_SIDE, reader->why);
    else
        snprintf(reader->why, BITMAP_WHY, "%s: %.*s", is_unsupported(code) ? "a JPEG of a kind that is not read" : "damaged JPEG",
                 BITMAP_WHY - 40, message);
    longjmp(reader->failed, 1);
}

static void on_message(j_common_ptr jpeg, int level) {
    const int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) fail(jpeg);
}

static void on_progress(j_common_ptr jpeg) {
    reader_t *reader = (reader_t *)jpeg->err;
    if (((j_decompress_ptr)jpeg)->input_scan_number <= MOST_SCANS) return;
    snprintf(reader->why, BITMAP_WHY, "a JPEG of more than %d scans, which no program writes", MOST_SCANS);
    longjmp(reader->failed, 1);
}

static bool refuse(reader_t *reader, const char *why) {
    snprintf(reader->why, BITMAP_WHY, "%s", why);
    return false;
}

static bool within_limits(const struct jpeg_decompress_struct *jpeg, reader_t *reader) {
    const int64_t h = jpeg->image_height, w = jpeg->image_width;
    if (!bitmap_size_read(h, w, BITMAP_MOST_SIDE, reader->why)) return false;
    if (!jpeg->progressive_mode || h * w * jpeg->num_components <= MOST_COEFFICIENTS) return true;
    snprintf(reader->why, BITMAP_WHY, "a progressive JPEG of %lldx%lld pixels, at most %lld values are read", (long long)w, (long long)h,
             (long long)MOST_COEFFICIENTS);
    return false;
}

static void from_cmyk(const uint8_t *cmyk, int64_t w, uint8_t *rgb) {
    for (int64_t x = 0; x < w; x++)
        for (int64_t k = 0; k < 3; k++) rgb[x * 3 + k] = (uint8_t)((cmyk[x * 4 + k] * cmyk[x * 4 + 3] + 127) / 255);
}

static void read_rows(struct jpeg_decompress_struct *jpeg, reader_t *reader, fit_t *fit) {
    const bool cmyk = jpeg->out_color_space == JCS_CMYK;
    reader->row = mem_alloc(jpeg->output_width, (size_t)jpeg->output_components);
    reader->rgb = mem_alloc(jpeg->output_width, 3);
    while (jpeg->output_scanline < jpeg->output_height) {
        jpeg_read_scanlines(jpeg, &reader->row, 1);
        if (cmyk) from_cmyk(reader->row, jpeg->output_width, reader->rgb);
        fit_row(fit, cmyk ? reader->rgb : reader->row);
    }
}

static bool read_picture(struct jpeg_decompress_struct *jpeg, reader_t *reader, const uint8_t *byte, size_t size, bitmap_t *seen,
                         fit_t *fit) {
    jpeg_mem_src(jpeg, byte, size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    const int n = jpeg->num_components;
    if (n != 1 && n != 3 && n != 4) return refuse(reader, "a JPEG that is none of grey, RGB and CMYK");
    if (!within_limits(jpeg, reader)) return false;
    const int64_t h = jpeg->image_height, w = jpeg->image_width, c = n == 1 ? 1 : 3;
    jpeg->out_color_space = n == 1 ? JCS_GRAYSCALE : n == 3 ? JCS_RGB : JCS_CMYK;
    jpeg->dct_method = JDCT_ISLOW;
    int orientation = 1;
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker; marker = marker->next)
        if (orientation == 1) orientation = exif_orientation(marker->data, marker->data_length);
    *seen = (bitmap_t){.h = h, .w = w, .c = c};
    seen->notes = (n == 4 ? BITMAP_CMYK : 0u) | (orientation > 1 ? BITMAP_TURNED : 0u);
    if (fit_only_looks(fit)) return true;
    jpeg_start_decompress(jpeg);
    fit_begin(fit, h, w, c, orientation);
    read_rows(jpeg, reader, fit);
    jpeg_finish_decompress(jpeg);
    return true;
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    struct jpeg_decompress_struct jpeg;
    reader_t reader = {.progress = {.progress_monitor = on_progress}, .why = why};
    (void)background; /* JPEG has no transparency */
    jpeg.err = jpeg_std_error(&reader.error);
    reader.error.error_exit = fail;
    reader.error.emit_message = on_message;
    if (setjmp(reader.failed)) {
        jpeg_destroy_decompress(&jpeg);
        free(reader.row);
        free(reader.rgb);
        return false;
    }
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &reader.progress;
    const bool good = read_picture(&jpeg, &reader, byte, size, seen, fit);
    jpeg_destroy_decompress(&jpeg);
    free(reader.row);
    free(reader.rgb);
    return good;
}
#define DECODE decode
#else
#define DECODE NULL
#endif

static bool is(const uint8_t *head, size_t n) {
    return n >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff;
}

const bitmap_format_t bitmap_format_jpeg = {.name = "JPEG", .library = "libjpeg", .is = is, .decode = DECODE};
