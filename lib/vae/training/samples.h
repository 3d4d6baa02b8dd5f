/* SPDX-License-Identifier: MIT
 * samples.h - objectives of K samples: the batch contains each example K times in a row, so that each copy draws its own z. */
#ifndef VAEI_SAMPLES_H
#define VAEI_SAMPLES_H

#include "vae/network.h"

/* Room for the repeated members of a batch; all NULL where K is 1. */
typedef struct vaei_samples {
    float *x, *condition, *weight;
    int32_t *label, *length;
} vaei_samples;

/* For `n` examples. */
void vaei_samples_carve(const vaei_network *net, int64_t n, int64_t K, vaei_carve *c, vaei_samples *s);

/* The batch of n K examples. Its noise is the given one, which has K rows for each example. */
vaei_batch vaei_samples_repeat(const vaei_samples *s, const vaei_network *net, const vaei_batch *b, int64_t n, int64_t K);

#endif
