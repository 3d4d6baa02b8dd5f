/* SPDX-License-Identifier: MIT
 * pictures.c - writes grids of examples, samples and reconstructions. */
#include "pictures.h"
#include "alphabet.h"
#include "console.h"
#include "engine.h"
#include "file_writer.h"
#include "files.h"
#include "bitmap.h"
#include "labels.h"
#include "mem.h"
#include "npy.h"

#include <stdlib.h>
#include <string.h>

extent_t picture_extent(const vae_model_t *model, const data_t *data) {
    int64_t h, w, c;
    if (vae_model_token_count(model) > 0) return (extent_t){0};
    if (data && data->extent.n > 1 && extent_drawable(&data->extent, &h, &w, &c)) return data->extent;
    const extent_t extent = model_input(model);
    return extent_drawable(&extent, &h, &w, &c) ? extent : (extent_t){0};
}

bool picture_is_array(const char *path) {
    if (!path_ends(path, ".png") && !path_ends(path, ".npy") && !path_is_stdout(path))
        die(EXIT_USAGE, "%s: the output's name must end in .png or .npy", path);
    return path_ends(path, ".npy");
}

static void write_array(const char *path, const float *x, int64_t n, const extent_t *extent) {
    int64_t shape[5] = {n};
    memcpy(shape + 1, extent->size, sizeof extent->size);
    npy_write_f32(path, extent->n + 1, shape, x);
}

void text_write(const char *path, const vae_model_t *model, const float *x, int64_t n, int64_t group) {
    const extent_t extent = model_input(model);
    if (path && path_ends(path, ".npy")) {
        write_array(path, x, n, &extent);
        return;
    }
    char *text = alphabet_lines(vae_model_token_count(model), vae_model_input_size(model), n, group, x);
    if (path) file_write_text(path, text);
    else print_filtered(stdout, text);
    free(text);
}

void picture_write(const char *path, const float *x, int64_t n, const extent_t *extent, int64_t columns) {
    int64_t h, w, c;
    char text[EXTENT_TEXT];
    if (path_ends(path, ".npy")) {
        write_array(path, x, n, extent);
        return;
    }
    if (extent->n == 0 || !extent_drawable(extent, &h, &w, &c))
        die(EXIT_FORMAT, "%s: examples of %s are no pictures of 1, 3 or 4 channels; write .npy", path,
            extent->n ? extent_text(extent, text) : "this model");
    bitmap_t grid = bitmap_grid(x, n, h, w, c, columns);
    bitmap_write(&grid, path);
    bitmap_free(&grid);
}

void picture_reconstructions(const char *path, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n,
                             const extent_t *extent, int64_t columns) {
    const int64_t total = extent_total(&data->extent);
    if (n > data->n) n = data->n;
    if (columns > n) columns = n;
    const int64_t rows = (n + columns - 1) / columns;
    float *both = mem_alloc(2 * rows * columns * total, sizeof *both);
    float *x = mem_alloc(n * total, sizeof *x), *y = mem_alloc(n * total, sizeof *y);
    data_range(data, 0, n, x);
    const vae_batch_t batch = labels_batch(model, data, 0, n, x);
    must(vae_reconstruct_batch(session, &batch, y));
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = i / columns * 2 * columns + i % columns;
        memcpy(both + at * total, x + i * total, (size_t)total * sizeof *x);
        memcpy(both + (at + columns) * total, y + i * total, (size_t)total * sizeof *y);
    }
    picture_write(path, both, 2 * rows * columns, extent, columns);
    free(both);
    free(x);
    free(y);
}
