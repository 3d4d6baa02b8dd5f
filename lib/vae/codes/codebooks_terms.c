/* SPDX-License-Identifier: MIT
 * codebooks_terms.c - computes the terms of the loss that depend on all codes.
 *
 *     orthogonal    (1 / B) sum over B codebooks of (sum_ij (u_i.u_j)^2 / K^2 - 1 / K), u_i = e_i / |e_i|    directions apart
 *     diversity     -H(mean softmax(-100 |x - e|)) for each stage, the mean over them        all codes in use (soft_codes.h)
 *
 *     d orthogonal / d u_i = 4 / (B K^2) sum_j (u_i.u_j) u_j        and through the unit length to e_i
 *
 * Shin et al. 2021 (arXiv:2112.00384, eq. 2). The first trains codes (learn=gradient), the second the vectors. */
#include <math.h>

#include "vae/codes/codebooks.h"

#define INVERSE_TEMPERATURE 100.0f
#define LENGTH_MIN          1e-6

typedef struct codes_job {
    const vaei_codebooks *s;
    const vaei_kernels *k;
    const float *codes; /* [codebooks][K][D] */
    float *unit;        /* the same, of length 1 */
    double *square;     /* [codebooks][K] */
    float weight, *de;
} codes_job;

void vaei_terms_carve(vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    if (c->orthogonal > 0) {
        p->piece[VAEI_CODEBOOKS_UNIT] = vaei_carve_floats(&p->rest.scratch, vaei_count_of(s->codebooks, s->K * s->D));
        p->piece[VAEI_CODEBOOKS_SQUARE] = vaei_carve_array(&p->rest.scratch, vaei_count_of(s->codebooks, s->K), sizeof(double));
    }
    if (c->diversity > 0) p->soft = vaei_soft_carve(p->P, s->K, &p->rest.scratch);
}

static vaei_soft soft_of(const vaei_pass *p, int64_t stage) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_vectors v = vaei_codebooks_vectors(p, stage);
    return (vaei_soft){.P = v.P,
                       .K = s->K,
                       .D = s->D,
                       .ld = v.ld,
                       .heads = 1,
                       .x = v.x,
                       .codes = vaei_codebooks_codes(p, stage),
                       .packed = vaei_codebooks_panels(p, stage),
                       .by = ((const vaei_codebooks_conf *)p->q->conf)->cosine ? VAEI_NEAREST_PRODUCT : VAEI_NEAREST_DISTANCE,
                       .inverse_temperature = INVERSE_TEMPERATURE,
                       .single = 0,
                       .diversity = 1};
}

static void unit_codes(void *arg, int64_t begin, int64_t end) {
    const codes_job *j = arg;
    const int64_t D = j->s->D;
    for (int64_t i = begin; i < end; i++) {
        memcpy(j->unit + i * D, j->codes + i * D, (size_t)D * sizeof(float));
        (void)vaei_unit_row(j->k, D, j->unit + i * D);
    }
}

static void square_codes(void *arg, int64_t begin, int64_t end) {
    const codes_job *j = arg;
    const int64_t K = j->s->K, D = j->s->D;
    for (int64_t i = begin; i < end; i++) {
        const float *u = j->unit + i * D, *codebook = j->unit + i / K * K * D;
        double sum = 0;
        for (int64_t c = 0; c < K; c++) {
            const double product = j->k->dot(D, u, codebook + c * D);
            sum += product * product;
        }
        j->square[i] = sum;
    }
}

static void push_codes(void *arg, int64_t begin, int64_t end) {
    const codes_job *j = arg;
    const int64_t K = j->s->K, D = j->s->D;
    const float share = 4 * j->weight / ((float)j->s->codebooks * (float)K * (float)K);
    for (int64_t i = begin; i < end; i++) {
        const float *u = j->unit + i * D, *codebook = j->unit + i / K * K * D;
        const double length = sqrt(j->k->sum_squares(D, j->codes + i * D));
        const float scale = share / (float)(length > LENGTH_MIN ? length : LENGTH_MIN);
        for (int64_t c = 0; c < K; c++) { /* the part of u_c that is orthogonal to u */
            const float product = (float)j->k->dot(D, u, codebook + c * D);
            j->k->axpy(D, scale * product, codebook + c * D, j->de + i * D);
            j->k->axpy(D, -scale * product * product, u, j->de + i * D);
        }
    }
}

static codes_job codes_of(const vaei_pass *p) {
    codes_job j = {.s = vaei_codebooks_of(p),
                   .k = p->k,
                   .codes = p->piece[VAEI_CODEBOOKS_CODES],
                   .unit = p->piece[VAEI_CODEBOOKS_UNIT],
                   .square = p->piece[VAEI_CODEBOOKS_SQUARE]};
    vaei_parallel_ranges(p->r->pool, j.s->codebooks * j.s->K, j.s->D, unit_codes, &j);
    return j;
}

double vaei_terms_value(const vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    double value = 0;
    if (c->orthogonal > 0) {
        codes_job j = codes_of(p);
        double sum = 0;
        vaei_parallel_ranges(p->r->pool, s->codebooks * s->K, s->K * s->D, square_codes, &j);
        for (int64_t i = 0; i < s->codebooks * s->K; i++) sum += j.square[i];
        value += (double)c->orthogonal * (sum / ((double)s->codebooks * (double)s->K * (double)s->K) - 1 / (double)s->K);
    }
    for (int64_t stage = 0; c->diversity > 0 && stage < s->stages; stage++) {
        const vaei_soft soft = soft_of(p, stage);
        value += (double)c->diversity / (double)s->stages * vaei_soft_value(&soft, p->k, p->r->pool, &p->soft);
    }
    return value;
}

void vaei_terms_gradient(const vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    if (c->orthogonal > 0) {
        codes_job j = codes_of(p);
        j.weight = c->orthogonal;
        j.de = p->r->grads + s->codebook->offset;
        vaei_parallel_ranges(p->r->pool, s->codebooks * s->K, s->K * s->D, push_codes, &j);
    }
    for (int64_t stage = 0; c->diversity > 0 && stage < s->stages; stage++) {
        const vaei_soft soft = soft_of(p, stage);
        vaei_soft_gradient(&soft, p->k, p->r->pool, &p->soft, c->diversity / (float)s->stages, p->dx + (soft.x - p->x));
    }
}
