/* SPDX-License-Identifier: MIT
 * critic.h - a network that learns to tell real examples from generated ones, while the rest of the model learns to raise its score.
 *
 *     critic  on=x | conv2d ... | linear out=1        real: the batch's x; generated: the mean of the likelihood
 *     critic  on=z | linear ... | linear out=1        real: draws from N(0, I), or the latents of the batch with each dimension in an
 *                                                     order of its own; generated: the latents of the batch
 *
 *     real or generated [n][size] --critic--> score[n]     high for real ones
 *
 * A term of the objective defines the losses of scores (vaei_game), one for the critic and one for the network. Both networks take their
 * step from the same parameters: the network's gradient is by the critic from before the step. The critic's parameters are "critic.*", and
 * have an optimizer of their own. Statistics over the batch (batch norm) are taken of the real and of the generated examples separately. A
 * critic runs in training only, so it has no use for running statistics and does not change them.
 *
 * Goodfellow et al. 2014 (arXiv:1406.2661); of z: Makhzani et al. 2015 (arXiv:1511.05644). Not here: gradient penalties. */
#ifndef VAEI_CRITIC_H
#define VAEI_CRITIC_H

#include "nn/batch_blocks.h"

typedef struct vaei_critic {
    vaei_stack *stack; /* NULL: the model has none */
    int32_t of_z;
    int64_t size;         /* values of an example, of x or z */
    int64_t first, count; /* where its trained parameters stand among those of the model: the last ones */
} vaei_critic;

/* What a score costs the critic, of a real or a made example, and what that of a made one costs the network. */
enum { VAEI_SCORE_REAL, VAEI_SCORE_MADE, VAEI_SCORE_FOOLED };

typedef struct vaei_game {
    float (*cost)(const void *conf, const vaei_kernels *k, int32_t of, float score, float *slope); /* slope: of the cost, by the score */
    const void *conf;
    int32_t permutes; /* of z: real ones are the made ones permuted, in place of draws from N(0, I) */
} vaei_game;

typedef struct vaei_critic_work {
    vaei_slot slot;
    float *in, *d_in;       /* [n][size] */
    float *score, *d_score; /* [n] */
    double *cost;           /* [n] */
    float *kept;            /* [count] gradients, while others take their place */
} vaei_critic_work;

/* What training the critic tells of a batch: weighted means. */
typedef struct vaei_critic_facts {
    double loss;     /* (cost of real + cost of made) / 2 */
    double accuracy; /* share of scores above 0 for real ones, below 0 for made ones */
} vaei_critic_facts;

extern const vaei_module vaei_critic_options; /* those of the section itself */

/* The section of the document, if there is one. makes_codes: the name of a latent of codes, else NULL. */
vae_status_t vaei_critic_build(vaei_critic *c, vaei_build *b, vaei_section *section, const vaei_shape *x, const vaei_shape *z,
                               const char *makes_codes);

/* When all parameters have their places; also of a model without a critic. */
void vaei_critic_place(vaei_critic *c, const vaei_params *p);

/* how: VAEI_BLOCKS_RECOMPUTE or 0 */
void vaei_critic_carve(const vaei_critic *c, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *at, vaei_critic_work *w);

/* The network's cost of made[n][size], a mean over the batch; d_made += weight times its derivative. */
double vaei_critic_fool(const vaei_critic *c, const vaei_run *r, const vaei_critic_work *w, const vaei_game *game, const float *made,
                        double weight, float *d_made);

/* Adds the gradients of the critic's own loss to r->grads. Returns early, and with nothing of use, when the run is cancelled. */
void vaei_critic_learn(const vaei_critic *c, const vaei_run *r, const vaei_critic_work *w, const vaei_game *game, const float *made,
                       vaei_critic_facts *out);

#endif
