/* SPDX-License-Identifier: MIT
 * ranges.h - parallel work on many equal items, divided into ranges that are large enough for a thread.
 *
 * It is for work whose items have independent results (elementwise, row by row), so that the ranges do not change a result. Sums over items
 * need divisions that the shape alone fixes; see norm.h. */
#ifndef VAEI_RANGES_H
#define VAEI_RANGES_H

#include "base/base.h"

#define VAEI_RANGE_FLOATS 16384 /* the work of one task: 64 KiB, well within a core's own cache */

typedef void (*vaei_range_task)(void *arg, int64_t begin, int64_t end);

/* Calls task(arg, begin, end) for disjoint ranges that cover [0, count); the work of an item is `floats` floats. */
void vaei_parallel_ranges(const vaei_pool *pool, int64_t count, int64_t floats, vaei_range_task task, void *arg);

/* n * size, or -1 if that overflows; vaei_carve_array() always refuses -1. */
VAEI_INLINE int64_t vaei_count_of(int64_t n, int64_t size) {
    int64_t count;
    return vaei_count_mul(n, size, &count) ? count : -1;
}

#endif
