/* SPDX-License-Identifier: MIT
 * codebooks.h - latents with codebooks: vq (a codebook for each part of the channels) and rvq (a codebook for each residual).
 *
 * Vectors x[row][W] (quantizer.h) are quantized in stages, one code each:
 *
 *     side by side    W = heads D: stage s quantizes its own D channels
 *     residual        W = D: stage s quantizes the error of the stages before it:  r_0 = x, r_s+1 = r_s - q_s, q = sum q_s
 *
 * With cosine a stage quantizes the direction of its vector, r_s / |r_s|, by codes of length 1.
 *
 * codebooks.c plans and runs forward; codebooks_backward.c is the backward pass; codebooks_learn.c updates moving averages and metrics;
 * codebooks_terms.c computes the terms of the loss over all codes. */
#ifndef VAEI_CODEBOOKS_H
#define VAEI_CODEBOOKS_H

#include "vae/codes/quantizer.h"

enum { VAEI_LEARN_EMA, VAEI_LEARN_GRADIENT };
enum { VAEI_PASS_STRAIGHT, VAEI_PASS_ROTATION };
enum { VAEI_START_RANDOM, VAEI_START_KMEANS };
enum { VAEI_GRADIENT_OF_SUM, VAEI_GRADIENT_OF_STAGES };

typedef struct vaei_codebooks_conf {
    vaei_quantizer_conf frame;
    int64_t codes, dim, quantizers, min_quantizers;
    int32_t learn, debias, gradient, start, cosine, freeze, shared, dropout, gradient_of;
    float decay, eps, commitment, scale, revive, temperature, orthogonal, diversity;
} vaei_codebooks_conf;

/* The options that vq and rvq share. */
#define VAEI_CODEBOOKS_OPTIONS                                                                                                 \
    VAEI_OPTION_INT(vaei_codebooks_conf, codes, 512, 2, 16777216, "codebook size: the number of codes"),                       \
        VAEI_OPTION_INT(vaei_codebooks_conf, dim, 0, 0, 65536,                                                                 \
                        "number of values of a code; 0: as many as the encoder gives channels for each head"),                 \
        VAEI_OPTION_CHOICE(vaei_codebooks_conf, learn, VAEI_LEARN_EMA, "ema|gradient",                                         \
                           "how codes learn: by moving averages of their vectors, or by gradient"),                            \
        VAEI_OPTION(vaei_codebooks_conf, decay, FLOAT, VAEI_OPT_OPEN_HI, 0.99, 0, 1, "decay of the moving averages per step"), \
        VAEI_OPTION(vaei_codebooks_conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "Laplace smoothing of the counts"),         \
        VAEI_OPTION_BOOL(vaei_codebooks_conf, debias, 1,                                                                       \
                         "true: averages start at 0 and are debiased; false: they start as if each code had had one vector"),  \
        VAEI_OPTION_FLOAT(vaei_codebooks_conf, commitment, 0.25, 0, 1e6, "weight of the commitment loss, relative to scale"),  \
        VAEI_OPTION_FLOAT(vaei_codebooks_conf, scale, 1, 0, 1e6,                                                               \
                          "weight of the codebook loss and the commitment loss, which are sums of squares"),                   \
        VAEI_OPTION_CHOICE(vaei_codebooks_conf, gradient, VAEI_PASS_STRAIGHT, "straight|rotation",                             \
                           "how the decoder's gradient passes the choice of codes: straight through, or rotated"),             \
        VAEI_OPTION_CHOICE(vaei_codebooks_conf, start, VAEI_START_RANDOM, "random|kmeans",                                     \
                           "initial codes: drawn evenly from a box, or k-means of the first batch"),                           \
        VAEI_OPTION_FLOAT(vaei_codebooks_conf, revive, 0, 0, 1e6,                                                              \
                          "a code whose running count falls below this number restarts at a vector of the batch; 0: never"),   \
        VAEI_OPTION_BOOL(vaei_codebooks_conf, freeze, 0, "the codes are frozen"), VAEI_QUANTIZER_DECODE

typedef struct vaei_codebooks {
    int64_t stages, codebooks; /* codes of a position; codebooks: the same number, or 1 that all stages share */
    int64_t K, D, W;
    int32_t residual;
    const vaei_param *codebook, *count, *sum, *batches; /* count, sum, batches are NULL if they are not kept */
} vaei_codebooks;

/* The pieces of a pass. In training, x of residual stages is r[stages][P][D]; with cosine x holds directions. */
enum {
    VAEI_CODEBOOKS_CODES,  /* float [codebooks][K][D]: the codes that this pass uses */
    VAEI_CODEBOOKS_PANELS, /* float [codebooks] of vaei_nearest_floats */
    VAEI_CODEBOOKS_LENGTH, /* float [P][stages]: |x| before x was scaled to length 1; cosine only, for training and residuals */
    VAEI_CODEBOOKS_COUNT,  /* float [codebooks][K]: counts of the k-means start */
    VAEI_CODEBOOKS_FACTS,  /* vaei_codebooks_facts */
    VAEI_CODEBOOKS_STAGE,  /* float [P][D] for the backward pass of one residual stage; cosine only */
    VAEI_CODEBOOKS_UNIT,   /* float [codebooks][K][D], and */
    VAEI_CODEBOOKS_SQUARE  /* double [codebooks][K]: of the orthogonal term */
};

typedef struct vaei_codebooks_facts {
    int32_t started; /* 1: the codes in the pack are from k-means and are not parameters yet */
    int32_t active;  /* stages that are used in this step */
} vaei_codebooks_facts;

VAEI_INLINE const vaei_codebooks *vaei_codebooks_of(const vaei_pass *p) {
    return p->s->own;
}
VAEI_INLINE int64_t vaei_codebooks_index(const vaei_codebooks *b, int64_t stage) {
    return b->codebooks == 1 ? 0 : stage;
}
/* The codes of a stage, and their packed form for nearest.h. */
float *vaei_codebooks_codes(const vaei_pass *p, int64_t stage);
float *vaei_codebooks_panels(const vaei_pass *p, int64_t stage);
/* The vectors of a stage. */
vaei_vectors vaei_codebooks_vectors(const vaei_pass *p, int64_t stage);

/* ---- codebooks_terms.c: orthogonality and diversity, in vq only. They add to dx[P][W]. */
void vaei_terms_carve(vaei_pass *p);
double vaei_terms_value(const vaei_pass *p);
void vaei_terms_gradient(const vaei_pass *p);

/* The functions of the quantizer. q->conf is a vaei_codebooks_conf, s->own a vaei_codebooks. */
vae_status_t vaei_codebooks_plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node, int32_t residual);
void vaei_codebooks_carve(vaei_pass *p);
void vaei_codebooks_pack(vaei_pass *p);
void vaei_codebooks_shape(vaei_pass *p);
void vaei_codebooks_choose(vaei_pass *p);
void vaei_codebooks_value(vaei_pass *p);
vae_status_t vaei_codebooks_start(vaei_pass *p, const float *h);
void vaei_codebooks_aux(vaei_pass *p, double *aux);
void vaei_codebooks_backward(vaei_pass *p);
void vaei_codebooks_learn(vaei_pass *p, float *params);
int64_t vaei_codebooks_dead(vaei_pass *p, int64_t codebook);

#define VAEI_CODEBOOKS_OPS                                                                                                        \
    .carve = vaei_codebooks_carve, .pack = vaei_codebooks_pack, .shape = vaei_codebooks_shape, .choose = vaei_codebooks_choose,   \
    .value = vaei_codebooks_value, .start = vaei_codebooks_start, .aux = vaei_codebooks_aux, .backward = vaei_codebooks_backward, \
    .learn = vaei_codebooks_learn, .dead = vaei_codebooks_dead

#endif
