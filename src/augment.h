/* SPDX-License-Identifier: MIT
 * augment.h - data augmentation: it changes each training image at random in each epoch.
 *
 *     crop, crop=P   shift by up to P pixels in each direction; pixels beyond the edge are those of the mirrored image.
 *                    P is 2 for sides below 32, otherwise an eighth of the shorter side
 *     flip           mirrors left and right, with probability 1/2
 *     rotate90       rotates by 0, 90, 180 or 270 degrees; square images only
 *
 * The change of an example is a function of (seed, epoch, index) only, so a resumed run gives the same bits, and neither the batch size nor
 * the number of threads matters. Values move to other pixels and are not changed. */
#ifndef AUGMENT_H
#define AUGMENT_H

#include "extent.h"

typedef struct augment {
    bool flip, rotate90;
    int64_t pad;     /* P, 0: no crop */
    int64_t h, w, c; /* of an example */
    float *image;    /* [h][w][c], scratch */
} augment_t;

/* Reads a list "crop=4,flip" for images of this extent; "" is no augmentation. Dies with exit code 2 if the list is wrong. */
void augment_open(augment_t *augment, const char *list, const extent_t *extent);
void augment_close(augment_t *augment);

/* Changes x[n][h][w][c] in place, where x[i] is example index[i]. */
void augment_apply(const augment_t *augment, uint64_t seed, int64_t epoch, const int64_t *index, int64_t n, float *x);

#endif
