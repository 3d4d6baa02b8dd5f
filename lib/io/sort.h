/* SPDX-License-Identifier: MIT
 * sort.h - sorting pointers in place: no allocation (the system's qsort may) and no input that makes it slow. */
#ifndef VAEI_SORT_H
#define VAEI_SORT_H

#include <stddef.h>

/* Heap sort, ascending; not stable. compare as for qsort, on the pointers themselves. */
void vaei_sort(const void **items, size_t count, int (*compare)(const void *a, const void *b));

#endif
