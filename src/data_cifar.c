/* SPDX-License-Identifier: MIT
 * data_cifar.c - reads CIFAR-10, the "binary version" (A. Krizhevsky 2009).
 *
 * Records of 3073 bytes: a label 0..9, then 32x32 red, green, blue planes of 1024 bytes each. Planes are interleaved to
 * channels last. The Python version (pickle) and archives are refused by name; CIFAR-100 (3074 bytes) is not read. */
#include "console.h"
#include "data.h"
#include "files.h"
#include "mem.h"

#include <stdio.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, RECORD = 1 + PIXELS, CLASSES = 10 };

bool data_is_cifar(const char *path, const uint8_t *head, size_t n, int64_t size) {
    return path_ends(path, ".bin") || (size % RECORD == 0 && head[0] < CLASSES && !data_is_idx(head, n));
}

static void require_label(const char *path, int64_t record, int label) {
    if (label >= CLASSES) die(EXIT_FORMAT, "%s: record %lld has label %d, wanted 0 to %d", path, (long long)record, label, CLASSES - 1);
}

/* Checks a file by its size and its first bytes, before it is read. */
static void require_records(const char *path, const uint8_t *head, size_t n, int64_t size) {
    const char *kind = file_kind(head, n);
    if (kind) die(EXIT_FORMAT, "%s: this is %s, not CIFAR-10's binary version", path, kind);
    if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b) die(EXIT_FORMAT, "%s: this is zipped; unpack it first", path);
    if (size == 0 || size % RECORD != 0)
        die(EXIT_FORMAT, "%s: %lld bytes are no whole number of CIFAR-10 records of %d bytes%s", path, (long long)size, RECORD,
            size > 0 && size % (RECORD + 1) == 0 ? "; CIFAR-100 is not read" : "");
    require_label(path, 0, head[0]);
}

static void append(data_t *data, const char *path) {
    uint8_t head[512], record[RECORD];
    int64_t size;
    const size_t n_head = file_head(path, head, sizeof head, &size);
    require_records(path, head, n_head, size);
    const int64_t n = size / RECORD;
    FILE *stream = file_open(path, &size);
    data->u8 = mem_grow(data->u8, data->n + n, PIXELS);
    data->label = mem_grow(data->label, data->n + n, sizeof *data->label);
    for (int64_t i = 0; i < n; i++) {
        file_take(stream, path, record, RECORD);
        require_label(path, i, record[0]);
        uint8_t *pixel = data->u8 + (data->n + i) * PIXELS;
        data->label[data->n + i] = record[0];
        for (int64_t p = 0; p < PLANE; p++)
            for (int64_t c = 0; c < 3; c++) pixel[p * 3 + c] = record[1 + c * PLANE + p];
    }
    data->n += n;
    fclose(stream);
}

static void begin(data_set_t *set) {
    set->train.extent = extent_image(SIDE, SIDE, 3);
    data_fit(set, 0, &set->train.extent);
}

void data_load_cifar(data_set_t *set, const char *path) {
    uint8_t head[512];
    int64_t size;
    const size_t n = file_head(path, head, sizeof head, &size);
    require_records(path, head, n, size);
    begin(set);
    append(&set->train, path);
}

bool data_load_cifar_folder(data_set_t *set, const folder_t *folder) {
    char name[24] = "data_batch_1.bin";
    bool found = false;
    for (int i = 1; i <= 5; i++) {
        name[11] = (char)('0' + i);
        const char *path = folder_find(folder, name, 1);
        if (!path) continue;
        if (!found) begin(set);
        found = true;
        append(&set->train, path);
    }
    if (!found) return false;
    const char *test = folder_find(folder, "test_batch.bin", 1);
    set->test.extent = set->train.extent;
    if (test) append(&set->test, test);
    set->classes = mem_text("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n");
    return true;
}
