/* SPDX-License-Identifier: MIT
 * extent.c - compares and prints the sizes of one example. */
#include "extent.h"
#include "mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extent_t extent_image(int64_t h, int64_t w, int64_t c) {
    return (extent_t){.n = 3, .size = {h, w, c}};
}

int64_t extent_total(const extent_t *extent) {
    int64_t total = 1;
    for (int32_t i = 0; i < extent->n; i++)
        if (!size_mul(total, extent->size[i], &total)) return -1;
    return total;
}

bool extent_equal(const extent_t *a, const extent_t *b) {
    return a->n == b->n && memcmp(a->size, b->size, (size_t)a->n * sizeof *a->size) == 0;
}

/* Returns the extent without its sizes of 1. */
static extent_t squeezed(const extent_t *extent) {
    extent_t narrow = {0};
    for (int32_t i = 0; i < extent->n; i++)
        if (extent->size[i] != 1) narrow.size[narrow.n++] = extent->size[i];
    return narrow;
}

bool extent_fits(const extent_t *a, const extent_t *b) {
    if (extent_total(a) != extent_total(b) || extent_total(a) < 0) return false;
    const extent_t x = squeezed(a), y = squeezed(b);
    return x.n <= 1 || y.n <= 1 || extent_equal(&x, &y);
}

bool extent_permuted(const extent_t *a, const extent_t *b) {
    bool taken[4] = {false};
    if (a->n != b->n || extent_equal(a, b)) return false;
    for (int32_t i = 0; i < a->n; i++) {
        int32_t k = 0;
        while (k < b->n && (taken[k] || b->size[k] != a->size[i])) k++;
        if (k == b->n) return false;
        taken[k] = true;
    }
    return true;
}

const char *extent_text(const extent_t *extent, char text[EXTENT_TEXT]) {
    size_t n = 0;
    text[0] = '\0';
    for (int32_t i = 0; i < extent->n; i++)
        n += (size_t)snprintf(text + n, EXTENT_TEXT - n, "%s%lld", i ? "x" : "", (long long)extent->size[i]);
    return text;
}

bool extent_drawable(const extent_t *extent, int64_t *h, int64_t *w, int64_t *c) {
    *h = extent->size[0];
    *w = extent->n > 1 ? extent->size[1] : 1;
    *c = extent->n > 2 ? extent->size[2] : 1;
    if (extent->n == 1) {
        *h = *w = (int64_t)lround(sqrt((double)extent->size[0]));
        return *h * *w == extent->size[0];
    }
    return (extent->n == 2 || extent->n == 3) && (*c == 1 || *c == 3 || *c == 4);
}

bool extent_picture(const extent_t *extent, int64_t *h, int64_t *w, int64_t *c) {
    return extent_drawable(extent, h, w, c) && *c != 4;
}
