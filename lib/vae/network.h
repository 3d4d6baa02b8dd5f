/* SPDX-License-Identifier: MIT
 * network.h - the whole model: encoder, latent, decoder, likelihood, prior, built from a document and run forward and backward.
 *
 *     x[n][S] -> encoder -> h -> latent -> z[n][D] -> decoder -> theta[n][T] -> likelihood -> nll[n]
 *                   |             |                      |
 *                   |           prior -> -log p(z)       |          standard, or fitted later: network_prior.c
 *                   +---- taps -------------------> latents of the decoder (layer_latent.c)
 *
 * The latents are numbered: 0 is the section `latent`, the others are layers of the decoder, in its order. A host has their values one
 * after another, z[n][Z]; inside the library each latent has its own arrays (vaei_level).
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
    int64_t tokens; /* of x; see vaei_input */
    vaei_condition condition;
    vaei_stack *encoder, *decoder;
    vaei_latent latent;
    const vaei_rate_ops *rate; /* computes the rate of `latent` in training */
    vaei_likelihood likelihood;
    vaei_prior prior;
    int32_t n_levels, n_taps;
    const vaei_pair *pair[VAEI_LEVELS_MAX]; /* of levels 1 .. n_levels - 1 */
    const vaei_tap *tap[VAEI_TAPS_MAX];     /* by number */
    int64_t z_size;                         /* Z */
    vaei_critic critic;
    vaei_params params;
    vaei_stack *stacks; /* for vaei_network_link() */
    vaei_layer *layers; /* all planned layers, latest first, linked by vaei_layer.before; also of a build that failed */
    int64_t min_batch;  /* the least examples of a training batch; see vaei_blocks_least() */
    const char *spec;   /* the canonical text, one line for each section */
} vaei_network;

/* The number of pseudo-inputs of a joint prior, which training passes through the encoder behind the batch; otherwise 0. */
VAEI_INLINE int64_t vaei_network_inputs(const vaei_network *net) {
    return net->prior.inputs;
}

/* Whether the model has a prior with parameters to fit. */
VAEI_INLINE int32_t vaei_network_has_prior(const vaei_network *net) {
    return (net->prior.ops->flags & VAEI_PRIOR_LEARNED) != 0;
}

/* The shape of z of a level. */
VAEI_INLINE const vaei_shape *vaei_network_z(const vaei_network *net, int32_t level) {
    return level == 0 ? &net->latent.z : &net->pair[level]->posterior.z;
}

/* Builds the network from the model sections of the document and ignores the others; everything is in the arena. The attributes of the
 * sections become canonical. */
vae_status_t vaei_network_build(vaei_network *net, vaei_arena *arena, const vaei_document *document);

/* Moves the network to another address and corrects its pointers into itself. */
VAEI_INLINE void vaei_network_move(vaei_network *to, const vaei_network *from) {
    *to = *from;
    to->prior.latent = &to->latent;
}

/* Called after the build and before the first carving: makes the steps of every stack (nn/stack.h). */
VAEI_INLINE vae_status_t vaei_network_link(const vaei_network *net, vaei_arena *arena) {
    return vaei_stacks_link(net->stacks, arena);
}

/* The memory of the parts for one use of the network; vaei_network_carve divides one block into it (base NULL: it only measures). */
typedef struct vaei_work {
    vaei_slot encoder, latent, decoder, prior;
    size_t packs; /* bytes of the packs of encoder, latent and decoder */
    void *facts;  /* of the likelihood */
    float *h;     /* [n][H] */
    vaei_level level[VAEI_LEVELS_MAX];
    vaei_side side[VAEI_TAPS_MAX];
    float *theta;      /* [n][T] */
    double *nll;       /* [n] */
    double *log_ratio; /* [n] */
    int32_t *codes;    /* [n][n_codes] */
    /* training only */
    int32_t fused; /* 1: the decoder's backward is part of forward, because no gradient needs nll of the whole batch */
    double *aux;   /* [n] the latent's own terms of the loss */
    float *d_theta, *d_z, *d_h, *d_nll;
    /* training with an objective that reads z, otherwise NULL: its derivative by z, draws from N(0, I), a number for each example */
    float *d_z_terms, *prior_z; /* [n][D] */
    double *row;                /* [n] */
    /* training with an objective that reads the posterior, otherwise NULL: its derivatives, the gradient of h, workspace */
    float *d_mean_terms, *d_logvar_terms, *d_h_terms, *precision, *pairs; /* [n][D], [n][D], [n][H], [n][D], [n][n] */
    double *margin;                                                       /* [D] */
    /* training with an objective that reads the likelihood's mean, otherwise NULL: the mean, and the derivative of the objective by it */
    float *mean_x, *d_mean_x; /* [n][S] */
    vaei_critic_work critic;  /* training with a critic */
    /* training with a joint prior, for which h, mean, logvar and d_h have n + inputs rows */
    float *x, *d_x;           /* [n + inputs][S] */
    float *rate, *d_rate;     /* [n] */
    double *prior_nll;        /* [n] */
    float *d_mean, *d_logvar; /* [inputs][D] */
} vaei_work;

/* The scratch of inference that encoder, latent and decoder share: the last piece of vaei_network_carve(). */
size_t vaei_network_scratch(const vaei_network *net, const vaei_kernels *k, int64_t n);
/* For a network that nothing has carved yet: encoder and decoder take at most `room` bytes of this scratch, in bands of rows (nn/bands.h),
 * or the least that they can. */
vae_status_t vaei_network_fit(const vaei_network *net, const vaei_kernels *k, int64_t n, size_t room, vaei_arena *arena);

/* how: VAEI_BLOCKS_ flags; VAEI_BLOCKS_FUSED only if the objective allows it (VAEI_OBJECTIVE_MEAN_NLL). */
void vaei_network_carve(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *c, vaei_work *w);

/* For training with an objective that reads z, and with one that reads the posterior, after vaei_network_carve(). */
void vaei_network_carve_terms(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w);
void vaei_network_carve_posterior(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w);

/* For training with an objective that reads the likelihood's mean, after vaei_network_carve(). */
void vaei_network_carve_mean(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w);

/* Fills the packs; called after parameters have changed. */
void vaei_network_pack(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* Returns the batch's x as the encoder reads it. It is stored in theta, which is at least as large (one number for each value or more),
 * and which is free until the decoder writes it, and again after the decoder's backward has read it. */
const float *vaei_network_input(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* Standard normal noise for all latents that draw by it: the batch's noise if there is one, otherwise that of the items from
 * r->first_item on. */
void vaei_network_noise(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* The noise of one example: row i of the arrays, from the stream of `key`. */
void vaei_network_noise_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_noise_key key, uint32_t item, int64_t i);
enum { VAEI_LEVEL_MEAN, VAEI_LEVEL_LOGVAR, VAEI_LEVEL_NOISE, VAEI_LEVEL_Z }; /* an array of every level */
/* Copies one row of the host's values[n][Z] to row i of such an array, with values below VAEI_TINY set to zero (kernel.h). */
void vaei_network_part_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *row, int64_t i);
/* The same for r->n rows; and the reverse, without a change of values. */
void vaei_network_part_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *values);
void vaei_network_join_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, float *values);

/* These functions read the values to encode, score or fit from r->batch. The posterior of level 0: */
void vaei_network_encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *mean, float *logvar);
/* Computes theta from z of level 0, with the other levels by levels_from (VAEI_LEVELS_); then x of theta: the mean, or a draw by the
 * items from `first` on of the stream of r->noise.seed. */
void vaei_network_decode(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t levels_from);
void vaei_network_mean_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *x);
void vaei_network_draw_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first, float *x);

/* log_ratio[n] += log p(z) - log q(z|x) of the decoder's latents, after decoding with VAEI_LEVELS_POSTERIOR. */
void vaei_network_levels_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* From x to codes and back, for latents of codes; each latent in the decoder is then the mean of its prior. */
void vaei_network_encode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t *codes);
void vaei_network_decode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* If the run is cancelled (vaei_run_cancelled()), each of the following returns early, and its results must not be used. */

/* The forward pass of training: fills w, nll, aux and kl of every level with the noise of the levels; with w->fused it adds to r->grads.
 * It fails if the latent cannot start from this batch. */
vae_status_t vaei_network_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* Sets the results of that pass which an objective reads, and the arrays for its derivatives. */
void vaei_network_terms(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_terms *terms);
/* The backward pass, after the objective has been evaluated: adds to r->grads. */
void vaei_network_backward(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* Updates running statistics, and codes that are learned without gradients. */
void vaei_network_commit(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);

/* ---- the rate of the first latent in training: in closed form (rate_closed.c), or by a prior that is trained with the network and
 * whose pseudo-inputs follow the batch in the encoder (rate_joint.c) --------------------------------------------------------------- */

struct vaei_rate_ops {
    int32_t prior_flags; /* the VAEI_PARAM_ flags of the prior's parameters */
    /* Checks, while the network is built, that its parts are suitable. */
    vae_status_t (*check)(const vaei_network *net);
    /* Carves the memory of training, in the order of use. */
    void (*carve)(const vaei_network *net, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w);
    /* Returns the run of the encoder over r->n + inputs examples, and writes its x at each call. */
    vaei_run (*encoder_run)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    const float *(*input)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* Runs after draw. */
    void (*forward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    vaei_rates (*rates)(const vaei_work *w);
    /* Runs before the latent's backward: turns the derivative of the objective by the rates into that by kl and z of level 0. */
    void (*backward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* Runs after the encoder's backward, which wrote w->d_x. */
    void (*input_backward)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
    /* Runs outside of training, after vaei_network_pack(). */
    void (*pack)(const vaei_network *net, const vaei_run *r, const vaei_work *w);
};

extern const vaei_rate_ops vaei_rate_closed, vaei_rate_joint;

/* ---- network_prior.c: the prior over the latents of a frozen network --------------------------------------------- */

/* Carves the prior's memory, after vaei_network_carve() with training 0; here `training` means that the prior learns. */
void vaei_network_carve_prior(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c, vaei_work *w);
/* Called outside of training after vaei_network_pack(); r->n is the n of the carving. */
void vaei_network_pack_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w);

/* Computes w->codes, or z of level 0: from the batch's x, drawn from the posterior with the level's noise, or from the batch's codes if
 * it has them. Then it computes w->nll by the prior. r is the run of a training pass. It fails if the prior cannot start from this
 * batch. */
vae_status_t vaei_network_forward_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* Adds to the gradients of the prior's parameters; w->d_nll must be set. */
void vaei_network_backward_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w);
void vaei_network_commit_prior(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);

/* log_ratio[n] = log p(z) - log q(z|x) of z of level 0 and w->h for a learned prior, from the ratio for the standard prior. Uses w->nll. */
void vaei_network_prior_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w);
/* Draws r->n latents into z of level 0, by the items from `first` on of the stream of r->noise.seed. */
void vaei_network_sample(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first);

#endif
