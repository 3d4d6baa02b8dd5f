/* SPDX-License-Identifier: MIT
 * latent.h - floor 3: what stands between encoder and decoder. One file a latent (latent_gaussian.c), one line in latents.def.
 *
 *     h[n][H] --encode--> mean[n][D], logvar[n][D] --draw(noise)--> z[n][D], kl[n][D]
 *
 * Memory (pack, cache, scratch), const-ness and "cannot fail" as for a layer (nn/layer.h). kl is the rate by dimension in nats; its sum
 * over D is the rate of an example. */
#ifndef VAEI_LATENT_H
#define VAEI_LATENT_H

#include "nn/stack.h"

typedef struct vaei_latent vaei_latent;

enum {
    VAEI_LATENT_PRIOR = 1 /* has a distribution and a prior to sample: N(0, I) */
};

typedef struct vaei_latent_ops {
    vaei_module module;
    int32_t flags;
    /* Check h, write z (its shape is what the decoder reads), declare parameters. */
    vae_status_t (*plan)(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z);
    void (*need)(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need); /* or NULL */
    void (*pack)(const vaei_latent *q, const vaei_run *r, void *pack);                                       /* or NULL */
    /* The posterior's parameters; logvar may be NULL if not wanted. Training: fills the cache. */
    void (*encode)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar);
    /* z from the posterior and noise[n][D], standard normal (NULL: z = mean); kl[n][D]; log_ratio[n] = log p(z) - log q(z|x) in nats. Each
     * output but z may be NULL. */
    void (*draw)(const vaei_latent *q, const vaei_run *r, const float *mean, const float *logvar, const float *noise, float *z,
                 float *kl, double *log_ratio);
    /* After encode and draw of the same batch with the same noise: dz[n][D], dkl[n][D] are the loss's derivatives by z and kl; writes dh,
     * adds to the gradients of its parameters. */
    void (*backward)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                     const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh);
} vaei_latent_ops;

struct vaei_latent {
    const vaei_latent_ops *ops;
    const void *conf;
    void *state;
    vaei_shape h, z;
    vaei_param *param[VAEI_LAYER_PARAMS]; /* "latent.mean.weight", ... */
    int32_t n_params;
};

extern const vaei_module *const vaei_latents[];
extern const size_t vaei_latents_count;

#endif
