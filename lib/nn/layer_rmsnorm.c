/* SPDX-License-Identifier: MIT
 * layer_rmsnorm.c - divides each row by its root mean square, as torch.nn.RMSNorm
 *
 *       y[c] = weight[c] x[c] r  (+ bias[c])        r = 1 / sqrt(sum(x^2) / C + eps)
 *
 *   Each row of C values - a vector, or the channels of one pixel - has its own r; its mean is not subtracted.
 *
 *       dweight += sum dy x r       dbias += sum dy             over all rows
 *       dx = r (t - x r^2 sum(t x) / C)                         t = weight dy, the sum over the row
 *
 *   row_norm.h explains the loop over rows. Zhang, Sennrich 2019 (arXiv:1910.07467). */
#include <math.h>

#include "nn/row_norm.h"

typedef struct conf {
    float eps;
    int32_t bias;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "added to the mean of the squares"),
    VAEI_OPTION_BOOL(conf, bias, 0, "add a bias to each channel"),
    {0},
};

static void row(const vaei_kernels *k, int64_t channels, double eps, const float *weight, const float *bias, const float *x, float *y,
                vaei_row_statistics *t) {
    const float rstd = (float)(1 / sqrt(k->dot(channels, x, x) / (double)channels + eps));
    for (int64_t c = 0; c < channels; c++) y[c] = vaei_flushed(weight[c]) * (x[c] * rstd);
    for (int64_t c = 0; bias && c < channels; c++) y[c] += vaei_flushed(bias[c]);
    *t = (vaei_row_statistics){0, rstd};
}

static void row_grad(const vaei_kernels *k, int64_t channels, const vaei_row_statistics *t, const float *weight, const float *x,
                     const float *dy, double *dweight, float *dx) {
    for (int64_t c = 0; c < channels; c++) dweight[c] += (double)(dy[c] * (x[c] * t->rstd));
    if (!dx) return;
    for (int64_t c = 0; c < channels; c++) dx[c] = vaei_flushed(weight[c]) * dy[c];
    const float mean = (float)((double)t->rstd * k->dot(channels, dx, x) / (double)channels);
    for (int64_t c = 0; c < channels; c++) dx[c] = t->rstd * (dx[c] - x[c] * t->rstd * mean);
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    static const vaei_row_norm_ops ops = {row, row_grad};
    const conf *o = l->conf;
    (void)node;
    return vaei_row_norm_plan(&ops, l, b, (double)o->eps, o->bias, in, out);
}

const vaei_layer_ops vaei_layer_rmsnorm = {
    .module = {"rmsnorm", "divides each row over its last axis by its root mean square",
               "rmsnorm bias=true\n"
               "rmsnorm eps=0.01",
               "Zhang, Sennrich 2019 (arXiv:1910.07467)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = vaei_row_norm_layout,
    .forward = vaei_row_norm_forward,
    .backward = vaei_row_norm_backward,
};
