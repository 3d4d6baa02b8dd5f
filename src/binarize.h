/* SPDX-License-Identifier: MIT
 * binarize.h - makes values in [0, 1] zeros and ones, as the likelihoods of binary pictures are compared in papers:
 *
 *     dynamic      training examples are drawn anew each time that they are seen: 1 with probability x. What is validated or scored is
 *                  drawn once, as by static
 *     static       each value is drawn once: 1 with probability x
 *     threshold    1 where x >= 1/2
 *
 * A draw of dynamic is a function of (seed, pass, index of the example, place), one of static of (index, place) alone: the same in every
 * run and command. Salakhutdinov, Murray 2008 drew once; Burda et al. 2016 (arXiv:1509.00519) anew each time. */
#ifndef BINARIZE_H
#define BINARIZE_H

#include "data.h"

typedef enum binarize { BINARIZE_NOT, BINARIZE_DYNAMIC, BINARIZE_STATIC, BINARIZE_THRESHOLD } binarize_t;

#define BINARIZE_NAMES "dynamic|static|threshold"

/* By its name; BINARIZE_NOT for any other text. */
binarize_t binarize_of(const char *name);

/* Change what is loaded. trains: the training examples stay grey under `dynamic`, as binarize_batch() draws from them. Dies with exit code
 * 3 where a value is not in [0, 1], with 2 for tokens. */
void binarize_data(data_set_t *set, binarize_t how, bool trains);

/* x[n][size], examples index[n] of the training data in pass `pass`: changed under `dynamic` only. */
void binarize_batch(binarize_t how, uint64_t seed, int64_t pass, const int64_t *index, int64_t n, int64_t size, float *x);

#endif
