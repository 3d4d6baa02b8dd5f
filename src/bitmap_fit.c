/* SPDX-License-Identifier: MIT
 * bitmap_fit.c - crops and scales a picture.
 *
 * The largest centred part with the target's proportions is averaged over boxes: target pixel (i, j) is the mean of the source
 * over [i, i+1) x [j, j+1) in the target's units, where a partly covered pixel is weighted by its covered part. The two
 * directions are separable: each row is averaged along itself, then added to the target rows that it overlaps. Grey from colour is 0.299 R
 * + 0.587 G + 0.114 B (ITU-R BT.601). */
#include "bitmap_fit.h"
#include "exif.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_CHANNELS = 4 };

bool fit_only_looks(const fit_t *fit) {
    return fit->h == 0;
}

void fit_begin(fit_t *fit, int64_t rows, int64_t columns, int64_t channels, int orientation) {
    const bool lies = exif_lies(orientation);
    fit->rows = rows;
    fit->columns = columns;
    fit->channels = channels;
    fit->orientation = orientation;
    fit->th = lies ? fit->w : fit->h;
    fit->tw = lies ? fit->h : fit->w;
    fit->box = fmin((double)rows / (double)fit->th, (double)columns / (double)fit->tw);
    fit->top = ((double)rows - fit->box * (double)fit->th) / 2.0;
    fit->left = ((double)columns - fit->box * (double)fit->tw) / 2.0;
    fit->narrow = mem_alloc(fit->tw, (size_t)channels * sizeof *fit->narrow);
    fit->sum = mem_alloc(fit->th * fit->tw, (size_t)channels * sizeof *fit->sum);
}

/* The part of source pixel k that is inside of the box from begin to end. */
static double part(double begin, double end, int64_t k) {
    return fmin(end, (double)k + 1.0) - fmax(begin, (double)k);
}

static void narrow_row(const fit_t *fit, const uint8_t *row) {
    const int64_t c = fit->channels;
    for (int64_t j = 0; j < fit->tw; j++) {
        const double begin = fit->left + (double)j * fit->box, end = begin + fit->box;
        double sum[MOST_CHANNELS] = {0.0};
        int64_t k = (int64_t)begin;
        for (; k < fit->columns && (double)k < end; k++) {
            /* a pixel inside of the box has weight 1 */
            const double weight = (double)k >= begin && (double)k + 1.0 <= end ? 1.0 : part(begin, end, k);
            for (int64_t s = 0; s < c; s++) sum[s] += (double)row[k * c + s] * weight;
        }
        for (int64_t s = 0; s < c; s++) fit->narrow[j * c + s] = (float)(sum[s] / fit->box);
    }
}

void fit_row(fit_t *fit, const uint8_t *row) {
    const int64_t y = fit->y++, width = fit->tw * fit->channels;
    narrow_row(fit, row);
    for (int64_t i = fit->first; i < fit->th; i++) {
        const double begin = fit->top + (double)i * fit->box, end = begin + fit->box;
        if ((int64_t)begin > y) break;
        if ((double)y >= end) {
            fit->first = i + 1;
            continue;
        }
        const double weight = part(begin, end, y);
        for (int64_t s = 0; s < width; s++) fit->sum[i * width + s] += (double)fit->narrow[s] * weight;
    }
}

static uint8_t to_byte(double value) {
    return (uint8_t)lround(fmin(fmax(value, 0.0), 255.0));
}

/* Converts one pixel of `from_c` channels to one of c channels. */
static void convert(const float *from, int64_t from_c, uint8_t *pixel, int64_t c) {
    for (int64_t k = 0; k < c; k++)
        if (from_c == c) pixel[k] = to_byte((double)from[k]);
        else if (c == 1) pixel[k] = to_byte(0.299 * (double)from[0] + 0.587 * (double)from[1] + 0.114 * (double)from[2]);
        else pixel[k] = to_byte((double)from[0]);
}

void fit_end(const fit_t *fit, uint8_t *pixel) {
    const int64_t c = fit->c, pixels = fit->th * fit->tw;
    const bool turned = fit->orientation > 1;
    uint8_t *stored = turned ? mem_alloc(pixels, (size_t)c) : pixel;
    for (int64_t p = 0; p < pixels; p++) {
        float mean[MOST_CHANNELS];
        for (int64_t s = 0; s < fit->channels; s++) mean[s] = (float)(fit->sum[p * fit->channels + s] / fit->box);
        convert(mean, fit->channels, stored + p * c, c);
    }
    if (!turned) return;
    exif_turn(stored, fit->th, fit->tw, c, fit->orientation, pixel);
    free(stored);
}

void fit_free(fit_t *fit) {
    free(fit->narrow);
    free(fit->sum);
    *fit = (fit_t){.h = fit->h, .w = fit->w, .c = fit->c};
}
