/* SPDX-License-Identifier: MIT
 * sort.c - heap sort (Williams 1964): the array is a binary tree, children of i at 2 i + 1 and 2 i + 2, none larger
 * than its parent; the root, the largest, goes to the end again and again. O(n log n) for every input. */
#include "io/sort.h"

/* items[root] may be too small for its place among items[count]. */
static void sift_down(const void **items, size_t root, size_t count, int (*compare)(const void *, const void *)) {
    const void *const item = items[root];
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) break;
        if (child + 1 < count && compare(items[child], items[child + 1]) < 0) child++;
        if (compare(item, items[child]) >= 0) break;
        items[root] = items[child];
        root = child;
    }
    items[root] = item;
}

void vaei_sort(const void **items, size_t count, int (*compare)(const void *a, const void *b)) {
    for (size_t i = count / 2; i > 0; i--) sift_down(items, i - 1, count, compare);
    for (size_t end = count; end > 1; end--) {
        const void *const largest = items[0];
        items[0] = items[end - 1];
        items[end - 1] = largest;
        sift_down(items, 0, end - 1, compare);
    }
}
