/* SPDX-License-Identifier: MIT
 * limits.h - the limits of a model file. The reader refuses a file beyond the limits before it allocates, and the writer writes no such
 * file. A checkpoint of another program may hold a whole diffusion model, and its texts may hold notes of its training, so wider limits
 * apply to such a file. */
#ifndef VAEI_LIMITS_H
#define VAEI_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define VAEI_HEADER_MAX     1048576 /* bytes of the header */
#define VAEI_TENSORS_MAX    4096
#define VAEI_NAME_MAX       256   /* bytes of a tensor's name or a text's key */
#define VAEI_TEXTS_MAX      256   /* entries of __metadata__ */
#define VAEI_TEXT_VALUE_MAX 65536 /* bytes of a text */

#define VAEI_FOREIGN_HEADER_MAX  16777216
#define VAEI_FOREIGN_TENSORS_MAX 65536

typedef struct vaei_file_limits {
    size_t header, tensors;
    int32_t skips_texts; /* 1: texts beyond VAEI_TEXTS_MAX and VAEI_TEXT_VALUE_MAX are left out; 0: they are an error */
} vaei_file_limits;

extern const vaei_file_limits vaei_limits_own, vaei_limits_foreign;

#define VAEI_METADATA_KEY "__metadata__"
#define VAEI_CHECKSUM_KEY "vae.crc32c" /* CRC-32C of all tensors' bytes, eight hexadecimal digits */

#endif
