/* SPDX-License-Identifier: MIT
 * dtype.h - the element types of safetensors, with their names and sizes. A file may contain types without a constant in safetensors.h,
 * but the library does not read them as numbers. */
#ifndef VAEI_DTYPE_H
#define VAEI_DTYPE_H

#include "base/base.h"

/* Returns NULL if the file format has no such type. */
const char *vaei_dtype_name(int32_t dtype);
int32_t vaei_dtype_find(const char *name, size_t length); /* 0: there is no such type */
int32_t vaei_dtype_bits(int32_t dtype);                   /* bits of one element: 4 to 64 */

#endif
