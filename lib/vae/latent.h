/* SPDX-License-Identifier: MIT
 * latent.h - floor 3: the latent between encoder and decoder. Each latent is one file (latent_gaussian.c) and one line in latents.def.
 *
 *     h[n][H] --encode--> mean[n][D], logvar[n][D] --draw(noise)--> z[n][D], kl[n][D]
 *
 * A latent of codes (latent_vq.c) has a finite choice of K codes at each of n_codes places in place of a density:
 *
 *     h[n][H] --encode_codes--> codes[n][n_codes] --decode_codes--> z[n][D]
 *
 * Its encode gives the vectors before they are quantized, and its draw quantizes them. The posterior is one choice of codes and the prior
 * is uniform, so the rate of an example is n_codes ln K.
 *
 * Memory (pack, cache, scratch), constness and the rule that passes cannot fail are those of a layer (nn/layer.h). kl is the rate by
 * dimension in nats; its sum over D is the rate of an example. */
#ifndef VAEI_LATENT_H
#define VAEI_LATENT_H

#include "nn/stack.h"

typedef struct vaei_latent vaei_latent;
typedef struct vaei_quantizer_ops vaei_quantizer_ops;

enum {
    VAEI_LATENT_PRIOR = 1, /* has a distribution and a prior to sample: N(0, I), or even over codes */
    VAEI_LATENT_CODES = 2, /* z is made of codes; noise is not read */
    VAEI_LATENT_GAPS = 4   /* code -1 is allowed: it adds nothing */
};

/* Streams of random numbers of latents, beside those of nn/layer.h. */
enum {
    VAEI_STREAM_GUMBEL = 16,
    VAEI_STREAM_KMEANS = 17,
    VAEI_STREAM_REVIVAL = 18,
    VAEI_STREAM_STAGES = 19,
    VAEI_STREAM_COMPONENT = 20,
    VAEI_STREAM_LEVELS = 64
};

/* How the codes served in the batch of the last training pass. */
typedef struct vaei_code_stats {
    double perplexity; /* exp of the entropy of the codes' shares; the mean over codebooks */
    double used;       /* the share of all codes that some vector chose */
    double dead;       /* codes whose running count is too low to live */
    double error;      /* mean squared distance of a value to what stands for it */
} vaei_code_stats;

typedef struct vaei_latent_ops {
    vaei_module module;
    int32_t flags;
    /* Check h, write z (its shape is what the decoder reads), declare parameters. */
    vae_status_t (*plan)(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z);
    /* As a layer's: cut the pieces for n examples. NULL: there are none. */
    void (*layout)(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
    void (*pack)(const vaei_latent *q, const vaei_run *r, void *pack); /* or NULL */
    /* The posterior's parameters; logvar may be NULL if not wanted. Training: fills the cache. */
    void (*encode)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar);
    /* z from the posterior and noise[n][D], standard normal (NULL: z = mean); kl[n][D]; log_ratio[n] = log p(z) - log q(z|x) in nats. Each
     * output but z may be NULL. Training: fills the cache. */
    void (*draw)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar, const float *noise,
                 float *z, float *kl, double *log_ratio);
    /* After encode and draw of the same batch with the same noise: dz[n][D], dkl[n][D] are the loss's derivatives by z and kl; writes dh,
     * adds to the gradients of its parameters. The gradient of the mean of loss() over the examples is part of both. */
    void (*backward)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean, const float *logvar,
                     const float *noise, const float *dz, const float *dkl, float *dh);

    /* Of encode alone: dmean[n][D] and dlogvar[n][D] are the loss's derivatives by what it gave; writes dh, adds to the gradients, destroys
     * dlogvar. NULL: the latent has no density. */
    void (*encode_backward)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *logvar,
                            const float *dmean, float *dlogvar, float *dh);

    /* ---- each of the following may be NULL. The first three after encode and before draw, after draw, after backward: */

    /* Training: a start made from the first batch. What it decides becomes parameters at commit(), for this pass it is in the pack. Fails
     * if the batch does not serve; nothing has changed then. */
    vae_status_t (*prepare)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h);
    /* aux[n]: terms that are minimised beside recon and rate (commitment, codebook), of each example. */
    void (*loss)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux);
    /* Learning without gradients (moving averages, revival): only after the whole pass was sound. */
    void (*commit)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, float *params);
    void (*measure)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats);

    /* VAEI_LATENT_CODES only; outside training. Codes given are within 0..codebook_size - 1, or -1 with VAEI_LATENT_GAPS. */
    void (*encode_codes)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes);
    void (*decode_codes)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z);
    const vaei_quantizer_ops *quantizer; /* what the functions above ask if they are those of quantizer.h */
} vaei_latent_ops;

#define VAEI_LATENT_PARAMS 8

struct vaei_latent {
    const vaei_latent_ops *ops;
    const char *path; /* prefix of its parameters' names: "latent", "decoder.3", "decoder.3.prior" */
    const void *conf;
    void *state;
    vaei_shape h, z;
    vaei_param *param[VAEI_LATENT_PARAMS]; /* "latent.mean.weight", ... */
    int32_t n_params;
    int64_t n_codes, codebook_size; /* codes of an example, and K; 0 without codes */
    int32_t raw;                    /* codes: vae_encode gives z after draw and vae_decode takes it so; else both stand before draw */
};

/* As those of a layer (nn/layer.h): the bytes that layout() wants, and what it writes to `pieces` over the memory of a slot. */
VAEI_INLINE vaei_bytes vaei_latent_bytes(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training) {
    vaei_memory m = {0};
    if (q->ops->layout) q->ops->layout(q, k, n, training, &m, NULL);
    return vaei_memory_bytes(&m);
}
VAEI_INLINE void vaei_latent_pieces(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, void *pieces) {
    vaei_memory memory = vaei_slot_memory(m);
    q->ops->layout(q, r->k, r->n, r->training, &memory, pieces);
}
VAEI_INLINE void vaei_latent_packed(const vaei_latent *q, const vaei_run *r, void *pack, void *pieces) {
    vaei_memory memory = {.pack = {pack, 0}};
    q->ops->layout(q, r->k, 1, r->training, &memory, pieces);
}

/* ---- latents of a model, one behind the other: that of the section, then those in the decoder ------------------------------------ */

/* A latent in the decoder (layer_latent.c): its prior is made from the stream, its posterior from the stream and what a tap has kept. */
typedef struct vaei_pair {
    struct vaei_pair *next; /* the one declared before */
    vaei_latent posterior, prior;
    const vaei_tap *tap;
    int32_t number; /* of its level: 1, 2, ... */
} vaei_pair;

/* Where latents in the decoder take z from in a pass (vaei_run.levels_from). */
enum {
    VAEI_LEVELS_POSTERIOR, /* drawn from q(z | x) with the level's noise */
    VAEI_LEVELS_MEAN,      /* the mean of q(z | x) */
    VAEI_LEVELS_PRIOR,     /* drawn from p(z | stream) with the level's noise */
    VAEI_LEVELS_GIVEN      /* the level's z as it is */
};

/* What a latent reads and leaves in a pass, of the whole batch. D: the values of z in an example. */
typedef struct vaei_level {
    int64_t size;                     /* D */
    float *mean, *logvar;             /* [n][D] the posterior */
    float *prior_mean, *prior_logvar; /* [n][D] the prior of a latent in the decoder; NULL: N(0, I) or the section's */
    float *noise, *z, *kl;            /* [n][D] */
    float *d_kl;                      /* [n][D] training: the loss's derivative */
} vaei_level;

extern const vaei_module *const vaei_latents[];
extern const size_t vaei_latents_count;

/* What may stand in a stack of a model: the layers of layers.def, and latents. */
extern const vaei_module *const vaei_elements[];
extern const size_t vaei_elements_count;

#endif
