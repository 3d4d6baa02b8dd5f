/* SPDX-License-Identifier: MIT
 * utf8.h - tells whether a text is UTF-8 exactly as in RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef VAEI_UTF8_H
#define VAEI_UTF8_H

#include <stddef.h>

/* Returns the number of bytes before the first byte that is not valid; `length` if all are valid. */
size_t vaei_utf8_prefix(const char *text, size_t length);

/* Replaces by question marks, in place, everything that a terminal or a viewer would obey instead of show: control characters (C0, DEL
 * and C1), line and paragraph separators, the marks that change the direction of writing, and bytes that are not UTF-8. */
void vaei_utf8_make_plain(char *text, size_t length);

/* Writes one character of 1 to 4 bytes, where code < 0x110000 is not a surrogate. Returns the number of bytes. */
size_t vaei_utf8_put(unsigned long code, char out[4]);

#endif
