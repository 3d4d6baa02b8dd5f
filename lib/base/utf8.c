/* SPDX-License-Identifier: MIT
 * utf8.c - checks and replaces the bytes of UTF-8 (RFC 3629).
 *
 *     first      second     then 80..BF
 *     00..7F
 *     C2..DF     80..BF
 *     E0         A0..BF     1            the others would be overlong
 *     E1..EF     80..BF     1            ED: second 80..9F, the rest are surrogates
 *     F0         90..BF     2
 *     F1..F3     80..BF     2
 *     F4         80..8F     2            the rest are above U+10FFFF */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static int is_between(unsigned char c, unsigned lo, unsigned hi) {
    return c >= lo && c <= hi;
}

/* Return the bytes of the character at s[left], or 0 if there is none. */
static size_t character(const unsigned char *s, size_t left) {
    const unsigned char c = s[0];
    if (c < 0x80) return 1;
    const size_t bytes = is_between(c, 0xC2, 0xDF) ? 2 : is_between(c, 0xE0, 0xEF) ? 3 : is_between(c, 0xF0, 0xF4) ? 4 : 0;
    if (bytes == 0 || bytes > left) return 0;
    const unsigned lo = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    const unsigned hi = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (!is_between(s[1], lo, hi)) return 0;
    for (size_t i = 2; i < bytes; i++) {
        if (!is_between(s[i], 0x80, 0xBF)) return 0;
    }
    return bytes;
}

/* Whether all eight bytes are below 80, as in most texts. */
static int is_ascii(const unsigned char *s) {
    uint64_t eight;
    memcpy(&eight, s, sizeof eight);
    return (eight & UINT64_C(0x8080808080808080)) == 0;
}

size_t vaei_utf8_prefix(const char *text, size_t length) {
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;
    while (at < length) {
        if (length - at >= 8 && is_ascii(s + at)) {
            at += 8;
            continue;
        }
        const size_t bytes = character(s + at, length - at);
        if (bytes == 0) break;
        at += bytes;
    }
    return at;
}

/* Return the code of the character of `bytes` bytes at s. */
static unsigned long code_of(const unsigned char *s, size_t bytes) {
    static const unsigned char bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned long code = s[0] & bits[bytes];
    for (size_t i = 1; i < bytes; i++) code = code << 6 | (s[i] & 0x3F);
    return code;
}

static int is_plain(unsigned long code) {
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return 0;       /* C0, DEL, C1 */
    if (code == 0x061C || code == 0x200E || code == 0x200F) return 0; /* marks of writing direction */
    return !((code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069));
}

void vaei_utf8_make_plain(char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        const unsigned char *s = (const unsigned char *)text + at;
        size_t bytes = character(s, length - at);
        const int plain = bytes > 0 && is_plain(code_of(s, bytes));
        if (bytes == 0) bytes = 1;
        if (!plain) memset(text + at, '?', bytes);
        at += bytes;
    }
}

size_t vaei_utf8_put(unsigned long code, char out[4]) {
    const size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char mark[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = bytes - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(mark[bytes] | code);
    return bytes;
}
