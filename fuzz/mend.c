/* SPDX-License-Identifier: MIT
 * mend.c - corrects lengths and checksums in changed files, so that an input reaches the code after the first checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz.h"
#include "io/crc32c.h"

#define MOST_ZIPPED ((uInt)4 << 20)

/* ---- model files: 8 bytes of length, a JSON object, the data ---------------------------------------------------- */

/* The bytes of the JSON object that begins at text[0]; all if it does not end. */
static size_t object_bytes(const uint8_t *text, size_t size) {
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        const uint8_t c = text[i];
        if (quoted && c == '\\') i++;
        else if (c == '"') quoted = !quoted;
        else if (!quoted && c == '{') depth++;
        else if (!quoted && c == '}' && depth > 0 && --depth == 0) return i + 1;
    }
    return size;
}

/* The word in text[size], or NULL. */
static const uint8_t *find(const uint8_t *text, size_t size, const char *word) {
    const size_t n = strlen(word);
    for (size_t i = 0; i + n <= size; i++)
        if (memcmp(text + i, word, n) == 0) return text + i;
    return NULL;
}

/* Where the last tensor ends, by the header; a megabyte at most. */
static size_t data_bytes(const uint8_t *text, size_t size) {
    static const char key[] = "\"data_offsets\":[";
    size_t last = 0;
    for (const uint8_t *p = text, *end = text + size; (p = find(p, (size_t)(end - p), key));) {
        unsigned long long offset[2] = {0, 0};
        int which = 0;
        for (p += sizeof key - 1; p < end && which < 2 && *p != ']'; p++) {
            if (*p == ',') which++;
            else if (which < 2 && *p >= '0' && *p <= '9') offset[which] = offset[which] * 10 + (unsigned)(*p - '0');
        }
        if (offset[1] <= 1 << 20 && offset[1] > last) last = (size_t)offset[1];
    }
    return last;
}

static uint8_t *mend(const uint8_t *data, size_t size, size_t *mended) {
    static const char key[] = "\"vae.crc32c\":\"";
    const size_t length = size > 8 ? object_bytes(data + 8, size - 8) : 0;
    const size_t numbers = length > 0 ? data_bytes(data + 8, length) : 0;
    const size_t there = size > 8 ? size - 8 - length : 0;
    uint8_t *out = calloc(1, 8 + length + numbers + 1);
    if (!out) fuzz_broken("no memory for a mended copy");
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)((uint64_t)length >> (8 * i));
    if (length > 0) memcpy(out + 8, data + 8, length);
    if (there > 0) memcpy(out + 8 + length, data + 8 + length, there < numbers ? there : numbers);
    char text[9];
    snprintf(text, sizeof text, "%08lx", (unsigned long)vaei_crc32c(out + 8 + length, numbers));
    uint8_t *at = (uint8_t *)(uintptr_t)find(out + 8, length, key);
    if (at && (size_t)(out + 8 + length - at) >= sizeof key + 8) memcpy(at + sizeof key - 1, text, 8);
    *mended = 8 + length + numbers;
    return out;
}

/* What was zipped; NULL if the bytes are not, or make more than MOST_ZIPPED. */
static uint8_t *unzip(const uint8_t *data, size_t size, size_t *unzipped) {
    z_stream stream = {.next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)size};
    if (size < 2 || data[0] != 0x1f || data[1] != 0x8b) return NULL;
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) fuzz_broken("inflateInit2");
    uint8_t *out = malloc(MOST_ZIPPED);
    if (!out) fuzz_broken("no memory for what was zipped");
    stream.next_out = out;
    stream.avail_out = MOST_ZIPPED;
    const int end = inflate(&stream, Z_FINISH);
    *unzipped = stream.total_out;
    (void)inflateEnd(&stream);
    if (end == Z_STREAM_END) return out;
    free(out);
    return NULL;
}

uint8_t *fuzz_mend_model(const uint8_t *data, size_t size, size_t *mended) {
    size_t bytes = 0;
    uint8_t *unzipped = unzip(data, size, &bytes);
    uint8_t *out = unzipped ? mend(unzipped, bytes, mended) : mend(data, size, mended);
    free(unzipped);
    return out;
}

/* ---- PNG: 8 bytes of signature, then chunks of length, type, data, CRC-32 of type and data ---------------------- */

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void fuzz_mend_png(uint8_t *data, size_t size) {
    for (size_t at = 8; at + 12 <= size;) {
        const size_t length = big_endian(data + at);
        if (length > size - at - 12) return;
        const uint32_t crc = (uint32_t)crc32(0, data + at + 4, (uInt)(length + 4));
        for (int i = 0; i < 4; i++) data[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
}
