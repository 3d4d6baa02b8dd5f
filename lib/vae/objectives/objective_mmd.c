/* SPDX-License-Identifier: MIT
 * objective_mmd.c - the squared maximum mean discrepancy between the latents of a batch and N(0, I).
 *
 *     loss += weight MMD2         z_i: the batch, with weights w_i (1 each);  p_i: as many draws from N(0, I);  W = sum_i w_i
 *
 *     MMD2 = 1/(W^2 - sum_i w_i^2) sum_{i != j} w_i w_j k(z_i, z_j)  +  1/(n(n - 1)) sum_{i != j} k(p_i, p_j)
 *            - 2/(W n) sum_{i, j} w_i k(z_i, p_j)
 *
 *     d MMD2 / d z_i = 4 w_i/(W^2 - sum w^2) sum_j w_j k'(z_i, z_j) (z_i - z_j)  -  4 w_i/(W n) sum_j k'(z_i, p_j) (z_i - p_j)
 *
 * with kernels of q = |a - b|^2 in D dimensions, and k' = dk/dq:
 *
 *     imq    sum_s C_s / (C_s + q),  C_s = 2 D s,  s in {.1, .2, .5, 1, 2, 5, 10}
 *     rbf    e^(-q / (2 D))
 *
 * The estimate is unbiased, so it may be below 0. With `elbo beta=0` and latent `none` this is the Wasserstein autoencoder, with the rate
 * beside it InfoVAE.
 *
 * Gretton et al. 2012 (JMLR 13), Tolstikhin et al. 2018 (arXiv:1711.01558), Zhao, Song, Ermon 2017 (arXiv:1706.02262). */
#include "nn/ranges.h"
#include "vae/latent.h"
#include "vae/objective.h"

enum { IMQ, RBF };
enum { VAEI_STREAM_MMD = 22 }; /* of random numbers, besides those of latent.h and likelihood.h */

typedef struct conf {
    float weight;
    int32_t kernel;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, weight, 10, 0, 1e6, "factor of the squared discrepancy"),
    VAEI_OPTION_CHOICE(conf, kernel, IMQ, "imq|rbf", "imq: inverse multiquadratics of seven widths; rbf: one Gaussian"),
    {0},
};

/* Returns k of a squared distance; *slope is dk/dq. */
static double kernel_of(const vaei_kernels *k, int32_t kind, int64_t D, double q, double *slope) {
    static const double widths[] = {0.1, 0.2, 0.5, 1, 2, 5, 10};
    double value = 0;
    *slope = 0;
    if (kind == RBF) {
        float e = (float)(-q / (2.0 * (double)D));
        k->map[VAEI_MAP_EXP](1, 0, &e, &e);
        *slope = -(double)e / (2.0 * (double)D);
        return (double)e;
    }
    for (size_t s = 0; s < VAEI_COUNT(widths); s++) {
        const double C = 2.0 * (double)D * widths[s], part = C / (C + q);
        value += part;
        *slope -= part / (C + q);
    }
    return value;
}

typedef struct job {
    const conf *c;
    vaei_terms *t;
    double own, of_prior, cross; /* the three factors of the sums */
} job;

static void draw_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    const vaei_terms *const t = j->t;
    vaei_noise_key key = t->r->noise;
    key.stream = VAEI_STREAM_MMD;
    for (int64_t i = begin; i < end; i++) vaei_noise_normal(t->r->k, key, t->r->first_item + (uint32_t)i, t->size, t->prior + i * t->size);
}

/* dz += factor (a - b), where factor contains dk/dq */
static void pull(int64_t D, double factor, const float *a, const float *b, float *dz) {
    for (int64_t d = 0; d < D; d++) dz[d] += (float)factor * (a[d] - b[d]);
}

/* Computes for example i its share of the three sums, in row[i], and its gradient. */
static void example(const job *j, int64_t i) {
    vaei_terms *const t = j->t;
    const vaei_kernels *const k = t->r->k;
    const int64_t D = t->size;
    const float *const z = t->z + i * D, *const p = t->prior + i * D;
    const double w = vaei_batch_weight(t->batch, i), weight = (double)j->c->weight;
    float *const dz = t->d_z + i * D;
    double sum = 0, slope;
    for (int64_t l = 0; l < t->n; l++) {
        const float *const other = t->z + l * D, *const draw = t->prior + l * D;
        const double v = w * vaei_batch_weight(t->batch, l);
        if (l != i) {
            sum += j->own * v * kernel_of(k, j->c->kernel, D, k->sum_squared_difference(D, z, other), &slope);
            pull(D, 4 * weight * j->own * v * slope, z, other, dz);
            sum += j->of_prior * kernel_of(k, j->c->kernel, D, k->sum_squared_difference(D, p, draw), &slope);
        }
        sum -= j->cross * w * kernel_of(k, j->c->kernel, D, k->sum_squared_difference(D, z, draw), &slope);
        pull(D, -2 * weight * j->cross * w * slope, z, draw, dz);
    }
    t->row[i] = sum;
}

static void examples_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = begin; i < end; i++) example(j, i);
}

static double inverse(double x) {
    return x > 0 ? 1 / x : 0; /* a single example has no pairs */
}

static void eval(const void *options_filled, vaei_terms *t) {
    const conf *const c = options_filled;
    const double n = (double)t->n, W = t->batch->total;
    double squares = 0, mmd = 0;
    for (int64_t i = 0; i < t->n; i++) squares += vaei_batch_weight(t->batch, i) * vaei_batch_weight(t->batch, i);
    job j = {c, t, inverse(W * W - squares), inverse(n * (n - 1)), 2 / (W * n)};
    vaei_parallel_ranges(t->r->pool, t->n, t->size, draw_range, &j);
    vaei_parallel_ranges(t->r->pool, t->n, 8 * t->n * t->size, examples_range, &j);
    for (int64_t i = 0; i < t->n; i++) mmd += t->row[i];
    t->other += (double)c->weight * mmd;
    t->loss += (double)c->weight * mmd;
}

const vaei_objective_ops vaei_objective_mmd = {
    .module = {.name = "mmd",
               .summary = "the maximum mean discrepancy between the batch's latents and N(0, I)",
               .examples = "mmd\n"
                           "mmd weight=2 kernel=rbf",
               .paper = "Tolstikhin et al. 2018 (arXiv:1711.01558); Zhao, Song, Ermon 2017 (arXiv:1706.02262)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_OBJECTIVE_NO_NLL | VAEI_OBJECTIVE_SEES_Z,
    .eval = eval,
};
