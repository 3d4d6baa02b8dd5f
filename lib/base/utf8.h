/* SPDX-License-Identifier: MIT
 * utf8.h - is this text UTF-8, by the letter (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef VAEI_UTF8_H
#define VAEI_UTF8_H

#include <stddef.h>

/* The bytes before the first that cannot stand there; `length` if all is well. */
size_t vaei_utf8_prefix(const char *text, size_t length);

/* Replaces by question marks, in place, what a terminal or a viewer obeys instead of showing it: control characters (C0, DEL and C1),
 * line and paragraph separators, the marks that turn the direction of writing, and bytes that are not UTF-8. */
void vaei_utf8_make_plain(char *text, size_t length);

/* Writes one character, 1 to 4 bytes; code < 0x110000 and no surrogate. Returns the bytes. */
size_t vaei_utf8_put(unsigned long code, char out[4]);

#endif
