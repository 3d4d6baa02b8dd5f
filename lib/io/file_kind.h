/* SPDX-License-Identifier: MIT
 * file_kind.h - the probable format of a file that is not safetensors, for the sentence that refuses it. */
#ifndef VAEI_FILE_KIND_H
#define VAEI_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

#define VAEI_FILE_HEAD 64 /* bytes that are enough to recognise a format */

/* Returns "a ZIP archive, ...", or NULL if the format is unknown. */
const char *vaei_file_kind(const uint8_t *head, size_t size);

#endif
