/* SPDX-License-Identifier: MIT
 * json_writer.h - writes JSON with its commas and escapes. Numbers that are not finite become null. */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include "mem.h"

/* Start with {0}. Keys are NULL inside arrays and for the outermost value. */
typedef struct json {
    strbuf_t text;
    bool need_comma;
} json_t;

void json_open(json_t *json, const char *key, char bracket); /* '{' or '[' */
void json_close(json_t *json, char bracket);                 /* '}' or ']' */
void json_text(json_t *json, const char *key, const char *value);
void json_int(json_t *json, const char *key, int64_t value);
void json_real(json_t *json, const char *key, double value);
void json_bool(json_t *json, const char *key, bool value);
void json_null(json_t *json, const char *key);

/* Prints the text and a newline to stdout, then frees it. */
void json_print(json_t *json);

#endif
