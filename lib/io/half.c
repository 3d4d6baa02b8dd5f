/* SPDX-License-Identifier: MIT
 * half.c - widens floats of 16 and 8 bits to float32 by integer operations on their bits.
 *
 *     binary16   s eeeee mmmmmmmmmm                  value 2^(e - 15) 1.m, for e = 0 the subnormal 2^-14 0.m = m 2^-24
 *     e4m3       s eeee mmm                          value 2^(e - 7) 1.m, for e = 0 the subnormal 2^-6 0.m = m 2^-9
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

float vaei_float_from_e5m2(uint8_t bits) {
    return vaei_float_from_half((uint16_t)(bits << 8));
}

float vaei_float_from_e4m3(uint8_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x80) << 24, exponent = bits >> 3 & 0xF, mantissa = bits & 7;
    if ((bits & 0x7F) == 0x7F) return vaei_float_from_bits(sign | 0x7FC00000);
    if (exponent == 0) {
        const float magnitude = (float)mantissa * 0x1p-9f;
        return sign ? -magnitude : magnitude;
    }
    return vaei_float_from_bits(sign | (exponent + 127 - 7) << 23 | mantissa << 20);
}
