/* SPDX-License-Identifier: MIT
 * rank.c - sorts the examples of a data set by a number that each has. */
#include "rank.h"

#include <stdlib.h>

static int larger_first(const void *a, const void *b) {
    const ranked_t *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? 1 : -1;
    return (x->example > y->example) - (x->example < y->example);
}

void rank_largest_first(ranked_t *ranked, int64_t n) {
    qsort(ranked, (size_t)n, sizeof *ranked, larger_first);
}
