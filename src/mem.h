/* SPDX-License-Identifier: MIT
 * mem.h - allocation for the program. If an allocation fails the program ends with a sentence, so callers need no check. */
#ifndef MEM_H
#define MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns count * size zeroed bytes; never NULL, even if count is 0. */
void *mem_alloc(int64_t count, size_t size);

/* Does realloc to count * size bytes; new bytes are not zeroed. */
void *mem_grow(void *old, int64_t count, size_t size);

/* Copies the text, or its first n bytes. */
char *mem_text(const char *text);
char *mem_text_n(const char *text, size_t n);

/* a * b of numbers that are not negative; false if the product does not fit in int64_t. */
bool size_mul(int64_t a, int64_t b, int64_t *product);

/* Does printf into fresh memory. */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A text that grows. Start with {0}; s is NULL until the first addition. */
typedef struct strbuf {
    char *s;
    size_t n, cap;
} strbuf_t;

void strbuf_add(strbuf_t *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_put(strbuf_t *buf, const char *bytes, size_t n);

#endif
