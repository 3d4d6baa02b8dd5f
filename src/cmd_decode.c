/* SPDX-License-Identifier: MIT
 * cmd_decode.c - vae decode: latents of a NumPy array to pictures or arrays. */
#include "console.h"
#include "engine.h"
#include "bitmap.h"
#include "mem.h"
#include "npy.h"
#include "pictures.h"
#include "task.h"

#include <stdlib.h>

/* Latents z[n][D]; one latent alone may stand without n. */
static float *read_latents(const char *path, int64_t D, int64_t *n) {
    npy_t array;
    npy_read(&array, path);
    if (array.type != 'f') die(EXIT_FORMAT, "%s: latents are float32, this array holds bytes", path);
    int64_t last = 1; /* values of one latent in this array */
    for (int32_t i = array.ndim > 1 ? 1 : 0; i < array.ndim; i++) last *= array.shape[i];
    if (array.total == 0 || array.ndim == 0 || last != D)
        die(EXIT_FORMAT, "%s: latents of %lld values, the model wants %lld", path, (long long)last, (long long)D);
    *n = array.total / D;
    return array.value;
}

static int run(const cli_t *cli) {
    task_t task;
    int64_t n;
    task_open(&task, cli, true, false);
    (void)picture_is_array(task.output);
    float *z = read_latents(cli_operand(cli, 1), vae_model_latent_size(task.model), &n);
    float *x = mem_alloc(n * vae_model_input_size(task.model), sizeof *x);
    must(vae_decode(task.session, n, z, x));
    const extent_t extent = picture_is_array(task.output) ? model_input(task.model) : picture_extent(task.model, NULL);
    picture_write(task.output, x, n, &extent, bitmap_columns(n));
    free(x);
    free(z);
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
    .summary = "decode latents of a NumPy array into pictures or an array",
    .text = "Z.npy holds float32 [n, D], as vae encode writes it.",
    .example = "  vae decode run/best.safetensors z.npy -o x.png",
    .options = options,
    .computes = true,
    .run = run,
};
