/* SPDX-License-Identifier: MIT
 * cmd_report.c - vae report: writes a run as one page, which contains its pictures as data and needs no other file. */
#include "console.h"
#include "engine.h"
#include "escape.h"
#include "files.h"
#include "metrics_table.h"
#include "progress.h"
#include "svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CONFIG  ((int64_t)1 << 16)
#define MOST_PICTURE ((int64_t)1 << 26)

/* Adds text in the form of HTML. */
static void add_text(strbuf_t *page, const char *text) {
    for (const char *p = text; *p; p++) switch (*p) {
        case '&': strbuf_add(page, "&amp;"); break;
        case '<': strbuf_add(page, "&lt;"); break;
        case '>': strbuf_add(page, "&gt;"); break;
        default: strbuf_put(page, p, 1);
        }
}

static void add_base64(strbuf_t *page, const uint8_t *byte, size_t n) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const uint32_t bits = (uint32_t)byte[i] << 16 | (uint32_t)(i + 1 < n ? byte[i + 1] : 0) << 8 | (i + 2 < n ? byte[i + 2] : 0);
        const char four[4] = {digit[bits >> 18], digit[bits >> 12 & 63], i + 1 < n ? digit[bits >> 6 & 63] : '=',
                              i + 2 < n ? digit[bits & 63] : '='};
        strbuf_put(page, four, sizeof four);
    }
}

/* Adds a picture of the run under a heading, if the run has it. */
static void add_picture(strbuf_t *page, const char *folder, const char *name, const char *heading, const char *words) {
    char *path = path_join(folder, name);
    if (path_exists(path)) {
        size_t size;
        uint8_t *byte = file_read(path, MOST_PICTURE, &size);
        strbuf_add(page, "<h2>%s</h2>\n<p>%s</p>\n<img alt='%s' src='data:image/png;base64,", heading, words, heading);
        add_base64(page, byte, size);
        strbuf_add(page, "'>\n");
        free(byte);
    }
    free(path);
}

/* Adds two columns over epochs, or one if the table has no other. */
static void add_curves(strbuf_t *page, const metrics_table_t *table, const char *first, const char *second) {
    const char *const name[] = {first, second};
    static const uint32_t colour[] = {0x1f77b4, 0xd62728};
    const int epoch = metrics_table_column(table, "epoch");
    curve_t curve[2] = {{0}};
    int64_t n = 0;
    for (size_t k = 0; k < 2; k++) {
        const int column = metrics_table_column(table, name[k]);
        if (column < 0 || epoch < 0) continue;
        curve[n] = (curve_t){.name = name[k], .colour = colour[k], .width = 2.0};
        for (int64_t i = 0; i < table->n; i++) {
            const double *row = table->value + i * METRICS_COLUMNS;
            if (isfinite(row[epoch]) && isfinite(row[column])) plot_add(&curve[n], row[epoch], row[column]);
        }
        n++;
    }
    if (n > 0) svg_curves(page, curve, n, "epoch", "nats per example");
    for (int64_t k = 0; k < n; k++) {
        free(curve[k].x);
        free(curve[k].y);
    }
}

static void add_table(strbuf_t *page, const metrics_table_t *table) {
    strbuf_add(page, "<table>\n<tr>");
    for (int c = 0; c < table->columns; c++) strbuf_add(page, "<th>%s</th>", table->name[c]);
    strbuf_add(page, "</tr>\n");
    for (int64_t i = 0; i < table->n; i++) {
        strbuf_add(page, "<tr>");
        for (int c = 0; c < table->columns; c++) {
            const double value = table->value[i * METRICS_COLUMNS + c];
            if (isnan(value)) strbuf_add(page, "<td></td>");
            else strbuf_add(page, "<td>%.7g</td>", value);
        }
        strbuf_add(page, "</tr>\n");
    }
    strbuf_add(page, "</table>\n");
}

static void add_best(strbuf_t *page, const metrics_table_t *table) {
    const int epoch = metrics_table_column(table, "epoch"), loss = metrics_table_column(table, "val_loss");
    int64_t best = -1;
    for (int64_t i = 0; i < table->n && epoch >= 0 && loss >= 0; i++)
        if (best < 0 || table->value[i * METRICS_COLUMNS + loss] < table->value[best * METRICS_COLUMNS + loss]) best = i;
    if (best >= 0)
        strbuf_add(page, "<p>%lld epochs; the smallest validation loss is %.2f nats at epoch %.0f.</p>\n", (long long)table->n,
                   table->value[best * METRICS_COLUMNS + loss], table->value[best * METRICS_COLUMNS + epoch]);
}

static void add_page(strbuf_t *page, const char *folder, const char *config, const metrics_table_t *table) {
    char *title = escape_text(folder), *sample = mem_format("samples/epoch_%04lld.png", 0LL);
    const int epoch = metrics_table_column(table, "epoch");
    if (table->n > 0 && epoch >= 0) {
        free(sample);
        sample = mem_format("samples/epoch_%04.0f.png", table->value[(table->n - 1) * METRICS_COLUMNS + epoch]);
    }
    strbuf_add(page, "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n<title>");
    add_text(page, title);
    strbuf_add(page,
               "</title>\n<style>body { font: 15px sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em } "
               "img { image-rendering: pixelated; max-width: 100%% } pre { background: #f4f4f4; padding: 1em; white-space: pre-wrap } "
               "table { border-collapse: collapse; font-size: 12px } td, th { padding: 2px 8px; text-align: right }</style>\n"
               "</head>\n<body>\n<h1>");
    add_text(page, title);
    strbuf_add(page, "</h1>\n");
    add_best(page, table);
    strbuf_add(page, "<h2>Loss</h2>\n");
    add_curves(page, table, "loss", "val_loss");
    strbuf_add(page, "<h2>Reconstruction and rate, of validation</h2>\n");
    add_curves(page, table, "val_recon", "val_rate");
    add_picture(page, folder, "recon.png", "Reconstructions", "Each row of validation examples stands above what the model makes of them.");
    add_picture(page, folder, sample, "Samples", "Decoded from the prior, after the last epoch.");
    strbuf_add(page, "<h2>Model and training</h2>\n<pre>");
    add_text(page, config);
    strbuf_add(page, "</pre>\n<h2>Epochs</h2>\n");
    add_table(page, table);
    strbuf_add(page, "</body>\n</html>\n");
    free(title);
    free(sample);
}

static int run(const cli_t *cli) {
    const char *folder = cli_operand(cli, 0), *output = cli_text(cli, "output");
    if (!output[0]) die(EXIT_USAGE, "-o FILE is missing, the page to write");
    if (!path_ends(output, ".html") && !path_is_stdout(output)) die(EXIT_USAGE, "%s: the page's name must end in .html", output);
    refuse_existing(output, cli_flag(cli, "force"));
    char *config_path = path_join(folder, "config.txt"), *metrics_path = path_join(folder, "metrics.jsonl");
    if (!path_exists(config_path) || !path_exists(metrics_path))
        die(EXIT_RUNTIME, "%s: no run: config.txt and metrics.jsonl of vae train are wanted there", folder);
    size_t size;
    char *config = (char *)file_read(config_path, MOST_CONFIG, &size);
    metrics_table_t table;
    metrics_table_read(&table, metrics_path);
    strbuf_t page = {0};
    add_page(&page, folder, config, &table);
    file_write_text(output, page.s);
    free(page.s);
    metrics_table_free(&table);
    free(config);
    free(config_path);
    free(metrics_path);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"output", 'o', CLI_TEXT, "FILE", "", "the page, run.html", 0},
    {"force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0},
    {.name = NULL},
};

const cli_command_t command_report = {
    .name = "report",
    .operands = "RUN",
    .summary = "write a run as one page: curves, pictures, model, epochs",
    .text = "RUN is the folder of a run of vae train. The page is one file that needs neither other\n"
            "files nor a network: it contains the curves as SVG, and the pictures.",
    .example = "  vae report run -o run.html",
    .options = options,
    .run = run,
};
