/* SPDX-License-Identifier: MIT
 * measures.h - the contract of measures, numbers that describe examples and the results of a model for them. Each measure is one file
 * (measure_ssim.c) and one line in measures.def.
 *
 * A measure reads arrays and no model: the caller encodes, reconstructs and scores first. There are two forms. A measure of each example
 * writes one number for each row, whose mean is its value; the rows may come in any number of parts. A measure of all examples writes one
 * number for all rows together. Sums run in double in the order of the rows, so that the bits do not
 * depend on the number of threads. */
#ifndef VAEI_MEASURES_H
#define VAEI_MEASURES_H

#include "base/module.h"
#include "kernel/kernel.h"

/* The arrays that a measure reads, and its form. */
enum {
    VAEI_MEASURE_X = 1,
    VAEI_MEASURE_Y = 2,
    VAEI_MEASURE_MEAN = 4,
    VAEI_MEASURE_LOGVAR = 8,
    VAEI_MEASURE_FACTOR = 16,
    VAEI_MEASURE_BOUND = 32,
    VAEI_MEASURE_RATE = 64,
    VAEI_MEASURE_SIZES = 128, /* H, W and C, without x */
    VAEI_MEASURE_SCORE = 256
};

typedef struct vaei_measured {
    int64_t n;                  /* examples, >= 1 */
    int64_t H, W, C;            /* of x and y: S = H W C */
    int64_t D;                  /* latents */
    int64_t F;                  /* factors */
    const float *x, *y;         /* [n][H][W][C] examples and their reconstructions */
    const float *mean, *logvar; /* [n][D] the posterior */
    const float *factor;        /* [n][F] the quantities that generated the examples */
    const double *bound;        /* [n] a lower bound on log p(x), nats */
    const double *rate;         /* [n] nats */
    const float *score;         /* [n] larger for less normal examples */
    const vaei_kernels *k;
    const vaei_pool *pool;
} vaei_measured;

typedef struct vaei_measure_ops {
    vaei_module module;
    uint32_t reads; /* VAEI_MEASURE_; the counts that belong to these arrays are 1 or more */
    /* A measure has one of these two functions. The arena is for workspace. VAE_E_ARG if the measure is undefined for these rows; value is
     * then unspecified. */
    vae_status_t (*each)(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value /* [n] */);
    vae_status_t (*all)(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value /* [1] */);
} vaei_measure_ops;

extern const vaei_module *const vaei_measurements[];
extern const size_t vaei_measurements_count;

#endif
