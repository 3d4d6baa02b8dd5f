/* SPDX-License-Identifier: MIT
 * prior.h - p(z), the distribution of latents. Each prior is one file (prior_pixelcnn.c) and one line in priors.def.
 *
 * A prior is a distribution of codes[n][n_codes] of a latent of codes, or of values z[n][D] of any other latent:
 *
 *     codes or z --nll--> -log p, nats an example          (seed, item) --sample--> codes or z
 *
 * A prior with classes is p(codes | label), with r->batch.label[n] in 0..classes - 1.
 *
 * A learned prior is fitted to the latents of a frozen model (objective prior), which was trained with the standard prior. A joint prior
 * consists of the posteriors of examples that it holds, its pseudo-inputs, and is trained together with the model; the model's rate is then
 * by this prior. Parameters are "prior.*".
 *
 * Memory (pack, cache, scratch), constness and the rule that passes cannot fail are those of a layer (nn/layer.h). The nll of an example
 * and its samples do not depend on the other examples of the batch. */
#ifndef VAEI_PRIOR_H
#define VAEI_PRIOR_H

#include "vae/latent.h"

typedef struct vaei_prior vaei_prior;

enum {
    VAEI_PRIOR_OF_CODES = 1,  /* over latents of codes */
    VAEI_PRIOR_OF_VALUES = 2, /* over any other */
    VAEI_PRIOR_LEARNED = 4,   /* has parameters */
    VAEI_PRIOR_JOINT = 8      /* and they learn with the model */
};

/* Latents of a batch: codes or z, the other is NULL. */
typedef struct vaei_points {
    int32_t *codes;             /* [n][n_codes] */
    float *z;                   /* [n][D] */
    const float *mean, *logvar; /* [n][D] of the posteriors that z was drawn from: when values are fitted */
} vaei_points;

typedef struct vaei_prior_ops {
    vaei_module module;
    int32_t flags;
    /* Check p->latent, declare parameters. NULL: nothing to do. */
    vae_status_t (*plan)(vaei_prior *p, vaei_build *b);
    /* As a layer's: cut the pieces for n examples. NULL: there are none. */
    void (*layout)(const vaei_prior *p, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
    void (*pack)(const vaei_prior *p, const vaei_run *r, void *pack); /* or NULL */
    /* nll[n] in nats. Training: fills the cache. */
    void (*nll)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, double *nll);
    /* Gradients of its parameters += weight[i] * d nll[i], after nll of the same points. NULL: learns in commit alone. */
    void (*backward)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, const float *weight);
    /* Points for r->n items of the stream of r->noise.seed, from `first` on. */
    void (*sample)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, uint64_t first, const vaei_points *out);

    /* ---- for priors that learn without gradients; or NULL */

    /* Training, before nll: a start made from the first points, for this pass in the pack. Fails if they do not serve. */
    vae_status_t (*prepare)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at);
    /* The parameters move: only after nll was sound. */
    void (*commit)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, float *params);

    /* ---- for joint priors; else NULL */

    /* The posteriors of pseudo-inputs first .. first + n - 1, for the passes to come: into the pack. */
    void (*take)(const vaei_prior *p, void *pack, int64_t first, int64_t n, const float *mean, const float *logvar);
    /* After nll of the same points in training: dz[n][D] += weight[i] d nll[i] / dz; writes the derivatives of their weighted sum by
     * the posteriors, dmean[inputs][D] and dlogvar[inputs][D]. */
    void (*backward_points)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, const float *weight,
                            float *dz, float *dmean, float *dlogvar);
} vaei_prior_ops;

struct vaei_prior {
    const vaei_prior_ops *ops;
    const void *conf;
    void *state;
    const vaei_latent *latent;
    int64_t example;         /* S, the values of an example */
    int64_t inputs;          /* joint: pseudo-inputs, set by plan; else 0 */
    const vaei_param *input; /* joint: [inputs][S] */
    int64_t classes;         /* of the labels it wants, set by plan; 0: it wants none */
};

/* As those of a layer (nn/layer.h): the bytes that layout() wants, and what it writes to `pieces` over the memory of a slot. */
VAEI_INLINE vaei_bytes vaei_prior_bytes(const vaei_prior *p, const vaei_kernels *k, int64_t n, int32_t training) {
    vaei_memory m = {0};
    if (p->ops->layout) p->ops->layout(p, k, n, training, &m, NULL);
    return vaei_memory_bytes(&m);
}
VAEI_INLINE void vaei_prior_pieces(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, void *pieces) {
    vaei_memory memory = vaei_slot_memory(m);
    p->ops->layout(p, r->k, r->n, r->training, &memory, pieces);
}
VAEI_INLINE void vaei_prior_packed(const vaei_prior *p, const vaei_run *r, void *pack, void *pieces) {
    vaei_memory memory = {.pack = {pack, 0}};
    p->ops->layout(p, r->k, 1, r->training, &memory, pieces);
}

/* What item `position` of a session's stream draws from: this key, this item. */
VAEI_INLINE vaei_noise_key vaei_prior_key(uint64_t seed, uint64_t position) {
    return (vaei_noise_key){.seed = seed, .step = position >> 32, .stream = VAEI_STREAM_PRIOR};
}

extern const vaei_module *const vaei_priors[];
extern const size_t vaei_priors_count;
extern const vaei_prior_ops vaei_prior_standard; /* of a model that names none */

#endif
