/* SPDX-License-Identifier: MIT
 * escape.h - tells which characters of foreign text (file names, names and types inside files) may be printed unchanged.
 *
 * A terminal executes control characters as commands: C0 (below U+0020), DEL, C1 (U+0080 to U+009F). The marks that change the
 * direction of writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) and the line separators U+2028 and U+2029
 * make a text look like another one. In a terminal of another encoding, bytes that are no UTF-8 may do either. */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

/* Returns the bytes of the character at p, which ends with a NUL, and its code; 0 if it is no UTF-8. */
int escape_decode(const char *p, uint32_t *code);

/* Returns true if the character must be shown by its number. */
bool escape_wanted(uint32_t code);

/* Writes the character at *p in a form that may be shown and moves *p behind it: the character itself, \x1b, \u202e, or \xff for a byte
 * that is no UTF-8. */
#define ESCAPE_TEXT 16
const char *escape_next(const char **p, char text[ESCAPE_TEXT]);

/* Returns a whole text in that form, in fresh memory; it is then one line. */
char *escape_text(const char *text);

#endif
