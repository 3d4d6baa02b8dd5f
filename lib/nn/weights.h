/* SPDX-License-Identifier: MIT
 * weights.h - what linear, conv2d and deconv2d share: parameter 0 is a weight, parameter 1 a bias that may be missing,
 * and at inference the normalisation that follows may be multiplied in. */
#ifndef VAEI_WEIGHTS_H
#define VAEI_WEIGHTS_H

#include "nn/layer.h"
#include "nn/ranges.h"

/* Declare weight[shape] and, if wanted, bias[out], next in the layer's parameters. init: a choice of VAEI_INIT_CHOICES. A bias
 * starts as PyTorch's does under "pytorch", at zero under every other choice. */
vae_status_t vaei_weights_declare(vaei_layer *l, vaei_build *b, int32_t ndim, const int64_t *shape, int64_t fan_in, int64_t fan_out,
                                  int64_t out, int32_t bias, int32_t init);

/* Whether the kernels may be asked about n examples: no machine holds 2^50 values, and below that no count
 * overflows. */
VAEI_INLINE int32_t vaei_weights_countable(const vaei_layer *l, int64_t n) {
    const int64_t values = vaei_count_of(n, vaei_shape_size(&l->in) + vaei_shape_size(&l->out));
    return values >= 0 && values <= INT64_C(1) << 50;
}

/* The pack of this kind of pass multiplies a normalisation in. */
VAEI_INLINE int32_t vaei_weights_folds(const vaei_layer *l, int32_t training) {
    return vaei_layer_folded(l, training) != NULL;
}

/* scale[out] and bias[out] such that normalise(w x + b) = (scale w) x + bias. Only if vaei_weights_folds(). */
void vaei_weights_fold(const vaei_layer *l, const vaei_run *r, int64_t out, float *scale, float *bias);

#endif
