/* SPDX-License-Identifier: MIT
 * cmd_decode.c - vae decode: latents or codes of a NumPy array to pictures or arrays. */
#include "console.h"
#include "engine.h"
#include "bitmap.h"
#include "mem.h"
#include "npy.h"
#include "pictures.h"
#include "task.h"

#include <stdlib.h>

/* How many latents of D values an array holds; one alone may stand without n. */
static int64_t count_latents(const npy_t *array, const char *path, const char *what, int64_t D) {
    int64_t last = 1; /* values of one latent in this array */
    for (int32_t i = array->ndim > 1 ? 1 : 0; i < array->ndim; i++) last *= array->shape[i];
    if (array->total == 0 || array->ndim == 0 || last != D)
        die(EXIT_FORMAT, "%s: latents of %lld %s, the model wants %lld", path, (long long)last, what, (long long)D);
    return array->total / D;
}

/* The examples x[n][S] that an array stands for: int32 are codes, float32 are latents. */
static float *decode(const task_t *task, const char *path, int64_t *n) {
    npy_t array;
    const int64_t codes = vae_model_code_count(task->model);
    npy_read(&array, path);
    if (array.type == 'B') die(EXIT_FORMAT, "%s: latents are float32 and codes int32, this array holds bytes", path);
    if (array.type == 'i' && codes == 0)
        die(EXIT_FORMAT, "%s: an array of int32, which are codes; the latent of this model has none", path);
    *n = array.type == 'i' ? count_latents(&array, path, "codes", codes)
                           : count_latents(&array, path, "values", vae_model_latent_size(task->model));
    float *x = mem_alloc(*n * vae_model_input_size(task->model), sizeof *x);
    if (array.type == 'i')
        must_or(vae_decode_codes(task->session, *n, array.value, x), EXIT_FORMAT);
    else
        must(vae_decode(task->session, *n, array.value, x));
    free(array.value);
    return x;
}

static int run(const cli_t *cli) {
    task_t task;
    int64_t n;
    task_open(&task, cli, true, false);
    (void)picture_is_array(task.output);
    float *x = decode(&task, cli_operand(cli, 1), &n);
    const extent_t extent = picture_is_array(task.output) ? model_input(task.model) : picture_extent(task.model, NULL);
    picture_write(task.output, x, n, &extent, bitmap_columns(n));
    free(x);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("a grid of pictures, x.png, or an array, x.npy"),
    {.name = NULL},
};

const cli_command_t command_decode = {
    .name = "decode",
    .operands = "MODEL Z.npy",
    .summary = "decode latents or codes of a NumPy array into pictures or an array",
    .text = "Z.npy holds float32 latents [n, D] or int32 codes [n, H, W], as vae encode writes them.",
    .example = "  vae decode run/best.safetensors z.npy -o x.png",
    .options = options,
    .computes = true,
    .run = run,
};
