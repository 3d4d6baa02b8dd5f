/* SPDX-License-Identifier: MIT
 * layer_last.c - the last step of a sequence, a vector
 *
 *       y[n][c] = x[n][T - 1][c]              with a length L of example n: x[n][L - 1][c]
 *
 *   In a bidirectional gru or lstm the backward direction has read all steps when it reaches the first one. With bidirectional=true the
 *   second half of the channels comes from the first step, and y is what PyTorch calls h_n of its last layer. */
#include "nn/sequence.h"

typedef struct conf {
    int32_t bidirectional;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_BOOL(conf, bidirectional, 0, "takes the second half of the channels, the backward direction, from the first step"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    (void)b, (void)node;
    VAEI_TRY(vaei_sequence_check(l, in));
    if (o->bidirectional && in->d[1] % 2 != 0)
        return vaei_fail(VAE_E_SHAPE, "last: bidirectional wants an even number of channels, got %lld", (long long)in->d[1]);
    *out = (vaei_shape){1, {in->d[1], 0, 0, 0}};
    return VAE_OK;
}

/* The number of channels that come from the last step; the others come from the first. */
static int64_t of_last(const vaei_layer *l) {
    const conf *o = l->conf;
    return o->bidirectional ? l->in.d[1] / 2 : l->in.d[1];
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t T = l->in.d[0], C = l->in.d[1], last = of_last(l);
    (void)m;
    for (int64_t i = 0; i < r->n; i++) {
        const float *const from = x + i * T * C;
        memcpy(y + i * C, from + (vaei_run_length(r, i, T) - 1) * C, (size_t)last * sizeof(float));
        memcpy(y + i * C + last, from + last, (size_t)(C - last) * sizeof(float));
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const int64_t T = l->in.d[0], C = l->in.d[1], last = of_last(l);
    (void)m, (void)x, (void)y;
    if (!dx) return;
    memset(dx, 0, (size_t)(r->n * T * C) * sizeof(float));
    for (int64_t i = 0; i < r->n; i++) {
        float *const to = dx + i * T * C;
        memcpy(to + (vaei_run_length(r, i, T) - 1) * C, dy + i * C, (size_t)last * sizeof(float));
        memcpy(to + last, dy + i * C + last, (size_t)(C - last) * sizeof(float));
    }
}

const vaei_layer_ops vaei_layer_last = {
    .module = {"last", "the last step of a sequence",
               "last\n"
               "last bidirectional=true",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
