/* SPDX-License-Identifier: MIT
 * objective_beta_tc.c - makes the dimensions of z independent of each other, with an estimate from the posteriors of the batch.
 *
 *     loss += weight TC,   TC = sum_i w_i/W ( ln q(z_i) - sum_d ln q(z_id) ),   W = sum_i w_i
 *
 *     ln q(z_i) = ln sum_j w_j/W e^(L_ij)        ln q(z_id) = ln sum_j w_j/W e^(l_ijd)        L_ij = sum_d l_ijd
 *     l_ijd = ln N(z_id; m_jd, v_jd) = -(ln 2 pi + ln v_jd + (z_id - m_jd)^2 / v_jd) / 2        m, v: the posterior of example j
 *
 *     d TC / d l_ijd = w_i/W (A_ij - B_ijd)        A_ij = w_j/W e^(L_ij) / q(z_i), B_ijd = w_j/W e^(l_ijd) / q(z_id)
 *
 * TC is the total correlation of the aggregate posterior. The rate is index-code mutual information + TC + the divergences of the
 * dimensions, so `elbo | beta_tc weight=5` is the beta-TCVAE with beta = 6. The minibatch-weighted sampling of the paper, over N examples,
 * has the same sums plus the constant (D - 1) ln N. So the gradients are the same, and N need not be known. The estimate is too high for a
 * small batch. Chen et al. 2018 (arXiv:1802.04942). Not here: weights of the other two parts, stratified sampling. */
#include "vae/objective.h"

#include <math.h>

#include "nn/ranges.h"

#define LN_TWO_PI 1.83787706640934548356

typedef struct conf {
    float weight;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, weight, 5, 0, 1e6, "factor of the total correlation, in addition to that in the rate"),
    {0},
};

typedef struct job {
    const conf *c;
    vaei_terms *t;
} job;

static double log_density(const vaei_terms *t, int64_t i, int64_t j, int64_t d) {
    const int64_t D = t->size;
    const double e = (double)t->z[i * D + d] - (double)t->mean[j * D + d];
    return -0.5 * (LN_TWO_PI + (double)t->logvar[j * D + d] + e * e * (double)t->precision[j * D + d]);
}

/* share[j] = w_j e^(share[j]) / sum; returns the logarithm of sum / W. */
static double normalise(const vaei_terms *t, float *share) {
    float top = -INFINITY;
    double sum = 0;
    for (int64_t j = 0; j < t->n; j++) top = share[j] > top ? share[j] : top;
    for (int64_t j = 0; j < t->n; j++) share[j] -= top;
    t->r->k->map[VAEI_MAP_EXP](t->n, 0, share, share);
    for (int64_t j = 0; j < t->n; j++) sum += vaei_batch_weight(t->batch, j) * (double)share[j];
    for (int64_t j = 0; j < t->n; j++) share[j] = (float)(vaei_batch_weight(t->batch, j) * (double)share[j] / sum);
    return (double)top + log(sum / t->batch->total);
}

/* A_i in row i of the pairs, ln q(z_i) in row[i]. */
static void whole_range(void *arg, int64_t begin, int64_t end) {
    const job *const a = arg;
    vaei_terms *const t = a->t;
    for (int64_t i = begin; i < end; i++) {
        float *const share = t->pairs + i * t->n;
        for (int64_t j = 0; j < t->n; j++) {
            double sum = 0;
            for (int64_t d = 0; d < t->size; d++) sum += log_density(t, i, j, d);
            share[j] = (float)sum;
        }
        t->row[i] = normalise(t, share);
    }
}

/* Adds the gradient of one pair in one dimension, given d TC / d l. */
static void pass_back(const vaei_terms *t, int64_t i, int64_t j, int64_t d, double slope) {
    const int64_t D = t->size;
    const double precision = (double)t->precision[j * D + d], e = (double)t->z[i * D + d] - (double)t->mean[j * D + d];
    t->d_z[i * D + d] -= (float)(slope * e * precision);
    t->d_mean[j * D + d] += (float)(slope * e * precision);
    t->d_logvar[j * D + d] += (float)(0.5 * slope * (e * e * precision - 1));
}

/* Works on a range of dimensions; each one has its own column of every array; margin[d] = sum_i w_i/W ln q(z_id). */
static void margins_range(void *arg, int64_t begin, int64_t end) {
    const job *const a = arg;
    vaei_terms *const t = a->t;
    for (int64_t d = begin; d < end; d++) {
        float *const share = t->prior + d * t->n;
        double margin = 0;
        for (int64_t i = 0; i < t->n; i++) {
            const double w = vaei_batch_weight(t->batch, i) / t->batch->total;
            for (int64_t j = 0; j < t->n; j++) share[j] = (float)log_density(t, i, j, d);
            margin += w * normalise(t, share);
            for (int64_t j = 0; j < t->n; j++)
                pass_back(t, i, j, d, (double)a->c->weight * w * ((double)t->pairs[i * t->n + j] - (double)share[j]));
        }
        t->margin[d] = margin;
    }
}

static void eval(const void *options_filled, vaei_terms *t) {
    job a = {options_filled, t};
    double correlation = 0;
    for (int64_t i = 0; i < t->n * t->size; i++) t->precision[i] = -t->logvar[i];
    t->r->k->map[VAEI_MAP_EXP](t->n * t->size, 0, t->precision, t->precision);
    vaei_parallel_ranges(t->r->pool, t->n, 8 * t->n * t->size, whole_range, &a);
    vaei_parallel_ranges(t->r->pool, t->size, 16 * t->n * t->n, margins_range, &a);
    for (int64_t i = 0; i < t->n; i++) correlation += vaei_batch_weight(t->batch, i) / t->batch->total * t->row[i];
    for (int64_t d = 0; d < t->size; d++) correlation -= t->margin[d];
    t->other += (double)a.c->weight * correlation;
    t->loss += (double)a.c->weight * correlation;
}

const vaei_objective_ops vaei_objective_beta_tc = {
    .module = {.name = "beta_tc",
               .summary = "the total correlation of z, estimated from the posteriors of the batch, for independent dimensions",
               .examples = "beta_tc\n"
                           "beta_tc weight=2",
               .paper = "Chen et al. 2018 (arXiv:1802.04942)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_NO_NLL | VAEI_OBJECTIVE_SEES_Z | VAEI_OBJECTIVE_SEES_POSTERIOR,
    .eval = eval,
};
