/* SPDX-License-Identifier: MIT
 * layer_spread.c - repeats a vector at every step of a sequence
 *
 *       y[n][t][c] = x[n][c]          t < T          dx[c] = sum_t dy[t][c], in the order of t
 *
 *   A decoder over steps begins with this layer. */
#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct conf {
    int64_t steps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, steps, INT, VAEI_OPT_REQUIRED, 0, 1, 1048576, "number of steps T"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    char text[96];
    (void)b, (void)node;
    if (in->n != 1) return vaei_fail(VAE_E_SHAPE, "spread: wants a vector, got %s", vaei_shape_text(in, text));
    *out = (vaei_shape){2, {o->steps, in->d[0], 0, 0}};
    return VAE_OK;
}

typedef struct job {
    int64_t T, C;
    const vaei_kernels *k;
    const float *from;
    float *to;
} job;

static void spread_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = begin * j->T; i < end * j->T; i++) memcpy(j->to + i * j->C, j->from + i / j->T * j->C, (size_t)j->C * sizeof(float));
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = {l->out.d[0], l->out.d[1], r->k, x, y};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n, j.T * j.C, spread_range, &j);
}

static void sum_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = begin; i < end; i++) {
        float *const sum = j->to + i * j->C;
        memset(sum, 0, (size_t)j->C * sizeof(float));
        for (int64_t t = 0; t < j->T; t++) j->k->add(j->C, j->from + (i * j->T + t) * j->C, sum);
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    job j = {l->out.d[0], l->out.d[1], r->k, dy, dx};
    (void)m, (void)x, (void)y;
    if (dx) vaei_parallel_ranges(r->pool, r->n, j.T * j.C, sum_range, &j);
}

const vaei_layer_ops vaei_layer_spread = {
    .module = {"spread", "repeats a vector at every step of a sequence", "spread steps=5", "", sizeof(conf), options},
    .flags = VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
