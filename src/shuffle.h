/* SPDX-License-Identifier: MIT
 * shuffle.h - the program's own random numbers: the order of training examples, the noise of sample pictures,
 * generated data. The library draws its own noise. These numbers are the same on every machine and in every run. */
#ifndef SHUFFLE_H
#define SHUFFLE_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014): returns the next number of the stream whose state is *state. */
uint64_t draw_bits(uint64_t *state);

/* Returns a stream for (seed, what) that is far from those of neighbouring numbers. */
uint64_t draw_stream(uint64_t seed, uint64_t what);

double draw_unit(uint64_t *state);                /* [0, 1) */
uint64_t draw_below(uint64_t *state, uint64_t n); /* 0 .. n - 1 without bias, n >= 1 */
void draw_normal(uint64_t *state, int64_t n, float *value);

/* index[n] = a permutation of 0 .. n - 1 that depends on (seed, epoch) alone. */
void shuffle_epoch(int64_t *index, int64_t n, uint64_t seed, int64_t epoch);

#endif
