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
    float *d_kl;     /* out [n][D]: d loss / d kl[i][d] */
    double rate;     /* out: the mean over the batch of its sum, unweighted */
} vaei_rates;

typedef struct vaei_terms {
    int64_t n;       /* examples */
    int64_t samples; /* of each, one behind the other: the n are n / samples examples of the batch. 1: as they are */
    int32_t levels;  /* latents of the model; 0: the objective is that of a prior */
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
    float *prior;      /* [n][size] workspace: as many draws from N(0, I) */
    double *row;       /* [n] workspace */
    /* VAEI_OBJECTIVE_SEES_POSTERIOR: */
    const float *mean, *logvar; /* [n][size] the posterior of the first latent */
    float *d_mean, *d_logvar;   /* out [n][size]: d loss / d mean and d logvar, beside what reaches them through z and kl */
    float *precision, *pairs;   /* [n][size], [n][n] workspace */
    double *margin;             /* [size] workspace */
    /* VAEI_OBJECTIVE_SEES_MEAN: */
    int64_t size_x;      /* the values of x */
    const float *mean_x; /* [n][size_x] the mean of the likelihood */
    float *d_mean_x;     /* out [n][size_x]: d loss / d mean, beside what reaches theta through nll */
    /* terms with a game: the model's critic, of z or of the mean, as before this step */
    const vaei_critic *critic;
    const vaei_critic_work *critic_work;
} vaei_terms;

enum {
    VAEI_OBJECTIVE_OF_PRIOR = 1,   /* nll is that of latents under the prior, whose parameters alone move; no levels. Stands alone */
    VAEI_OBJECTIVE_MEAN_NLL = 2,   /* adds the example's share of all weights to d_nll whatever comes: decoding may go back before eval */
    VAEI_OBJECTIVE_NO_NLL = 4,     /* adds nothing to d_nll: stands beside a term that does */
    VAEI_OBJECTIVE_SEES_Z = 8,     /* over values, not codes */
    VAEI_OBJECTIVE_SEES_MEAN = 16, /* x as the model shows it */
    VAEI_OBJECTIVE_AT_Z = 32,      /* kl is log q(z|x) - log p(z) at the z that was drawn */
    VAEI_OBJECTIVE_SEES_POSTERIOR = 64, /* with SEES_Z: mean and logvar, of a latent that has encode_backward */
    VAEI_OBJECTIVE_PERMUTES = 128       /* of a term with a critic of z: real are the batch's z, each dimension in an order of its own */
};

typedef struct vaei_objective_ops {
    vaei_module module;
    int32_t flags;
    void (*eval)(const void *conf, vaei_terms *t); /* adds to loss, other, d_nll, d_kl, d_z; sets recon, rates and beta if it has them */
    /* Of terms with a critic, which is of z if the term sees z, else of the mean; or NULL: what scores cost, and the step from which on the
     * critic is asked and learns. */
    float (*cost)(const void *conf, const vaei_kernels *k, int32_t of, float score, float *slope);
    int64_t (*start)(const void *conf);
    int64_t (*samples)(const void *conf); /* of each example that the term wants to see; NULL: 1 */
} vaei_objective_ops;

#define VAEI_OBJECTIVE_TERMS 8

/* The sum. */
typedef struct vaei_objective {
    int32_t n;
    int32_t flags;   /* of the whole: MEAN_NLL if that is true of the sum, SEES_ if any term does */
    int32_t critic;  /* the term that has one, or -1 */
    int64_t samples; /* of each example: the most that a term wants; terms that want fewer see them as examples */
    const vaei_objective_ops *term[VAEI_OBJECTIVE_TERMS];
    void *conf[VAEI_OBJECTIVE_TERMS];
} vaei_objective;

/* From the section's modules, whose attributes become canonical. */
vae_status_t vaei_objective_build(vaei_objective *o, vaei_arena *arena, vaei_section *section);

/* Of a sum with a critic: its term's game, and the steps that the critic has made before step `step`; below 0: it does not learn yet. */
vaei_game vaei_objective_game(const vaei_objective *o);
int64_t vaei_objective_critic_steps(const vaei_objective *o, int64_t step);

/* For terms with a critic: adds the network's cost of the mean or of z, times weight, to the loss and to its derivatives. */
void vaei_terms_fool(vaei_terms *t, const vaei_game *game, double weight);

/* Everything out is written anew. */
void vaei_objective_eval(const vaei_objective *o, vaei_terms *t);

extern const vaei_module *const vaei_objectives[];
extern const size_t vaei_objectives_count;

#endif
