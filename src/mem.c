/* SPDX-License-Identifier: MIT
 * mem.c - checked allocation and growing texts. */
#include "mem.h"
#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool size_mul(int64_t a, int64_t b, int64_t *product) {
    return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

static size_t bytes_of(int64_t count, size_t size) {
    size_t bytes;
    if (count < 0 || __builtin_mul_overflow((uint64_t)count, size, &bytes))
        die(EXIT_RUNTIME, "out of memory: %lld times %zu bytes", (long long)count, size);
    return bytes ? bytes : 1;
}

void *mem_alloc(int64_t count, size_t size) {
    const size_t bytes = bytes_of(count, size);
    void *p = calloc(1, bytes);
    if (!p) die(EXIT_RUNTIME, "out of memory: wanted %zu bytes", bytes);
    return p;
}

void *mem_grow(void *old, int64_t count, size_t size) {
    const size_t bytes = bytes_of(count, size);
    void *p = realloc(old, bytes);
    if (!p) die(EXIT_RUNTIME, "out of memory: wanted %zu bytes", bytes);
    return p;
}

char *mem_text_n(const char *text, size_t n) {
    char *copy = mem_alloc((int64_t)n + 1, 1);
    memcpy(copy, text, n);
    return copy;
}

char *mem_text(const char *text) {
    return mem_text_n(text, strlen(text));
}

void strbuf_put(strbuf_t *buf, const char *bytes, size_t n) {
    if (buf->n + n + 1 > buf->cap) {
        buf->cap = (buf->n + n + 1) * 2;
        buf->s = mem_grow(buf->s, (int64_t)buf->cap, 1);
    }
    memcpy(buf->s + buf->n, bytes, n);
    buf->n += n;
    buf->s[buf->n] = '\0';
}

static char *__attribute__((format(printf, 1, 0), nonnull(1))) format_text(const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = mem_alloc((int64_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, format, args);
    return text;
}

void strbuf_add(strbuf_t *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    strbuf_put(buf, text, strlen(text));
    free(text);
}

char *mem_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    return text;
}
