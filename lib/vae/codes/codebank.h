/* SPDX-License-Identifier: MIT
 * codebank.h - the latents made of codebooks: what vq (books side by side) and rvq (books one behind the other) share.
 *
 * Vectors x[row][W] (quantizer.h) are quantized in stages, one code each:
 *
 *     side by side    W = heads D: stage s quantizes its own D channels
 *     residual        W = D: stage s quantizes what the stages before have left:  r_0 = x, r_s+1 = r_s - q_s, q = sum q_s
 *
 * With cosine a stage quantizes the direction of its vector, r_s / |r_s|, by codes of length 1.
 *
 * codebank.c plans and runs forward; codebank_backward.c is the backward pass; codebank_learn.c learns by averages and measures;
 * codebank_terms.c holds the terms of all codes. */
#ifndef VAEI_CODEBANK_H
#define VAEI_CODEBANK_H

#include "vae/codes/quantizer.h"

enum { VAEI_LEARN_EMA, VAEI_LEARN_GRADIENT };
enum { VAEI_PASS_STRAIGHT, VAEI_PASS_ROTATION };
enum { VAEI_START_RANDOM, VAEI_START_KMEANS };

typedef struct vaei_bank_conf {
    vaei_quantizer_conf frame;
    int64_t codes, dim, quantizers, keep;
    int32_t learn, debias, gradient, start, cosine, freeze, shared, dropout, outer;
    float decay, eps, commit, scale, revive, temperature, orthogonal, diversity;
} vaei_bank_conf;

/* The options of both kinds. */
#define VAEI_BANK_OPTIONS                                                                                                           \
    VAEI_OPTION_INT(vaei_bank_conf, codes, 512, 2, 16777216, "codes of a codebook"),                                                \
        VAEI_OPTION_INT(vaei_bank_conf, dim, 0, 0, 65536, "values of a code; 0: as many as there are channels for it"),             \
        VAEI_OPTION_CHOICE(vaei_bank_conf, learn, VAEI_LEARN_EMA, "ema|gradient", "how codes follow their vectors"),                \
        VAEI_OPTION(vaei_bank_conf, decay, FLOAT, VAEI_OPT_OPEN_HI, 0.99, 0, 1, "share of the averages kept each step"),            \
        VAEI_OPTION(vaei_bank_conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "smoothing of the counts"),                           \
        VAEI_OPTION_BOOL(vaei_bank_conf, debias, 1, "averages start at 0 and are debiased; else at one vector a code"),             \
        VAEI_OPTION_FLOAT(vaei_bank_conf, commit, 0.25, 0, 1e6, "weight of the commitment of vectors to their codes"),              \
        VAEI_OPTION_FLOAT(vaei_bank_conf, scale, 1, 0, 1e6, "weight of the codebook's and the commitment's sums of squares"),       \
        VAEI_OPTION_CHOICE(vaei_bank_conf, gradient, VAEI_PASS_STRAIGHT, "straight|rotation",                                       \
                           "how the decoder's gradient passes the choice of codes"),                                                \
        VAEI_OPTION_CHOICE(vaei_bank_conf, start, VAEI_START_RANDOM, "random|kmeans",                                               \
                           "where codes start: evenly in a box, or at k-means of the first batch"),                                 \
        VAEI_OPTION_FLOAT(vaei_bank_conf, revive, 0, 0, 1e6, "codes whose running count is below it restart at a vector; 0: none"), \
        VAEI_OPTION_BOOL(vaei_bank_conf, freeze, 0, "codes do not learn"), VAEI_QUANTIZER_DECODE

typedef struct vaei_bank {
    int64_t stages, books; /* codes of a position; codebooks: as many, or one that all stages share */
    int64_t K, D, W;
    int32_t residual;
    const vaei_param *codebook, *count, *sum, *batches; /* count, sum, batches: NULL if not kept */
} vaei_bank;

/* The pieces of a pass. With residual stages x of training is r[stages][P][D]; with cosine x is directions. */
enum {
    VAEI_BANK_CODES,  /* float [books][K][D]: in force in this pass */
    VAEI_BANK_PANELS, /* float [books] of vaei_nearest_floats */
    VAEI_BANK_LENGTH, /* float [P][stages]: of x before it was made unit; cosine only, for training and residuals */
    VAEI_BANK_COUNT,  /* float [books][K] of the k-means start */
    VAEI_BANK_FACTS,  /* vaei_bank_facts */
    VAEI_BANK_STAGE,  /* float [P][D] of one residual stage going back; cosine only */
    VAEI_BANK_UNIT,   /* float [books][K][D], and */
    VAEI_BANK_SQUARE  /* double [books][K]: of the orthogonal term */
};

typedef struct vaei_bank_facts {
    int32_t started; /* the codes in the pack are of k-means and not yet parameters */
    int32_t active;  /* stages that took part */
} vaei_bank_facts;

VAEI_INLINE const vaei_bank *vaei_bank_of(const vaei_pass *p) {
    return p->s->own;
}
VAEI_INLINE int64_t vaei_bank_book(const vaei_bank *b, int64_t stage) {
    return b->books == 1 ? 0 : stage;
}
/* The codes of a stage, and what nearest.h reads of them. */
float *vaei_bank_codes(const vaei_pass *p, int64_t stage);
float *vaei_bank_panels(const vaei_pass *p, int64_t stage);
/* The vectors of a stage. */
vaei_vectors vaei_bank_vectors(const vaei_pass *p, int64_t stage);

/* ---- codebank_terms.c: orthogonality and diversity, in vq only. dx[P][W] is added to. */
void vaei_terms_carve(vaei_pass *p);
double vaei_terms_value(const vaei_pass *p);
void vaei_terms_gradient(const vaei_pass *p);

/* The quantizer's functions; q->conf is a vaei_bank_conf, s->own a vaei_bank. */
vae_status_t vaei_bank_plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node, int32_t residual);
void vaei_bank_carve(vaei_pass *p);
void vaei_bank_pack(vaei_pass *p);
void vaei_bank_shape(vaei_pass *p);
void vaei_bank_choose(vaei_pass *p);
void vaei_bank_value(vaei_pass *p);
vae_status_t vaei_bank_start(vaei_pass *p, const float *h);
void vaei_bank_aux(vaei_pass *p, double *aux);
void vaei_bank_backward(vaei_pass *p);
void vaei_bank_learn(vaei_pass *p, float *params);
int64_t vaei_bank_dead(vaei_pass *p, int64_t book);

#define VAEI_BANK_OPS                                                                                                                 \
    .carve = vaei_bank_carve, .pack = vaei_bank_pack, .shape = vaei_bank_shape, .choose = vaei_bank_choose, .value = vaei_bank_value, \
    .start = vaei_bank_start, .aux = vaei_bank_aux, .backward = vaei_bank_backward, .learn = vaei_bank_learn, .dead = vaei_bank_dead

#endif
