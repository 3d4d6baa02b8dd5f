/* SPDX-License-Identifier: MIT
 * codebooks_backward.c - computes gradients through the choice of codes.
 *
 *     dq = dz project_out                  the decoder's gradient of q
 *     dx = dq                              straight: as if q = x + constant
 *     dx = s (dq - 2 (w.dq) w + 2 (v.dq) u)        rotation: as if q = s R x with s = |q| / |x| and the rotation R held constant
 *             u = x / |x|, v = q / |q|, w = (u + v) / |u + v|; |.| at least 1e-6
 *     dx += 2 scale commitment / n sum_s (r_s - q_s)            commitment; in vq each stage has its own channels
 *     de_k += 2 scale / n sum over the vectors of k (e_k - r_s)        learn=gradient
 *     dh = (dx - (dx.x) x) / |before| project_in            with cosine, through the unit length of each stage
 *
 * Residual stages pass the gradient once, from the sum q to x; gradient_of=stages passes it at each of the Q stages, and the gradients add
 * up, as in the package vector-quantize-pytorch. */
#include <math.h>

#include "vae/codes/codebooks.h"

#define LENGTH_MIN 1e-6

static double at_least(double length) {
    return length > LENGTH_MIN ? length : LENGTH_MIN;
}

/* dx += J^T g for the choice x -> q of D values. */
static void pass_choice(const vaei_kernels *k, int32_t way, int64_t D, const float *x, const float *q, const float *g, float *dx) {
    if (way == VAEI_PASS_STRAIGHT) {
        k->add(D, g, dx);
        return;
    }
    const double xx = k->sum_squares(D, x), qq = k->sum_squares(D, q), xq = k->dot(D, x, q);
    const double a = at_least(sqrt(xx)), b = at_least(sqrt(qq)), s = sqrt(qq) / a;
    const double ug = k->dot(D, x, g) / a, vg = k->dot(D, q, g) / b;
    const double sum = xx / (a * a) + qq / (b * b) + 2 * xq / (a * b), m = at_least(sqrt(sum > 0 ? sum : 0));
    const double wg = (ug + vg) / m; /* w.g */
    k->axpy(D, (float)s, g, dx);
    k->axpy(D, (float)(s * (2 * vg - 2 * wg / m) / a), x, dx);
    k->axpy(D, (float)(-2 * s * wg / m / b), q, dx);
}

static float commitment(const vaei_pass *p) {
    const vaei_codebooks_conf *c = p->q->conf;
    return 2 * c->scale * c->commitment / (float)p->n;
}

/* Computes a row of stages side by side, each stage for its own channels. */
static void row_of_heads(const vaei_pass *p, int64_t row, const float *g, float *dx) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const int32_t way = ((const vaei_codebooks_conf *)p->q->conf)->gradient;
    const float pull = commitment(p), *lengths = p->piece[VAEI_CODEBOOKS_LENGTH];
    const float *x = p->x + row * s->W, *q = p->value + row * s->W;
    for (int64_t at = 0; at < s->W; at += s->D) pass_choice(p->k, way, s->D, x + at, q + at, g + at, dx + at);
    for (int64_t d = 0; d < s->W; d++) dx[d] += pull * (x[d] - q[d]);
    for (int64_t head = 0; lengths && head < s->stages; head++)
        vaei_unit_backward(p->k, s->D, x + head * s->D, lengths[row * s->stages + head], 1, dx + head * s->D);
}

/* dx += the part of g and of the commitment term that belongs to the vector of this stage. */
static void residual_backward(const vaei_pass *p, const vaei_vectors *v, int64_t row, int64_t stage, const float *g, float *dx) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    const float pull = commitment(p), *x = v->x + row * v->ld, *e = vaei_codebooks_codes(p, stage) + v->code[row * v->stride] * s->D;
    if (c->gradient_of == VAEI_GRADIENT_OF_STAGES) pass_choice(p->k, c->gradient, s->D, x, e, g, dx);
    for (int64_t d = 0; d < s->D; d++) dx[d] += pull * (x[d] - e[d]);
}

static void row_of_residuals(const vaei_pass *p, int64_t row, const float *g, float *dx) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    const float *x = p->x + row * s->D, *lengths = p->piece[VAEI_CODEBOOKS_LENGTH];
    float *one = lengths ? (float *)p->piece[VAEI_CODEBOOKS_STAGE] + row * s->D : NULL;
    if (c->gradient_of == VAEI_GRADIENT_OF_SUM && one) { /* this gradient is that of the vector itself, not of its direction */
        for (int64_t d = 0; d < s->D; d++) one[d] = lengths[row * s->stages] * x[d];
        x = one;
    }
    if (c->gradient_of == VAEI_GRADIENT_OF_SUM) pass_choice(p->k, c->gradient, s->D, x, p->value + row * s->D, g, dx);
    for (int64_t stage = 0; stage < ((const vaei_codebooks_facts *)p->piece[VAEI_CODEBOOKS_FACTS])->active; stage++) {
        const vaei_vectors v = vaei_codebooks_vectors(p, stage);
        if (!one) {
            residual_backward(p, &v, row, stage, g, dx);
            continue;
        }
        memset(one, 0, (size_t)s->D * sizeof *one);
        residual_backward(p, &v, row, stage, g, one);
        vaei_unit_backward(p->k, s->D, v.x + row * v.ld, lengths[row * s->stages + stage], 1, one);
        p->k->add(s->D, one, dx);
    }
}

static void rows_task(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const vaei_codebooks *s = vaei_codebooks_of(p);
    for (int64_t row = begin; row < end; row++) {
        if (s->residual) row_of_residuals(p, row, p->dq + row * s->W, p->dx + row * s->W);
        else row_of_heads(p, row, p->dq + row * s->W, p->dx + row * s->W);
    }
}

/* Computes n_k e_k - (sum of the vectors) for each code of each stage. */
static void codes_backward(const vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const float pull = 2 * ((const vaei_codebooks_conf *)p->q->conf)->scale / (float)p->n;
    for (int64_t stage = 0; stage < ((const vaei_codebooks_facts *)p->piece[VAEI_CODEBOOKS_FACTS])->active; stage++) {
        const vaei_vectors v = vaei_codebooks_vectors(p, stage);
        float *de = p->r->grads + s->codebook->offset + vaei_codebooks_index(s, stage) * s->K * s->D;
        const float *e = vaei_codebooks_codes(p, stage);
        vaei_order_vectors(p->k, p->r->pool, s->K, &v, &p->order);
        for (int64_t i = 0; i < s->K; i++) {
            const float count = (float)(p->order.first[i + 1] - p->order.first[i]);
            for (int64_t d = i * s->D; d < (i + 1) * s->D; d++) de[d] += pull * (count * e[d] - p->order.sum[d]);
        }
    }
}

void vaei_codebooks_backward(vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    memset(p->dx, 0, (size_t)(p->P * s->W) * sizeof *p->dx);
    vaei_terms_gradient(p);
    vaei_pass_rows(p, 1, 4 * s->W * s->stages, rows_task);
    if (c->learn == VAEI_LEARN_GRADIENT && !c->freeze) codes_backward(p);
}
