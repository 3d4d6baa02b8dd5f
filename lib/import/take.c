/* SPDX-License-Identifier: MIT
 * take.c - computes the values of one parameter from a tensor.
 *
 *     out[i][j] = factor * tensor[first + i][j] + offset
 *
 * Sizes of 1 at the end of a shape are ignored: a projection of C channels may be [C, C], [C, C, 1] or [C, C, 1, 1]. */
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

/* The sizes of a tensor as it is used. If there are five, the third is that of time and is left out. */
static int32_t sizes_of(const vaei_take *t, int64_t shape[VAEI_FILE_DIMS]) {
    const vaei_entry *e = t->entry;
    int32_t n = 0;
    for (int32_t i = 0; i < e->ndim; i++)
        if (t->how != VAEI_TAKE_LAST || e->ndim != 5 || i != 2) shape[n++] = e->shape[i];
    return n;
}

vae_status_t vaei_take_fits(const vaei_take *t, int32_t ndim, const int64_t *shape, const char *where) {
    char got[120], wanted[120];
    if (!t->entry) return VAE_OK;
    const vaei_entry *e = t->entry;
    int64_t given[VAEI_FILE_DIMS];
    const int32_t n_given = sizes_of(t, given), n = without_ones(ndim, shape), m = without_ones(n_given, given);
    int32_t equal = n_given > 0 && (t->how == VAEI_TAKE_PART || shape[0] == given[0]);
    for (int32_t i = 1; i < (n > m ? n : m); i++) equal &= (i < n_given ? given[i] : 1) == (i < ndim ? shape[i] : 1);
    if (equal && t->first + shape[0] <= given[0]) return VAE_OK;
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
        const int64_t taps = t->how == VAEI_TAKE_LAST && e.ndim == 5 ? e.shape[2] : 1;
        const int64_t plane = taps > 1 ? e.shape[3] * e.shape[4] : count;
        for (int64_t i = 0; i < count / plane; i++)
            memcpy(out + i * plane, floats + t->first * row + ((i + 1) * taps - 1) * plane, (size_t)plane * sizeof(*out));
    }
    if (t->factor == 1 && t->offset == 0) return VAE_OK;
    for (int64_t i = 0; i < count; i++) out[i] = (float)(t->factor * (double)out[i] + t->offset);
    return VAE_OK;
}
