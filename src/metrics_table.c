/* SPDX-License-Identifier: MIT
 * metrics_table.c - reads lines of this program, {"event":"epoch","step":108,...}, which are flat objects of numbers, texts and lists of
 * numbers. */
#include "metrics_table.h"
#include "csv.h"
#include "file_writer.h"
#include "files.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((int64_t)1 << 32)

int metrics_table_column(const metrics_table_t *table, const char *name) {
    for (int c = 0; c < table->columns; c++)
        if (strcmp(table->name[c], name) == 0) return c;
    return -1;
}

/* Returns the row's column of this name and adds it if there is a free one; NULL if there is none. */
static double *cell(metrics_table_t *table, const char *name, size_t n) {
    char *key = mem_text_n(name, n);
    int c = metrics_table_column(table, key);
    if (c < 0 && table->columns < METRICS_COLUMNS) {
        c = table->columns++;
        table->name[c] = mem_text(key);
    }
    free(key);
    return c < 0 ? NULL : &table->value[(table->n - 1) * METRICS_COLUMNS + c];
}

static void add_row(metrics_table_t *table) {
    if (table->n == table->cap) {
        table->cap = table->cap * 2 + 64;
        table->value = mem_grow(table->value, table->cap, METRICS_COLUMNS * sizeof *table->value);
    }
    for (int c = 0; c < METRICS_COLUMNS; c++) table->value[table->n * METRICS_COLUMNS + c] = NAN;
    table->n++;
}

/* Reads the numbers of one line and skips other values. */
static void add_line(metrics_table_t *table, const char *line) {
    add_row(table);
    for (const char *key = strchr(line, '"'); key;) {
        const char *end = strchr(key + 1, '"');
        if (!end || end[1] != ':') return;
        const char *value = end + 2;
        char *behind = NULL;
        const double number = strtod(value, &behind);
        if (behind != value) {
            double *at = cell(table, key + 1, (size_t)(end - key - 1));
            if (at) *at = number;
        }
        const char *over = *value == '[' ? strchr(value, ']') : *value == '"' ? strchr(value + 1, '"') : value;
        const char *comma = over ? strchr(over, ',') : NULL;
        key = comma ? strchr(comma, '"') : NULL;
    }
}

void metrics_table_read(metrics_table_t *table, const char *path) {
    size_t size;
    char *text = (char *)file_read(path, MOST_BYTES, &size);
    *table = (metrics_table_t){0};
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, "\"event\":\"epoch\"")) add_line(table, line);
    free(text);
}

void metrics_table_free(metrics_table_t *table) {
    for (int c = 0; c < table->columns; c++) free(table->name[c]);
    free(table->value);
}

void metrics_table_write(const metrics_table_t *table, const char *path) {
    strbuf_t text = {0};
    strbuf_put(&text, "", 0);
    for (int c = 0; c < table->columns; c++) csv_text(&text, table->name[c]);
    csv_end_line(&text);
    for (int64_t i = 0; i < table->n; i++) {
        for (int c = 0; c < table->columns; c++) {
            const double value = table->value[i * METRICS_COLUMNS + c];
            if (isnan(value)) csv_text(&text, "");
            else csv_real(&text, value);
        }
        csv_end_line(&text);
    }
    file_write_text(path, text.s);
    free(text.s);
}
