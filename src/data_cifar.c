/* SPDX-License-Identifier: MIT
 * data_cifar.c - CIFAR-10, the "binary version" (A. Krizhevsky 2009).
 *
 * Records of 3073 bytes: a label 0..9, then 32x32 red, green, blue planes of 1024 bytes each. Planes are interleaved to
 * channels last. The Python version (pickle) and archives are refused by name; CIFAR-100 (3074 bytes) is not read. */
#include "console.h"
#include "data.h"
#include "files.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, RECORD = 1 + PIXELS, CLASSES = 10 };
#define MOST_BYTES ((int64_t)1 << 34)

bool data_is_cifar(const char *path, const uint8_t *head, size_t n, int64_t size) {
    return n > 0 && (path_ends(path, ".bin") || (size % RECORD == 0 && head[0] < CLASSES && !data_is_idx(head, n)));
}

static void require_records(const char *path, const uint8_t *byte, int64_t size) {
    const char *kind = file_kind(byte, (size_t)size);
    if (kind) die(EXIT_FORMAT, "%s: this is %s, not CIFAR-10's binary version", path, kind);
    if (size > 262 && memcmp(byte + 257, "ustar", 5) == 0)
        die(EXIT_FORMAT, "%s: this is a tar archive; unpack it first", path);
    if (size == 0 || size % RECORD != 0)
        die(EXIT_FORMAT, "%s: %lld bytes are no whole number of CIFAR-10 records of %d bytes%s", path, (long long)size,
            RECORD, size > 0 && size % (RECORD + 1) == 0 ? "; CIFAR-100 is not read" : "");
    for (int64_t i = 0; i < size / RECORD; i++)
        if (byte[i * RECORD] >= CLASSES)
            die(EXIT_FORMAT, "%s: record %lld has label %d, wanted 0 to %d", path, (long long)i, byte[i * RECORD],
                CLASSES - 1);
}

static void append(data_t *data, const char *path) {
    size_t size;
    uint8_t *byte = file_read(path, MOST_BYTES, &size);
    require_records(path, byte, (int64_t)size);
    const int64_t n = (int64_t)size / RECORD;
    data->u8 = mem_grow(data->u8, data->n + n, PIXELS);
    data->label = mem_grow(data->label, data->n + n, sizeof *data->label);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *record = byte + i * RECORD;
        uint8_t *pixel = data->u8 + (data->n + i) * PIXELS;
        data->label[data->n + i] = record[0];
        for (int64_t p = 0; p < PLANE; p++)
            for (int64_t c = 0; c < 3; c++) pixel[p * 3 + c] = record[1 + c * PLANE + p];
    }
    data->n += n;
    free(byte);
}

void data_load_cifar(data_t *data, const char *const *path, size_t n_path) {
    *data = (data_t){.extent = extent_image(SIDE, SIDE, 3)};
    for (size_t i = 0; i < n_path; i++) append(data, path[i]);
}

bool data_load_cifar_folder(data_set_t *set, const char *path) {
    const char *found[5];
    size_t n = 0;
    char *all[5], *test = path_join(path, "test_batch.bin");
    for (int i = 0; i < 5; i++) {
        char name[24] = "data_batch_1.bin";
        name[11] = (char)('1' + i);
        all[i] = path_join(path, name);
        if (path_exists(all[i])) found[n++] = all[i];
    }
    if (n > 0) {
        data_load_cifar(&set->train, found, n);
        const char *one = test;
        set->classes = mem_text("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n");
        if (path_exists(test)) data_load_cifar(&set->test, &one, 1);
    }
    for (int i = 0; i < 5; i++) free(all[i]);
    free(test);
    return n > 0;
}
