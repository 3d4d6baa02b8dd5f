/* SPDX-License-Identifier: MIT
 * network.h - the whole model: encoder, latent, decoder, likelihood, built from a document and run forward and backward.
 *
 *     x[n][S] -> encoder -> h -> latent -> z[n][D] -> decoder -> theta[n][S] -> likelihood -> nll[n]
 *
 * A network is const after vaei_network_build; its parameters are elsewhere (vaei_params). */
#ifndef VAEI_NETWORK_H
#define VAEI_NETWORK_H

#include "vae/latent.h"
#include "vae/likelihood.h"
#include "vae/objective.h"

typedef struct vaei_network {
    vaei_shape input;
    vaei_stack *encoder, *decoder;
    vaei_latent latent;
    vaei_likelihood likelihood;
    vaei_params params;
    int64_t min_batch; /* of training: 2 if a layer takes statistics over examples alone */
    const char *spec;  /* canonical, one section a line */
} vaei_network;

/* Builds from the model sections of the document (others are left alone); everything lives in the arena. Rewrites the sections'
 * attributes to canonical form. */
vae_status_t vaei_network_build(vaei_network *net, vaei_arena *arena, const vaei_document *document);

/* The parts' memory for one use of the network: carved by vaei_network_carve from one block (measured with base NULL). */
typedef struct vaei_work {
    vaei_slot encoder, latent, decoder;
    void *likelihood_cache;
    float *h;           /* [n][H] */
    float *mean, *logvar, *z, *noise, *kl; /* [n][D] */
    float *theta;       /* [n][S] */
    double *nll;        /* [n] */
    double *log_ratio;  /* [n] */
    int32_t *codes;     /* [n][n_codes] */
    /* training only */
    double *aux;        /* [n] the latent's own terms of the loss */
    float *d_theta, *d_z, *d_kl, *d_h, *d_nll;
} vaei_work;

void vaei_network_carve(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c, vaei_work *w);

/* Fill the packs after parameters changed. */
void vaei_network_pack(const vaei_network *net, const vaei_run *r, const vaei_work *w);

void vaei_network_encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x, float *mean, float *logvar);
/* theta, not yet the mean */
void vaei_network_decode(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *z, float *theta);

/* Codes and back: for latents of codes. */
void vaei_network_encode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x, int32_t *codes);
void vaei_network_decode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w, const int32_t *codes, float *theta);

/* Forward of a training pass: fills w, nll, kl and aux with the noise in w->noise. Fails if the latent can't start from this batch. */
vae_status_t vaei_network_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x);
/* Backward of the same pass: w->d_nll and w->d_kl are set; adds to r->grads. */
void vaei_network_backward(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x);
/* Running statistics, and codes learnt without gradients. */
void vaei_network_commit(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params);

#endif
