/* SPDX-License-Identifier: MIT
 * batch_groups.h - a batch divided into at most 64 groups of consecutive examples, for work done example by example. The groups depend
 * on the size of the batch only, never on the number of threads. */
#ifndef VAEI_BATCH_GROUPS_H
#define VAEI_BATCH_GROUPS_H

#include <stdint.h>

#define VAEI_BATCH_GROUPS 64

typedef struct vaei_range {
    int64_t first, end;
} vaei_range;

static inline int32_t vaei_batch_groups(int64_t n) {
    return n < VAEI_BATCH_GROUPS ? (int32_t)n : VAEI_BATCH_GROUPS;
}

static inline vaei_range vaei_batch_group(int64_t n, int32_t group) {
    const int64_t groups = vaei_batch_groups(n), each = n / groups, rest = n % groups;
    const int64_t first = group * each + (group < rest ? group : rest); /* the first `rest` groups have one example more */
    return (vaei_range){first, first + each + (group < rest)};
}

#endif
