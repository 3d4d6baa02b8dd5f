/* SPDX-License-Identifier: MIT
 * shuffle.h - the program's own random numbers: the order of training examples, the noise of sample pictures,
 * generated data. The library draws its noise itself; these need only be the same on every machine and in every run. */
#ifndef SHUFFLE_H
#define SHUFFLE_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014): the next number of the stream that *state holds. */
uint64_t draw_bits(uint64_t *state);

/* A stream for (seed, what), well apart from those of its neighbours. */
uint64_t draw_stream(uint64_t seed, uint64_t what);

double draw_unit(uint64_t *state);                /* [0, 1) */
uint64_t draw_below(uint64_t *state, uint64_t n); /* 0 .. n - 1 without bias, n >= 1 */
void draw_normal(uint64_t *state, int64_t n, float *value);

/* index[n] = a permutation of 0 .. n - 1, a function of (seed, epoch) alone. */
void shuffle_epoch(int64_t *index, int64_t n, uint64_t seed, int64_t epoch);

#endif
