/* SPDX-License-Identifier: MIT
 * escape.c - UTF-8 (RFC 3629), read strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include "escape.h"
#include "mem.h"

#include <stdio.h>
#include <string.h>

int escape_decode(const char *p, uint32_t *code) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)p;
    if (byte[0] < 0x80) {
        *code = byte[0];
        return 1;
    }
    const int n = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    if (byte[0] < 0xc2 || byte[0] > 0xf4) return 0;
    *code = byte[0] & (0xffu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((byte[i] & 0xc0) != 0x80) return 0; /* false for a NUL too, so the end of the text is never passed */
        *code = *code << 6 | (byte[i] & 0x3f);
    }
    return *code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff) ? 0 : n;
}

bool escape_wanted(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

const char *escape_next(const char **p, char text[ESCAPE_TEXT]) {
    uint32_t code;
    const int n = escape_decode(*p, &code);
    if (n == 0) {
        snprintf(text, ESCAPE_TEXT, "\\x%02x", (unsigned)(unsigned char)**p);
        *p += 1;
        return text;
    }
    if (escape_wanted(code)) {
        snprintf(text, ESCAPE_TEXT, code < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)code);
    } else {
        memcpy(text, *p, (size_t)n);
        text[n] = '\0';
    }
    *p += n;
    return text;
}

char *escape_text(const char *text) {
    strbuf_t shown = {0};
    char piece[ESCAPE_TEXT];
    strbuf_put(&shown, "", 0);
    while (*text) {
        const char *next = escape_next(&text, piece);
        strbuf_put(&shown, next, strlen(next));
    }
    return shown.s;
}
