/* SPDX-License-Identifier: MIT
 * data.c - loads examples from a source, and makes batches of them. */
#include "data.h"
#include "console.h"
#include "files.h"
#include "bitmap.h"
#include "mem.h"
#include "npy.h"
#include "wad.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_OUT 10 /* one example in ten is held out */

static void load_file(data_set_t *set, const char *path) {
    uint8_t head[512];
    int64_t size;
    const size_t n = file_head(path, head, sizeof head, &size);
    if (n == 0) die(EXIT_FORMAT, "%s: the file is empty", path);
    if (npy_is(head, n)) {
        data_load_npy(set, path);
    } else if (path_ends(path, ".csv") || path_ends(path, ".tsv")) {
        data_load_csv(set, path);
    } else if (set->way.tokens > 0) {
        data_load_text(set, path);
    } else if (bitmap_format_of(head, n)) {
        data_load_picture(set, path);
    } else if (wad_is(head, n)) {
        data_load_wad(set, &path, 1);
    } else if (data_is_cifar(path, head, n, size)) {
        data_load_cifar(set, path);
    } else if (data_is_idx(head, n)) {
        data_load_idx(set, path);
    } else {
        const char *kind = file_kind(head, n);
        char *pictures = bitmap_formats_text(true);
        die(EXIT_FORMAT, "%s: this is %s; wanted IDX (.gz too), .npy, a picture (%s), WAD or CIFAR-10 binary", path,
            kind ? kind : "no data file that is known here", pictures);
    }
}

static void load_folder(data_set_t *set, const char *path) {
    folder_t folder;
    folder_list(&folder, path);
    if (folder.n_unread > 0 && set->way.strict) die(EXIT_FORMAT, "%s: a folder in it could not be read (--strict)", path);
    if (!data_load_idx_folder(set, &folder) && !data_load_cifar_folder(set, &folder)) data_load_pictures(set, &folder);
    folder_free(&folder);
}

/* Gives sizes of 1 the places of the model's, so that code that shows the examples as pictures finds the channels last. */
static void name_sizes(data_t *data, const extent_t *want) {
    if (want->n > 1 && data->extent.n > 1) data->extent = *want;
}

/* Copies the standard input to a file without a name and returns its path in fresh memory, because loaders read the head and the size
 * first. */
static char *keep_stdin(void) {
    static uint8_t bytes[65536];
    FILE *file = tmpfile();
    if (!file) die(EXIT_RUNTIME, "-: there is no place to keep the standard input: %s", strerror(errno));
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, stdin)) > 0;)
        if (fwrite(bytes, 1, n, file) != n) die(EXIT_RUNTIME, "-: the standard input cannot be kept: %s", strerror(errno));
    if (ferror(stdin)) die(EXIT_RUNTIME, "-: the standard input cannot be read");
    if (fflush(file) != 0) die(EXIT_RUNTIME, "-: the standard input cannot be kept: %s", strerror(errno));
    return mem_format("/dev/fd/%d", fileno(file)); /* it exists as long as the process */
}

static void load_stdin(data_set_t *set) {
    char *path = keep_stdin();
    load_file(set, path);
    free(path);
}

static void load_one(data_set_t *set, const char *source) {
    if (strcmp(source, "fashion-mnist") == 0) data_load_fashion_mnist(set);
    else if (strcmp(source, "freedoom") == 0) data_load_freedoom(set);
    else if (strncmp(source, "shapes", 6) == 0 && (source[6] == '\0' || source[6] == ':')) data_load_shapes(set);
    else if (strcmp(source, "words") == 0 && !path_exists(source)) data_load_words(set);
    else if (strcmp(source, "-") == 0) load_stdin(set);
    else if (path_is_folder(source)) load_folder(set, source);
    else if (path_exists(source)) load_file(set, source);
    else die(EXIT_RUNTIME, "%s: no such file; data is fashion-mnist, freedoom, shapes, words, a file or a folder", source);
}

static void load_several(data_set_t *set, const char *const *source, size_t n) {
    folder_t together;
    folder_list_several(&together, source, n);
    if (together.n_unread > 0 && set->way.strict) die(EXIT_FORMAT, "%s: some of it could not be read (--strict)", set->source);
    data_load_pictures(set, &together);
    folder_free(&together);
}

void data_load(data_set_t *set, const char *const *source, size_t n, const extent_t *want, const data_way_t *way) {
    *set = (data_set_t){.source = source[0], .want = *want, .way = *way};
    if (n > 1) {
        set->source = set->title = mem_format("%s and %lld more", source[0], (long long)n - 1);
        load_several(set, source, n);
    } else {
        load_one(set, source[0]);
    }
    if (set->train.n == 0) die(EXIT_FORMAT, "%s: there is no example in it", set->source);
    name_sizes(&set->train, &set->want);
    name_sizes(&set->test, &set->want);
}

/* Arrays cannot be changed to another size. */
static void refuse_wish(const data_set_t *set, const extent_t *have) {
    const data_way_t *way = &set->way;
    int64_t h, w, c;
    char is[EXTENT_TEXT];
    if (way->h == 0 && way->c == 0) return;
    if (extent_picture(have, &h, &w, &c) && (way->h == 0 || (way->h == h && way->w == w)) && (way->c == 0 || way->c == c)) return;
    die(EXIT_USAGE, "%s: examples of %s, which are taken as they are; --size and --color are for pictures", set->source,
        extent_text(have, is));
}

void data_fit(data_set_t *set, int64_t n, const extent_t *have) {
    const extent_t *want = &set->want;
    char is[EXTENT_TEXT], wanted[EXTENT_TEXT];
    if (want->n == 0) refuse_wish(set, have);
    if (want->n == 0 && !set->way.adapt) return;
    if (want->n > 0 && extent_fits(have, want)) return;
    const bool permuted = want->n > 0 && extent_permuted(have, want);
    if (set->way.adapt && !permuted) {
        set->way.adapt(set->way.user, set->source, n, have);
        set->want = *have;
        set->way.adapt = NULL; /* only the first examples may change the model */
        return;
    }
    const bool planar = permuted && want->n == 3 && have->size[0] == want->size[2] && have->size[1] == want->size[0];
    die(EXIT_FORMAT, "%s: the examples are %s, the model wants %s%s%s", set->source, extent_text(have, is), extent_text(want, wanted),
        permuted ? " (channels last)" : "", planar ? "; x.transpose(0, 2, 3, 1) brings them there" : "");
}

void data_want_picture(const data_set_t *set) {
    int64_t h, w, c;
    char text[EXTENT_TEXT];
    if (set->want.n > 0 && !extent_picture(&set->want, &h, &w, &c))
        die(EXIT_FORMAT, "%s: the model's input %s is no picture of 1 or 3 channels", set->source, extent_text(&set->want, text));
}

data_shape_t data_shape(data_set_t *set, int64_t n, int64_t h, int64_t w, int64_t c) {
    const data_way_t *way = &set->way;
    data_shape_t to = {way->h ? way->h : h, way->w ? way->w : w, way->c ? way->c : c};
    const extent_t have = extent_image(to.h, to.w, to.c);
    data_want_picture(set);
    if (set->want.n == 0) data_fit(set, n, &have);
    else (void)extent_picture(&set->want, &to.h, &to.w, &to.c);
    return to;
}

/* Copies example i of `from` to example j of `to`. */
static void move_example(data_t *to, int64_t j, const data_t *from, int64_t i) {
    const int64_t total = extent_total(&from->extent);
    if (from->u8) memmove(to->u8 + j * total, from->u8 + i * total, (size_t)total);
    if (from->f32) memmove(to->f32 + j * total, from->f32 + i * total, (size_t)total * sizeof *to->f32);
    if (from->label) to->label[j] = from->label[i];
    if (from->name) to->name[j] = from->name[i];
}

static data_t like(const data_t *data, int64_t n) {
    const int64_t total = extent_total(&data->extent);
    data_t fresh = {.n = n, .extent = data->extent}; /* without factors, because only shapes has them, and it has its own test split */
    if (data->u8) fresh.u8 = mem_alloc(n, (size_t)total);
    if (data->f32) fresh.f32 = mem_alloc(n, (size_t)total * sizeof *fresh.f32);
    if (data->label) fresh.label = mem_alloc(n, sizeof *fresh.label);
    if (data->name) fresh.name = mem_alloc(n, sizeof *fresh.name);
    return fresh;
}

void data_hold_out(data_set_t *set) {
    data_t *train = &set->train;
    if (set->test.n > 0) return;
    if (train->n == 1) {
        set->test = like(train, 1);
        move_example(&set->test, 0, train, 0);
        if (train->name) set->test.name[0] = mem_text(train->name[0]);
        return;
    }
    const int64_t n_test = (train->n + HOLD_OUT - 1) / HOLD_OUT;
    set->test = like(train, n_test);
    int64_t kept = 0, held = 0;
    for (int64_t i = 0; i < train->n; i++) {
        if (i % HOLD_OUT == HOLD_OUT - 1 || (held == n_test - 1 && kept == train->n - n_test)) move_example(&set->test, held++, train, i);
        else move_example(train, kept++, train, i);
    }
    set->test.n = held;
    train->n = kept;
}

const data_t *data_split(const data_set_t *set, const char *split) {
    return strcmp(split, "test") == 0 && set->test.n > 0 ? &set->test : &set->train;
}

static void expand(const data_t *data, int64_t i, int64_t total, float *x) {
    if (data->f32) {
        memcpy(x, data->f32 + i * total, (size_t)total * sizeof *x);
        return;
    }
    const uint8_t *u8 = data->u8 + i * total;
    for (int64_t s = 0; s < total; s++) x[s] = (float)u8[s] / 255.0f;
}

void data_gather(const data_t *data, const int64_t *index, int64_t n, float *x) {
    const int64_t total = extent_total(&data->extent);
    for (int64_t i = 0; i < n; i++) expand(data, index[i], total, x + i * total);
}

void data_range(const data_t *data, int64_t first, int64_t n, float *x) {
    const int64_t total = extent_total(&data->extent);
    for (int64_t i = 0; i < n; i++) expand(data, first + i, total, x + i * total);
}

static void require_unit_interval(const char *source, const data_t *data, const char *what) {
    if (!data->f32) return;
    const int64_t total = extent_total(&data->extent);
    for (int64_t i = 0; i < data->n * total; i++)
        if (!(data->f32[i] >= 0.0f && data->f32[i] <= 1.0f))
            die(EXIT_FORMAT, "%s: example %lld holds %g; %s wants values from 0 to 1", source, (long long)(i / total), (double)data->f32[i],
                what);
}

void data_require_unit(const data_set_t *set, const char *what) {
    require_unit_interval(set->source, &set->train, what);
    require_unit_interval(set->source, &set->test, what);
}

static void widen(const data_t *data, float *least, float *most) {
    const int64_t values = data->f32 ? data->n * extent_total(&data->extent) : 0;
    for (int64_t i = 0; i < values; i++) {
        if (data->f32[i] < *least) *least = data->f32[i];
        if (data->f32[i] > *most) *most = data->f32[i];
    }
}

/* Written pictures show 0 as black and 1 as white and cut off other values. */
static void warn_of_range(const data_set_t *set) {
    const float slack = 0.002f; /* half a grey level of 8 bits */
    float least = INFINITY, most = -INFINITY;
    int64_t h, w, c;
    if (set->want.n < 2 || !extent_picture(&set->want, &h, &w, &c)) return;
    widen(&set->train, &least, &most);
    widen(&set->test, &least, &most);
    if (least < -slack || most > 1.0f + slack)
        warn("%s: values from %g to %g; pictures show 0 to 1, the rest becomes black or white", set->source, (double)least, (double)most);
}

/* The library takes such values as 0 (docs/determinism.md). */
static void warn_of_zeros(const data_set_t *set) {
    float least = 0.0f, most = 0.0f;
    widen(&set->train, &least, &most);
    widen(&set->test, &least, &most);
    const float largest = most > -least ? most : -least;
    if (largest > 0.0f && largest < 0x1p-63f)
        warn("%s: no value is larger than %g; values below 1.1e-19 count as 0: scale them", set->source, (double)largest);
}

void data_check_values(const data_set_t *set, bool unit_interval) {
    warn_of_zeros(set);
    if (unit_interval) {
        data_require_unit(set, "a bernoulli likelihood");
    } else {
        warn_of_range(set);
    }
}

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

/* FNV-1a over the shape, the count and every k-th example, about a thousand of them, so that it is fast for any size. */
uint64_t data_fingerprint(const data_t *data) {
    const int64_t total = extent_total(&data->extent);
    const int64_t every = data->n / 1000 + 1;
    uint64_t hash = 0xcbf29ce484222325u;
    hash = fnv1a(hash, &data->n, sizeof data->n);
    hash = fnv1a(hash, data->extent.size, sizeof *data->extent.size * (size_t)data->extent.n);
    for (int64_t i = 0; i < data->n; i += every)
        hash = data->u8 ? fnv1a(hash, data->u8 + i * total, (size_t)total)
                        : fnv1a(hash, data->f32 + i * total, (size_t)total * sizeof *data->f32);
    return hash;
}

static void free_split(data_t *data) {
    free(data->u8);
    free(data->f32);
    free(data->label);
    for (int64_t i = 0; i < data->n && data->name; i++) free(data->name[i]);
    free(data->name);
    free(data->factor);
}

void data_free(data_set_t *set) {
    free_split(&set->train);
    free_split(&set->test);
    free(set->classes);
    free(set->title);
    *set = (data_set_t){0};
}
