/* SPDX-License-Identifier: MIT
 * weights.h - the weights of linear, conv2d and deconv2d: parameter 0 is a weight, parameter 1 is a bias, which may be
 * missing, and at inference both may contain the normalisation that follows. */
#ifndef VAEI_WEIGHTS_H
#define VAEI_WEIGHTS_H

#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct vaei_weights {
    int32_t ndim;
    int64_t shape[4];
    int64_t fan_in, fan_out;
    int64_t out;
    int32_t bias;        /* 1: there is a bias [out] */
    int32_t init;        /* a choice of VAEI_INIT_CHOICES; with "pytorch" a bias starts as in PyTorch, otherwise at zero */
    const char *tie;     /* path of the layer whose weight is used; NULL: the layer has its own */
    int32_t *transposed; /* receives whether that weight is [shape[1]][shape[0]]; NULL: it must not be */
} vaei_weights;

/* The option of layers that may use the weight of another layer. */
#define VAEI_OPTION_TIE(conf) VAEI_OPTION_PATH(conf, tie, "path of the layer whose weight this layer shares")

/* Declares or finds the weight, and declares the bias, as the layer's next parameters. A tied weight is one parameter: it starts, decays
 * and is saved as its owner's parameter, and the gradients of all its uses are added. */
vae_status_t vaei_weights_declare(vaei_layer *l, vaei_build *b, const vaei_weights *w);

/* Whether the kernels may compute with n examples: no machine has 2^50 values, and below that no count overflows. */
VAEI_INLINE int32_t vaei_weights_countable(const vaei_layer *l, int64_t n) {
    const int64_t values = vaei_count_of(n, vaei_shape_size(&l->in) + vaei_shape_size(&l->out));
    return values >= 0 && values <= INT64_C(1) << 50;
}

/* Whether the pack of this kind of pass contains a normalisation. */
VAEI_INLINE int32_t vaei_weights_folds(const vaei_layer *l, int32_t training) {
    return vaei_layer_folded(l, training) != NULL;
}

/* Computes scale[out] and bias[out] for which normalise(w x + b) = (scale w) x + bias. Only if vaei_weights_folds(). */
void vaei_weights_fold(const vaei_layer *l, const vaei_run *r, int64_t out, float *scale, float *bias);

#endif
