/* SPDX-License-Identifier: MIT
 * objective.h - the loss of a training, a sum of terms. Each term is one file (objective_elbo.c) and one line in objectives.def.
 *
 *     objective  elbo beta=1 | mmd weight=10              loss = elbo + 10 mmd
 *
 * A term reads nll and kl of each example, and the latents that were drawn. It adds to the loss and to its derivatives, so the order of the
 * terms changes rounding only. */
#ifndef VAEI_OBJECTIVE_H
#define VAEI_OBJECTIVE_H

#include "base/grammar.h"
#include "base/module.h"
#include "vae/critic.h"

/* The rates of one latent. */
typedef struct vaei_rates {
    int64_t dim;     /* D */
    const float *kl; /* [n][D] rate by dimension, nats */
    float *d_kl;     /* output [n][D]: d loss / d kl[i][d] */
    double rate;     /* output: the mean over the batch of its sum, without weight beta */
} vaei_rates;

typedef struct vaei_terms {
    int64_t n;       /* examples */
    int64_t samples; /* samples of each example, one behind another: n is the examples of the batch times samples */
    int32_t levels;  /* latents of the model; 0: the objective is that of a prior */
    vaei_rates level[VAEI_LEVELS_MAX];
    int64_t step;            /* the steps before this one */
    const vaei_batch *batch; /* its weights are those of the means below */
    const double *nll;       /* [n] -log p(x|z), nats */
    /* outputs: the loss to minimise; mean nll; mean rate of all latents without beta; the weight of the rate */
    double loss, recon, rate, beta;
    const double *aux; /* [n] the latent's own terms, which are part of every loss; NULL: it has none */
    double other;      /* output: the part of the loss that is neither recon nor rate; it contains aux */
    float *d_nll;      /* output [n]: d loss / d nll[i] */
    /* VAEI_OBJECTIVE_SEES_Z: */
    const vaei_run *r; /* kernels, threads, noise */
    int64_t size;      /* the values of z */
    const float *z;    /* [n][size] z of the first latent, as the decoder reads it */
    float *d_z;        /* output [n][size]: d loss / d z, in addition to the gradients through nll and kl */
    float *prior;      /* [n][size] workspace: draws from N(0, I) */
    double *row;       /* [n] workspace */
    /* VAEI_OBJECTIVE_SEES_POSTERIOR: */
    const float *mean, *logvar; /* [n][size] the posterior of the first latent */
    float *d_mean, *d_logvar;   /* out [n][size]: d loss / d mean and d logvar, beside what reaches them through z and kl */
    float *precision, *pairs;   /* [n][size], [n][n] workspace */
    double *margin;             /* [size] workspace */
    /* VAEI_OBJECTIVE_SEES_MEAN: */
    int64_t size_x;      /* the values of x */
    const float *mean_x; /* [n][size_x] the mean of the likelihood */
    float *d_mean_x;     /* output [n][size_x]: d loss / d mean, in addition to the gradient through nll */
    /* terms with a game: the model's critic, of z or of the mean, before this step */
    const vaei_critic *critic;
    const vaei_critic_work *critic_work;
} vaei_terms;

enum {
    VAEI_OBJECTIVE_OF_PRIOR = 1,        /* nll is that of latents under the prior, which alone is trained; no levels, and no other term */
    VAEI_OBJECTIVE_MEAN_NLL = 2,        /* d_nll is always the example's share of all weights, so decoder's backward may precede eval() */
    VAEI_OBJECTIVE_NO_NLL = 4,          /* it adds nothing to d_nll, so it needs another term that does */
    VAEI_OBJECTIVE_SEES_Z = 8,          /* it reads z: values, not codes */
    VAEI_OBJECTIVE_SEES_MEAN = 16,      /* it reads the mean of the likelihood */
    VAEI_OBJECTIVE_AT_Z = 32,           /* kl is log q(z|x) - log p(z) at the z that was drawn */
    VAEI_OBJECTIVE_SEES_POSTERIOR = 64, /* with SEES_Z: it reads mean and logvar of a latent with encode_backward */
    VAEI_OBJECTIVE_PERMUTES = 128       /* a term with a critic of z, whose real examples are the batch's z with each dimension permuted */
};

typedef struct vaei_objective_ops {
    vaei_module module;
    int32_t flags;
    void (*eval)(const void *conf, vaei_terms *t); /* adds to loss, other, d_nll, d_kl, d_z; sets recon, rates and beta if it has them */
    /* For terms with a critic, which reads z if the term reads z and otherwise the mean; or NULL. The cost of scores, and the step from
     * which on the critic is used and trained. */
    float (*cost)(const void *conf, const vaei_kernels *k, int32_t of, float score, float *slope);
    int64_t (*start)(const void *conf);
    int64_t (*samples)(const void *conf); /* the samples of each example that the term needs; NULL: 1 */
} vaei_objective_ops;

#define VAEI_OBJECTIVE_TERMS 8

/* A sum of terms. */
typedef struct vaei_objective {
    int32_t n;
    int32_t flags;   /* of the sum: MEAN_NLL if it holds for the sum, SEES_ if it holds for any term */
    int32_t critic;  /* the index of the term with a critic, or -1 */
    int64_t samples; /* of each example: the maximum over the terms; terms that need fewer read the samples as examples */
    const vaei_objective_ops *term[VAEI_OBJECTIVE_TERMS];
    void *conf[VAEI_OBJECTIVE_TERMS];
} vaei_objective;

/* Builds the objective from the section's modules, whose attributes become canonical. */
vae_status_t vaei_objective_build(vaei_objective *o, vaei_arena *arena, vaei_section *section);

/* For a sum with a critic: the game of its term, and the steps that the critic has made before step `step`; below 0: it is not trained
 * yet. */
vaei_game vaei_objective_game(const vaei_objective *o);
int64_t vaei_objective_critic_steps(const vaei_objective *o, int64_t step);

/* For terms with a critic: adds the network's cost of the mean or of z, multiplied by weight, to the loss and to its derivatives. */
void vaei_terms_fool(vaei_terms *t, const vaei_game *game, double weight);

/* Computes all outputs anew. */
void vaei_objective_eval(const vaei_objective *o, vaei_terms *t);

extern const vaei_module *const vaei_objectives[];
extern const size_t vaei_objectives_count;

#endif
