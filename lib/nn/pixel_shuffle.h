/* SPDX-License-Identifier: MIT
 * pixel_shuffle.h - moves channels to pixels and back, in the order of torch.nn.PixelShuffle:
 *
 *     fine[n][y f + i][x f + j][c] = coarse[n][y][x][c f^2 + i f + j]            coarse h x w x c f^2, fine h f x w f x c
 *
 * This is a permutation, so each direction is the gradient of the other. */
#ifndef VAEI_PIXEL_SHUFFLE_H
#define VAEI_PIXEL_SHUFFLE_H

#include "nn/image.h"

typedef struct vaei_shuffle {
    int64_t h, w, c, f; /* of the coarse image; c of the fine one */
} vaei_shuffle;

void vaei_shuffle_to_fine(const vaei_shuffle *s, const vaei_run *r, const float *coarse, float *fine);
void vaei_shuffle_to_coarse(const vaei_shuffle *s, const vaei_run *r, const float *fine, float *coarse);

#endif
