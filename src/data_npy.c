/* SPDX-License-Identifier: MIT
 * data_npy.c - a NumPy array of examples: [n][S], [n][H][W] or [n][H][W][C], bytes (0..255 for 0..1) or floats. */
#include "console.h"
#include "data.h"
#include "npy.h"

#include <string.h>

void data_load_npy(data_t *data, const char *path) {
    npy_t array;
    npy_read(&array, path);
    if (array.type == 'i')
        die(EXIT_FORMAT, "%s: an array of int32, which are codes; examples are uint8 or float32", path);
    if (array.ndim < 2 || array.ndim > 5)
        die(EXIT_FORMAT, "%s: an array of %d sizes; examples are [n,S], [n,H,W] or [n,H,W,C]", path, array.ndim);
    if (array.total == 0) die(EXIT_FORMAT, "%s: the array is empty", path);
    *data = (data_t){.n = array.shape[0]};
    data->extent.n = array.ndim - 1;
    memcpy(data->extent.size, array.shape + 1, (size_t)data->extent.n * sizeof *data->extent.size);
    if (array.ndim == 3) data->extent = extent_image(array.shape[1], array.shape[2], 1);
    if (array.type == 'f')
        data->f32 = array.value;
    else
        data->u8 = array.value;
}
