/* SPDX-License-Identifier: MIT
 * cmd_data.c - vae data: shows examples before a model is trained on them. */
#include "bitmap.h"
#include "console.h"
#include "data_options.h"
#include "engine.h"
#include "files.h"
#include "mem.h"
#include "pictures.h"
#include "progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHANNELS = 4, SHOWN_CLASSES = 20 };

/* Statistics of the values of each channel, or of all values if the examples are no pictures. */
typedef struct statistics {
    int64_t channels, n;
    double sum[MOST_CHANNELS], squares[MOST_CHANNELS];
    float least, most;
} statistics_t;

static void measure(const data_t *data, statistics_t *s) {
    const int64_t total = extent_total(&data->extent);
    int64_t h, w, c;
    *s = (statistics_t){.channels = extent_drawable(&data->extent, &h, &w, &c) ? c : 1, .least = INFINITY, .most = -INFINITY};
    float *x = mem_alloc(total, sizeof *x);
    for (int64_t i = 0; i < data->n; i++) {
        data_range(data, i, 1, x);
        for (int64_t k = 0; k < total; k++) {
            s->sum[k % s->channels] += (double)x[k];
            s->squares[k % s->channels] += (double)x[k] * (double)x[k];
            s->least = fminf(s->least, x[k]);
            s->most = fmaxf(s->most, x[k]);
        }
        progress_count("measuring examples", i + 1, data->n);
    }
    console_line("");
    s->n = data->n * (total / s->channels);
    free(x);
}

static void print_statistics(const statistics_t *s) {
    static const char *const colour[] = {"red", "green", "blue", "alpha"};
    print_line("values      %g to %g", (double)s->least, (double)s->most);
    for (int64_t c = 0; c < s->channels; c++) {
        const double mean = s->sum[c] / (double)s->n, variance = s->squares[c] / (double)s->n - mean * mean;
        print_line("%-10s  mean %.4f, standard deviation %.4f", s->channels > 1 ? colour[c] : "all", mean, sqrt(fmax(variance, 0.0)));
    }
}

/* Prints how many examples each class has. */
static void print_classes(const data_set_t *set) {
    const data_t *data = &set->train;
    if (!data->label) {
        print_line("labels      none");
        return;
    }
    int32_t most = 0;
    for (int64_t i = 0; i < data->n; i++)
        if (data->label[i] > most) most = data->label[i];
    int64_t *count = mem_alloc((int64_t)most + 1, sizeof *count);
    for (int64_t i = 0; i < data->n; i++)
        if (data->label[i] >= 0) count[data->label[i]]++;
    print_line("labels      %lld classes", (long long)most + 1);
    const char *name = set->classes;
    for (int32_t k = 0; k <= most && k < SHOWN_CLASSES; k++) {
        const int length = name ? (int)strcspn(name, "\n") : 0;
        print_line("  %-8d  %lld example%s%s%.*s", k, (long long)count[k], count[k] == 1 ? "" : "s", length ? ": " : "", length,
                   name ? name : "");
        if (name) name += length + (name[length] == '\n');
    }
    if (most >= SHOWN_CLASSES) print_line("  and %d more", most + 1 - SHOWN_CLASSES);
    free(count);
}

/* Writes examples from all parts of the data, so that a sheet of sorted data shows every part. */
static void write_sheet(const data_set_t *set, const char *path, int64_t count, int64_t columns) {
    const data_t *data = &set->train;
    const int64_t n = count < data->n ? count : data->n, total = extent_total(&data->extent);
    int64_t *index = mem_alloc(n, sizeof *index);
    float *x = mem_alloc(n * total, sizeof *x);
    for (int64_t i = 0; i < n; i++) index[i] = i * data->n / n;
    data_gather(data, index, n, x);
    picture_write(path, x, n, &data->extent, columns > 0 ? columns : bitmap_columns(n));
    free(index);
    free(x);
}

static int run(const cli_t *cli) {
    data_set_t set;
    statistics_t statistics;
    size_t n_source;
    const char *const *source = cli_operands(cli, 0, &n_source), *output = cli_text(cli, "output");
    char size[EXTENT_TEXT];
    const extent_t open = {0};
    data_way_t way = data_way(cli);
    data_way_shape(cli, &way);
    if (output[0]) {
        (void)picture_is_array(output);
        refuse_existing(output, cli_flag(cli, "force"));
    }
    data_load(&set, source, n_source, &open, &way);
    binarize_data(&set, binarize_of(cli_text(cli, "binarize")), false);
    print_line("examples    %lld of %s", (long long)set.train.n, extent_text(&set.train.extent, size));
    if (set.test.n > 0) print_line("test split  %lld of its own", (long long)set.test.n);
    else print_line("test split  none; vae train holds out each tenth example");
    measure(&set.train, &statistics);
    print_statistics(&statistics);
    print_classes(&set);
    if (output[0]) write_sheet(&set, output, cli_int(cli, "count"), cli_given(cli, "columns") ? cli_int(cli, "columns") : 0);
    data_free(&set);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"output", 'o', CLI_TEXT, "FILE", "", "a sheet of examples, sheet.png, or an array of them, x.npy", 0},
    {"force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0},
    {"count", 'n', CLI_INT, "N", "100", "examples on the sheet, from all parts of the data", 1},
    {"columns", 0, CLI_INT, "N", "", "examples in a row (default: a square)", 1},
    DATA_SHAPE_OPTIONS,
    DATA_OPTIONS,
    {.name = NULL},
};

const cli_command_t command_data = {
    .name = "data",
    .operands = "DATA...",
    .summary = "show data before training: a sheet of examples, sizes, values, classes",
    .text = "Reads DATA like vae train, reports which files are left out and how pictures are\n"
            "changed, and prints the number of examples, their sizes, the range, mean and standard\n"
            "deviation of their values, and the number of examples in each class. -o writes a sheet\n"
            "of examples.",
    .example = "  vae data photos/ -o sheet.png\n"
               "  vae data photos/ --size 128 -n 16 -o sheet.png",
    .options = options,
    .run = run,
};
