/* SPDX-License-Identifier: MIT
 * data_folder.c - reads the pictures of a folder, each cropped and scaled to the model's input.
 *
 * All pictures below the folder are used, at any depth (folder.h), in bytewise order of their paths. The first bytes of a file
 * tell its format, not its name. If all pictures are in subfolders, the folders of the first level are the classes, and their
 * rank is the label; if some are not, there are no labels. A file that has the name of a picture and cannot be read is left
 * out with a warning, or ends the program with --strict. The report counts the files left out and tells how pictures were
 * changed. */
#include "bitmap.h"
#include "console.h"
#include "data.h"
#include "escape.h"
#include "files.h"
#include "mem.h"
#include "progress.h"
#include "report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOKED_AT = 64, MOST_OWN_SIDE = 128, USUAL_SIDE = 64, SMALL_SIDE = 32 };

/* Names that only pictures have: if the bytes of such a file have no known format, it is damaged. */
static bool picture_name(const char *name) {
    static const char *const ending[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif",
                                         ".bmp", ".tif", ".tiff", ".ppm", ".pgm",  ".pbm",  ".pnm"};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (path_ends(name, ending[i])) return true;
    return false;
}

/* Whether the file should be read as a picture. Pictures of other kinds are counted. */
static bool is_candidate(const char *path, report_t *report) {
    uint8_t head[BITMAP_HEAD];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, head, sizeof head); /* nothing if it cannot be opened; the reader will report that */
    const size_t n = got > 0 ? (size_t)got : 0;
    (void)close(fd);
    const bitmap_format_t *format = bitmap_format_of(head, n);
    if (format && !format->decode) report_other_kind(report, format->name);
    if (format) return format->decode != NULL;
    const char *kind = file_kind(head, n);
    if (kind && strstr(kind, " picture")) {
        report_other_kind(report, kind);
        return false;
    }
    return picture_name(path);
}

/* Reads a file into the next example; false if it cannot be read. */
static bool take_picture(data_set_t *set, const char *path, data_shape_t to, report_t *report) {
    data_t *data = &set->train;
    char why[BITMAP_WHY] = "";
    fit_t fit = {.h = to.h, .w = to.w, .c = to.c};
    bitmap_t seen;
    const bool good = bitmap_read(&seen, &fit, path, set->way.background, why);
    if (good) {
        data->name[data->n] = mem_text(path);
        fit_end(&fit, data->u8 + data->n++ * to.h * to.w * to.c);
        report_picture(report, &seen);
    } else {
        report_bad(report, path, why);
    }
    fit_free(&fit);
    return good;
}

static int compare_sides(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Chooses sizes that suit the pictures: their own if all have the same small square size; otherwise a square by the shorter side of the
 * median picture. In colour if any picture is. It looks at LOOKED_AT pictures from all parts of the list. */
static data_shape_t look_at(char *const *file, int64_t n) {
    int64_t side[LOOKED_AT], looked = 0, c = 1;
    bool alike = true;
    bitmap_t first = {0};
    for (int64_t k = 0; k < (n < LOOKED_AT ? n : LOOKED_AT); k++) {
        bitmap_t seen;
        fit_t fit = {0};
        char why[BITMAP_WHY];
        const uint8_t white[3] = {255, 255, 255};
        if (!bitmap_read(&seen, &fit, file[n < LOOKED_AT ? k : k * n / LOOKED_AT], white, why)) continue;
        if (looked == 0) first = seen;
        alike = alike && seen.h == first.h && seen.w == first.w;
        if (seen.c == 3) c = 3;
        side[looked++] = seen.h < seen.w ? seen.h : seen.w;
    }
    if (looked > 0 && alike && first.h == first.w && first.h <= MOST_OWN_SIDE && first.h % 4 == 0)
        return (data_shape_t){first.h, first.w, c};
    qsort(side, (size_t)looked, sizeof *side, compare_sides);
    const int64_t middle = looked > 0 ? side[looked / 2] : USUAL_SIDE, s = middle < SMALL_SIDE ? SMALL_SIDE : USUAL_SIDE;
    return (data_shape_t){s, s, looked > 0 ? c : 3};
}

/* Decides the size of the pictures: that of the model's input, or their own. */
static data_shape_t decide(data_set_t *set, char *const *file, int64_t n) {
    const data_shape_t own = set->want.n == 0 ? look_at(file, n) : (data_shape_t){USUAL_SIDE, USUAL_SIDE, 3};
    return data_shape(set, n, own.h, own.w, own.c);
}

void data_load_picture(data_set_t *set, const char *path) {
    char *file = mem_text(path);
    const bool by_model = set->want.n > 0;
    const data_shape_t to = decide(set, &file, 1);
    free(file);
    report_t report = {.source = set->source, .h = to.h, .w = to.w, .c = to.c, .by_model = by_model};
    set->train = (data_t){.extent = extent_image(to.h, to.w, to.c),
                          .u8 = mem_alloc(to.h * to.w, (size_t)to.c),
                          .name = mem_alloc(1, sizeof *set->train.name)};
    if (!take_picture(set, path, to, &report)) die(EXIT_FORMAT, "%s: %s", path, report.bad[0].why);
    report_conversions(&report, set->way.background);
    report_free(&report);
}

/* Returns the folder of the first level that contains the file, in fresh memory. */
static char *class_name(const folder_t *folder, const char *file) {
    const char *inside = folder_inside(folder, file);
    return mem_text_n(inside, strcspn(inside, "/"));
}

/* Makes the labels of files[n], which are all in subfolders, and set->classes. */
static int32_t *number_classes(data_set_t *set, const folder_t *folder, char **file, int64_t n) {
    int32_t *label = mem_alloc(n, sizeof *label);
    strbuf_t classes = {0};
    char *before = NULL;
    int32_t number = -1;
    for (int64_t i = 0; i < n; i++) {
        char *name = class_name(folder, file[i]);
        if (!before || strcmp(name, before) != 0) {
            char *line = escape_text(name); /* one line for each class, whatever the name of its folder is */
            strbuf_add(&classes, "%s\n", line);
            free(line);
            number++;
        }
        free(before);
        before = name;
        label[i] = number;
    }
    free(before);
    set->classes = classes.s;
    return label;
}

static noreturn void no_pictures(const folder_t *folder, const report_t *report) {
    char *others = report_kinds(report);
    die(EXIT_FORMAT,
        "%s: no picture in this folder or the folders in it, no IDX file such as train-images-idx3-ubyte and no "
        "CIFAR-10 file such as data_batch_1.bin; there are %lld files%s%s",
        report->source, (long long)folder->n, others[0] ? ", of which " : "", others);
}

void data_load_pictures(data_set_t *set, const folder_t *folder) {
    report_t report = {.source = set->source, .hidden = folder->n_hidden, .by_model = set->want.n > 0};
    char **file = mem_alloc(folder->n, sizeof *file);
    int64_t n = 0, beside = 0;
    for (int64_t i = 0; i < folder->n; i++)
        if (is_candidate(folder->file[i], &report)) {
            const int levels = folder_levels(folder, folder->file[i]);
            if (levels > report.levels) report.levels = levels;
            beside += levels == 0;
            file[n++] = folder->file[i];
        } else if (i < folder->n_named) {
            report_bad(&report, folder->file[i], "no picture that is known here");
        }
    if (n == 0) no_pictures(folder, &report);
    const data_shape_t to = decide(set, file, n);
    report.h = to.h;
    report.w = to.w;
    report.c = to.c;
    data_t *data = &set->train;
    *data = (data_t){.extent = extent_image(to.h, to.w, to.c),
                     .u8 = mem_alloc(n, (size_t)(to.h * to.w * to.c)),
                     .name = mem_alloc(n, sizeof *data->name)};
    if (beside == 0) data->label = number_classes(set, folder, file, n);
    for (int64_t i = 0; i < n; i++) {
        const int64_t number = data->n;
        if (take_picture(set, file[i], to, &report) && data->label) data->label[number] = data->label[i];
        progress_count("reading pictures", i + 1, n);
    }
    console_line("");
    report_left_out(&report, set->way.strict);
    report_conversions(&report, set->way.background);
    report_levels(&report, n - beside, beside, set->classes);
    report_free(&report);
    free(file);
}
