/* SPDX-License-Identifier: MIT
 * npy.h - NumPy's .npy files (format versions 1 to 3): arrays in C order of u1, i4 and f4. */
#ifndef NPY_H
#define NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NPY_MAX_DIMS 8

typedef struct npy {
    char type; /* 'B' bytes, 'i' int32, 'f' float32 */
    int32_t ndim;
    int64_t shape[NPY_MAX_DIMS];
    int64_t total; /* values */
    void *value;   /* uint8_t, int32_t or float, in fresh memory; NULL before npy_values() */
    const char *path;
    FILE *stream; /* at the first value; NULL after npy_values() */
} npy_t;

bool npy_is(const uint8_t *head, size_t n);

/* Reads only the header: type and sizes, which agree with the bytes of the file. Dies with exit code 3 and a sentence if it is no array
 * of u1, i4 or f4 in C order. The path must exist in memory as long as the array. */
void npy_open(npy_t *array, const char *path);

/* Reads the values later, when the caller needs them; floats must be finite. */
void npy_values(npy_t *array);

/* Write float32 or int32 values of the given shape. */
void npy_write_f32(const char *path, int32_t ndim, const int64_t *shape, const float *value);
void npy_write_i32(const char *path, int32_t ndim, const int64_t *shape, const int32_t *value);

#endif
