/* SPDX-License-Identifier: MIT
 * bitmap_tiff.c - reads the first page of a TIFF by libtiff as 8-bit grey or RGB.
 *
 * libtiff converts every kind that it knows to R G B A: palettes, 16 bits, CMYK, YCbCr, JPEG and others, with alpha multiplied into the
 * colours. A page is in memory as a whole, four bytes a pixel. Rows have the order of the file; the orientation has the numbers of
 * EXIF, which come from TIFF. A damaged file is refused. */
#include "bitmap.h"

#include <string.h>

#ifdef VAE_READS_tiff
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

#include <tiffio.h>

enum { MOST_PIECE = 96 << 20 }; /* bytes of one allocation of libtiff */

typedef struct bytes {
    const uint8_t *byte;
    toff_t size, at;
} bytes_t;

static tmsize_t take(thandle_t handle, void *to, tmsize_t n) {
    bytes_t *bytes = handle;
    if (n <= 0 || bytes->at >= bytes->size) return 0;
    const toff_t left = bytes->size - bytes->at, got = (toff_t)n < left ? (toff_t)n : left;
    memcpy(to, bytes->byte + bytes->at, (size_t)got);
    bytes->at += got;
    return (tmsize_t)got;
}

static tmsize_t put(thandle_t handle, void *from, tmsize_t n) {
    (void)handle, (void)from, (void)n;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    bytes_t *bytes = handle;
    bytes->at = offset + (whence == SEEK_CUR ? bytes->at : whence == SEEK_END ? bytes->size : 0);
    return bytes->at;
}

static int shut(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t length(thandle_t handle) {
    return ((bytes_t *)handle)->size;
}

/* The first message says what is wrong; the others follow from it. */
static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
    char *why = user;
    (void)tiff, (void)module;
    if (why[0]) return 1;
    const int n = snprintf(why, BITMAP_WHY, "damaged TIFF: ");
    vsnprintf(why + n, (size_t)(BITMAP_WHY - n), format, values);
    return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
    (void)tiff, (void)user, (void)module, (void)format, (void)values;
    return 1;
}

/* Passes the rows on; alpha is already multiplied in: value + (255 - alpha) background / 255. */
static void give_rows(bitmap_t *seen, fit_t *fit, const uint32_t *raster, const uint8_t background[3]) {
    uint8_t *row = mem_alloc(seen->w, 3);
    for (int64_t y = 0; y < seen->h; y++) {
        const uint32_t *from = raster + y * seen->w;
        for (int64_t x = 0; x < seen->w; x++) {
            const uint32_t pixel = from[x], clear = 255 - TIFFGetA(pixel);
            const uint32_t value[3] = {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)};
            if (clear) seen->notes |= BITMAP_ALPHA;
            for (int64_t k = 0; k < seen->c; k++) {
                const uint32_t mixed = value[k] + (clear * background[k] + 127) / 255;
                row[x * seen->c + k] = (uint8_t)(mixed > 255 ? 255 : mixed);
            }
        }
        fit_row(fit, row);
    }
    free(row);
}

static bool read_pixels(TIFF *tiff, bitmap_t *seen, fit_t *fit, const uint8_t background[3], char *why) {
    TIFFRGBAImage image;
    char reason[1024] = ""; /* the longest that libtiff writes */
    if (!TIFFRGBAImageOK(tiff, reason) || !TIFFRGBAImageBegin(&image, tiff, 1, reason)) {
        if (!why[0]) snprintf(why, BITMAP_WHY, "a TIFF of a kind that is not read: %.100s", reason);
        return false;
    }
    const int orientation = image.orientation >= 1 && image.orientation <= 8 ? image.orientation : 1;
    image.req_orientation = image.orientation; /* rows in the order of the file */
    uint32_t *raster = mem_alloc(seen->h, (size_t)seen->w * sizeof *raster);
    const bool good = TIFFRGBAImageGet(&image, raster, (uint32_t)seen->w, (uint32_t)seen->h) && !why[0];
    TIFFRGBAImageEnd(&image);
    if (good) {
        if (orientation > 1) seen->notes |= BITMAP_TURNED;
        fit_begin(fit, seen->h, seen->w, seen->c, orientation);
        give_rows(seen, fit, raster, background);
        if (!TIFFLastDirectory(tiff)) seen->notes |= BITMAP_FIRST;
    } else if (!why[0]) {
        snprintf(why, BITMAP_WHY, "damaged TIFF: its pixels cannot be read");
    }
    free(raster);
    return good;
}

static bool read_page(TIFF *tiff, bitmap_t *seen, fit_t *fit, const uint8_t background[3], char *why) {
    uint32_t w = 0, h = 0;
    uint16_t kind = 0;
    (void)TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &w);
    (void)TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &h);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_PHOTOMETRIC, &kind);
    if (w == 0 || h == 0) {
        snprintf(why, BITMAP_WHY, "damaged TIFF: it has no size");
        return false;
    }
    const bool grey = kind == PHOTOMETRIC_MINISBLACK || kind == PHOTOMETRIC_MINISWHITE;
    const bool even = background[0] == background[1] && background[0] == background[2];
    *seen = (bitmap_t){.h = h, .w = w, .c = grey && even ? 1 : 3, .notes = kind == PHOTOMETRIC_SEPARATED ? BITMAP_CMYK : 0u};
    if (!bitmap_size_read(h, w, BITMAP_MOST_SIDE, why)) return false;
    if ((int64_t)h * w * 4 > BITMAP_MOST_WHOLE) {
        snprintf(why, BITMAP_WHY, "a TIFF of %ux%u pixels, at most %lld bytes of them are read", (unsigned)w, (unsigned)h,
                 (long long)BITMAP_MOST_WHOLE);
        return false;
    }
    return fit_only_looks(fit) || read_pixels(tiff, seen, fit, background, why);
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    bytes_t bytes = {.byte = byte, .size = size};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    why[0] = '\0';
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MOST_PIECE);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, why);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, NULL);
    TIFF *tiff = TIFFClientOpenExt("TIFF", "rm", &bytes, take, put, seek, shut, length, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    if (!tiff && !why[0]) snprintf(why, BITMAP_WHY, "damaged TIFF");
    if (!tiff) return false;
    const bool good = read_page(tiff, seen, fit, background, why);
    TIFFClose(tiff);
    return good;
}
#define DECODE decode
#else
#define DECODE NULL
#endif

static bool is(const uint8_t *head, size_t n) {
    return n >= 4 && (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "MM\0*", 4) == 0 || memcmp(head, "II+\0", 4) == 0 ||
                      memcmp(head, "MM\0+", 4) == 0);
}

const bitmap_format_t bitmap_format_tiff = {.name = "TIFF", .library = "libtiff 4.5", .is = is, .decode = DECODE};
