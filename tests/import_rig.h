/* SPDX-License-Identifier: MIT
 * import_rig.h - helpers of the tests of checkpoints: a folder for output, and files that differ from the fixtures in one fact. */
#ifndef IMPORT_RIG_H
#define IMPORT_RIG_H

#include "support.h"

#include <stdio.h>
#include <unistd.h>

#include "io/safetensors.h"

#define FOLDER "tests/fixtures/import/"

static vaei_heap heap;
static char folder[64], path[128], beside[128];

static inline void setup(void) {
    strcpy(folder, "/tmp/vae-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a.safetensors", folder);
    (void)snprintf(beside, sizeof(beside), "%s/config.json", folder);
    vaei_heap_init_default(&heap);
}

static inline void teardown(void) {
    (void)unlink(path);
    (void)unlink(beside);
    (void)rmdir(folder);
    ck_assert_uint_eq(heap.in_use, 0);
}

#endif
