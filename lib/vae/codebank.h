/* SPDX-License-Identifier: MIT
 * codebank.h - the latents made of codebooks: what vq (books side by side) and rvq (books one behind the other) share.
 *
 * Vectors x[row][W] of the frame (quantizer.h) are quantized in stages, one code each:
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

#include "vae/codebook.h"
#include "vae/quantizer.h"
#include "vae/soft_codes.h"

enum { VAEI_LEARN_EMA, VAEI_LEARN_GRADIENT };
enum { VAEI_PASS_STRAIGHT, VAEI_PASS_ROTATION };
enum { VAEI_START_RANDOM, VAEI_START_KMEANS };
enum { VAEI_DECODE_QUANTIZE, VAEI_DECODE_RAW };

typedef struct vaei_bank_conf {
    int64_t codes, dim, heads, quantizers, keep;
    int32_t learn, debias, gradient, start, cosine, freeze, decode, shared, dropout, outer;
    float decay, eps, commit, scale, revive, temperature, orthogonal, diversity;
} vaei_bank_conf;

/* The options of both kinds. */
#define VAEI_BANK_OPTIONS                                                                                              \
    VAEI_OPTION_INT(vaei_bank_conf, codes, 512, 2, 16777216, "codes of a codebook"),                                   \
    VAEI_OPTION_INT(vaei_bank_conf, dim, 0, 0, 65536, "values of a code; 0: as many as there are channels for it"),    \
    VAEI_OPTION_CHOICE(vaei_bank_conf, learn, VAEI_LEARN_EMA, "ema|gradient", "how codes follow their vectors"),       \
    VAEI_OPTION(vaei_bank_conf, decay, FLOAT, VAEI_OPT_OPEN_HI, 0.99, 0, 1, "share of the averages kept each step"),   \
    VAEI_OPTION(vaei_bank_conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "smoothing of the counts"),                  \
    VAEI_OPTION_BOOL(vaei_bank_conf, debias, 1, "averages start at 0 and are debiased; else at one vector a code"),    \
    VAEI_OPTION_FLOAT(vaei_bank_conf, commit, 0.25, 0, 1e6, "weight of the commitment of vectors to their codes"),     \
    VAEI_OPTION_FLOAT(vaei_bank_conf, scale, 1, 0, 1e6, "weight of the codebook's and the commitment's sums of squares"), \
    VAEI_OPTION_CHOICE(vaei_bank_conf, gradient, VAEI_PASS_STRAIGHT, "straight|rotation",                              \
                       "how the decoder's gradient passes the choice of codes"),                                       \
    VAEI_OPTION_CHOICE(vaei_bank_conf, start, VAEI_START_RANDOM, "random|kmeans",                                      \
                       "where codes start: evenly in a box, or at k-means of the first batch"),                        \
    VAEI_OPTION_FLOAT(vaei_bank_conf, revive, 0, 0, 1e6, "codes whose running count is below it restart at a vector; 0: none"), \
    VAEI_OPTION_BOOL(vaei_bank_conf, freeze, 0, "codes do not learn"),                                                 \
    VAEI_OPTION_CHOICE(vaei_bank_conf, decode, VAEI_DECODE_QUANTIZE, "quantize|raw",                                   \
                       "latents outside stand before the codes, and decoding quantizes; or after them")

typedef struct vaei_bank {
    vaei_quantizer frame;   /* rows, C, W, projections */
    int64_t stages, books;  /* codes of a position; codebooks: as many, or one that all stages share */
    int64_t K, D, W;
    int64_t rows;           /* of the frame */
    int32_t residual;
    const vaei_param *codebook, *count, *sum, *batches; /* count, sum, batches: NULL if not kept */
} vaei_bank;

typedef struct vaei_bank_pack {
    vaei_quantizer_pack frame;
    float *codes;           /* [books][K][D]: in force in this pass */
    float *panels;          /* [books] of vaei_nearest_floats */
} vaei_bank_pack;

typedef struct vaei_bank_facts {
    int32_t started;        /* the codes in the pack are of k-means and not yet parameters */
    int32_t active;         /* stages that took part */
} vaei_bank_facts;

/* The vectors of a pass: in the cache when training, else in the scratch (of the first three only x and code). */
typedef struct vaei_bank_rows {
    float *x;               /* [P][W], residual: r[stages][P][D]; outside training r[P][D]; cosine: their directions */
    int32_t *code;          /* [P][stages] */
    float *length;          /* [P][stages]: of x before it was made unit; cosine only, for training and residuals */
    int32_t *used;          /* [books][K] vectors by code */
    double *error;          /* [n] squared distance of x to q */
    float *count;           /* [books][K] of the k-means start */
    vaei_bank_facts *facts;
} vaei_bank_rows;

vaei_bank_pack vaei_bank_carve_pack(const vaei_latent *q, const vaei_kernels *k, int32_t training, vaei_carve *c);
vaei_bank_rows vaei_bank_carve_rows(const vaei_latent *q, int64_t n, int32_t training, vaei_carve *c);
/* out[P][W] = the codes side by side, or their sum */
void vaei_bank_lookup(const vaei_latent *q, const vaei_run *r, const vaei_bank_pack *p, const int32_t *code, float *out);

VAEI_INLINE int64_t vaei_bank_book(const vaei_bank *b, int64_t stage) {
    return b->books == 1 ? 0 : stage;
}
/* The vectors of a stage in training. */
vaei_vectors vaei_bank_vectors(const vaei_bank *b, const vaei_bank_rows *w, int64_t n, int64_t stage);

/* ---- codebank_terms.c: orthogonality and diversity, in vq only. P: vectors. dx[P][W] is added to. */
typedef struct vaei_terms_room {
    float *unit;         /* [books][K][D] */
    double *square;      /* [books][K] */
    vaei_soft_room soft;
} vaei_terms_room;
vaei_terms_room vaei_terms_carve(const vaei_latent *q, int64_t P, vaei_carve *c);
double vaei_terms_value(const vaei_latent *q, const vaei_run *r, const vaei_bank_pack *pack, const vaei_bank_rows *w,
                        const vaei_terms_room *room);
void vaei_terms_gradient(const vaei_latent *q, const vaei_run *r, const vaei_bank_pack *pack, const vaei_bank_rows *w,
                         const vaei_terms_room *room, float *dx);

size_t vaei_bank_backward_bytes(const vaei_latent *q, const vaei_kernels *k, int64_t n);

/* The latent's functions; q->state is a vaei_bank, q->conf a vaei_bank_conf. */
vae_status_t vaei_bank_plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z, int32_t residual);
void vaei_bank_need(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need);
void vaei_bank_fill(const vaei_latent *q, const vaei_run *r, void *pack);
void vaei_bank_draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                    const float *noise, float *z, float *kl, double *log_ratio);
void vaei_bank_backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                        const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh);
vae_status_t vaei_bank_prepare(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h);
void vaei_bank_loss(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux);
void vaei_bank_commit(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, float *params);
void vaei_bank_measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats);
void vaei_bank_encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes);
void vaei_bank_decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z);

#define VAEI_BANK_OPS                                                                                                  \
    .need = vaei_bank_need, .pack = vaei_bank_fill, .encode = vaei_quantizer_encode, .draw = vaei_bank_draw,                \
    .backward = vaei_bank_backward, .prepare = vaei_bank_prepare, .loss = vaei_bank_loss, .commit = vaei_bank_commit,  \
    .measure = vaei_bank_measure, .encode_codes = vaei_bank_encode_codes, .decode_codes = vaei_bank_decode_codes

#endif
