/* SPDX-License-Identifier: MIT
 * data.c - from the name of a source to examples, and from examples to batches. */
#include "data.h"
#include "console.h"
#include "files.h"
#include "bitmap.h"
#include "mem.h"
#include "npy.h"
#include "wad.h"

#include <stdlib.h>
#include <string.h>

#define HOLD_OUT 10 /* one example in ten */

static void load_file(data_set_t *set, const char *path, const extent_t *want) {
    uint8_t head[512];
    int64_t size;
    const size_t n = file_head(path, head, sizeof head, &size);
    if (n == 0) die(EXIT_FORMAT, "%s: the file is empty", path);
    if (npy_is(head, n)) {
        data_load_npy(&set->train, path);
    } else if (bitmap_is(head, n)) {
        data_load_picture(set, path, want);
    } else if (wad_is(head, n)) {
        data_load_wad(set, &path, 1, want);
    } else if (data_is_cifar(path, head, n, size)) {
        data_load_cifar(&set->train, &path, 1);
    } else if (data_is_idx(head, n)) {
        char *labels = data_idx_labels(path);
        data_load_idx(&set->train, path, labels, 0);
        free(labels);
    } else {
        const char *kind = file_kind(head, n);
        die(EXIT_FORMAT, "%s: this is %s; wanted IDX (.gz too), .npy, PNG, JPEG, WAD or CIFAR-10 binary", path,
            kind ? kind : "no data file that is known here");
    }
}

void data_load(data_set_t *set, const char *source, const extent_t *want) {
    *set = (data_set_t){.source = source};
    if (strcmp(source, "fashion-mnist") == 0)
        data_load_fashion_mnist(set);
    else if (strcmp(source, "freedoom") == 0)
        data_load_freedoom(set, want);
    else if (strncmp(source, "shapes", 6) == 0 && (source[6] == '\0' || source[6] == ':'))
        data_load_shapes(set, want);
    else if (path_is_folder(source)) {
        if (!data_load_idx_folder(set, source) && !data_load_cifar_folder(set, source))
            data_load_folder(set, source, want);
    } else if (path_exists(source))
        load_file(set, source, want);
    else
        die(EXIT_RUNTIME, "%s: no such file; data is fashion-mnist, freedoom, shapes, a file or a folder", source);
    if (set->train.n == 0) die(EXIT_FORMAT, "%s: there is no example in it", source);
}

/* Example i of `from` becomes example j of `to`. */
static void move_example(data_t *to, int64_t j, const data_t *from, int64_t i) {
    const int64_t total = extent_total(&from->extent);
    if (from->u8) memmove(to->u8 + j * total, from->u8 + i * total, (size_t)total);
    if (from->f32) memmove(to->f32 + j * total, from->f32 + i * total, (size_t)total * sizeof *to->f32);
    if (from->label) to->label[j] = from->label[i];
    if (from->factor)
        memmove(to->factor + j * to->n_factor, from->factor + i * to->n_factor,
                (size_t)to->n_factor * sizeof *to->factor);
}

static data_t like(const data_t *data, int64_t n) {
    const int64_t total = extent_total(&data->extent);
    data_t fresh = {.n = n, .extent = data->extent, .n_factor = data->n_factor};
    if (data->u8) fresh.u8 = mem_alloc(n, (size_t)total);
    if (data->f32) fresh.f32 = mem_alloc(n, (size_t)total * sizeof *fresh.f32);
    if (data->label) fresh.label = mem_alloc(n, sizeof *fresh.label);
    if (data->factor) fresh.factor = mem_alloc(n, (size_t)data->n_factor * sizeof *fresh.factor);
    return fresh;
}

void data_hold_out(data_set_t *set) {
    data_t *train = &set->train;
    if (set->test.n > 0) return;
    if (train->n == 1) {
        set->test = like(train, 1);
        move_example(&set->test, 0, train, 0);
        return;
    }
    const int64_t n_test = (train->n + HOLD_OUT - 1) / HOLD_OUT;
    set->test = like(train, n_test);
    int64_t kept = 0, held = 0;
    for (int64_t i = 0; i < train->n; i++) {
        if (i % HOLD_OUT == HOLD_OUT - 1 || (held == n_test - 1 && kept == train->n - n_test))
            move_example(&set->test, held++, train, i);
        else
            move_example(train, kept++, train, i);
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

static void require_unit_interval(const char *source, const data_t *data) {
    if (!data->f32) return;
    const int64_t total = extent_total(&data->extent);
    for (int64_t i = 0; i < data->n * total; i++)
        if (!(data->f32[i] >= 0.0f && data->f32[i] <= 1.0f))
            die(EXIT_FORMAT, "%s: example %lld holds %g; a bernoulli likelihood wants values from 0 to 1", source,
                (long long)(i / total), (double)data->f32[i]);
}

void data_require(const data_set_t *set, const extent_t *input, bool unit_interval) {
    char have[EXTENT_TEXT], want[EXTENT_TEXT];
    if (extent_total(&set->train.extent) != extent_total(input))
        die(EXIT_FORMAT, "%s: the examples are %s, the model wants %s", set->source,
            extent_text(&set->train.extent, have), extent_text(input, want));
    if (unit_interval) {
        require_unit_interval(set->source, &set->train);
        require_unit_interval(set->source, &set->test);
    }
}

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

/* FNV-1a over the shape, the count and every k-th example, about a thousand of them: quick for any size. */
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
    free(data->factor);
}

void data_free(data_set_t *set) {
    free_split(&set->train);
    free_split(&set->test);
    free(set->classes);
    *set = (data_set_t){0};
}
