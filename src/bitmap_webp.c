/* SPDX-License-Identifier: MIT
 * bitmap_webp.c - reads WebP by libwebp and libwebpdemux as 8-bit RGB.
 *
 * The picture of an animation is its first frame on its canvas. Transparent pixels are composed over the background. The frame is in
 * memory as a whole, so its size is limited by BITMAP_MOST_WHOLE; libwebp itself needs another four bytes for each pixel of a lossless
 * frame. */
#include "bitmap.h"

#include <string.h>

#ifdef VAE_READS_webp
#include "exif.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

#include <webp/decode.h>
#include <webp/demux.h>

static bool refuse(char *why, const char *reason) {
    snprintf(why, BITMAP_WHY, "damaged WebP: %s", reason);
    return false;
}

/* Returns the orientation in the EXIF chunk; 1 if there is none. */
static int orientation_of(const WebPDemuxer *demux) {
    WebPChunkIterator chunk;
    int orientation = 1;
    if (!WebPDemuxGetChunk(demux, "EXIF", 1, &chunk)) return orientation;
    orientation = exif_orientation_tiff(chunk.chunk.bytes, chunk.chunk.size);
    if (orientation == 1) orientation = exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

static bool frame_fits(const WebPIterator *frame, char *why) {
    WebPBitstreamFeatures features;
    if (!frame->complete || WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &features) != VP8_STATUS_OK)
        return refuse(why, "cut short");
    const int64_t lossless = features.format == 2, bytes = (int64_t)frame->width * frame->height * (lossless ? 8 : 4);
    if (bytes > BITMAP_MOST_WHOLE)
        snprintf(why, BITMAP_WHY, "a WebP of %dx%d pixels, at most %lld bytes of them are read", frame->width, frame->height,
                 (long long)BITMAP_MOST_WHOLE);
    return bytes <= BITMAP_MOST_WHOLE;
}

/* Passes the canvas on row by row, with the frame on it. */
static void give_rows(bitmap_t *seen, fit_t *fit, const WebPIterator *frame, const uint8_t *rgba, const uint8_t background[3]) {
    uint8_t *row = mem_alloc(seen->w, 4), *rgb = mem_alloc(seen->w, 3);
    for (int64_t y = 0; y < seen->h; y++) {
        const int64_t inside = y - frame->y_offset;
        memset(row, 0, (size_t)seen->w * 4);
        if (inside >= 0 && inside < frame->height)
            memcpy(row + frame->x_offset * 4, rgba + inside * frame->width * 4, (size_t)frame->width * 4);
        if (bitmap_over(row, seen->w, background, rgb)) seen->notes |= BITMAP_ALPHA;
        fit_row(fit, rgb);
    }
    free(row);
    free(rgb);
}

static bool read_frame(bitmap_t *seen, fit_t *fit, const WebPIterator *frame, int orientation, const uint8_t background[3], char *why) {
    if (!frame_fits(frame, why)) return false;
    const int64_t stride = (int64_t)frame->width * 4;
    uint8_t *rgba = mem_alloc(frame->height, (size_t)stride);
    const bool good = WebPDecodeRGBAInto(frame->fragment.bytes, frame->fragment.size, rgba, (size_t)(stride * frame->height), (int)stride);
    if (good) {
        fit_begin(fit, seen->h, seen->w, 3, orientation);
        give_rows(seen, fit, frame, rgba, background);
    }
    free(rgba);
    return good || refuse(why, "its pixels cannot be decoded");
}

static bool decode(bitmap_t *seen, fit_t *fit, const uint8_t *byte, size_t size, const uint8_t background[3], char why[BITMAP_WHY]) {
    WebPDemuxer *demux = WebPDemux(&(WebPData){byte, size});
    if (!demux) return refuse(why, "it is cut short or has no picture");
    const int orientation = orientation_of(demux);
    *seen = (bitmap_t){.h = WebPDemuxGetI(demux, WEBP_FF_CANVAS_HEIGHT), .w = WebPDemuxGetI(demux, WEBP_FF_CANVAS_WIDTH), .c = 3};
    seen->notes = (orientation > 1 ? BITMAP_TURNED : 0u) | (WebPDemuxGetI(demux, WEBP_FF_FRAME_COUNT) > 1 ? BITMAP_FIRST : 0u);
    bool good = bitmap_size_read(seen->h, seen->w, BITMAP_MOST_SIDE, why);
    WebPIterator frame;
    if (good && !fit_only_looks(fit)) {
        good = WebPDemuxGetFrame(demux, 1, &frame) ? read_frame(seen, fit, &frame, orientation, background, why)
                                                   : refuse(why, "it has no picture");
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(demux);
    return good;
}
#define DECODE decode
#else
#define DECODE NULL
#endif

static bool is(const uint8_t *head, size_t n) {
    return n >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0;
}

const bitmap_format_t bitmap_format_webp = {.name = "WebP", .library = "libwebp", .is = is, .decode = DECODE};
