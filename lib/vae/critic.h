/* SPDX-License-Identifier: MIT
 * critic.h - a network that learns to tell real examples from generated ones, while the rest of the model learns to raise its score.
 *
 *     critic  on=x | conv2d ... | linear out=1        real: the batch's x; generated: the mean of the likelihood
 *     critic  on=z | linear ... | linear out=1        real: draws from N(0, I), or the latents of the batch with each dimension in an
 *                                                     order of its own; generated: the latents of the batch
 *
 *     real or generated [n][size] --critic--> score[n]     high for real examples
 *
 * A term of the objective defines the losses of scores (vaei_game), one for the critic and one for the network. Both networks compute
 * their gradients from the same parameters: the network's gradient is that by the critic before the step. The critic's parameters are
 * "critic.*", and have an optimizer of their own. Statistics over the batch (batch norm) are taken of the real and of the generated
 * examples separately. A critic runs in training only, so it neither needs nor changes running statistics.
 *
 * Goodfellow et al. 2014 (arXiv:1406.2661); of z: Makhzani et al. 2015 (arXiv:1511.05644). Not here: gradient penalties. */
#ifndef VAEI_CRITIC_H
#define VAEI_CRITIC_H

#include "nn/batch_blocks.h"

typedef struct vaei_critic {
    vaei_stack *stack; /* NULL: the model has no critic */
    int32_t of_z;
    int64_t size;         /* values of an example, of x or z */
    int64_t first, count; /* the position of its trained parameters among those of the model: they are the last ones */
} vaei_critic;

/* The cost of a score for the critic, of a real or of a generated example, and the cost of a generated one for the network. */
enum { VAEI_SCORE_REAL, VAEI_SCORE_MADE, VAEI_SCORE_FOOLED };

typedef struct vaei_game {
    float (*cost)(const void *conf, const vaei_kernels *k, int32_t of, float score, float *slope); /* slope: d cost / d score */
    const void *conf;
    int32_t permutes; /* of z: real ones are the made ones permuted, in place of draws from N(0, I) */
} vaei_game;

typedef struct vaei_critic_work {
    vaei_slot slot;
    float *in, *d_in;       /* [n][size] */
    float *score, *d_score; /* [n] */
    double *cost;           /* [n] */
    float *kept;            /* [count] gradients that are saved while others use their place */
} vaei_critic_work;

/* Measures of the critic's training on a batch: weighted means. */
typedef struct vaei_critic_facts {
    double loss;     /* (cost of real + cost of generated) / 2 */
    double accuracy; /* share of scores above 0 for real examples and below 0 for generated ones */
} vaei_critic_facts;

extern const vaei_module vaei_critic_options; /* the options of the section itself */

/* Builds the critic of the document's section, if there is one. makes_codes: the name of a latent of codes, otherwise NULL. */
vae_status_t vaei_critic_build(vaei_critic *c, vaei_build *b, vaei_section *section, const vaei_shape *x, const vaei_shape *z,
                               const char *makes_codes);

/* Called when all parameters have their places, also for a model without a critic. */
void vaei_critic_place(vaei_critic *c, const vaei_params *p);

/* how: VAEI_BLOCKS_RECOMPUTE or 0 */
void vaei_critic_carve(const vaei_critic *c, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *at, vaei_critic_work *w);

/* Returns the network's cost of made[n][size], a mean over the batch; d_made += weight times its derivative. */
double vaei_critic_fool(const vaei_critic *c, const vaei_run *r, const vaei_critic_work *w, const vaei_game *game, const float *made,
                        double weight, float *d_made);

/* Adds the gradients of the critic's own loss to r->grads. If the run is cancelled, it returns early, and its results must not be used. */
void vaei_critic_learn(const vaei_critic *c, const vaei_run *r, const vaei_critic_work *w, const vaei_game *game, const float *made,
                       vaei_critic_facts *out);

#endif
