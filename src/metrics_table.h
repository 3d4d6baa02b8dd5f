/* SPDX-License-Identifier: MIT
 * metrics_table.h - the epochs of a run as a table, from its metrics.jsonl. */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include <stdint.h>

enum { METRICS_COLUMNS = 32 };

typedef struct metrics_table {
    int64_t n, cap;
    int columns;
    char *name[METRICS_COLUMNS];
    double *value; /* [n][METRICS_COLUMNS], NaN if a line has no such number */
} metrics_table_t;

/* Reads the numbers of the lines of epochs, in the order of their keys; lists are left out. Dies if the file cannot be read. */
void metrics_table_read(metrics_table_t *table, const char *path);
void metrics_table_free(metrics_table_t *table);

/* Returns the column of this name; -1 if there is none. */
int metrics_table_column(const metrics_table_t *table, const char *name);

/* Writes the table as results.csv. */
void metrics_table_write(const metrics_table_t *table, const char *path);

#endif
