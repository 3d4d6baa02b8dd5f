/* SPDX-License-Identifier: MIT
 * philox.c - computes the random bits of Philox4x32-10 from a counter.
 *
 *   Ten rounds over a counter (c0, c1, c2, c3) with a key (k0, k1):
 *
 *       (h0, l0) = M0 * c0;   (h1, l1) = M1 * c2          64-bit products, high and low halves
 *       (c0, c1, c2, c3) = (h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0)
 *       (k0, k1) += (W0, W1)                               the Weyl sequences of the golden ratio and of sqrt(3) - 1
 *
 *   Salmon, Moraes, Dror, Shaw 2011, "Parallel Random Numbers: As Easy as 1, 2, 3". The constants are from its
 *   section 4.3, and the test compares with the vectors that the authors published. The generator has no state, so any
 *   position of a stream costs the same, and a checkpoint need not store anything. */
#include "base/base.h"

#define ROUNDS 10
#define M0     0xD2511F53u
#define M1     0xCD9E8D57u
#define W0     0x9E3779B9u
#define W1     0xBB67AE85u

void vaei_philox(vaei_noise_key key, uint32_t item, uint32_t first_block, int64_t blocks, uint32_t *out) {
    const uint32_t step_low = (uint32_t)key.step;
    const uint32_t step_high = key.stream << 24 | ((uint32_t)(key.step >> 32) & 0xFFFFFFu);
    for (int64_t b = 0; b < blocks; b++) {
        uint32_t c0 = first_block + (uint32_t)b, c1 = item, c2 = step_low, c3 = step_high;
        uint32_t k0 = (uint32_t)key.seed, k1 = (uint32_t)(key.seed >> 32);
        for (int32_t round = 0; round < ROUNDS; round++) {
            const uint64_t p0 = (uint64_t)M0 * c0, p1 = (uint64_t)M1 * c2;
            c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint32_t)p1;
            c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint32_t)p0;
            k0 += W0;
            k1 += W1;
        }
        out[4 * b] = c0;
        out[4 * b + 1] = c1;
        out[4 * b + 2] = c2;
        out[4 * b + 3] = c3;
    }
}
