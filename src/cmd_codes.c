/* SPDX-License-Identifier: MIT
 * cmd_codes.c - vae codes: how a model uses its codebook, as one picture.
 *
 * The upper part has a bar for each code, its share of all choices, the most used code first; the line is the even share 1 / K. The lower
 * part shows in the same order each code decoded alone: the middle 16x16 pixels of an example with that code at all positions (in a
 * residual quantizer in the first stage, while the other stages add nothing). */
#include "console.h"
#include "engine.h"
#include "bitmap.h"
#include "json_writer.h"
#include "mem.h"
#include "pictures.h"
#include "task.h"
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHOWN = 1024, CROP = 16, BARS = 96, LEAST_WIDTH = 256 };
enum { PAPER = 250, INK = 60, LINE = 170 };

typedef struct rank {
    int64_t code, count;
} rank_t;

static int most_first(const void *a, const void *b) {
    const rank_t *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

/* Sorts the codes by the number of choices, over all stages together. */
static rank_t *rank_codes(const usage_t *usage) {
    rank_t *rank = mem_alloc(usage->K, sizeof *rank);
    for (int64_t k = 0; k < usage->K; k++) {
        rank[k].code = k;
        for (int64_t s = 0; s < usage->stages; s++) rank[k].count += usage->count[s * usage->K + k];
    }
    qsort(rank, (size_t)usage->K, sizeof *rank, most_first);
    return rank;
}

/* Sets the codes of one example to `code` at every position; with `alone` the other codes of a position are left out. */
static void fill_codes(int32_t *codes, const usage_t *usage, int64_t code, bool alone) {
    for (int64_t i = 0; i < usage->positions * usage->stages; i++) codes[i] = alone && i % usage->stages > 0 ? -1 : (int32_t)code;
}

/* Whether the model accepts -1, for a stage that adds nothing. */
static bool stages_can_rest(const task_t *task, const usage_t *usage, int32_t *codes, float *x) {
    if (usage->stages == 1) return false;
    fill_codes(codes, usage, 0, true);
    const vae_status_t status = vae_decode_codes(task->session, 1, codes, x);
    if (status == VAE_E_NOMEM) must(status);
    return status == VAE_OK;
}

/* Decodes each of the first n codes and returns the middle of the picture: y[n][ch][cw][c]. */
static float *decode_each(const task_t *task, const usage_t *usage, const rank_t *rank, int64_t n, const extent_t *extent, extent_t *crop) {
    int64_t h, w, c;
    (void)extent_drawable(extent, &h, &w, &c);
    *crop = extent_image(h < CROP ? h : CROP, w < CROP ? w : CROP, c);
    const int64_t ch = crop->size[0], cw = crop->size[1], top = (h - ch) / 2, left = (w - cw) / 2;
    float *x = mem_alloc(h * w * c, sizeof *x), *y = mem_alloc(n * ch * cw * c, sizeof *y);
    int32_t *codes = mem_alloc(usage->positions * usage->stages, sizeof *codes);
    const bool alone = stages_can_rest(task, usage, codes, x);
    for (int64_t i = 0; i < n; i++) {
        fill_codes(codes, usage, rank[i].code, alone);
        must(vae_decode_codes(task->session, 1, codes, x));
        for (int64_t row = 0; row < ch; row++)
            memcpy(y + (i * ch + row) * cw * c, x + ((top + row) * w + left) * c, (size_t)(cw * c) * sizeof *y);
    }
    free(codes);
    free(x);
    return y;
}

/* Draws bars over the upper BARS rows. If there are more codes than columns, a column shows its most used code. */
static void draw_bars(bitmap_t *image, const usage_t *usage, const rank_t *rank) {
    const double highest = (double)(rank[0].count > 0 ? rank[0].count : 1), height = BARS - 8;
    const double even = (double)(usage->choices * usage->stages) / (double)usage->K;
    bitmap_fill(image, 0, 0, image->w, BARS, PAPER);
    for (int64_t x = 0; x < image->w; x++) {
        const double share = (double)rank[x * usage->K / image->w].count / highest;
        bitmap_fill(image, x, BARS - (int64_t)(share * height), x + 1, BARS, INK);
    }
    const int64_t line = BARS - (int64_t)(even / highest * height);
    bitmap_fill(image, 0, line - 1, image->w, line, LINE);
}

static void write_picture(const task_t *task, const usage_t *usage) {
    const extent_t extent = picture_extent(task->model, task->data);
    if (extent.n == 0) die(EXIT_FORMAT, "%s: the examples of this model are no pictures", task->output);
    const int64_t n = usage->K < MOST_SHOWN ? usage->K : MOST_SHOWN;
    extent_t crop;
    rank_t *rank = rank_codes(usage);
    float *y = decode_each(task, usage, rank, n, &extent, &crop);
    int64_t columns = bitmap_columns(n);
    bitmap_t grid = bitmap_grid(y, n, crop.size[0], crop.size[1], crop.size[2], columns);
    bitmap_t image = bitmap_new(BARS + grid.h, grid.w < LEAST_WIDTH ? LEAST_WIDTH : grid.w, grid.c, PAPER);
    draw_bars(&image, usage, rank);
    for (int64_t row = 0; row < grid.h; row++)
        memcpy(image.pixel + (BARS + row) * image.w * image.c, grid.pixel + row * grid.w * grid.c, (size_t)(grid.w * grid.c));
    bitmap_write(&image, task->output);
    bitmap_free(&image);
    bitmap_free(&grid);
    free(y);
    free(rank);
}

static void print_usage(const usage_t *usage, bool as_json) {
    if (!as_json) {
        printf("%.1f%% of %lld codes used, perplexity %.1f\n", 100.0 * usage->used, (long long)usage->K, usage->perplexity);
        return;
    }
    json_t json = {0};
    json_open(&json, NULL, '{');
    json_int(&json, "codes", usage->K);
    json_int(&json, "stages", usage->stages);
    json_int(&json, "choices", usage->choices * usage->stages);
    json_real(&json, "codes_used", usage->used);
    json_real(&json, "perplexity", usage->perplexity);
    json_bool(&json, "collapsed", usage_collapsed(usage));
    json_close(&json, '}');
    json_print(&json);
}

static int run(const cli_t *cli) {
    task_t task;
    usage_t usage;
    task_open(&task, cli, true, true);
    if (picture_is_array(task.output)) die(EXIT_USAGE, "%s: codes are drawn; the name must end in .png", task.output);
    if (vae_model_codebook_size(task.model) == 0) die(EXIT_USAGE, "codes: the latent of this model has no codes");
    must(usage_count(&usage, task.session, task.model, task.data, task.n));
    write_picture(&task, &usage);
    print_usage(&usage, cli_flag(cli, "json"));
    usage_free(&usage);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    TASK_OUTPUT("the picture, codes.png"),
    TASK_DATA,
    {"json", 0, CLI_FLAG, "", "", "print the numbers as one JSON object", 0},
    {.name = NULL},
};

const cli_command_t command_codes = {
    .name = "codes",
    .operands = "MODEL DATA...",
    .summary = "show how a model uses its codebook",
    .text = "Draws how often each code is chosen for DATA, the most used code first, with a line at\n"
            "the even share. Below, in the same order, it shows each code decoded alone, up to 1024\n"
            "of them. It prints the share of codes in use and the perplexity of the codes: K if all\n"
            "are used equally, 1 if only one is used. vae help train describes DATA.",
    .example = "  vae codes run/best.safetensors freedoom -o codes.png",
    .options = options,
    .computes = true,
    .run = run,
};
