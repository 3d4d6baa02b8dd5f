/* SPDX-License-Identifier: MIT
 * report.h - reports about a folder of pictures: which pictures were left out and why, how the others were changed, and the source of the
 * labels. */
#ifndef REPORT_H
#define REPORT_H

#include "bitmap.h"
#include <stdbool.h>

enum { REPORT_LISTED = 10, REPORT_KINDS = 16 };

typedef struct report {
    const char *source;
    int64_t h, w, c; /* the size to which pictures are scaled */
    bool by_model;   /* 1: it is that of a model's input */
    int64_t hidden;
    int levels; /* the largest number of folders above a picture */
    int64_t n, n_grey, n_alpha, n_cmyk, n_turned, n_first, n_as_wanted;
    int64_t least_h, least_w, most_h, most_w; /* sizes of the smallest and the largest picture */
    int64_t n_bad;
    struct {
        char *path, why[BITMAP_WHY];
    } bad[REPORT_LISTED]; /* the first of them */
    struct {
        char name[24]; /* "HEIC" */
        int64_t n;
    } kind[REPORT_KINDS];
} report_t;

void report_picture(report_t *report, const bitmap_t *image);
void report_bad(report_t *report, const char *path, const char *why);
/* Counts a picture of a format that is not read, by its name or by the words of file_kind(). */
void report_other_kind(report_t *report, const char *kind);
void report_free(report_t *report);

/* Returns "20 WebP pictures, 1 BMP picture" in fresh memory; "" if there are none. */
char *report_kinds(const report_t *report);

/* Print the sentences. report_left_out ends the program if pictures were left out and strict is set, or if no picture could be read. */
void report_left_out(const report_t *report, bool strict);
void report_conversions(const report_t *report, const uint8_t background[3]);
void report_levels(const report_t *report, int64_t inside, int64_t beside, const char *classes);

#endif
