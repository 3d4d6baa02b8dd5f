/* SPDX-License-Identifier: MIT
 * batch_run.c - copies the input of a stack and makes values below VAEI_TINY zero. */
#include "nn/batch_run.h"

#include "nn/ranges.h"

typedef struct flush {
    const vaei_kernels *k;
    const float *x;
    float *y;
} flush;

static void flush_range(void *arg, int64_t begin, int64_t end) {
    const flush *const f = arg;
    f->k->flush(end - begin, f->x + begin, f->y + begin);
}

void vaei_run_flush(const vaei_run *r, int64_t count, const float *x, float *y) {
    flush f = {r->k, x, y};
    vaei_parallel_ranges(r->pool, count, 1, flush_range, &f);
}
