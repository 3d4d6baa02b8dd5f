/* SPDX-License-Identifier: MIT
 * layer_gru.c - gated recurrent units over the steps of a sequence x[T][C], as torch.nn.GRU
 *
 *       r = sigmoid(W_ir x[t] + b_ir + W_hr h + b_hr)        z = sigmoid(W_iz x[t] + b_iz + W_hz h + b_hz)       h = y[t - 1], y[-1] = 0
 *       n = tanh(W_in x[t] + b_in + r (W_hn h + b_hn))       y[t] = (1 - z) n + z h
 *
 *   Rows of weight_ih_l0 [3 H][C] and weight_hh_l0 [3 H][H]: r, z, n. recurrent.c loops over the steps, kernel/cell.tmpl.h
 *   computes one step.
 *
 *   Cho et al. 2014 (arXiv:1406.1078), with the reset gate applied after the product. */
#include "nn/recurrent.h"

static const vaei_option options[] = {VAEI_RECURRENT_OPTIONS("layers"), {0}};

static void step(const vaei_kernels *k, const vaei_cell *c) {
    k->gru_forward(c);
}

static void step_back(const vaei_kernels *k, const vaei_cell *c) {
    k->gru_backward(c);
}

static const vaei_recurrent_ops cell = {.gates = 3, .has_memory = 0, .forward = step, .backward = step_back};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)node;
    return vaei_recurrent_plan(&cell, l, b, in, out);
}

const vaei_layer_ops vaei_layer_gru = {
    .module = {"gru", "gated recurrent units over the steps of a sequence",
               "gru out=5\n"
               "gru out=3 layers=2 bidirectional=true",
               "Cho et al. 2014 (arXiv:1406.1078)", sizeof(vaei_recurrent_conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = vaei_recurrent_layout,
    .pack = vaei_recurrent_pack,
    .forward = vaei_recurrent_forward,
    .backward = vaei_recurrent_backward,
    .range = vaei_recurrent_range,
};
