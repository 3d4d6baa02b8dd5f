/* SPDX-License-Identifier: MIT
 * sort.h - sorts pointers in place, without an allocation (the system's qsort may allocate) and in n log n time for every input. */
#ifndef VAEI_SORT_H
#define VAEI_SORT_H

#include <stddef.h>

/* Heap sort, ascending; not stable. compare as for qsort, on the pointers themselves. */
void vaei_sort(const void **items, size_t count, int (*compare)(const void *a, const void *b));

#endif
