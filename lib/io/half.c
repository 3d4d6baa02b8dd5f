/* SPDX-License-Identifier: MIT
 * half.c - 16-bit floats widened by their bits.
 *
 *     binary16   s eeeee mmmmmmmmmm                  value 2^(e - 15) 1.m, for e = 0 the subnormal 2^-14 0.m = m 2^-24
 *     float32    s eeeeeeee mmmmmmmmmm0000000000000  value 2^(e - 127) 1.m */
#include "io/half.h"

#include <string.h>

float vaei_float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float vaei_float_from_half(uint16_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 0x1F, mantissa = bits & 0x3FF;
    if (exponent == 0) {
        const float magnitude = (float)mantissa * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    const uint32_t wide = exponent == 0x1F ? 0xFF : exponent + 127 - 15; /* 0x1F: infinity and NaN */
    return vaei_float_from_bits(sign | wide << 23 | mantissa << 13);
}

float vaei_float_from_bfloat16(uint16_t bits) {
    return vaei_float_from_bits((uint32_t)bits << 16);
}
