/* SPDX-License-Identifier: MIT
 * codebank.c - latents of codebooks: parameters, memory, and the forward pass.
 *
 *     latent.codebook [K, D] or [books, K, D]        latent.project_in, latent.project_out    where C is not W
 *     latent.ema_count, latent.ema_sum, latent.batches [books]    not trained: moving averages, and how many
 *                                                        batches they have taken in
 *
 * Forward: project, find codes stage by stage, look them up, project back. In training the vectors and their codes stay in the cache for
 * backward and commit. A k-means start is made on the first batch (batches 0) in the pack, where this pass sees it, and becomes parameters
 * when the pass has proved sound. Each row is worked on alone: neither threads nor the batch show. Learning is in codebank_learn.c. */
#include "vae/codebank.h"

#include <math.h>

#include "nn/ranges.h"
#include "vae/kmeans.h"

#define PROBABILITY_MIN 1e-20

/* ---- planning ---------------------------------------------------------------------------------------------------- */

static const vaei_param *declare(vaei_latent *q, vaei_build *b, const char *name, int32_t ndim, const int64_t *shape, int32_t flags,
                                 vaei_init init) {
    vaei_param *p = vaei_build_param(b, "latent", name, ndim, shape, flags, init);
    if (p) q->param[q->n_params++] = p;
    return p;
}

/* The codebook comes first: it is what other programs look for. */
static vae_status_t declare_books(vaei_latent *q, vaei_build *b, vaei_bank *s) {
    const vaei_bank_conf *c = q->conf;
    const int64_t shape[3] = { s->books, s->K, s->D };
    const int32_t skip = s->books == 1, averaged = c->learn == VAEI_LEARN_EMA;
    const int32_t flags = averaged || c->freeze ? 0 : VAEI_PARAM_TRAINED;
    const vaei_init box = { .kind = VAEI_INIT_XAVIER, .fan_in = s->D, .fan_out = s->D }; /* +- sqrt(3 / D) */
    const vaei_init zeros = { .kind = VAEI_INIT_ZEROS };
    const vaei_init ones = { .kind = VAEI_INIT_CONSTANT, .value = c->debias ? 0.0f : 1.0f };
    if (!(s->codebook = declare(q, b, "codebook", 3 - skip, shape + skip, flags, box))) return VAE_E_NOMEM;
    if (averaged || c->revive > 0)
        if (!(s->count = declare(q, b, "ema_count", 2 - skip, shape + skip, 0, ones))) return VAE_E_NOMEM;
    if (averaged)
        if (!(s->sum = declare(q, b, "ema_sum", 3 - skip, shape + skip, 0, zeros))) return VAE_E_NOMEM;
    if (s->count || c->start == VAEI_START_KMEANS)
        if (!(s->batches = declare(q, b, "batches", 1, shape, 0, zeros))) return VAE_E_NOMEM;
    return VAE_OK;
}

static vae_status_t fail_at(const vaei_latent *q, const vaei_node *node, vae_status_t status, const char *what, int64_t got,
                            int64_t wanted) {
    return vaei_fail(status, "line %d, column %d: latent %s: %s (%lld and %lld)", (int)node->line, (int)node->column,
                     q->ops->module.name, what, (long long)got, (long long)wanted);
}

vae_status_t vaei_bank_plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z, int32_t residual) {
    const vaei_bank_conf *c = q->conf;
    vaei_bank *s = vaei_arena_alloc(b->arena, sizeof *s);
    if (!s) return VAE_E_NOMEM;
    s->residual = residual;
    s->stages = residual ? c->quantizers : c->heads;
    s->books = residual && c->shared ? 1 : s->stages;
    s->K = c->codes;
    vaei_quantizer_measure(&s->frame, q, h, z, s->stages, s->K);
    s->rows = s->frame.rows;
    const int64_t C = s->frame.C, parts = residual ? 1 : s->stages;
    if (c->dim == 0 && C % parts != 0)
        return fail_at(q, node, VAE_E_SHAPE, "heads do not divide the channels: give dim", s->stages, C);
    s->D = c->dim > 0 ? c->dim : C / parts;
    s->W = parts * s->D;
    if (c->cosine && c->learn != VAEI_LEARN_EMA)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent %s: cosine=true wants learn=ema", (int)node->line, (int)node->column,
                         q->ops->module.name);
    if (c->orthogonal > 0 && (c->learn != VAEI_LEARN_GRADIENT || c->freeze))
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent %s: orthogonal acts on codes with learn=gradient", (int)node->line,
                         (int)node->column, q->ops->module.name);
    if (residual && c->dropout && c->keep > s->stages)
        return fail_at(q, node, VAE_E_SPEC, "keep is more than there are quantizers", c->keep, s->stages);
    q->state = s;
    q->raw = c->decode == VAEI_DECODE_RAW;
    VAEI_TRY(declare_books(q, b, s));
    return vaei_quantizer_project(&s->frame, b, s->W);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static int64_t rows_of(const vaei_bank *s, int64_t n) {
    return vaei_quantizer_count(&s->frame, n, 1);
}

static int64_t times(int64_t a, int64_t b) {
    return a < 0 ? -1 : vaei_count_of(a, b);
}

vaei_bank_pack vaei_bank_carve_pack(const vaei_latent *q, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    const vaei_bank *s = q->state;
    vaei_bank_pack p;
    p.frame = vaei_quantizer_carve_pack(&s->frame, k, training, c);
    p.codes = vaei_carve_floats(c, times(s->books, s->K * s->D));
    p.panels = vaei_carve_floats(c, times(vaei_nearest_floats(k, s->K, s->D), s->books));
    return p;
}

vaei_bank_rows vaei_bank_carve_rows(const vaei_latent *q, int64_t n, int32_t training, vaei_carve *c) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *conf = q->conf;
    const int64_t P = rows_of(s, n), kept = s->residual && training ? s->stages : 1;
    vaei_bank_rows w = { NULL, NULL, NULL, NULL, NULL, NULL, NULL };
    w.x = vaei_carve_floats(c, times(P, kept * s->W));
    w.code = vaei_carve_array(c, times(P, s->stages), sizeof *w.code);
    if (conf->cosine && (training || s->residual)) w.length = vaei_carve_floats(c, times(P, s->stages));
    if (!training) return w;
    w.used = vaei_carve_array(c, times(s->books, s->K), sizeof *w.used);
    w.error = vaei_carve_array(c, n, sizeof *w.error);
    if (conf->start == VAEI_START_KMEANS) w.count = vaei_carve_floats(c, times(s->books, s->K));
    w.facts = vaei_carve_bytes(c, sizeof *w.facts);
    return w;
}

vaei_vectors vaei_bank_vectors(const vaei_bank *s, const vaei_bank_rows *w, int64_t n, int64_t stage) {
    const int64_t P = n * s->rows;
    return (vaei_vectors){ P, s->D, s->W, s->stages, w->x + (s->residual ? stage * P * s->D : stage * s->D), w->code + stage };
}

static float *panels_of(const vaei_bank *s, const vaei_kernels *k, const vaei_bank_pack *p, int64_t book) {
    return p->panels + book * vaei_nearest_floats(k, s->K, s->D);
}

static int32_t measure_by(const vaei_latent *q) {
    return ((const vaei_bank_conf *)q->conf)->cosine ? VAEI_NEAREST_PRODUCT : VAEI_NEAREST_DISTANCE;
}

void vaei_bank_fill(const vaei_latent *q, const vaei_run *r, void *memory) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *conf = q->conf;
    vaei_carve c = { memory, 0 };
    const vaei_bank_pack p = vaei_bank_carve_pack(q, r->k, r->training, &c);
    vaei_quantizer_fill(&s->frame, r, &p.frame);
    memcpy(p.codes, r->params + s->codebook->offset, (size_t)(s->books * s->K * s->D) * sizeof *p.codes);
    for (int64_t i = 0; conf->cosine && i < s->books * s->K; i++) (void)vaei_unit_row(r->k, s->D, p.codes + i * s->D);
    for (int64_t i = 0; i < s->books; i++)
        vaei_nearest_pack(r->k, s->K, s->D, p.codes + i * s->K * s->D, measure_by(q), panels_of(s, r->k, &p, i));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* What a pass works on: the pack, the vectors, and q[P][W] where it is not z itself. */
typedef struct pass {
    const vaei_latent *q;
    const vaei_run *r;
    const vaei_bank *s;
    vaei_bank_pack pack;
    vaei_bank_rows w;
    float *out;
    const float *x; /* the first stage's vectors */
    int64_t stage;
} pass;

static pass open_pass(const vaei_latent *q, const vaei_run *r, const vaei_slot *m) {
    pass p = { .q = q, .r = r, .s = q->state };
    vaei_carve pack = { m->pack, 0 }, cache = { m->cache, 0 }, scratch = { m->scratch, 0 };
    p.pack = vaei_bank_carve_pack(q, r->k, r->training, &pack);
    p.w = vaei_bank_carve_rows(q, r->n, r->training, r->training ? &cache : &scratch);
    p.out = vaei_carve_floats(&scratch, r->n * p.s->rows * p.s->W);
    return p;
}

/* One vector of a stage becomes its direction. */
static void unit_vector(const pass *p, int64_t stage, int64_t row, float *x) {
    const float length = vaei_unit_row(p->r->k, p->s->D, x);
    if (p->w.length) p->w.length[row * p->s->stages + stage] = length;
}

/* The vectors that are there from the start: those of all stages side by side, or of the first. */
static void unit_rows(void *arg, int64_t begin, int64_t end) {
    const pass *p = arg;
    const int64_t stages = p->s->residual ? 1 : p->s->stages;
    for (int64_t row = begin; row < end; row++)
        for (int64_t stage = 0; stage < stages; stage++)
            unit_vector(p, stage, row, p->w.x + row * p->s->W + stage * p->s->D);
}

/* x from the latent's mean; the mean itself where nothing would change it and nobody needs it later. */
static void enter(pass *p, const float *mean) {
    const vaei_bank *s = p->s;
    const int64_t P = p->r->n * s->rows;
    const int32_t cosine = ((const vaei_bank_conf *)p->q->conf)->cosine;
    const int32_t kept = s->frame.projected || p->r->training || cosine || s->residual;
    p->x = kept ? p->w.x : mean;
    if (kept) vaei_quantizer_enter(&s->frame, p->r, &p->pack.frame, mean, p->w.x);
    if (cosine) vaei_parallel_ranges(p->r->pool, P, s->W, unit_rows, p);
}

static vaei_vectors vectors_of(const pass *p, int64_t stage) {
    if (p->r->training) return vaei_bank_vectors(p->s, &p->w, p->r->n, stage);
    return (vaei_vectors){ p->r->n * p->s->rows, p->s->D, p->s->W, p->s->stages, p->x + (p->s->residual ? 0 : stage * p->s->D),
                           p->w.code + stage };
}

static const float *code_at(const pass *p, int64_t stage, int32_t code) {
    return p->pack.codes + (vaei_bank_book(p->s, stage) * p->s->K + code) * p->s->D;
}

/* One row's code drawn from softmax(-distance / temperature): the largest of logits / temperature + Gumbel noise. */
static void draw_row(const pass *p, const vaei_vectors *v, int64_t row) {
    enum { BLOCK = 512 };
    const vaei_bank *s = p->s;
    const vaei_bank_conf *c = p->q->conf;
    const vaei_noise_key key = { p->r->noise.seed, p->r->noise.step, VAEI_STREAM_GUMBEL };
    const uint32_t item = p->r->first_item + (uint32_t)(row / s->rows);
    const uint32_t first = (uint32_t)((row % s->rows * s->stages + p->stage) * ((s->K + 3) / 4));
    const float *x = v->x + row * v->ld;
    double best = -HUGE_VAL;
    uint32_t bits[BLOCK];
    for (int64_t k0 = 0; k0 < s->K; k0 += BLOCK) {
        const int64_t count = s->K - k0 < BLOCK ? s->K - k0 : BLOCK;
        vaei_philox(key, item, first + (uint32_t)(k0 / 4), (count + 3) / 4, bits);
        for (int64_t k = 0; k < count; k++) {
            const float *e = code_at(p, p->stage, (int32_t)(k0 + k));
            const double logit = c->cosine ? p->r->k->dot(s->D, x, e) : -sqrt(p->r->k->sum_squared_difference(s->D, x, e));
            const double u = ((double)bits[k] + 0.5) * 0x1p-32, value = logit / (double)c->temperature - log(-log(u) + PROBABILITY_MIN);
            if (value > best) {
                best = value;
                v->code[row * v->stride] = (int32_t)(k0 + k);
            }
        }
    }
}

static void draw_rows(void *arg, int64_t begin, int64_t end) {
    const pass *p = arg;
    const vaei_vectors v = vectors_of(p, p->stage);
    for (int64_t row = begin; row < end; row++) {
        v.code[row * v.stride] = 0;
        draw_row(p, &v, row);
    }
}

static void subtract_rows(void *arg, int64_t begin, int64_t end) {
    const pass *p = arg;
    const vaei_bank *s = p->s;
    const vaei_vectors v = vectors_of(p, p->stage);
    float *rest = p->r->training ? p->w.x + (p->stage + 1) * v.P * s->D : p->w.x;
    for (int64_t row = begin; row < end; row++) {
        const float *x = v.x + row * v.ld, *e = code_at(p, p->stage, v.code[row * v.stride]);
        const float length = p->w.length ? p->w.length[row * s->stages + p->stage] : 1;
        for (int64_t d = 0; d < s->D; d++) rest[row * s->D + d] = length * x[d] - e[d];
        if (p->w.length) unit_vector(p, p->stage + 1, row, rest + row * s->D);
    }
}

static void find_codes(pass *p, int64_t stage) {
    const vaei_bank *s = p->s;
    const vaei_bank_conf *c = p->q->conf;
    const vaei_vectors v = vectors_of(p, stage);
    p->stage = stage;
    if (p->r->training && c->temperature > 0) vaei_parallel_ranges(p->r->pool, v.P, s->K * (s->D + 32), draw_rows, p);
    else
        vaei_nearest(p->r->k, p->r->pool, v.P, s->D, v.x, v.ld, s->K, panels_of(s, p->r->k, &p->pack, vaei_bank_book(s, stage)), v.code,
                     v.stride);
    if (s->residual && stage + 1 < s->stages) vaei_parallel_ranges(p->r->pool, v.P, s->D, subtract_rows, p);
}

/* How many stages take part in this step of training. */
static int32_t active_stages(const pass *p) {
    const vaei_bank_conf *c = p->q->conf;
    const vaei_noise_key key = { p->r->noise.seed, p->r->noise.step, VAEI_STREAM_STAGES };
    uint32_t bits[4];
    if (!p->r->training || !c->dropout) return (int32_t)p->s->stages;
    vaei_philox(key, p->r->first_item, 0, 1, bits);
    return (int32_t)(c->keep + (int64_t)(((uint64_t)bits[0] * (uint64_t)(p->s->stages - c->keep + 1)) >> 32));
}

static void quantize(pass *p) {
    const vaei_bank *s = p->s;
    const int64_t P = p->r->n * s->rows;
    const int32_t active = active_stages(p);
    for (int64_t stage = 0; stage < active; stage++) find_codes(p, stage);
    for (int64_t row = 0; active < s->stages && row < P; row++)
        for (int64_t stage = active; stage < s->stages; stage++) p->w.code[row * s->stages + stage] = -1;
    if (!p->r->training) return;
    p->w.facts->active = active;
    memset(p->w.used, 0, (size_t)(s->books * s->K) * sizeof *p->w.used);
    for (int64_t row = 0; row < P; row++)
        for (int64_t stage = 0; stage < active; stage++)
            p->w.used[vaei_bank_book(s, stage) * s->K + p->w.code[row * s->stages + stage]]++;
}

typedef struct lookup {
    const vaei_bank *s;
    const float *codes;
    const int32_t *code;
    float *out;
} lookup;

static void lookup_rows(void *arg, int64_t begin, int64_t end) {
    const lookup *j = arg;
    const vaei_bank *s = j->s;
    for (int64_t row = begin; row < end; row++) {
        float *out = j->out + row * s->W;
        memset(out, 0, (size_t)s->W * sizeof *out);
        for (int64_t stage = 0; stage < s->stages; stage++) {
            const int32_t code = j->code[row * s->stages + stage];
            if (code < 0) continue;
            const float *e = j->codes + (vaei_bank_book(s, stage) * s->K + code) * s->D;
            float *to = s->residual ? out : out + stage * s->D;
            for (int64_t d = 0; d < s->D; d++) to[d] += e[d];
        }
    }
}

void vaei_bank_lookup(const vaei_latent *q, const vaei_run *r, const vaei_bank_pack *p, const int32_t *code, float *out) {
    const vaei_bank *s = q->state;
    lookup j = { s, p->codes, code, out };
    vaei_parallel_ranges(r->pool, r->n * s->rows, s->W * (s->residual ? s->stages : 1), lookup_rows, &j);
}

static void leave(const pass *p, const int32_t *code, float *z) {
    float *out = p->s->frame.projected ? p->out : z;
    vaei_bank_lookup(p->q, p->r, &p->pack, code, out);
    if (p->s->frame.projected) vaei_quantizer_leave(&p->s->frame, p->r, &p->pack.frame, out, z);
}

void vaei_bank_draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                    const float *noise, float *z, float *kl, double *log_ratio) {
    pass p = open_pass(q, r, m);
    (void)logvar;
    (void)noise;
    enter(&p, mean);
    quantize(&p);
    leave(&p, p.w.code, z);
    vaei_quantizer_rate(q, r->n, kl, log_ratio);
}

void vaei_bank_encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes) {
    pass p = open_pass(q, r, m);
    p.w.code = codes;
    enter(&p, h);
    quantize(&p);
}

void vaei_bank_decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z) {
    const pass p = open_pass(q, r, m);
    leave(&p, codes, z);
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

static void start_book(pass *p, const vaei_slot *m, int64_t stage) {
    const vaei_bank *s = p->s;
    const int64_t book = vaei_bank_book(s, stage);
    const vaei_vectors v = vectors_of(p, stage);
    const vaei_noise_key key = { p->r->noise.seed, p->r->noise.step, VAEI_STREAM_KMEANS };
    float *count = p->w.count + book * s->K;
    vaei_carve scratch = { m->scratch, 0 };
    const vaei_kmeans_room room = vaei_kmeans_carve(v.P, s->K, s->D, &scratch);
    vaei_kmeans(p->r->k, p->r->pool, key, (uint32_t)book, s->K, &v, ((const vaei_bank_conf *)p->q->conf)->cosine, &room,
                panels_of(s, p->r->k, &p->pack, book), p->pack.codes + book * s->K * s->D);
    memset(count, 0, (size_t)s->K * sizeof *count);
    for (int64_t row = 0; row < v.P; row++) count[v.code[row * v.stride]]++;
}

vae_status_t vaei_bank_prepare(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *c = q->conf;
    const int64_t P = r->n * s->rows;
    pass p = open_pass(q, r, m);
    *p.w.facts = (vaei_bank_facts){ 0, 0 };
    if (c->start != VAEI_START_KMEANS || c->freeze || r->params[s->batches->offset] > 0) return VAE_OK;
    if (P < s->K)
        return vaei_fail(VAE_E_ARG, "latent %s: %lld examples give %lld vectors, the k-means start of %lld codes wants as many or more",
                         q->ops->module.name, (long long)r->n, (long long)P, (long long)s->K);
    if (!r->k->all_finite(P * s->frame.C, h))
        return vaei_fail(VAE_E_NUMERIC, "latent %s: what the encoder gives is not finite", q->ops->module.name);
    enter(&p, h);
    for (int64_t stage = 0; stage < s->stages; stage++) {
        p.stage = stage;
        if (stage < s->books) start_book(&p, m, stage);
        if (s->residual && stage + 1 < s->books) vaei_parallel_ranges(r->pool, P, s->D, subtract_rows, &p);
    }
    p.w.facts->started = 1;
    return VAE_OK;
}

/* ---- scratch: the largest of what the calls want ------------------------------------------------------------------ */

void vaei_bank_need(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *out) {
    const vaei_bank *s = q->state;
    const int64_t P = rows_of(s, n);
    vaei_carve pack = { NULL, 0 }, cache = { NULL, 0 }, forward = { NULL, 0 }, start = { NULL, 0 };
    (void)vaei_bank_carve_pack(q, k, training, &pack);
    (void)vaei_bank_carve_rows(q, n, training, training ? &cache : &forward);
    (void)vaei_carve_floats(&forward, times(P, s->W));
    size_t scratch = forward.used;
    if (training) {
        if (((const vaei_bank_conf *)q->conf)->start == VAEI_START_KMEANS) (void)vaei_kmeans_carve(P, s->K, s->D, &start);
        else (void)vaei_order_carve(P, s->K, s->D, &start);
        const size_t backward = vaei_bank_backward_bytes(q, k, n);
        if (start.used > scratch) scratch = start.used;
        if (backward > scratch) scratch = backward;
    }
    *out = (vaei_need){ .pack = pack.used, .cache = cache.used, .scratch = scratch };
}
