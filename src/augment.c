/* SPDX-License-Identifier: MIT
 * augment.c - random crops, flips and quarter turns. All three only move pixels, so the file computes the input pixel of
 * each output pixel and copies the image once. */
#include "augment.h"
#include "cli_suggest.h"
#include "console.h"
#include "mem.h"
#include "shuffle.h"

#include <stdlib.h>
#include <string.h>

static int64_t parse_pad(const char *word, int64_t shorter) {
    char *end;
    const long long pad = strtoll(word, &end, 10);
    if (end == word || *end != '\0' || pad < 1 || pad >= shorter)
        die(EXIT_USAGE, "--augment: crop=%s: wanted 1 to %lld pixels", word, (long long)shorter - 1);
    return pad;
}

static void take_word(augment_t *augment, const char *word) {
    const int64_t shorter = augment->h < augment->w ? augment->h : augment->w;
    if (strcmp(word, "flip") == 0) {
        augment->flip = true;
    } else if (strcmp(word, "rotate90") == 0) {
        augment->rotate90 = true;
        if (augment->h != augment->w)
            die(EXIT_USAGE, "--augment: rotate90 wants square images, these are %lldx%lld", (long long)augment->h, (long long)augment->w);
    } else if (strncmp(word, "crop=", 5) == 0) {
        augment->pad = parse_pad(word + 5, shorter);
    } else if (strcmp(word, "crop") == 0) {
        augment->pad = shorter < 32 ? 2 : shorter / 8;
        if (augment->pad >= shorter) die(EXIT_USAGE, "--augment: crop: the images are too small");
    } else {
        suggest_t suggest = {.word = word};
        suggest_try(&suggest, "crop");
        suggest_try(&suggest, "flip");
        suggest_try(&suggest, "rotate90");
        die(EXIT_USAGE, "--augment: there is no \"%s\"%s", word,
            suggest.best ? suggest_text(&suggest, "") : "; wanted some of crop, flip, rotate90");
    }
}

void augment_open(augment_t *augment, const char *list, const extent_t *extent) {
    char text[EXTENT_TEXT];
    *augment = (augment_t){0};
    if (!list[0]) return;
    if (!extent_picture(extent, &augment->h, &augment->w, &augment->c))
        die(EXIT_USAGE, "--augment: examples of %s are no pictures of 1 or 3 channels", extent_text(extent, text));
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += p != list;
        char *word = mem_text_n(p, strcspn(p, ","));
        take_word(augment, word);
        free(word);
    }
    augment->image = mem_alloc(augment->h * augment->w * augment->c, sizeof *augment->image);
}

void augment_close(augment_t *augment) {
    free(augment->image);
    augment->image = NULL;
}

/* Position i of a line of n pixels, mirrored at its ends without repeating the end pixels; -n < i < 2 n - 1. */
static int64_t mirror(int64_t i, int64_t n) {
    if (i < 0) return -i;
    return i < n ? i : 2 * (n - 1) - i;
}

static void change(const augment_t *augment, uint64_t *stream, float *x) {
    const int64_t h = augment->h, w = augment->w, c = augment->c, span = 2 * augment->pad + 1;
    /* drawn even if it is not used, so that each kind of change is independent of the others */
    const int64_t down = (int64_t)draw_below(stream, (uint64_t)span) - augment->pad;
    const int64_t right = (int64_t)draw_below(stream, (uint64_t)span) - augment->pad;
    const bool flip = (draw_bits(stream) >> 63) && augment->flip;
    const int turns = augment->rotate90 ? (int)(draw_bits(stream) >> 62) : 0;
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++) {
            int64_t row = mirror(i + down, h), column = mirror(j + right, w);
            if (flip) column = w - 1 - column;
            for (int t = 0; t < turns; t++) {
                const int64_t old = row;
                row = column;
                column = h - 1 - old;
            }
            memcpy(augment->image + (i * w + j) * c, x + (row * w + column) * c, (size_t)c * sizeof *x);
        }
    memcpy(x, augment->image, (size_t)(h * w * c) * sizeof *x);
}

void augment_apply(const augment_t *augment, uint64_t seed, int64_t epoch, const int64_t *index, int64_t n, float *x) {
    if (!augment->image) return;
    const uint64_t of_epoch = draw_stream(seed, (uint64_t)epoch);
    for (int64_t i = 0; i < n; i++) {
        uint64_t stream = draw_stream(of_epoch, (uint64_t)index[i]);
        change(augment, &stream, x + i * augment->h * augment->w * augment->c);
    }
}
