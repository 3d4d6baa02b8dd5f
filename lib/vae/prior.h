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
 * consists of the posteriors of examples that are its parameters, the pseudo-inputs, and is trained together with the model; then the
 * model's rate is computed with this prior. Parameters are "prior.*".
 *
 * Memory (pack, cache, scratch), constness and the rule that passes cannot fail are those of a layer (nn/layer.h). The nll of an example
 * and its samples do not depend on the other examples of the batch. */
#ifndef VAEI_PRIOR_H
#define VAEI_PRIOR_H

#include "vae/latent.h"

typedef struct vaei_prior vaei_prior;

enum {
    VAEI_PRIOR_OF_CODES = 1,  /* for latents of codes */
    VAEI_PRIOR_OF_VALUES = 2, /* for other latents */
    VAEI_PRIOR_LEARNED = 4,   /* it has parameters */
    VAEI_PRIOR_JOINT = 8      /* they are trained with the model */
};

/* The latents of a batch: either codes or z; the other is NULL. */
typedef struct vaei_points {
    int32_t *codes;             /* [n][n_codes] */
    float *z;                   /* [n][D] */
    const float *mean, *logvar; /* [n][D] of the posteriors from which z was drawn, when values are fitted */
} vaei_points;

typedef struct vaei_prior_ops {
    vaei_module module;
    int32_t flags;
    /* Checks p->latent and declares parameters. NULL: there is nothing to do. */
    vae_status_t (*plan)(vaei_prior *p, vaei_build *b);
    /* As in a layer: divides the memory into the pieces for n examples. NULL: there are none. */
    void (*layout)(const vaei_prior *p, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
    void (*pack)(const vaei_prior *p, const vaei_run *r, void *pack); /* or NULL */
    /* Computes nll[n] in nats. In training it fills the cache. */
    void (*nll)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, double *nll);
    /* Adds weight[i] * d nll[i] to the gradients of its parameters, after nll of the same points. NULL: the prior learns only in commit. */
    void (*backward)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, const float *weight);
    /* Draws points for r->n items of the stream of r->noise.seed, from `first` on. */
    void (*sample)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, uint64_t first, const vaei_points *out);

    /* ---- for priors that learn without gradients; otherwise NULL */

    /* In training, before nll: makes a start from the first points, in the pack for this pass. It fails if the points are not suitable. */
    vae_status_t (*prepare)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at);
    /* Updates the parameters, only after nll has succeeded. */
    void (*commit)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, float *params);

    /* ---- for joint priors; otherwise NULL */

    /* Stores the posteriors of the pseudo-inputs first .. first + n - 1 in the pack, for the following passes. */
    void (*take)(const vaei_prior *p, void *pack, int64_t first, int64_t n, const float *mean, const float *logvar);
    /* Runs after nll of the same points in training: dz[n][D] += weight[i] d nll[i] / dz. It writes the derivatives of their weighted
     * sum by the posteriors, dmean[inputs][D] and dlogvar[inputs][D]. */
    void (*backward_points)(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, const float *weight,
                            float *dz, float *dmean, float *dlogvar);
} vaei_prior_ops;

struct vaei_prior {
    const vaei_prior_ops *ops;
    const void *conf;
    void *state;
    const vaei_latent *latent;
    int64_t example;         /* S, the values of an example */
    int64_t inputs;          /* joint: the number of pseudo-inputs, set by plan; otherwise 0 */
    const vaei_param *input; /* joint: [inputs][S] */
    int64_t classes;         /* number of classes of the labels, set by plan; 0: it reads no labels */
};

/* As in a layer (nn/layer.h): the bytes that layout() needs, and the `pieces` that it finds in the memory of a slot. */
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

/* The key from which item `position` of a session's stream draws. */
VAEI_INLINE vaei_noise_key vaei_prior_key(uint64_t seed, uint64_t position) {
    return (vaei_noise_key){.seed = seed, .step = position >> 32, .stream = VAEI_STREAM_PRIOR};
}

extern const vaei_module *const vaei_priors[];
extern const size_t vaei_priors_count;
extern const vaei_prior_ops vaei_prior_standard; /* the prior of a model whose text names none */

#endif
