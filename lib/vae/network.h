/* SPDX-License-Identifier: MIT
 * network.h - the whole model: encoder, latent, decoder, likelihood, prior, built from a document and run forward and backward.
 *
 *     x[n][S] -> encoder -> h -> latent -> z[n][D] -> decoder -> theta[n][T] -> likelihood -> nll[n]
 *                   |             |                      |
 *                   |           prior -> -log p(z)       |          standard, or learned afterwards: network_prior.c
 *                   +---- taps -------------------> latents of the decoder (layer_latent.c)
 *
 * The latents are numbered: 0 is the section `latent`, the others are layers of the decoder, in its order. A host has their values one
 * after the other, z[n][Z]; inside the library each latent has arrays of its own (vaei_level).
 *
 * A network is const after vaei_network_build; its parameters are elsewhere (vaei_params). */
#ifndef VAEI_NETWORK_H
#define VAEI_NETWORK_H

#include "nn/batch_blocks.h"
#include "vae/critic.h"
#include "vae/latent.h"
#include "vae/likelihood.h"
#include "vae/objective.h"
#include "vae/prior.h"

typedef struct vaei_rate_ops vaei_rate_ops;

typedef struct vaei_network {
    vaei_shape input;
    int64_t tokens; /* of x, as vaei_input has them */
    vaei_condition condition;
    vaei_stack *encoder, *decoder;
    vaei_latent latent;
    const vaei_rate_ops *rate; /* how the rate of `latent` is found in training */
    vaei_likelihood likelihood;
    vaei_prior prior;
    int32_t n_levels, n_taps;
    const vaei_pair *pair[VAEI_LEVELS_MAX]; /* of levels 1 .. n_levels - 1 */
    const vaei_tap *tap[VAEI_TAPS_MAX];     /* by number */
    int64_t z_size;                         /* Z */
    vaei_critic critic;
    vaei_params params;
    vaei_stack *stacks; /* for vaei_network_link() */
    vaei_layer *layers; /* all that are planned, the latest first, by vaei_layer.before; of a build that failed too */
    int64_t min_batch;  /* of training, as vaei_blocks_least() */
    const char *spec;   /* canonical, one section a line */
} vaei_network;

/* Of a joint prior: examples that training sends through the encoder behind those of the batch; else 0. */
VAEI_INLINE int64_t vaei_network_inputs(const vaei_network *net) {
    return net->prior.inputs;
}

/* Has the model a prior of its own, and with it parameters to fit? */
VAEI_INLINE int32_t vaei_network_has_prior(const vaei_network *net) {
    return (net->prior.ops->flags & VAEI_PRIOR_LEARNED) != 0;
}

/* The shape of z of a level. */
VAEI_INLINE const vaei_shape *vaei_network_z(const vaei_network *net, int32_t level) {
    return level == 0 ? &net->latent.z : &net->pair[level]->posterior.z;
}

/* Builds from the model sections of the document (others are left alone); everything lives in the arena. Rewrites the sections'
 * attributes to canonical form. */
vae_status_t vaei_network_build(vaei_network *net, vaei_arena *arena, const vaei_document *document);

/* The network at another address: what it points to in itself moves along. */
VAEI_INLINE void vaei_network_move(vaei_network *to, const vaei_network *from) {
    *to = *from;
    to->prior.latent = &to->latent;
}

/* After the build and before the first carving: the steps of every stack (nn/stack.h). */
VAEI_INLINE vae_status_t vaei_network_link(const vaei_network *net, vaei_arena *arena) {
    return vaei_stacks_link(net->stacks, arena);
}

/* The parts' memory for one use of the network: carved by vaei_network_carve from one block (measured with base NULL). */
typedef struct vaei_work {
    vaei_slot encoder, latent, decoder, prior;
    size_t packs; /* bytes of those of encoder, latent and decoder */
    void *facts;  /* of the likelihood */
    float *h;     /* [n][H] */
    vaei_level level[VAEI_LEVELS_MAX];
    vaei_side side[VAEI_TAPS_MAX];
    float *theta;      /* [n][T] */
    double *nll;       /* [n] */
    double *log_ratio; /* [n] */
    int32_t *codes;    /* [n][n_codes] */
    /* training only */
    int32_t fused; /* the decoder's backward is part of forward: nothing needs nll of the whole batch before */
    double *aux;   /* [n] the latent's own terms of the loss */
    float *d_theta, *d_z, *d_h, *d_nll;
    /* training under an objective that sees z, else NULL: its derivative by z, draws from N(0, I), a number for each example */
    float *d_z_terms, *prior_z; /* [n][D] */
    double *row;                /* [n] */
    /* training under an objective that sees the posterior, else NULL: its derivatives, what they make of h, workspace */
    float *d_mean_terms, *d_logvar_terms, *d_h_terms, *precision, *pairs; /* [n][D], [n][D], [n][H], [n][D], [n][n] */
    double *margin;                                                       /* [D] */
    /* training under an objective that sees the likelihood's mean, else NULL: it, and the objective's derivative by it */
    float *mean_x, *d_mean_x; /* [n][S] */
    vaei_critic_work critic;  /* training with a critic */
    /* training with a joint prior, which makes h, mean, logvar and d_h longer: [n + inputs] */
    float *x, *d_x;           /* [n + inputs][S] */
    float *rate, *d_rate;     /* [n] */
    double *prior_nll;        /* [n] */
    float *d_mean, *d_logvar; /* [inputs][D] */
} vaei_work;

/* how: VAEI_BLOCKS_ flags; VAEI_BLOCKS_FUSED where the objective allows it (VAEI_OBJECTIVE_MEAN_NLL). */
void vaei_network_carve(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *c, vaei_work *w);

/* Of training under an objective that sees z, behind vaei_network_carve(); and the posterior. */
void vaei_network_carve_terms(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w);

void vaei_network_carve_posterior(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w);

/* Of training under an objective that sees the likelihood's mean, behind vaei_network_carve(). */
void vaei_network_carve_mean(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w);

/* Fill the packs after parameters changed. */
void vaei_network_pack(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* The batch's x as the encoder sees it. It stands in theta, which is no smaller (a number a value at least), free until the decoder writes
 * it, and again when the decoder's backward has read it. */
const float *vaei_network_input(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* Standard normal for all latents that draw by it: the batch's noise where it is given, else of items r->first_item on. */
void vaei_network_noise(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* The same of one example: row i of the arrays, from the stream of `key`. */
void vaei_network_noise_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_noise_key key, uint32_t item, int64_t i);
enum { VAEI_LEVEL_MEAN, VAEI_LEVEL_LOGVAR, VAEI_LEVEL_NOISE, VAEI_LEVEL_Z }; /* an array of every level */
/* One row of the host's values[n][Z] into row i of such an array, without values below VAEI_TINY (kernel.h). */
void vaei_network_part_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *row, int64_t i);
/* The same of r->n rows; and the way back, values as they are. */
void vaei_network_part_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *values);
void vaei_network_join_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, float *values);

/* These read what they encode, score or fit from r->batch. The posterior of level 0: */
void vaei_network_encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *mean, float *logvar);
/* theta from z of level 0, the other levels as levels_from (VAEI_LEVELS_) says; then x of it, the mean or a draw by items `first` on of
 * the stream of r->noise.seed */
void vaei_network_decode(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t levels_from);
void vaei_network_mean_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *x);
void vaei_network_draw_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first, float *x);

/* log_ratio[n] += log p(z) - log q(z|x) of the decoder's latents, after decoding with VAEI_LEVELS_POSTERIOR. */
void vaei_network_levels_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* Codes and back: for latents of codes; each latent in the decoder is then the mean of its prior. */
void vaei_network_encode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t *codes);
void vaei_network_decode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* Each of the following returns early, and with nothing of use, when the run is cancelled (vaei_run_cancelled()). */

/* Forward of a training pass: fills w, nll, aux and kl of every level with the noise of the levels; w->fused: adds to r->grads. Fails if
 * the latent can't start from this batch. */
vae_status_t vaei_network_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* What an objective sees of that pass, and where it leaves its derivatives. */
void vaei_network_terms(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_terms *terms);
/* Backward of the same pass: the objective has been evaluated; adds to r->grads. */
void vaei_network_backward(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* Running statistics, and codes learnt without gradients. */
void vaei_network_commit(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);

/* ---- the rate of the first latent in training: in closed form (rate_closed.c), or by a prior that learns with the network, whose
 * pseudo-inputs stand behind the batch in the encoder (rate_joint.c) -------------------------------------------------------------- */

struct vaei_rate_ops {
    int32_t prior_flags; /* VAEI_PARAM_, of the prior's parameters */
    /* While the network is built: whether its parts serve. */
    vae_status_t (*check)(const vaei_network *net);
    /* Training memory, in order of use. */
    void (*carve)(const vaei_network *net, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w);
    /* The encoder's run, over r->n + inputs examples, and its x, written anew by each call. */
    vaei_run (*encoder_run)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    const float *(*input)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* After draw. */
    void (*forward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    vaei_rates (*rates)(const vaei_work *w);
    /* Before the latent's backward: the objective's derivative by the rates becomes that by kl and z of level 0. */
    void (*backward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* After the encoder's: w->d_x. */
    void (*input_backward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* Outside training, after vaei_network_pack(). */
    void (*pack)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
};

extern const vaei_rate_ops vaei_rate_closed, vaei_rate_joint;

/* ---- network_prior.c: the prior over the latents of a frozen network --------------------------------------------- */

/* The prior's memory, behind vaei_network_carve() with training 0; training here means that the prior learns. */
void vaei_network_carve_prior(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c, vaei_work *w);
/* Outside training after vaei_network_pack(), r->n is the n of the carving. */
void vaei_network_pack_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* w->codes, or z of level 0, of the batch's x, drawn from the posterior with the level's noise, or the batch's codes where they are given;
 * then w->nll under the prior. r is of a training pass. Fails if the prior can't start from this batch. */
vae_status_t vaei_network_forward_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* Adds to the gradients of the prior's parameters: w->d_nll is set. */
void vaei_network_backward_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w);
void vaei_network_commit_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);

/* log_ratio[n] = log p(z) - log q(z|x) of z of level 0 and w->h, for a learned prior: from the one against the standard prior. Uses
 * w->nll. */
void vaei_network_prior_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* r->n latents in z of level 0, items `first` on of the stream of r->noise.seed. */
void vaei_network_sample(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first);

#endif
