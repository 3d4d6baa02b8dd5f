/* SPDX-License-Identifier: MIT
 * objective.h - what training minimises, from the two numbers every VAE has. One file an objective (objective_elbo.c), one line in
 * objectives.def. */
#ifndef VAEI_OBJECTIVE_H
#define VAEI_OBJECTIVE_H

#include "base/module.h"
#include "nn/batch_run.h"

typedef struct vaei_terms {
    int64_t n, dim;      /* examples, D */
    int64_t step;        /* steps applied before this one */
    const vaei_batch *batch; /* its weights; means below are weighted ones */
    const double *nll;   /* [n] -log p(x|z), nats */
    const float *kl;     /* [n][D] rate by dimension, nats */
    double loss, recon, rate, beta; /* out: what is minimised; mean nll; mean unweighted rate; the rate's weight */
    float *d_nll;        /* out [n]: d loss / d nll[i] */
    float *d_kl;         /* out [n][D]: d loss / d kl[i][d] */
} vaei_terms;

enum {
    VAEI_OBJECTIVE_OF_PRIOR = 1, /* nll is that of latents under the prior, whose parameters alone move; kl and d_kl are NULL */
    VAEI_OBJECTIVE_MEAN_NLL = 2  /* d_nll is the example's share of all weights whatever comes: decoding may go back before eval */
};

typedef struct vaei_objective_ops {
    vaei_module module;
    int32_t flags;
    void (*eval)(const void *conf, vaei_terms *t);
} vaei_objective_ops;

extern const vaei_module *const vaei_objectives[];
extern const size_t vaei_objectives_count;

#endif
