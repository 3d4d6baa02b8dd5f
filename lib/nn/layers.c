/* SPDX-License-Identifier: MIT
 * layers.c - the registry of layers, made from layers.def, and the ranges that several of them share. */
#include "nn/layer.h"

#define VAEI_LAYER(name) extern const vaei_layer_ops vaei_layer_##name;
#include "nn/layers.def"
#undef VAEI_LAYER

const vaei_module *const vaei_layers[] = {
#define VAEI_LAYER(name) &vaei_layer_##name.module,
#include "nn/layers.def"
#undef VAEI_LAYER
};

const size_t vaei_layers_count = VAEI_COUNT(vaei_layers);

void vaei_range_kept(const vaei_layer *l, vaei_interval *values) {
    (void)l;
    (void)values;
}

void vaei_range_with_zero(const vaei_layer *l, vaei_interval *values) {
    (void)l;
    if (values->lo > 0) values->lo = 0;
    if (values->hi < 0) values->hi = 0;
}

int32_t vaei_band_same(const vaei_layer *l, vaei_band *b) {
    (void)l;
    b->x_first = b->first;
    b->x_last = b->last;
    return 1;
}
