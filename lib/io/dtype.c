/* SPDX-License-Identifier: MIT
 * dtype.c - the table of element types. */
#include "io/dtype.h"

#include "io/safetensors.h"

enum { NOT_OFFERED = 100 }; /* numbers of the types from 100 on have no constant in safetensors.h */

static const struct {
    int32_t dtype, bits;
    const char *name;
} types[] = {
    {VAEI_DTYPE_F32, 32, "F32"},        {VAEI_DTYPE_U8, 8, "U8"},        {VAEI_DTYPE_I32, 32, "I32"},
    {VAEI_DTYPE_I64, 64, "I64"},        {VAEI_DTYPE_F16, 16, "F16"},     {VAEI_DTYPE_BF16, 16, "BF16"},
    {VAEI_DTYPE_F64, 64, "F64"},        {NOT_OFFERED, 8, "BOOL"},        {NOT_OFFERED + 1, 8, "I8"},
    {NOT_OFFERED + 2, 16, "I16"},       {NOT_OFFERED + 3, 16, "U16"},    {NOT_OFFERED + 4, 32, "U32"},
    {NOT_OFFERED + 5, 64, "U64"},       {NOT_OFFERED + 6, 64, "C64"},    {VAEI_DTYPE_F8_E5M2, 8, "F8_E5M2"},
    {VAEI_DTYPE_F8_E4M3, 8, "F8_E4M3"}, {NOT_OFFERED + 9, 8, "F8_E8M0"}, {NOT_OFFERED + 10, 6, "F6_E2M3"},
    {NOT_OFFERED + 11, 6, "F6_E3M2"},   {NOT_OFFERED + 12, 4, "F4"},
};

const char *vaei_dtype_name(int32_t dtype) {
    for (size_t i = 0; i < VAEI_COUNT(types); i++) {
        if (types[i].dtype == dtype) return types[i].name;
    }
    return NULL;
}

int32_t vaei_dtype_find(const char *name, size_t length) {
    for (size_t i = 0; i < VAEI_COUNT(types); i++) {
        if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0) return types[i].dtype;
    }
    return 0;
}

int32_t vaei_dtype_bits(int32_t dtype) {
    for (size_t i = 0; i < VAEI_COUNT(types); i++) {
        if (types[i].dtype == dtype) return types[i].bits;
    }
    return 0;
}
