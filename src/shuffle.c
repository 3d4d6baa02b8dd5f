/* SPDX-License-Identifier: MIT
 * shuffle.c - random numbers by splitmix64, Box-Muller and Fisher-Yates. */
#include "shuffle.h"

#include <math.h>

uint64_t draw_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t draw_stream(uint64_t seed, uint64_t what) {
    uint64_t a = seed, b = what ^ 0x6a09e667f3bcc909u;
    const uint64_t first = draw_bits(&a);
    return first ^ draw_bits(&b);
}

double draw_unit(uint64_t *state) {
    return (double)(draw_bits(state) >> 11) * 0x1p-53;
}

uint64_t draw_below(uint64_t *state, uint64_t n) {
    /* numbers beyond the last whole multiple of n are drawn again */
    const uint64_t last = UINT64_MAX - UINT64_MAX % n;
    uint64_t bits;
    do bits = draw_bits(state);
    while (bits >= last);
    return bits % n;
}

/* Box & Muller 1958; 1 - u keeps the logarithm finite. */
void draw_normal(uint64_t *state, int64_t n, float *value) {
    const double two_pi = 6.283185307179586;
    for (int64_t i = 0; i < n; i += 2) {
        const double radius = sqrt(-2.0 * log(1.0 - draw_unit(state))), angle = two_pi * draw_unit(state);
        value[i] = (float)(radius * cos(angle));
        if (i + 1 < n) value[i + 1] = (float)(radius * sin(angle));
    }
}

void shuffle_epoch(int64_t *index, int64_t n, uint64_t seed, int64_t epoch) {
    uint64_t state = draw_stream(seed, (uint64_t)epoch);
    for (int64_t i = 0; i < n; i++) index[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = (int64_t)draw_below(&state, (uint64_t)i + 1);
        const int64_t kept = index[i];
        index[i] = index[j];
        index[j] = kept;
    }
}
