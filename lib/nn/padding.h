/* SPDX-License-Identifier: MIT
 * padding.h - pads images with values other than zeros, for each axis separately:
 *
 *     zeros      0 0 | a b c d | 0 0
 *     circular   c d | a b c d | a b        for textures that tile without a seam
 *     reflect    c b | a b c d | c b        the edge itself is not repeated, as in PyTorch */
#ifndef VAEI_PADDING_H
#define VAEI_PADDING_H

#include "nn/layer.h"

enum { VAEI_PADDING_ZEROS, VAEI_PADDING_CIRCULAR, VAEI_PADDING_REFLECT };
#define VAEI_PADDING_CHOICES "zeros|circular|reflect" /* index = the constant above */

typedef struct vaei_padding {
    int64_t h, w, c;                  /* of the image */
    int64_t top, bottom, left, right; /* pixels added; at most h or w (circular), less than it (reflect) */
    int32_t y, x;                     /* VAEI_PADDING_ */
} vaei_padding;

/* padded[n][top + h + bottom][left + w + right][c] from x[n][h][w][c] */
void vaei_padding_add(const vaei_padding *b, const vaei_run *r, const float *x, float *padded);
/* Computes the gradient: each pixel of dx is the sum of all pixels that were copied from it, in raster order. */
void vaei_padding_backward(const vaei_padding *b, const vaei_run *r, const float *dpadded, float *dx);

#endif
