/* SPDX-License-Identifier: MIT
 * noise.c - makes random numbers from Philox words. Value i of an item is computed from word i (uniform) or from the pair of words that
 * contains i (normal), so the first n values are the same for every n. */
#include "kernel/kernel.h"

#define WORDS 256 /* words at a time, on the stack; a multiple of 4 */

void vaei_noise_normal_from(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t first, int64_t n, float *out) {
    uint32_t bits[WORDS];
    float last[WORDS];
    for (int64_t i = 0; i < n; i += WORDS) {
        const int64_t left = n - i < WORDS ? n - i : WORDS, pairs = (left + 1) / 2;
        k->philox(key, item, (uint32_t)((first + i) / 4), (left + 3) / 4, bits);
        if (left % 2 == 0) {
            k->normal(left, bits, out + i);
        } else {
            k->normal(2 * pairs, bits, last);
            memcpy(out + i, last, (size_t)left * sizeof(*out));
        }
    }
}

void vaei_noise_normal(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t n, float *out) {
    vaei_noise_normal_from(k, key, item, 0, n, out);
}

void vaei_noise_uniform(vaei_noise_key key, uint32_t item, int64_t n, float *out) {
    uint32_t bits[WORDS];
    for (int64_t i = 0; i < n; i += WORDS) {
        const int64_t left = n - i < WORDS ? n - i : WORDS;
        vaei_philox(key, item, (uint32_t)(i / 4), (left + 3) / 4, bits);
        for (int64_t j = 0; j < left; j++) out[i + j] = (float)(bits[j] >> 8) * 0x1p-24f;
    }
}
