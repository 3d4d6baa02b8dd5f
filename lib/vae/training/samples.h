/* SPDX-License-Identifier: MIT
 * samples.h - batches for objectives of K samples: such a batch contains each example K times in a row, so that each copy draws its own
 * z. */
#ifndef VAEI_SAMPLES_H
#define VAEI_SAMPLES_H

#include "vae/network.h"

/* Memory for the repeated members of a batch; all are NULL if K is 1. */
typedef struct vaei_samples {
    float *x, *condition, *weight;
    int32_t *label, *length;
} vaei_samples;

/* Carves memory for `n` examples. */
void vaei_samples_carve(const vaei_network *net, int64_t n, int64_t K, vaei_carve *c, vaei_samples *s);

/* Makes the batch of n K examples. Its noise is that of b, which has K rows for each example. */
vaei_batch vaei_samples_repeat(const vaei_samples *s, const vaei_network *net, const vaei_batch *b, int64_t n, int64_t K);

#endif
