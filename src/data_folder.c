/* SPDX-License-Identifier: MIT
 * data_folder.c - a folder of PNG and JPEG files, each cropped and resized to the model's input.
 *
 * Files are taken in bytewise order of their paths, whatever order the system lists them in. Sub-folders, one level
 * deep, are classes: their rank is the label. Files of other types are passed over; a damaged picture ends the
 * program. */
#include "console.h"
#include "data.h"
#include "files.h"
#include "bitmap.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct names {
    char **name;
    int64_t n, cap;
} names_t;

static void names_add(names_t *names, char *name) {
    if (names->n == names->cap) {
        names->cap = names->cap * 2 + 64;
        names->name = mem_grow(names->name, names->cap, sizeof *names->name);
    }
    names->name[names->n++] = name;
}

static int bytewise(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(names_t *names) {
    for (int64_t i = 0; i < names->n; i++) free(names->name[i]);
    free(names->name);
}

static bool picture_name(const char *name) {
    return path_ends(name, ".png") || path_ends(name, ".jpg") || path_ends(name, ".jpeg");
}

/* The pictures and the real sub-folders of a folder, sorted; links to folders are not followed, so there are no
 * loops. */
static void list_folder(const char *path, names_t *pictures, names_t *folders) {
    DIR *folder = opendir(path);
    if (!folder) die(EXIT_RUNTIME, "%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        char *full = path_join(path, entry->d_name);
        struct stat info;
        if (lstat(full, &info) == 0 && S_ISDIR(info.st_mode) && folders)
            names_add(folders, full);
        else if (picture_name(full) && stat(full, &info) == 0 && S_ISREG(info.st_mode))
            names_add(pictures, full);
        else
            free(full);
    }
    closedir(folder);
    if (pictures->n) qsort(pictures->name, (size_t)pictures->n, sizeof *pictures->name, bytewise);
    if (folders && folders->n) qsort(folders->name, (size_t)folders->n, sizeof *folders->name, bytewise);
}

static void require_picture(const char *path, const extent_t *want, int64_t *h, int64_t *w, int64_t *c) {
    char text[EXTENT_TEXT];
    if (!extent_picture(want, h, w, c))
        die(EXIT_FORMAT, "%s: the model's input %s is no picture of 1 or 3 channels", path, extent_text(want, text));
}

static void load_pictures(data_t *data, const names_t *pictures, int64_t h, int64_t w, int64_t c) {
    *data = (data_t){.n = pictures->n, .extent = extent_image(h, w, c)};
    data->u8 = mem_alloc(data->n, (size_t)(h * w * c));
    for (int64_t i = 0; i < data->n; i++) {
        bitmap_t image;
        bitmap_read(&image, pictures->name[i]);
        bitmap_fit(&image, h, w, c, data->u8 + i * h * w * c);
        bitmap_free(&image);
        if (i % 256 == 255 && console_live()) {
            char *line = mem_format("reading pictures: %lld of %lld", (long long)(i + 1), (long long)data->n);
            console_line(line);
            free(line);
        }
    }
    console_line("");
}

void data_load_picture(data_set_t *set, const char *path, const extent_t *want) {
    int64_t h, w, c;
    char *copy = mem_text(path);
    const names_t one = {.name = &copy, .n = 1};
    require_picture(path, want, &h, &w, &c);
    load_pictures(&set->train, &one, h, w, c);
    free(copy);
}

void data_load_folder(data_set_t *set, const char *path, const extent_t *want) {
    int64_t h, w, c;
    names_t pictures = {0}, folders = {0};
    require_picture(path, want, &h, &w, &c);
    list_folder(path, &pictures, &folders);
    const int64_t n_plain = pictures.n;
    int64_t *end = mem_alloc(folders.n, sizeof *end);
    for (int64_t f = 0; f < folders.n; f++) {
        names_t inside = {0};
        list_folder(folders.name[f], &inside, NULL);
        for (int64_t i = 0; i < inside.n; i++) names_add(&pictures, inside.name[i]);
        free(inside.name);
        end[f] = pictures.n;
    }
    if (pictures.n == 0) die(EXIT_FORMAT, "%s: no .png, .jpg or .jpeg file in this folder", path);
    load_pictures(&set->train, &pictures, h, w, c);
    if (n_plain == 0) {
        strbuf_t classes = {0};
        for (int64_t f = 0; f < folders.n; f++) strbuf_add(&classes, "%s\n", strrchr(folders.name[f], '/') + 1);
        set->classes = classes.s;
        set->train.label = mem_alloc(pictures.n, sizeof *set->train.label);
        for (int64_t i = 0, f = 0; i < pictures.n; i++) {
            while (i >= end[f]) f++;
            set->train.label[i] = (int32_t)f;
        }
    }
    free(end);
    names_free(&pictures);
    names_free(&folders);
}
