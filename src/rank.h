/* SPDX-License-Identifier: MIT
 * rank.h - sorts the examples of a data set by a number that each has. */
#ifndef RANK_H
#define RANK_H

#include <stdint.h>

typedef struct ranked {
    double value;
    int64_t example;
} ranked_t;

/* Sorts by value, the largest first; examples of equal values stay in their order. */
void rank_largest_first(ranked_t *ranked, int64_t n);

#endif
