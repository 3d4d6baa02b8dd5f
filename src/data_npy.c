/* SPDX-License-Identifier: MIT
 * data_npy.c - reads a NumPy array of examples: [n][S], [n][H][W] or [n][H][W][C], bytes (0..255 for 0..1) or floats. */
#include "console.h"
#include "data.h"
#include "npy.h"

#include <string.h>

/* Refuses one example without the first size n, because it would be read as many examples of other sizes. */
static void refuse_one_alone(const data_set_t *set, const npy_t *array) {
    extent_t whole = {.n = array->ndim};
    char text[EXTENT_TEXT];
    if (array->ndim > 4 || set->want.n == 0) return;
    memcpy(whole.size, array->shape, (size_t)whole.n * sizeof *whole.size);
    if (extent_equal(&whole, &set->want))
        die(EXIT_FORMAT, "%s: one example of %s without the size n in front; save x[None]", array->path, extent_text(&whole, text));
}

void data_load_npy(data_set_t *set, const char *path) {
    npy_t array;
    extent_t extent = {0};
    npy_open(&array, path);
    if (array.type == 'i') die(EXIT_FORMAT, "%s: an array of int32, which are codes; examples are uint8 or float32", path);
    if (array.ndim < 2 || array.ndim > 5)
        die(EXIT_FORMAT, "%s: an array of %d sizes; examples are [n,S], [n,H,W] or [n,H,W,C]", path, array.ndim);
    if (array.total == 0) die(EXIT_FORMAT, "%s: the array is empty", path);
    extent.n = array.ndim - 1;
    memcpy(extent.size, array.shape + 1, (size_t)extent.n * sizeof *extent.size);
    if (array.ndim == 3) extent = extent_image(array.shape[1], array.shape[2], 1);
    if (!extent_fits(&extent, &set->want)) refuse_one_alone(set, &array);
    data_fit(set, array.shape[0], &extent);
    npy_values(&array);
    set->train = (data_t){.n = array.shape[0], .extent = extent};
    if (array.type == 'f') set->train.f32 = array.value;
    else set->train.u8 = array.value;
}
