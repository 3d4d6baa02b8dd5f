/* SPDX-License-Identifier: MIT
 * padding.c - pads images, one example or one row at a time. */
#include "nn/padding.h"

#include "nn/ranges.h"

/* Returns the pixel at position i, -size <= i < 2 size, or -1 for a zero. */
static int64_t source(int64_t i, int64_t size, int32_t mode) {
    if (i >= 0 && i < size) return i;
    if (mode == VAEI_PADDING_CIRCULAR) return i < 0 ? i + size : i - size;
    if (mode == VAEI_PADDING_REFLECT) return i < 0 ? -i : 2 * (size - 1) - i;
    return -1;
}

typedef struct job {
    const vaei_padding *b;
    const vaei_kernels *k;
    const float *from;
    float *to;
} job;

static void add_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_padding *b = j->b;
    const int64_t rows = b->top + b->h + b->bottom, cols = b->left + b->w + b->right;
    const size_t pixel = (size_t)b->c * sizeof(float);
    for (int64_t row = begin; row < end; row++) {
        const int64_t y = source(row % rows - b->top, b->h, b->y);
        const float *in = j->from + (row / rows * b->h + y) * b->w * b->c;
        float *out = j->to + row * cols * b->c;
        for (int64_t col = 0; col < cols; col++) {
            const int64_t x = source(col - b->left, b->w, b->x);
            if (y >= 0 && x >= 0) memcpy(out + col * b->c, in + x * b->c, pixel);
            else memset(out + col * b->c, 0, pixel);
        }
    }
}

void vaei_padding_add(const vaei_padding *b, const vaei_run *r, const float *x, float *padded) {
    job j = {b, r->k, x, padded};
    vaei_parallel_ranges(r->pool, r->n * (b->top + b->h + b->bottom), (b->left + b->w + b->right) * b->c, add_rows, &j);
}

static void gather_examples(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_padding *b = j->b;
    const int64_t rows = b->top + b->h + b->bottom, cols = b->left + b->w + b->right, size = b->h * b->w * b->c;
    for (int64_t i = begin; i < end; i++) {
        const float *from = j->from + i * rows * cols * b->c;
        float *to = j->to + i * size;
        memset(to, 0, (size_t)size * sizeof(float));
        for (int64_t row = 0; row < rows; row++) {
            const int64_t y = source(row - b->top, b->h, b->y);
            for (int64_t col = 0; y >= 0 && col < cols; col++) {
                const int64_t x = source(col - b->left, b->w, b->x);
                if (x >= 0) j->k->add(b->c, from + (row * cols + col) * b->c, to + (y * b->w + x) * b->c);
            }
        }
    }
}

void vaei_padding_backward(const vaei_padding *b, const vaei_run *r, const float *dpadded, float *dx) {
    job j = {b, r->k, dpadded, dx};
    vaei_parallel_ranges(r->pool, r->n, b->h * b->w * b->c, gather_examples, &j);
}
