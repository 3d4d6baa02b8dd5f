/* SPDX-License-Identifier: MIT
 * ranges.c - calls vaei_parallel for ranges of items, not for single items. */
#include "nn/ranges.h"

#define RANGES_MAX (INT64_C(1) << 20) /* keeps the number of tasks within an int32_t; more work gets longer ranges */

typedef struct ranges {
    vaei_range_task task;
    void *arg;
    int64_t count, step;
} ranges;

static void run(void *arg, int32_t index) {
    const ranges *r = arg;
    const int64_t begin = index * r->step;
    const int64_t end = r->count - begin < r->step ? r->count : begin + r->step;
    r->task(r->arg, begin, end);
}

void vaei_parallel_ranges(const vaei_pool *pool, int64_t count, int64_t floats, vaei_range_task task, void *arg) {
    ranges r = {task, arg, count, floats < VAEI_RANGE_FLOATS ? VAEI_RANGE_FLOATS / (floats > 0 ? floats : 1) : 1};
    if (r.step < count / RANGES_MAX + 1) r.step = count / RANGES_MAX + 1;
    if (count > 0) vaei_parallel(pool, (int32_t)((count - 1) / r.step + 1), run, &r);
}
