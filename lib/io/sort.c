/* SPDX-License-Identifier: MIT
 * sort.c - heap sort (Williams 1964). The array is a binary tree in which the children of i are 2 i + 1 and 2 i + 2, and no
 * child is larger than its parent. The root, the largest item, is moved to the end, again and again. The sort takes O(n log n)
 * time for every input; an array that is in order, as in most files, takes n - 1 comparisons. */
#include "io/sort.h"

/* Restores the order of the tree if items[root] may be too small for its place among items[count]. The hole that it leaves moves down to
 * a leaf along the larger children, and then up to the place where the item fits, which is mostly near. This takes half as many
 * comparisons as a comparison with the item at each level (Wegener 1993). */
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
