/* SPDX-License-Identifier: MIT
 * cmd_decode.c - vae decode: decodes latents or codes of a NumPy array to pictures or arrays. */
#include "console.h"
#include "engine.h"
#include "bitmap.h"
#include "labels.h"
#include "mem.h"
#include "npy.h"
#include "pictures.h"
#include "task.h"
#include "usage.h"

#include <stdlib.h>
#include <string.h>

/* Returns how many items of size `want` an array holds; a single item may come without the size n. */
static int64_t count_items(const npy_t *array, const char *what, const extent_t *want) {
    extent_t have = {.n = array->ndim - 1}, whole = {.n = array->ndim};
    char is[EXTENT_TEXT], wanted[EXTENT_TEXT];
    if (array->ndim >= 2 && array->ndim <= 5) {
        memcpy(have.size, array->shape + 1, (size_t)have.n * sizeof *have.size);
        if (array->total > 0 && extent_fits(&have, want)) return array->shape[0];
    }
    if (array->ndim >= 1 && array->ndim <= 4) {
        memcpy(whole.size, array->shape, (size_t)whole.n * sizeof *whole.size);
        if ((whole.n == 1 || whole.n == want->n) && extent_fits(&whole, want)) return 1;
    }
    if (array->ndim < 2 || array->ndim > 5)
        die(EXIT_FORMAT, "%s: an array of %d sizes; the model wants %s of %s, after n", array->path, array->ndim, what,
            extent_text(want, wanted));
    die(EXIT_FORMAT, "%s: %s of %s, the model wants %s%s", array->path, what, extent_text(&have, is), extent_text(want, wanted),
        extent_permuted(&have, want) ? " (channels last)" : "");
}

/* The sizes of the codes of one example in the form of vae encode --codes. */
static extent_t codes_extent(const vae_model_t *model) {
    const int64_t codes = vae_model_codes_per_example(model);
    usage_t sizes;
    usage_sizes(&sizes, model);
    const extent_t latent = model_latent(model);
    if (latent.n != 3 || sizes.positions != latent.size[0] * latent.size[1]) return (extent_t){.n = 1, .size = {codes}};
    return extent_image(latent.size[0], latent.size[1], sizes.stages);
}

/* Reads the labels of n examples from an array of int32. */
static int32_t *labels_of(const vae_model_t *model, const char *path, int64_t n) {
    npy_t array;
    if (!labels_condition(model)) die(EXIT_USAGE, "--labels: the model's condition has no classes");
    npy_open(&array, path);
    if (array.type != 'i' || array.ndim != 1 || array.total != n)
        die(EXIT_FORMAT, "%s: wanted %lld labels, an array of int32 as vae encode --labels writes it", path, (long long)n);
    npy_values(&array);
    return array.value;
}

/* Decodes an array to examples x[n][S]: int32 values are codes, float32 values are latents. */
static float *decode(const task_t *task, const char *path, const char *labels, int64_t *n) {
    npy_t array;
    npy_open(&array, path);
    const bool codes = array.type == 'i';
    if (array.type == 'B') die(EXIT_FORMAT, "%s: latents are float32 and codes int32, this array holds bytes", path);
    if (codes && vae_model_codes_per_example(task->model) == 0)
        die(EXIT_FORMAT, "%s: an array of int32, which are codes; the latent of this model has none", path);
    const extent_t want = codes ? codes_extent(task->model) : model_latent(task->model);
    *n = count_items(&array, codes ? "codes" : "latents", &want);
    npy_values(&array);
    float *x = mem_alloc(*n * vae_model_input_size(task->model), sizeof *x);
    int32_t *label = labels ? labels_of(task->model, labels, *n) : NULL;
    const vae_batch_t batch = {.struct_size = sizeof batch, .n = *n, .codes = codes ? array.value : NULL, .label = label};
    must_or(vae_decode_batch(task->session, &batch, codes ? NULL : array.value, x), codes || labels ? EXIT_FORMAT : EXIT_RUNTIME);
    free(label);
    free(array.value);
    return x;
}

static int run(const cli_t *cli) {
    task_t task;
    int64_t n;
    task_open(&task, cli, true, false);
    (void)picture_is_array(task.output);
    float *x = decode(&task, cli_operand(cli, 1), cli_given(cli, "labels") ? cli_text(cli, "labels") : NULL, &n);
    const extent_t extent = picture_is_array(task.output) ? model_input(task.model) : picture_extent(task.model, NULL);
    picture_write(task.output, x, n, &extent, bitmap_columns(n));
    free(x);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("a grid of pictures, x.png, or an array, x.npy"),
    {"labels", 0, CLI_TEXT, "FILE", "", "the labels of the examples, for a model whose condition has classes", 0},
    {.name = NULL},
};

const cli_command_t command_decode = {
    .name = "decode",
    .operands = "MODEL Z.npy",
    .summary = "decode latents or codes of a NumPy array into pictures or an array",
    .text = "Z.npy holds float32 latents [n, D] or int32 codes [n, H, W] in the form of vae encode.",
    .example = "  vae decode run/best.safetensors z.npy -o x.png",
    .options = options,
    .computes = true,
    .run = run,
};
