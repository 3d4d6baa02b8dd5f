/* SPDX-License-Identifier: MIT
 * objective.h - what training minimises: a sum of terms. One file a term (objective_elbo.c), one line in objectives.def.
 *
 *     objective  elbo beta=1 | mmd weight=10              loss = elbo + 10 mmd
 *
 * A term sees the two numbers that every VAE has, and the latents that were drawn. It adds to the loss and to its derivatives, so the
 * order of terms matters to nothing but the last bit. */
#ifndef VAEI_OBJECTIVE_H
#define VAEI_OBJECTIVE_H

#include "base/grammar.h"
#include "base/module.h"
#include "nn/batch_run.h"

/* The rates of one latent. */
typedef struct vaei_rates {
    int64_t dim;     /* D */
    const float *kl; /* [n][D] rate by dimension, nats */
    float *d_kl;     /* out [n][D]: d loss / d kl[i][d] */
    double rate;     /* out: the mean over the batch of its sum, unweighted */
} vaei_rates;

typedef struct vaei_terms {
    int64_t n;      /* examples */
    int32_t levels; /* latents of the model; 0: the objective is that of a prior */
    vaei_rates level[VAEI_LEVELS_MAX];
    int64_t step;                   /* steps applied before this one */
    const vaei_batch *batch;        /* its weights; means below are weighted ones */
    const double *nll;              /* [n] -log p(x|z), nats */
    double loss, recon, rate, beta; /* out: what is minimised; mean nll; mean unweighted rate of all latents; the rate's weight */
    const double *aux;              /* [n] the latent's own terms, which are part of any loss; NULL: it has none */
    double other;                   /* out: the part of the loss that is neither, aux among it */
    float *d_nll;                   /* out [n]: d loss / d nll[i] */
    /* VAEI_OBJECTIVE_SEES_Z: */
    const vaei_run *r; /* kernels, threads, noise */
    int64_t size;      /* the values of z */
    const float *z;    /* [n][size] of the first latent, as the decoder saw them */
    float *d_z;        /* out [n][size]: d loss / d z, beside what reaches z through nll and kl */
    float *prior;      /* [n][size] room for as many draws from N(0, I) */
    double *row;       /* [n] room */
} vaei_terms;

enum {
    VAEI_OBJECTIVE_OF_PRIOR =
        1, /* nll is that of latents under the prior, whose parameters alone move; there are no levels. Stands alone */
    VAEI_OBJECTIVE_MEAN_NLL = 2, /* adds the example's share of all weights to d_nll whatever comes: decoding may go back before eval */
    VAEI_OBJECTIVE_NO_NLL = 4,   /* adds nothing to d_nll: stands beside a term that does */
    VAEI_OBJECTIVE_SEES_Z = 8    /* over values, not codes */
};

typedef struct vaei_objective_ops {
    vaei_module module;
    int32_t flags;
    void (*eval)(const void *conf, vaei_terms *t); /* adds to loss, other, d_nll, d_kl, d_z; sets recon, rates and beta if it has them */
} vaei_objective_ops;

#define VAEI_OBJECTIVE_TERMS 8

/* The sum. */
typedef struct vaei_objective {
    int32_t n;
    int32_t flags; /* of the whole: MEAN_NLL if that is true of the sum, SEES_Z if any term does */
    const vaei_objective_ops *term[VAEI_OBJECTIVE_TERMS];
    void *conf[VAEI_OBJECTIVE_TERMS];
} vaei_objective;

/* From the section's modules, whose attributes become canonical. */
vae_status_t vaei_objective_build(vaei_objective *o, vaei_arena *arena, vaei_section *section);

/* Everything out is written anew. */
void vaei_objective_eval(const vaei_objective *o, vaei_terms *t);

extern const vaei_module *const vaei_objectives[];
extern const size_t vaei_objectives_count;

#endif
