/* SPDX-License-Identifier: MIT
 * data_csv.c - reads lines of numbers, separated by commas, semicolons or tabs. A line is an example of S values, or a step of a series.
 *
 *     model of S values             each line of S numbers is an example
 *     model of T steps of C values  lines of C numbers are steps; each T of them are an example; a rest is left out
 *
 * If the first field of the first line is no number, the line is a heading. Fields are decimal numbers with a point, and all other lines
 * must have the same number of fields. */
#include "console.h"
#include "data.h"
#include "files.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>

#define CSV_MOST ((int64_t)1 << 32)

typedef struct table {
    const char *path;
    int64_t lines, columns, room;
    float *value; /* [lines][columns] */
} table_t;

static bool is_separator(char c) {
    return c == ',' || c == ';' || c == '\t';
}

/* Reads the number at *at, which must end at a separator or at the end of the line, and moves *at behind it. */
static bool field(const char **at, float *value) {
    char *end;
    const double v = strtod(*at, &end);
    if (end == *at || !isfinite(v)) return false;
    while (*end == ' ' || *end == '\r') end++;
    if (*end != '\0' && !is_separator(*end)) return false;
    *value = (float)v;
    *at = end;
    return true;
}

static void put(table_t *t, int64_t i, float value) {
    if (i >= t->room) {
        t->room = 2 * t->room + 1024;
        t->value = mem_grow(t->value, t->room, sizeof *t->value);
    }
    t->value[i] = value;
}

static noreturn void fail_count(const table_t *t, int64_t number, const char *how) {
    die(EXIT_FORMAT, "%s: line %lld has %s than the %lld numbers of the lines before", t->path, (long long)number, how,
        (long long)t->columns);
}

/* Reads one line, which ends in NUL. number: the line's number in the file, from 1. */
static void read_line(table_t *t, const char *line, int64_t number) {
    int64_t n = 0;
    float value;
    for (const char *at = line;; at++) {
        while (*at == ' ') at++;
        if (!field(&at, &value)) {
            if (number == 1 && n == 0) return; /* a heading */
            die(EXIT_FORMAT, "%s: line %lld, field %lld is no finite number: \"%.20s\"", t->path, (long long)number, (long long)n + 1, at);
        }
        if (t->columns > 0 && n == t->columns) fail_count(t, number, "more");
        put(t, t->lines * t->columns + n++, value);
        if (*at == '\0') break;
    }
    if (t->columns == 0) t->columns = n;
    if (n < t->columns) fail_count(t, number, "fewer");
    t->lines++;
}

static table_t read_table(const char *path) {
    table_t t = {.path = path};
    size_t size;
    char *text = (char *)file_read(path, CSV_MOST, &size), *line = text;
    if (strlen(text) != size) die(EXIT_FORMAT, "%s: a zero byte stands in it, this is no text", path);
    for (int64_t number = 1; line && *line; number++) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        if (line[0] && line[0] != '\r') read_line(&t, line, number);
        line = end ? end + 1 : NULL;
    }
    if (t.lines == 0) die(EXIT_FORMAT, "%s: there is no line of numbers in it", path);
    free(text);
    return t;
}

void data_load_csv(data_set_t *set, const char *path) {
    table_t t = read_table(path);
    const extent_t *want = &set->want, row = {.n = 1, .size = {t.columns}};
    if (want->n == 2 && want->size[1] == t.columns && extent_total(want) != t.columns) {
        const int64_t T = want->size[0], n = t.lines / T;
        if (n == 0) die(EXIT_FORMAT, "%s: %lld steps, the model wants %lld of each series", path, (long long)t.lines, (long long)T);
        if (t.lines % T > 0) say("%s: the last %lld lines are no whole series, and are left out", path, (long long)(t.lines % T));
        set->train = (data_t){.n = n, .extent = *want, .f32 = t.value};
        return;
    }
    data_fit(set, t.lines, &row);
    set->train = (data_t){.n = t.lines, .extent = row, .f32 = t.value};
}
