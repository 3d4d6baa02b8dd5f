/* SPDX-License-Identifier: MIT
 * bitmap_gif.c - reads the first picture of a GIF by giflib as 8-bit RGB.
 *
 * The picture may be a part of a larger screen; the rest of the screen and transparent pixels show the background. */
#include "bitmap.h"

#include <string.h>

#ifdef VAE_READS_gif
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

#include <gif_lib.h>

typedef struct bytes {
    const uint8_t *byte;
    size_t size, at;
} bytes_t;

static int take(GifFileType *gif, GifByteType *to, int n) {
    bytes_t *bytes = gif->UserData;
    const size_t left = bytes->size - bytes->at, got = n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
    memcpy(to, bytes->byte + bytes->at, got);
    bytes->at += got;
    return (int)got;
}

static bool refuse(char *why, const char *reason) {
    snprintf(why, BITMAP_WHY, "damaged GIF: %s", reason ? reason : "not readable");
    return false;
}

/* Reads up to the next picture, which gif->Image then describes; false at the end. *clear becomes the transparent colour, if there is
 * one. */
static bool next_picture(GifFileType *gif, int *clear) {
    GifRecordType type;
    while (DGifGetRecordType(gif, &type) == GIF_OK) {
        if (type == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) == GIF_OK;
        if (type != EXTENSION_RECORD_TYPE) return false;
        int code;
        GifByteType *block;
        GraphicsControlBlock control;
        if (DGifGetExtension(gif, &code, &block) != GIF_OK) return false;
        if (code == GRAPHICS_EXT_FUNC_CODE && block && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            *clear = control.TransparentColor;
        while (block)
            if (DGifGetExtensionNext(gif, &block) != GIF_OK) return false;
    }
    return false;
}

/* Reads the picture's colour indices, [Height][Width]. */
static bool read_indices(GifFileType *gif, uint8_t *index) {
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const int64_t w = gif->Image.Width, h = gif->Image.Height;
    if (!gif->Image.Interlace) {
        for (int64_t y = 0; y < h; y++)
            if (DGifGetLine(gif, index + y * w, (int)w) != GIF_OK) return false;
        return true;
    }
    for (int pass = 0; pass < 4; pass++)
        for (int64_t y = first[pass]; y < h; y += step[pass])
            if (DGifGetLine(gif, index + y * w, (int)w) != GIF_OK) return false;
    return true;
}

static void give_rows(const GifFileType *gif, const ColorMapObject *map, const uint8_t *index, int clear, bitmap_t *seen, fit_t *fit,
                      const uint8_t background[3]) {
    const GifImageDesc *at = &gif->Image;
    uint8_t *row = mem_alloc(seen->w, 3);
    for (int64_t y = 0; y < seen->h; y++) {
        for (int64_t x = 0; x < seen->w; x++) {
            const int64_t iy = y - at->Top, ix = x - at->Left;
            const bool inside = iy >= 0 && iy < at->Height && ix >= 0 && ix < at->Width;
            const int k = inside ? index[iy * at->Width + ix] : clear;
            if (!inside || k == clear || k >= map->ColorCount) {
                memcpy(row + x * 3, background, 3);
                seen->notes |= BITMAP_ALPHA;
            } else {
                memcpy(row + x * 3, (const uint8_t[]){map->Colors[k].Red, map->Colors[k].Green, map->Colors[k].Blue}, 3);
            }
        }
        fit_row(fit, row);
    }
    free(row);
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static bool read_picture(GifFileType *gif, bitmap_t *seen, fit_t *fit, const uint8_t background[3], char *why) {
    int clear = NO_TRANSPARENT_COLOR, ignored;
    if (!next_picture(gif, &clear)) return refuse(why, gif->Error ? GifErrorString(gif->Error) : "it has no picture");
    const GifImageDesc at = gif->Image;
    *seen = (bitmap_t){.h = larger(gif->SHeight, at.Top + at.Height), .w = larger(gif->SWidth, at.Left + at.Width), .c = 3};
    if (at.Width <= 0 || at.Height <= 0) return refuse(why, "its picture has no pixels");
    if (!bitmap_size_read(seen->h, seen->w, BITMAP_MOST_SIDE, why)) return false;
    if (fit_only_looks(fit)) return true;
    const ColorMapObject *map = at.ColorMap ? at.ColorMap : gif->SColorMap;
    if (!map) return refuse(why, "it names no colours");
    uint8_t *index = mem_alloc(at.Height, (size_t)at.Width);
    const bool good = read_indices(gif, index);
    if (good) {
        fit_begin(fit, seen->h, seen->w, 3, 1);
        give_rows(gif, map, index, clear, seen, fit, background);
        if (next_picture(gif, &ignored)) seen->notes |= BITMAP_FIRST;
    }
    free(index);
    return good || refuse(why, GifErrorString(gif->Error));
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    bytes_t bytes = {.byte = byte, .size = size};
    int code = 0;
    GifFileType *gif = DGifOpen(&bytes, take, &code);
    if (!gif) return refuse(why, GifErrorString(code));
    const bool good = read_picture(gif, seen, fit, background, why);
    (void)DGifCloseFile(gif, &code);
    return good;
}
#define DECODE decode
#else
#define DECODE NULL
#endif

static bool is(const uint8_t *head, size_t n) {
    return n >= 4 && memcmp(head, "GIF8", 4) == 0;
}

const bitmap_format_t bitmap_format_gif = {.name = "GIF", .library = "giflib", .is = is, .decode = DECODE};
