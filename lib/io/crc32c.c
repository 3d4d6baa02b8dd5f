/* SPDX-License-Identifier: MIT
 * crc32c.c - computes CRC-32C with the reflected polynomial 0x82F63B78, eight bytes at a time.
 *
 * table[0][b] is the remainder of byte b, and table[k][b] is the remainder of b followed by k zero bytes, so the remainder
 * of eight bytes is the exclusive or of eight look-ups. A call with many bytes computes the table, 8 KiB, on the stack, so
 * that the library contains no table.
 *
 * Kounavis, Berry 2005, "A systematic approach to building high performance software-based CRC generators". */
#include "io/crc32c.h"

#define POLYNOMIAL    0x82F63B78u
#define SLICES        8
#define WORTH_A_TABLE 4096 /* from this many bytes on, the table saves more time than it costs */

static uint32_t shift_byte(uint32_t crc) {
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    return crc;
}

static void fill(uint32_t table[SLICES][256]) {
    for (uint32_t b = 0; b < 256; b++) table[0][b] = shift_byte(b);
    for (int k = 1; k < SLICES; k++) {
        for (int b = 0; b < 256; b++) table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xFF];
    }
}

static uint32_t add_slices(uint32_t crc, const unsigned char *p, size_t slices) {
    uint32_t table[SLICES][256];
    fill(table);
    for (; slices > 0; slices--, p += SLICES) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = table[7][crc & 0xFF] ^ table[6][crc >> 8 & 0xFF] ^ table[5][crc >> 16 & 0xFF] ^ table[4][crc >> 24] ^ table[3][p[4]] ^
              table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    return crc;
}

uint32_t vaei_crc32c_add(uint32_t crc, const void *data, size_t size) {
    const unsigned char *p = data;
    crc = ~crc;
    if (size >= WORTH_A_TABLE) {
        const size_t slices = size / SLICES;
        crc = add_slices(crc, p, slices);
        p += slices * SLICES;
        size -= slices * SLICES;
    }
    for (; size > 0; size--, p++) crc = shift_byte(crc ^ *p);
    return ~crc;
}
