/* SPDX-License-Identifier: MIT
 * layer_layernorm.c - layer normalisation over the last axis
 *
 *       y[c] = weight[c] u[c] + bias[c]       u = (x - mean) r       r = 1 / sqrt(variance + eps)
 *
 *   Each row of C values - a vector, or the channels of one pixel - has its own mean and variance (divided by C).
 *
 *       dweight += sum dy u       dbias += sum dy             over all rows
 *       dx = r (t - sum(t) / C - u sum(t u) / C)              t = weight dy, sums over the row
 *
 *   norm.h explains the formula of the variance, row_norm.h the loop over rows. Ba, Kiros, Hinton 2016 (arXiv:1607.06450). */
#include "nn/norm.h"
#include "nn/row_norm.h"

typedef struct conf {
    float eps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "added to the variance"),
    {0},
};

static void row(const vaei_kernels *k, int64_t channels, double eps, const float *weight, const float *bias, const float *x, float *y,
                vaei_row_statistics *t) {
    vaei_norm_row(k, channels, eps, weight, bias, x, y, &t->mean, &t->rstd);
}

static void row_grad(const vaei_kernels *k, int64_t channels, const vaei_row_statistics *t, const float *weight, const float *x,
                     const float *dy, double *dweight, float *dx) {
    for (int64_t c = 0; c < channels; c++) dweight[c] += (double)(dy[c] * ((x[c] - t->mean) * t->rstd));
    if (!dx) return;
    for (int64_t c = 0; c < channels; c++) dx[c] = vaei_flushed(weight[c]) * dy[c];
    const double sum = k->sum(channels, dx);
    const double sum_u = (double)t->rstd * (k->dot(channels, dx, x) - (double)t->mean * sum);
    const float mean = (float)(sum / (double)channels), mean_u = (float)(sum_u / (double)channels);
    for (int64_t c = 0; c < channels; c++) dx[c] = t->rstd * (dx[c] - mean - (x[c] - t->mean) * t->rstd * mean_u);
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    static const vaei_row_norm_ops ops = {row, row_grad};
    const conf *o = l->conf;
    (void)node;
    return vaei_row_norm_plan(&ops, l, b, (double)o->eps, 1, in, out);
}

const vaei_layer_ops vaei_layer_layernorm = {
    .module = {"layernorm", "normalises each row over its last axis",
               "layernorm\n"
               "layernorm eps=0.01",
               "Ba, Kiros, Hinton 2016 (arXiv:1607.06450)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = vaei_row_norm_layout,
    .forward = vaei_row_norm_forward,
    .backward = vaei_row_norm_backward,
};
