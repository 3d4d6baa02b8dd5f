/* SPDX-License-Identifier: MIT
 * weights.h - shared by linear, conv2d and deconv2d: parameter 0 is a weight, parameter 1 a bias that may be missing,
 * and at inference the normalisation that follows may be multiplied in. */
#ifndef VAEI_WEIGHTS_H
#define VAEI_WEIGHTS_H

#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct vaei_weights {
    int32_t ndim;
    int64_t shape[4];
    int64_t fan_in, fan_out;
    int64_t out;
    int32_t bias;        /* whether there is one, [out] */
    int32_t init;        /* a choice of VAEI_INIT_CHOICES; a bias starts as PyTorch's does under "pytorch", else at zero */
    const char *tie;     /* the weight is that of the layer there; NULL: its own */
    int32_t *transposed; /* says whether that weight is [shape[1]][shape[0]]; NULL: it may not be */
} vaei_weights;

/* The option of layers whose weight may be another layer's. */
#define VAEI_OPTION_TIE(conf) VAEI_OPTION_PATH(conf, tie, "path of the layer whose weight this layer shares")

/* Declare the weight, or find it, and the bias: next in the layer's parameters. A tied weight is one parameter: it starts, decays and is
 * saved as its owner's, and the gradients of all its uses add up. */
vae_status_t vaei_weights_declare(vaei_layer *l, vaei_build *b, const vaei_weights *w);

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
