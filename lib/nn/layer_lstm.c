/* SPDX-License-Identifier: MIT
 * layer_lstm.c - long short-term memory over the steps of a sequence x[T][C], as torch.nn.LSTM
 *
 *       i = sigmoid(W_ii x[t] + b_ii + W_hi h + b_hi)        f = sigmoid(W_if x[t] + b_if + W_hf h + b_hf)       h = y[t - 1], y[-1] = 0
 *       g = tanh(W_ig x[t] + b_ig + W_hg h + b_hg)           o = sigmoid(W_io x[t] + b_io + W_ho h + b_ho)
 *       c[t] = f c[t - 1] + i g                              y[t] = o tanh(c[t])                                 c[-1] = 0
 *
 *   Rows of weight_ih_l0 [4 H][C] and weight_hh_l0 [4 H][H]: i, f, g, o. recurrent.c loops over the steps, kernel/cell.tmpl.h
 *   computes one step.
 *
 *   Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000 for f. */
#include "nn/recurrent.h"

static const vaei_option options[] = {VAEI_RECURRENT_OPTIONS("layers"), {0}};

static void step(const vaei_kernels *k, const vaei_cell *c) {
    k->lstm_forward(c);
}

static void step_back(const vaei_kernels *k, const vaei_cell *c) {
    k->lstm_backward(c);
}

static const vaei_recurrent_ops cell = {.gates = 4, .has_memory = 1, .forward = step, .backward = step_back};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)node;
    return vaei_recurrent_plan(&cell, l, b, in, out);
}

const vaei_layer_ops vaei_layer_lstm = {
    .module = {"lstm", "long short-term memory over the steps of a sequence",
               "lstm out=5\n"
               "lstm out=3 layers=2 bidirectional=true",
               "Hochreiter, Schmidhuber 1997", sizeof(vaei_recurrent_conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = vaei_recurrent_layout,
    .pack = vaei_recurrent_pack,
    .forward = vaei_recurrent_forward,
    .backward = vaei_recurrent_backward,
    .range = vaei_recurrent_range,
};
