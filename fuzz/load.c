/* SPDX-License-Identifier: MIT
 * load.c - reads a file with the program's loaders. */
#include "load.h"

#include <stdlib.h>

#include "fuzz.h"

typedef struct job {
    const char *path;
    const extent_t *want;
} job;

static void look(const data_t *data) {
    const int64_t total = extent_total(&data->extent);
    MUST_HOLD(total > 0 && data->n > 0);
    float *x = malloc((size_t)total * sizeof *x);
    MUST_HOLD(x);
    data_range(data, data->n - 1, 1, x);
    for (int64_t i = 0; i < total; i++) MUST_HOLD(x[i] - x[i] == 0.0f);
    free(x);
    (void)data_fingerprint(data);
}

static void load(void *user) {
    const job *j = user;
    data_set_t set;
    const uint8_t blue = j->want->n > 0 && j->want->size[0] == 3 ? 255 : 128; /* a grey and a coloured background */
    const data_way_t way = {.background = {255, 255, blue}, .strict = true};
    data_load(&set, &j->path, 1, j->want, &way);
    look(&set.train);
    MUST_HOLD(j->want->n == 0 || extent_total(&set.train.extent) == extent_total(j->want));
    data_hold_out(&set);
    look(&set.test);
    data_free(&set);
}

void fuzz_load_path(const char *path, const extent_t *want) {
    (void)fuzz_program(load, &(job){.path = path, .want = want});
}

void fuzz_load(const char *name, const uint8_t *data, size_t size, const extent_t *want) {
    fuzz_load_path(fuzz_file(name, data, size), want);
}
