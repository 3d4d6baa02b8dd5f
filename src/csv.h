/* SPDX-License-Identifier: MIT
 * csv.h - tables as text (RFC 4180): a head, then a line for each row; a value with a comma, a quote or a line end is "quoted". */
#ifndef CSV_H
#define CSV_H

#include "mem.h"

/* Add one value behind the others of its line; numbers are written so that they read back to the same bits. */
void csv_text(strbuf_t *table, const char *value);
void csv_real(strbuf_t *table, double value);
void csv_int(strbuf_t *table, long long value);
void csv_end_line(strbuf_t *table);

#endif
