/* SPDX-License-Identifier: MIT
 * recurrent.h - the frame of layers that read a sequence step by step: gru, lstm. Each layer provides one step of its cell
 * (kernel/cell.tmpl.h) and the number of its gates. */
#ifndef VAEI_RECURRENT_H
#define VAEI_RECURRENT_H

#include "nn/layer.h"

#define VAEI_RECURRENT_LAYERS 8 /* layers on top of each other, at most */

/* The conf of every such layer; the macro declares its options. */
typedef struct vaei_recurrent_conf {
    int64_t out, layers;
    int32_t bidirectional;
} vaei_recurrent_conf;

#define VAEI_RECURRENT_OPTIONS(unit)                                                                                           \
    VAEI_OPTION(vaei_recurrent_conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "number of output channels of each direction"), \
        VAEI_OPTION_INT(vaei_recurrent_conf, layers, 1, 1, VAEI_RECURRENT_LAYERS,                                              \
                        "number of stacked " unit "; each reads the output of the one before"),                                \
        VAEI_OPTION_BOOL(vaei_recurrent_conf, bidirectional, 0,                                                                \
                         "adds a second direction, from the last step to the first; the outputs of both are concatenated")

typedef struct vaei_recurrent_ops {
    int64_t gates;
    int32_t has_memory; /* the step passes on `kept` besides h, and gradients by `added` are those by the gates */
    void (*forward)(const vaei_kernels *k, const vaei_cell *c);
    void (*backward)(const vaei_kernels *k, const vaei_cell *c);
} vaei_recurrent_ops;

/* plan() of a layer calls the first; the others are functions of vaei_layer_ops. */
vae_status_t vaei_recurrent_plan(const vaei_recurrent_ops *ops, vaei_layer *l, vaei_build *b, const vaei_shape *in, vaei_shape *out);
void vaei_recurrent_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
void vaei_recurrent_pack(const vaei_layer *l, const vaei_run *r, void *memory);
void vaei_recurrent_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
void vaei_recurrent_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                             float *dx);
void vaei_recurrent_range(const vaei_layer *l, vaei_interval *values);

#endif
