/* SPDX-License-Identifier: MIT
 * crc32c.h - the checksum of a model's numbers: CRC-32C (Castagnoli), as in iSCSI and ext4. */
#ifndef VAEI_CRC32C_H
#define VAEI_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues the checksum `crc` with data[size] and returns the new one. The checksum of no bytes is 0. */
uint32_t vaei_crc32c_add(uint32_t crc, const void *data, size_t size);

static inline uint32_t vaei_crc32c(const void *data, size_t size) {
    return vaei_crc32c_add(0, data, size);
}

#endif
