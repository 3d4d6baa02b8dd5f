/* SPDX-License-Identifier: MIT
 * latent.h - floor 3: the latent between encoder and decoder. Each latent is one file (latent_gaussian.c) and one line in latents.def.
 *
 *     h[n][H] --encode--> mean[n][D], logvar[n][D] --draw(noise)--> z[n][D], kl[n][D]
 *
 * A latent of codes (latent_vq.c) has no density, but a choice among K codes at each of n_codes places:
 *
 *     h[n][H] --encode_codes--> codes[n][n_codes] --decode_codes--> z[n][D]
 *
 * Its encode returns the vectors before they are quantized, and its draw quantizes them. The posterior is one choice of codes and the prior
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
    VAEI_LATENT_PRIOR = 1, /* it has a distribution, and a prior for samples: N(0, I), or uniform over codes */
    VAEI_LATENT_CODES = 2, /* z is made of codes; the noise is not read */
    VAEI_LATENT_GAPS = 4   /* code -1 is allowed and adds nothing */
};

/* Streams of random numbers of latents, besides those of nn/layer.h. */
enum {
    VAEI_STREAM_GUMBEL = 16,
    VAEI_STREAM_KMEANS = 17,
    VAEI_STREAM_REVIVAL = 18,
    VAEI_STREAM_STAGES = 19,
    VAEI_STREAM_COMPONENT = 20,
    VAEI_STREAM_LEVELS = 64
};

/* Usage statistics of the codes in the batch of the last training pass. */
typedef struct vaei_code_stats {
    double perplexity; /* exp of the entropy of the codes' shares; the mean over codebooks */
    double used;       /* share of all codes that at least one vector chose */
    double dead;       /* codes whose running count is below the threshold */
    double error;      /* mean squared distance of a value to the value of its code */
} vaei_code_stats;

typedef struct vaei_latent_ops {
    vaei_module module;
    int32_t flags;
    /* Checks h, writes z (the shape that the decoder reads), declares parameters. */
    vae_status_t (*plan)(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z);
    /* As in a layer: divides the memory into the pieces for n examples. NULL: there are none. */
    void (*layout)(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
    void (*pack)(const vaei_latent *q, const vaei_run *r, void *pack); /* or NULL */
    /* Computes the parameters of the posterior; logvar may be NULL. In training it fills the cache. */
    void (*encode)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar);
    /* Computes z from the posterior and noise[n][D], standard normal (NULL: z = mean); kl[n][D]; log_ratio[n] = log p(z) - log q(z|x) in
     * nats. Each output but z may be NULL. In training it fills the cache. */
    void (*draw)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar, const float *noise,
                 float *z, float *kl, double *log_ratio);
    /* Runs after encode and draw of the same batch with the same noise. dz[n][D], dkl[n][D] are the derivatives of the loss by z and kl.
     * It writes dh and adds to the gradients of its parameters; both contain the gradient of the mean of loss() over the examples. */
    void (*backward)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean, const float *logvar,
                     const float *noise, const float *dz, const float *dkl, float *dh);

    /* The backward pass of encode alone: dmean[n][D] and dlogvar[n][D] are the derivatives of the loss by its outputs. It writes dh,
     * adds to the gradients, and destroys dlogvar. NULL: the latent has no density. */
    void (*encode_backward)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *logvar,
                            const float *dmean, float *dlogvar, float *dh);

    /* ---- each of the following members may be NULL. The first three run after encode and before draw, after draw, after backward: */

    /* In training: makes a start from the first batch. Its result is in the pack for this pass and becomes parameters at commit(). It
     * fails if the batch is not suitable, and then nothing has changed. */
    vae_status_t (*prepare)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h);
    /* aux[n]: terms of each example that are minimised in addition to recon and rate (commitment, codebook). */
    void (*loss)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux);
    /* Learns without gradients (moving averages, revival), only after the whole pass has succeeded. */
    void (*commit)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, float *params);
    void (*measure)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats);

    /* For VAEI_LATENT_CODES only, outside of training. The codes are within 0..codebook_size - 1, or -1 with VAEI_LATENT_GAPS. */
    void (*encode_codes)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes);
    void (*decode_codes)(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z);
    const vaei_quantizer_ops *quantizer; /* the quantizer that the functions above use if they are those of quantizer.h */
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
    int64_t n_codes, codebook_size; /* codes of an example, and K; 0 if there are no codes */
    int32_t raw;                    /* 1: the z of vae_encode and vae_decode is that after draw; 0: it is the vector before draw */
};

/* As in a layer (nn/layer.h): the bytes that layout() needs, and the `pieces` that it finds in the memory of a slot. */
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

/* ---- the latents of a model: first that of the section, then those in the decoder ------------------------------------------------ */

/* A latent in the decoder (layer_latent.c). Its prior is computed from its input, its posterior from its input and the values of a tap. */
typedef struct vaei_pair {
    struct vaei_pair *next; /* the latent declared before it */
    vaei_latent posterior, prior;
    const vaei_tap *tap;
    int32_t number; /* of its level: 1, 2, ... */
} vaei_pair;

/* The source of z of the latents in the decoder in a pass (vaei_run.levels_from). */
enum {
    VAEI_LEVELS_POSTERIOR, /* drawn from q(z | x) with the level's noise */
    VAEI_LEVELS_MEAN,      /* the mean of q(z | x) */
    VAEI_LEVELS_PRIOR,     /* drawn from p(z | input) with the level's noise */
    VAEI_LEVELS_GIVEN      /* the level's z, which the caller has written */
};

/* The arrays that a latent reads and writes in a pass, for the whole batch. D is the number of values of z in an example. */
typedef struct vaei_level {
    int64_t size;                     /* D */
    float *mean, *logvar;             /* [n][D] the posterior */
    float *prior_mean, *prior_logvar; /* [n][D] the prior of a latent in the decoder; NULL: N(0, I) or the section's */
    float *noise, *z, *kl;            /* [n][D] */
    float *d_kl;                      /* [n][D] in training: the derivative of the loss by kl */
} vaei_level;

extern const vaei_module *const vaei_latents[];
extern const size_t vaei_latents_count;

/* The modules that a stack of a model may contain: the layers of layers.def, and latents. */
extern const vaei_module *const vaei_elements[];
extern const size_t vaei_elements_count;

#endif
