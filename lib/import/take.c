/* SPDX-License-Identifier: MIT
 * take.c - the values of one parameter from a tensor.
 *
 *     out[i][j] = factor * tensor[first + i][j] + offset
 *
 * Sizes of 1 at the end of a shape do not count: a projection of C channels is [C, C], [C, C, 1] or [C, C, 1, 1]. */
#include <stdio.h>

#include "import/checkpoint.h"

static int32_t without_ones(int32_t ndim, const int64_t *shape) {
    while (ndim > 1 && shape[ndim - 1] == 1) ndim--;
    return ndim;
}

static void print_shape(char text[120], int32_t ndim, const int64_t *shape) {
    vaei_writer w = {text, 120, 0};
    for (int32_t i = 0; i < ndim; i++) vaei_write(&w, "%s%lld", i ? "," : "[", (long long)shape[i]);
    vaei_write(&w, ndim > 0 ? "]" : "[]");
}

vae_status_t vaei_take_fits(const vaei_take *t, int32_t ndim, const int64_t *shape, const char *where) {
    char got[120], wanted[120];
    if (!t->entry) return VAE_OK;
    const vaei_entry *e = t->entry;
    const int32_t n = without_ones(ndim, shape), m = without_ones(e->ndim, e->shape);
    int32_t equal = m >= 1 && e->ndim > 0;
    for (int32_t i = 1; i < (n > m ? n : m); i++) equal &= (i < e->ndim ? e->shape[i] : 1) == (i < ndim ? shape[i] : 1);
    if (equal && t->how == VAEI_TAKE_ROWS) equal = shape[0] == e->shape[0];
    if (equal && t->first + shape[0] <= e->shape[0]) return VAE_OK;
    print_shape(got, e->ndim, e->shape);
    print_shape(wanted, ndim, shape);
    return vaei_fail(VAE_E_SHAPE, "%.80s: tensor '%.80s' is %s, wanted %s", where, e->name, got, wanted);
}

size_t vaei_take_bytes(const vaei_take *t) {
    return t->entry ? vaei_entry_bytes(t->entry) : 0;
}

size_t vaei_take_floats(const vaei_take *t) {
    return t->entry ? (size_t)t->entry->count : 0;
}

vae_status_t vaei_take_values(const vaei_take *t, const vaei_file *f, int64_t rows, int64_t count, void *bytes, float *floats, float *out) {
    const int64_t row = count / rows;
    if (!t->entry) {
        memset(out, 0, (size_t)count * sizeof(*out));
        for (int64_t i = 0; t->how == VAEI_TAKE_EYE && i < rows; i++) out[i * row + t->first + i] = 1;
    } else {
        vaei_entry e = *t->entry;
        e.data = bytes;
        VAEI_TRY(vaei_file_entry(f, t->entry, bytes));
        VAEI_TRY(vaei_entry_floats(&e, floats, f->where));
        memcpy(out, floats + t->first * row, (size_t)count * sizeof(*out));
    }
    if (t->factor == 1 && t->offset == 0) return VAE_OK;
    for (int64_t i = 0; i < count; i++) out[i] = (float)(t->factor * (double)out[i] + t->offset);
    return VAE_OK;
}
