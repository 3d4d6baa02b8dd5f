/* SPDX-License-Identifier: MIT
 * quantizer.c - the frame that all latents of codes share.
 *
 *     rate = n_codes ln K, spread evenly over the D values of kl        log p(z) - log q(z|x) = -rate        q is one choice, p is uniform
 *     perplexity = exp(-sum_k s_k ln s_k), s_k the share of code k
 *
 * lay_out() divides the memory at each point of a pass, first into the frame's pieces and then into the quantizer's. Pack and cache are the
 * same at each point; the scratch is that of the largest point. */
#include "vae/codes/quantizer.h"

#include <math.h>

#define LOGVAR_OF_A_POINT -30.0f

static const vaei_quantizer_ops *ops_of(const vaei_latent *q) {
    return q->ops->quantizer;
}

vae_status_t vaei_quantizer_widths(const vaei_latent *q, vaei_quantizer *s, const vaei_node *node, int64_t dim, int64_t parts) {
    if (dim == 0 && s->C % parts != 0)
        return vaei_fail(VAE_E_SHAPE, "line %d, column %d: latent %s: heads do not divide the channels: give dim (%lld and %lld)",
                         (int)node->line, (int)node->column, q->ops->module.name, (long long)parts, (long long)s->C);
    s->W = dim > 0 ? parts * dim : s->C;
    return VAE_OK;
}

vae_status_t vaei_quantizer_plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z) {
    const vaei_quantizer_conf *c = q->conf;
    vaei_quantizer *s = vaei_arena_alloc(b->arena, sizeof *s);
    if (!s) return VAE_E_NOMEM;
    s->C = h->d[h->n - 1];
    s->rows = vaei_shape_size(h) / s->C;
    s->heads = c->heads > 0 ? c->heads : 1;
    s->codebooks = s->sets = 1;
    q->state = s;
    q->n_params = 0;
    q->raw = c->decode;
    VAEI_TRY(ops_of(q)->plan(q, s, b, node));
    q->n_codes = s->rows * s->heads;
    q->codebook_size = s->K;
    s->D = s->W / s->heads;
    *z = *h;
    if (s->V > 0) z->d[z->n - 1] = s->V;
    else s->V = s->W;
    if (s->in.weight || s->W == s->C) return VAE_OK;
    VAEI_TRY(vaei_linear_declare(&s->in, b, "latent.project_in", s->C, s->W));
    return vaei_linear_declare(&s->out, b, "latent.project_out", s->V, s->C);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

int64_t vaei_quantizer_count(const vaei_quantizer *s, int64_t n, int64_t size) {
    const int64_t P = vaei_count_of(n, s->rows);
    return P < 0 || P >= INT32_MAX ? -1 : vaei_count_of(P, size);
}

static void lay_out_gradients(vaei_pass *p) {
    const vaei_quantizer *s = p->s;
    vaei_carve *c = &p->rest.scratch;
    const int32_t stays = s->flags & VAEI_VALUES_STAY;
    if (s->out.weight || stays) p->value = vaei_carve_floats(c, vaei_quantizer_count(s, p->n, s->V));
    if (s->out.weight) p->dq = p->dq_workspace = vaei_carve_floats(c, vaei_quantizer_count(s, p->n, s->V));
    if (!p->code) p->code = (int32_t *)(void *)p->dq_workspace; /* the memory of value, which is written before dq */
    if (!s->in.weight) return;
    if (s->out.weight && !stays) p->dx = p->value; /* value is read for the last time when dq is computed */
    else p->dx = vaei_carve_floats(c, vaei_quantizer_count(s, p->n, s->W));
}

static vaei_pass lay_out(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, int32_t at, vaei_memory memory) {
    const vaei_quantizer *s = q->state;
    vaei_pass p = {.q = q, .s = s, .k = k, .n = n, .training = training, .at = at, .rest = memory};
    vaei_carve *kept = training ? &p.rest.cache : &p.rest.scratch;
    const int32_t stays = training && s->flags & VAEI_CODES_STAY;
    p.P = vaei_quantizer_count(s, n, 1);
    if (s->in.weight) p.in = vaei_linear_carve(&s->in, k, training, &p.rest.pack);
    if (s->out.weight) p.out = vaei_linear_carve(&s->out, k, training, &p.rest.pack);
    if (training || s->in.weight || s->flags & VAEI_ROWS_CHANGE)
        p.x = p.rows = vaei_carve_floats(kept, vaei_quantizer_count(s, n, s->W * (training ? s->sets : 1)));
    if (stays || at == VAEI_AT_FORWARD)
        p.code = vaei_carve_array(stays ? kept : &p.rest.scratch, vaei_quantizer_count(s, n, s->heads), sizeof *p.code);
    if (training) p.used = vaei_carve_array(kept, vaei_count_of(s->codebooks, s->K), sizeof *p.used);
    if (training && (ops_of(q)->aux || ops_of(q)->values_of)) p.error = vaei_carve_array(kept, n, sizeof *p.error);
    if (at == VAEI_AT_BACKWARD) lay_out_gradients(&p);
    else if (s->out.weight) p.value = training ? vaei_carve_floats(&p.rest.scratch, vaei_quantizer_count(s, n, s->V)) : p.rows;
    p.own = p.rest.scratch;
    if (ops_of(q)->carve) ops_of(q)->carve(&p);
    return p;
}

/* Places the workspace of a projection's gradient over the quantizer's own pieces, because they are not used at the same time. */
static float *carve_outer(const vaei_pass *p, const vaei_linear_map *m, vaei_carve *c) {
    *c = p->own;
    return m->weight ? vaei_carve_floats(c, p->P < 0 ? -1 : vaei_outer_scratch(p->k, m->out, m->in, p->P)) : NULL;
}

static void raise_to(vaei_carve *most, const vaei_carve *c) {
    if (c->used > most->used) most->used = c->used;
}

/* Finds the maximum over all kinds of passes. A pass divides its memory by the same lay_out(). */
void vaei_quantizer_layout(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    VAEI_ASSERT(!pieces);
    (void)pieces;
    for (int32_t at = VAEI_AT_FORWARD; at <= (training ? VAEI_AT_LEARN : VAEI_AT_FORWARD); at++) {
        const vaei_pass p = lay_out(q, k, n, training, at, (vaei_memory){.pack = {NULL, 0}});
        vaei_carve in = p.own, out = p.own;
        if (at == VAEI_AT_BACKWARD) {
            (void)carve_outer(&p, &p.s->in, &in);
            (void)carve_outer(&p, &p.s->out, &out);
        }
        raise_to(&m->pack, &p.rest.pack);
        raise_to(&m->cache, &p.rest.cache);
        raise_to(&m->scratch, &p.rest.scratch);
        raise_to(&m->scratch, &in);
        raise_to(&m->scratch, &out);
    }
}

static vaei_pass open_pass(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, int32_t at) {
    vaei_pass p = lay_out(q, r->k, r->n, r->training, at, vaei_slot_memory(m));
    p.r = r;
    return p;
}

void vaei_quantizer_pack(const vaei_latent *q, const vaei_run *r, void *pack) {
    const vaei_slot m = {.pack = pack};
    vaei_pass p = open_pass(q, r, &m, VAEI_AT_FORWARD);
    if (p.s->in.weight) vaei_linear_fill(&p.s->in, r, &p.in);
    if (p.s->out.weight) vaei_linear_fill(&p.s->out, r, &p.out);
    if (ops_of(q)->pack) ops_of(q)->pack(&p);
}

/* ---- one vector at a time ---------------------------------------------------------------------------------------- */

static void codes_of_range(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    for (int64_t i = begin; i < end; i++) p->code[i] = ops_of(p->q)->code_of(p, p->x + i * p->s->D);
}

void vaei_each_choose(vaei_pass *p) {
    vaei_pass_rows(p, p->s->heads, p->s->D, codes_of_range);
}

void vaei_each_value(vaei_pass *p) {
    for (int64_t i = 0; i < p->P * p->s->heads; i++) ops_of(p->q)->values_of(p, p->code[i], p->value + i * p->s->D);
}

static void each_error(vaei_pass *p) {
    float (*const unrounded)(const vaei_pass *, int64_t, float) = ops_of(p->q)->unrounded;
    const int64_t D = p->s->D, vectors = p->s->rows * p->s->heads;
    float values[VAEI_EACH_VALUES];
    VAEI_ASSERT(D <= VAEI_EACH_VALUES);
    for (int64_t i = 0; i < p->n; i++) {
        double sum = 0;
        for (int64_t v = i * vectors; v < (i + 1) * vectors; v++) {
            const float *const x = p->x + v * D;
            ops_of(p->q)->values_of(p, ops_of(p->q)->code_of(p, x), values);
            for (int64_t d = 0; d < D; d++) {
                const double error = (double)((unrounded ? unrounded(p, d, x[d]) : x[d]) - values[d]);
                sum += error * error;
            }
        }
        p->error[i] = sum;
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

void vaei_pass_enter(vaei_pass *p, const float *h) {
    if (p->s->in.weight) vaei_linear_forward(&p->s->in, p->r, &p->in, p->P, h, p->rows);
    else if (p->rows) memcpy(p->rows, h, (size_t)(p->P * p->s->W) * sizeof *p->rows);
    else p->x = h;
    if (ops_of(p->q)->shape) ops_of(p->q)->shape(p);
}

void vaei_pass_look_up(vaei_pass *p, const float *e) {
    const int64_t D = p->s->V / p->s->heads;
    for (int64_t i = 0; i < p->P * p->s->heads; i++) memcpy(p->value + i * D, e + p->code[i] * D, (size_t)D * sizeof *e);
}

static void leave(vaei_pass *p, float *z) {
    if (!p->s->out.weight) p->value = z;
    ops_of(p->q)->value(p);
    if (p->s->out.weight) vaei_linear_forward(&p->s->out, p->r, &p->out, p->P, p->value, z);
}

static void choose(vaei_pass *p) {
    const vaei_quantizer *s = p->s;
    ops_of(p->q)->choose(p);
    if (!p->training) return;
    memset(p->used, 0, (size_t)(s->codebooks * s->K) * sizeof *p->used);
    for (int64_t i = 0; i < p->P * s->heads; i++) /* there is a codebook for each head, or one for all heads */
        if (p->code[i] >= 0) p->used[i % s->heads % s->codebooks * s->K + p->code[i]]++;
}

void vaei_quantizer_encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar) {
    const int64_t count = r->n * vaei_shape_size(&q->z);
    vaei_pass p = open_pass(q, r, m, VAEI_AT_FORWARD);
    if (!(p.s->flags & VAEI_CODES_DRAWN)) {
        memcpy(mean, h, (size_t)count * sizeof *mean);
    } else {
        vaei_pass_enter(&p, h);
        memset(mean, 0, (size_t)count * sizeof *mean); /* in training no values exist before the draw */
        if (!r->training) choose(&p), leave(&p, mean);
    }
    for (int64_t i = 0; logvar && i < count; i++) logvar[i] = LOGVAR_OF_A_POINT;
}

/* Writes kl[n][D] and log_ratio[n], either of which may be NULL. */
static void even_rate(const vaei_latent *q, int64_t n, float *kl, double *log_ratio) {
    const int64_t size = vaei_shape_size(&q->z);
    const double rate = (double)q->n_codes * log((double)q->codebook_size);
    for (int64_t i = 0; kl && i < n * size; i++) kl[i] = (float)(rate / (double)size);
    for (int64_t i = 0; log_ratio && i < n; i++) log_ratio[i] = -rate;
}

void vaei_quantizer_draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                         const float *noise, float *z, float *kl, double *log_ratio) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_FORWARD);
    const int32_t drawn = p.s->flags & VAEI_CODES_DRAWN;
    (void)logvar, (void)noise;
    if (drawn && !r->training) {
        memcpy(z, mean, (size_t)(r->n * vaei_shape_size(&q->z)) * sizeof *z);
    } else {
        p.kl = kl;
        if (!drawn) vaei_pass_enter(&p, mean);
        choose(&p);
        leave(&p, z);
    }
    if (!drawn || !r->training) even_rate(q, r->n, kl, log_ratio);
}

void vaei_quantizer_encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_FORWARD);
    p.code = codes;
    vaei_pass_enter(&p, h);
    choose(&p);
}

void vaei_quantizer_decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_FORWARD);
    memcpy(p.code, codes, (size_t)(p.P * p.s->heads) * sizeof *codes);
    leave(&p, z);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

vae_status_t vaei_quantizer_prepare(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_START);
    return ops_of(q)->start ? ops_of(q)->start(&p, h) : VAE_OK;
}

void vaei_quantizer_loss(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_AUX);
    if (ops_of(q)->values_of) each_error(&p);
    if (ops_of(q)->aux) ops_of(q)->aux(&p, aux);
}

void vaei_quantizer_backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                             const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_BACKWARD);
    vaei_carve workspace;
    (void)mean, (void)logvar, (void)noise;
    p.dkl = dkl;
    if (p.value && !(p.s->flags & VAEI_CODES_STAY)) ops_of(q)->choose(&p);
    if (p.value) ops_of(q)->value(&p);
    if (p.s->out.weight) {
        vaei_linear_backward(&p.s->out, r, &p.out, p.P, p.value, dz, p.dq_workspace, carve_outer(&p, &p.s->out, &workspace));
        VAEI_ZONES_END(p.own.base + p.own.used, workspace.used - p.own.used); /* the quantizer's pieces follow */
    } else {
        p.dq = dz;
    }
    if (!p.s->in.weight) p.dx = dh;
    ops_of(q)->backward(&p);
    if (p.s->in.weight) vaei_linear_backward(&p.s->in, r, &p.in, p.P, h, p.dx, dh, carve_outer(&p, &p.s->in, &workspace));
}

void vaei_quantizer_commit(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, float *params) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_LEARN);
    if (ops_of(q)->learn) ops_of(q)->learn(&p, params);
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

/* The perplexity, the used share and the unused codes of one codebook; returns 0 if no vector chose from it. */
static int32_t usage(int64_t K, const int32_t *used, vaei_code_stats *stats) {
    double total = 0, entropy = 0;
    int64_t chosen = 0;
    for (int64_t i = 0; i < K; i++) total += used[i];
    for (int64_t i = 0; i < K; i++) {
        if (!used[i]) continue;
        entropy -= used[i] / total * log(used[i] / total);
        chosen++;
    }
    *stats = (vaei_code_stats){.perplexity = exp(entropy), .used = (double)chosen / (double)K, .dead = (double)(K - chosen)};
    return chosen > 0;
}

void vaei_quantizer_measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats) {
    vaei_pass p = open_pass(q, r, m, VAEI_AT_LEARN);
    const vaei_quantizer *s = p.s;
    double codebooks = 0;
    *stats = (vaei_code_stats){0, 0, 0, 0};
    for (int64_t codebook = 0; codebook < s->codebooks; codebook++) {
        vaei_code_stats one;
        if (!usage(s->K, p.used + codebook * s->K, &one)) continue;
        codebooks++;
        stats->perplexity += one.perplexity;
        stats->used += one.used;
        stats->dead += ops_of(q)->dead ? (double)ops_of(q)->dead(&p, codebook) : one.dead;
    }
    if (codebooks > 0) stats->perplexity /= codebooks, stats->used /= codebooks;
    for (int64_t i = 0; p.error && i < r->n; i++) stats->error += p.error[i] / ((double)r->n * (double)(s->rows * s->W));
}
