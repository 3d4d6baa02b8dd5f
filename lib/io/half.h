/* SPDX-License-Identifier: MIT
 * half.h - the two 16-bit floats, widened to float32; both are exact. */
#ifndef VAEI_HALF_H
#define VAEI_HALF_H

#include <stdint.h>

float vaei_float_from_bits(uint32_t bits);
float vaei_float_from_half(uint16_t bits);     /* IEEE 754 binary16: 5 bits of exponent */
float vaei_float_from_bfloat16(uint16_t bits); /* the upper half of a float32 */

#endif
