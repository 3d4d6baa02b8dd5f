/* SPDX-License-Identifier: MIT
 * binarize.h - turns values in [0, 1] into zeros and ones, with which papers compare the likelihoods of binary pictures:
 *
 *     dynamic      each value of a training example is drawn again in each pass: 1 with probability x. Examples that are validated or
 *                  scored are drawn once, as with static
 *     static       each value is drawn once: 1 with probability x
 *     threshold    1 where x >= 1/2
 *
 * A draw of dynamic is a function of (seed, pass, index of the example, place). A draw of static is a function of (index, place) alone, so
 * it is the same in every run and command. Salakhutdinov, Murray 2008 drew once; Burda et al. 2016 (arXiv:1509.00519) drew in each pass. */
#ifndef BINARIZE_H
#define BINARIZE_H

#include "data.h"

typedef enum binarize { BINARIZE_NOT, BINARIZE_DYNAMIC, BINARIZE_STATIC, BINARIZE_THRESHOLD } binarize_t;

#define BINARIZE_NAMES "dynamic|static|threshold"

/* Returns the kind of this name; BINARIZE_NOT for any other text. */
binarize_t binarize_of(const char *name);

/* Changes the loaded data. trains: with `dynamic` the training examples remain grey, because binarize_batch() draws from them. Dies with
 * exit code 3 if a value is not in [0, 1], and with 2 for tokens. */
void binarize_data(data_set_t *set, binarize_t how, bool trains);

/* Changes x[n][size], the examples index[n] of the training data in pass `pass`, but only with `dynamic`. */
void binarize_batch(binarize_t how, uint64_t seed, int64_t pass, const int64_t *index, int64_t n, int64_t size, float *x);

#endif
