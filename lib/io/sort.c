/* SPDX-License-Identifier: MIT
 * sort.c - heap sort (Williams 1964): the array is a binary tree, children of i at 2 i + 1 and 2 i + 2, none larger
 * than its parent; the root, the largest, goes to the end, repeatedly. O(n log n) for every input; n - 1 comparisons for
 * one in order, as most files are. */
#include "io/sort.h"

/* items[root] may be too small for its place among items[count]. The hole it leaves goes down along the larger children
 * to a leaf, then up to where the item fits, mostly not far: half of the comparisons of asking at each level (Wegener
 * 1993). */
static void sift_down(const void **items, size_t root, size_t count, int (*compare)(const void *, const void *)) {
    const void *const item = items[root];
    size_t hole = root;
    for (size_t child = 2 * hole + 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count && compare(items[child], items[child + 1]) < 0) child++;
        items[hole] = items[child];
        hole = child;
    }
    while (hole > root) {
        const size_t parent = (hole - 1) / 2;
        if (compare(items[parent], item) >= 0) break;
        items[hole] = items[parent];
        hole = parent;
    }
    items[hole] = item;
}

static int in_order(const void *const *items, size_t count, int (*compare)(const void *, const void *)) {
    size_t i = 1;
    while (i < count && compare(items[i - 1], items[i]) <= 0) i++;
    return i >= count;
}

void vaei_sort(const void **items, size_t count, int (*compare)(const void *a, const void *b)) {
    if (in_order(items, count, compare)) return;
    for (size_t i = count / 2; i > 0; i--) sift_down(items, i - 1, count, compare);
    for (size_t end = count; end > 1; end--) {
        const void *const largest = items[0];
        items[0] = items[end - 1];
        items[end - 1] = largest;
        sift_down(items, 0, end - 1, compare);
    }
}
