/* SPDX-License-Identifier: MIT
 * codebank_backward.c - gradients through the choice of codes.
 *
 *     dq = dz project_out                  what the decoder wants of q
 *     dx = dq                              straight: as if q = x + constant
 *     dx = s (dq - 2 (w.dq) w + 2 (v.dq) u)        rotation: as if q = s R x with s = |q| / |x| and the rotation R held constant
 *             u = x / |x|, v = q / |q|, w = (u + v) / |u + v|; |.| at least 1e-6
 *     dx += 2 scale commit / n sum_s (r_s - q_s)            commitment; side by side each stage has its channels
 *     de_k += 2 scale / n sum over the vectors of k (e_k - r_s)        learn=gradient
 *     dh = (dx - (dx.x) x) / |before| project_in            with cosine, through the unit length; residual stages each through its own
 *
 * Residual stages pass the gradient once, from the sum q to x; outer=false passes it at each stage, Q times over, as the
 * vector-quantize-pytorch package does. */
#include <math.h>

#include "nn/ranges.h"
#include "vae/codebank.h"

#define LENGTH_MIN 1e-6

typedef struct job {
    const vaei_latent *q;
    const vaei_run *r;
    const vaei_bank *s;
    vaei_bank_pack pack;
    vaei_bank_rows w;
    vaei_code_order order;
    vaei_terms_room terms;
    float *out, *room, *dx, *outer;
    float *stage; /* [P][D] of one residual stage; cosine only */
    const float *dq;
} job;

/* The scratch; dq (in `room`) and dx stand in it only where they are not dz and dh themselves. */
static void carve(job *j, const vaei_kernels *k, int64_t n, vaei_carve *c) {
    const vaei_bank *s = j->s;
    const int64_t P = vaei_quantizer_count(&s->frame, n, 1), floats = vaei_quantizer_count(&s->frame, n, s->W);
    j->order = vaei_order_carve(P, s->K, s->D, c);
    j->terms = vaei_terms_carve(j->q, P, c);
    j->out = vaei_carve_floats(c, floats);
    if (s->residual && ((const vaei_bank_conf *)j->q->conf)->cosine) j->stage = vaei_carve_floats(c, floats);
    if (!s->frame.projected) return;
    j->room = vaei_carve_floats(c, floats);
    j->dx = vaei_carve_floats(c, floats);
    j->outer = vaei_quantizer_carve_outer(&s->frame, k, P, c);
}

size_t vaei_bank_backward_bytes(const vaei_latent *q, const vaei_kernels *k, int64_t n) {
    job j = { .q = q, .s = q->state };
    vaei_carve c = { NULL, 0 };
    carve(&j, k, n, &c);
    return c.used;
}

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

/* Rows side by side: each head alone. */
static void row_of_heads(const job *j, int64_t row, const float *g, float *dx) {
    const vaei_bank *s = j->s;
    const vaei_bank_conf *c = j->q->conf;
    const float pull = 2 * c->scale * c->commit / (float)j->r->n;
    const float *x = j->w.x + row * s->W, *q = j->out + row * s->W;
    for (int64_t head = 0; head < s->stages; head++)
        pass_choice(j->r->k, c->gradient, s->D, x + head * s->D, q + head * s->D, g + head * s->D, dx + head * s->D);
    for (int64_t d = 0; d < s->W; d++) dx[d] += pull * (x[d] - q[d]);
}

/* dx += what the stage's vector gets of g and of its commitment. */
static void residual_backward(const job *j, int64_t row, int64_t stage, const float *g, float *dx) {
    const vaei_bank *s = j->s;
    const vaei_bank_conf *c = j->q->conf;
    const float pull = 2 * c->scale * c->commit / (float)j->r->n;
    const vaei_vectors v = vaei_bank_vectors(s, &j->w, j->r->n, stage);
    const float *x = v.x + row * v.ld, *e = j->pack.codes + (vaei_bank_book(s, stage) * s->K + v.code[row * v.stride]) * s->D;
    if (!c->outer) pass_choice(j->r->k, c->gradient, s->D, x, e, g, dx);
    for (int64_t d = 0; d < s->D; d++) dx[d] += pull * (x[d] - e[d]);
}

static void row_of_residuals(const job *j, int64_t row, const float *g, float *dx) {
    const vaei_bank *s = j->s;
    const vaei_bank_conf *c = j->q->conf;
    const float *x = j->w.x + row * s->D;
    float *one = j->stage ? j->stage + row * s->D : NULL;
    if (c->outer && one) { /* the vector itself, not its direction */
        for (int64_t d = 0; d < s->D; d++) one[d] = j->w.length[row * s->stages] * x[d];
        x = one;
    }
    if (c->outer) pass_choice(j->r->k, c->gradient, s->D, x, j->out + row * s->D, g, dx);
    for (int64_t stage = 0; stage < j->w.facts->active; stage++) {
        if (!one) {
            residual_backward(j, row, stage, g, dx);
            continue;
        }
        const vaei_vectors v = vaei_bank_vectors(s, &j->w, j->r->n, stage);
        memset(one, 0, (size_t)s->D * sizeof *one);
        residual_backward(j, row, stage, g, one);
        vaei_unit_backward(j->r->k, s->D, v.x + row * v.ld, j->w.length[row * s->stages + stage], 1, one);
        j->r->k->add(s->D, one, dx);
    }
}

static void rows_task(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_bank *s = j->s;
    for (int64_t row = begin; row < end; row++) {
        float *dx = j->dx + row * s->W;
        if (s->residual) {
            row_of_residuals(j, row, j->dq + row * s->W, dx);
            continue;
        }
        row_of_heads(j, row, j->dq + row * s->W, dx);
        for (int64_t head = 0; j->w.length && head < s->stages; head++)
            vaei_unit_backward(j->r->k, s->D, j->w.x + row * s->W + head * s->D, j->w.length[row * s->stages + head], 1, dx + head * s->D);
    }
}

/* n_k e_k - sum of the vectors, for each code of each stage. */
static void codes_backward(const job *j) {
    const vaei_bank *s = j->s;
    const vaei_bank_conf *c = j->q->conf;
    const float pull = 2 * c->scale / (float)j->r->n;
    for (int64_t stage = 0; stage < j->w.facts->active; stage++) {
        const vaei_vectors v = vaei_bank_vectors(s, &j->w, j->r->n, stage);
        const int64_t at = vaei_bank_book(s, stage) * s->K * s->D;
        float *de = j->r->grads + s->codebook->offset + at;
        const float *e = j->pack.codes + at;
        vaei_order_vectors(j->r->k, j->r->pool, s->K, &v, &j->order);
        for (int64_t i = 0; i < s->K; i++) {
            const float count = (float)(j->order.first[i + 1] - j->order.first[i]);
            for (int64_t d = i * s->D; d < (i + 1) * s->D; d++) de[d] += pull * (count * e[d] - j->order.sum[d]);
        }
    }
}

void vaei_bank_backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                        const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *c = q->conf;
    const int64_t P = r->n * s->rows;
    job j = { .q = q, .r = r, .s = s };
    vaei_carve pack = { m->pack, 0 }, cache = { m->cache, 0 }, scratch = { m->scratch, 0 };
    (void)mean, (void)logvar, (void)noise, (void)dkl;
    j.pack = vaei_bank_carve_pack(q, r->k, 1, &pack);
    j.w = vaei_bank_carve_rows(q, r->n, 1, &cache);
    carve(&j, r->k, r->n, &scratch);
    vaei_bank_lookup(q, r, &j.pack, j.w.code, j.out);
    if (s->frame.projected) {
        vaei_linear_backward(&s->frame.out, r, &j.pack.frame.out, P, j.out, dz, j.room, j.outer);
        j.dq = j.room;
    } else {
        j.dq = dz;
        j.dx = dh;
    }
    memset(j.dx, 0, (size_t)(P * s->W) * sizeof *j.dx);
    vaei_terms_gradient(q, r, &j.pack, &j.w, &j.terms, j.dx);
    vaei_parallel_ranges(r->pool, P, 4 * s->W * s->stages, rows_task, &j);
    if (c->learn == VAEI_LEARN_GRADIENT && !c->freeze) codes_backward(&j);
    if (s->frame.projected) vaei_linear_backward(&s->frame.in, r, &j.pack.frame.in, P, h, j.dx, dh, j.outer);
}
