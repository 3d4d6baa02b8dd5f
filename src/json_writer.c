/* SPDX-License-Identifier: MIT
 * json_writer.c - writes JSON (RFC 8259) on one line. */
#include "json_writer.h"
#include "escape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A character that a terminal could execute is written by its number, and a byte that is no UTF-8 as U+FFFD, because JSON is printed,
 * too. */
static void put_quoted(json_t *json, const char *value) {
    strbuf_put(&json->text, "\"", 1);
    while (*value) {
        uint32_t code;
        const int n = escape_decode(value, &code);
        if (n == 0) strbuf_put(&json->text, "\\ufffd", 6);
        else if (code == '"' || code == '\\') strbuf_add(&json->text, "\\%c", (char)code);
        else if (code == '\n') strbuf_put(&json->text, "\\n", 2);
        else if (escape_wanted(code)) strbuf_add(&json->text, "\\u%04x", (unsigned)code);
        else strbuf_put(&json->text, value, (size_t)n);
        value += n ? n : 1;
    }
    strbuf_put(&json->text, "\"", 1);
}

static void begin(json_t *json, const char *key) {
    if (json->need_comma) strbuf_put(&json->text, ",", 1);
    json->need_comma = true;
    if (key) {
        put_quoted(json, key);
        strbuf_put(&json->text, ":", 1);
    }
}

void json_open(json_t *json, const char *key, char bracket) {
    begin(json, key);
    strbuf_put(&json->text, &bracket, 1);
    json->need_comma = false;
}

void json_close(json_t *json, char bracket) {
    strbuf_put(&json->text, &bracket, 1);
    json->need_comma = true;
}

void json_text(json_t *json, const char *key, const char *value) {
    begin(json, key);
    put_quoted(json, value);
}

void json_int(json_t *json, const char *key, int64_t value) {
    begin(json, key);
    strbuf_add(&json->text, "%lld", (long long)value);
}

void json_real(json_t *json, const char *key, double value) {
    if (!isfinite(value)) {
        json_null(json, key);
        return;
    }
    begin(json, key);
    strbuf_add(&json->text, "%.10g", value);
}

void json_bool(json_t *json, const char *key, bool value) {
    begin(json, key);
    strbuf_add(&json->text, "%s", value ? "true" : "false");
}

void json_null(json_t *json, const char *key) {
    begin(json, key);
    strbuf_put(&json->text, "null", 4);
}

void json_print(json_t *json) {
    printf("%s\n", json->text.s);
    free(json->text.s);
    *json = (json_t){0};
}
