/* SPDX-License-Identifier: MIT
 * half.h - converts floats of 16 and 8 bits to float32; every conversion is exact. */
#ifndef VAEI_HALF_H
#define VAEI_HALF_H

#include <stdint.h>

float vaei_float_from_bits(uint32_t bits);
float vaei_float_from_half(uint16_t bits);     /* IEEE 754 binary16: 5 bits of exponent */
float vaei_float_from_bfloat16(uint16_t bits); /* the upper half of a float32 */
float vaei_float_from_e5m2(uint8_t bits);      /* the upper half of a binary16 */
float vaei_float_from_e4m3(uint8_t bits);      /* 4 bits of exponent, bias 7; it has no infinity, and NaN is 0x7F and 0xFF */

#endif
