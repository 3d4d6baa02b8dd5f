/* SPDX-License-Identifier: MIT
 * csv.c - writes the values of a table, with commas between them. */
#include "csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void separate(strbuf_t *table) {
    if (table->n > 0 && table->s[table->n - 1] != '\n') strbuf_put(table, ",", 1);
}

void csv_text(strbuf_t *table, const char *value) {
    separate(table);
    if (!strpbrk(value, ",\"\r\n")) {
        strbuf_put(table, value, strlen(value));
        return;
    }
    strbuf_put(table, "\"", 1);
    for (const char *p = value; *p; p++) strbuf_put(table, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    strbuf_put(table, "\"", 1);
}

void csv_real(strbuf_t *table, double value) {
    char text[40];
    int digits = 6;
    do snprintf(text, sizeof text, "%.*g", digits, value);
    while (strtod(text, NULL) != value && ++digits <= 17);
    separate(table);
    strbuf_put(table, text, strlen(text));
}

void csv_int(strbuf_t *table, long long value) {
    separate(table);
    strbuf_add(table, "%lld", value);
}

void csv_end_line(strbuf_t *table) {
    strbuf_put(table, "\n", 1);
}
