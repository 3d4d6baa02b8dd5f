/* SPDX-License-Identifier: MIT
 * latent_lfq.c - lookup-free quantization: each value of a code is one bit, the sign.
 *
 *     q_d = size if x_d > 0, else -size        code = sum_d bit_d 2^(D - 1 - d)        dimension 0 is the highest bit (fsq: the lowest)
 *     spherical: x = size x / |x| first, and q = +-size / sqrt(D)        binary spherical quantization
 *     aux = entropy rows sum over heads of (mean H(p_i) - spread H(mean p_i)) + commit sum |x - sg(q)|^2
 *     p_i = softmax_k(2 sharpness x_i . c_k) over all K codes (soft_codes.h)
 *
 * The first term makes each choice certain and all codes used; it is in nats of an example, as the rate is. The gradient passes the sign
 * as it is. K = 2^D codes; positions have `heads` of them.
 *
 * Yu et al. 2023 (arXiv:2310.05737); spherical: Zhao, Xiong, Krahenbuhl 2024 (arXiv:2406.07548). */
#include <math.h>

#include "nn/ranges.h"
#include "vae/codebook.h"
#include "vae/quantizer.h"
#include "vae/soft_codes.h"

typedef struct conf {
    int64_t codes, heads;
    int32_t spherical, decode;
    float size, entropy, spread, sharpness, commit;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, codes, 1024, 2, 65536, "codes, a power of 2"),
    VAEI_OPTION_INT(conf, heads, 1, 1, 1024, "codes of a position"),
    VAEI_OPTION_BOOL(conf, spherical, 0, "vectors and codes lie on a sphere"),
    VAEI_OPTION(conf, size, FLOAT, VAEI_OPT_OPEN_LO, 1, 0, 1e6, "of a value, or the radius of the sphere"),
    VAEI_OPTION_FLOAT(conf, entropy, 0.1, 0, 1e6, "weight of the entropy term"),
    VAEI_OPTION_FLOAT(conf, spread, 1, 0, 1e6, "weight in it of the use of all codes"),
    VAEI_OPTION(conf, sharpness, FLOAT, VAEI_OPT_OPEN_LO, 100, 0, 1e6, "of the soft choice in it"),
    VAEI_OPTION_FLOAT(conf, commit, 0, 0, 1e6, "weight of the commitment of vectors to their codes"),
    VAEI_OPTION_CHOICE(conf, decode, 0, "quantize|raw",
                       "latents outside stand before the codes, and decoding quantizes; or after them"),
    { 0 },
};

typedef struct state {
    vaei_quantizer frame;
    int64_t bits;
    float value; /* of a bit */
} state;

static vae_status_t plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z) {
    const conf *c = q->conf;
    state *s = vaei_arena_alloc(b->arena, sizeof *s);
    if (!s) return VAE_E_NOMEM;
    while ((INT64_C(1) << s->bits) < c->codes) s->bits++;
    if (INT64_C(1) << s->bits != c->codes)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent lfq: codes: %lld, wanted a power of 2", (int)node->line,
                         (int)node->column, (long long)c->codes);
    s->value = c->spherical ? (float)((double)c->size / sqrt((double)s->bits)) : c->size;
    q->state = s;
    q->raw = c->decode;
    vaei_quantizer_measure(&s->frame, q, h, z, c->heads, c->codes);
    return vaei_quantizer_project(&s->frame, b, c->heads * s->bits);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

typedef struct tables {
    vaei_quantizer_pack frame;
    float *codes, *packed; /* all K of them, for the entropy; training only */
} tables;

static tables carve_pack(const vaei_latent *q, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    const state *s = q->state;
    tables t = { .codes = NULL, .packed = NULL };
    t.frame = vaei_quantizer_carve_pack(&s->frame, k, training, c);
    if (!training || !(((const conf *)q->conf)->entropy > 0)) return t;
    t.codes = vaei_carve_floats(c, q->code_size * s->bits);
    t.packed = vaei_carve_floats(c, vaei_nearest_floats(k, q->code_size, s->bits));
    return t;
}

typedef struct rows {
    float *x;      /* [P][W]; spherical: on the sphere */
    float *length; /* [P][heads] before */
    int32_t *used; /* [K] */
    double *error; /* [n] */
} rows;

static rows carve_cache(const vaei_latent *q, int64_t n, vaei_carve *c) {
    const state *s = q->state;
    rows w;
    w.x = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.W));
    w.length = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.heads));
    w.used = vaei_carve_array(c, q->code_size, sizeof *w.used);
    w.error = vaei_carve_array(c, n, sizeof *w.error);
    return w;
}

typedef struct scratch {
    float *x, *code; /* [P][W] */
    float *outer;
    vaei_soft_room soft;
} scratch;

static scratch carve_scratch(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c) {
    const state *s = q->state;
    scratch w = { .outer = NULL };
    const int64_t P = vaei_quantizer_count(&s->frame, n, 1);
    w.x = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.W));
    w.code = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.W));
    if (!training) return w;
    w.outer = vaei_quantizer_carve_outer(&s->frame, k, P, c);
    if (((const conf *)q->conf)->entropy > 0) w.soft = vaei_soft_carve(P, q->code_size, c);
    return w;
}

static void need(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *out) {
    vaei_carve pack = { NULL, 0 }, cache = { NULL, 0 }, room = { NULL, 0 };
    (void)carve_pack(q, k, training, &pack);
    if (training) (void)carve_cache(q, n, &cache);
    (void)carve_scratch(q, k, n, training, &room);
    *out = (vaei_need){ .pack = pack.used, .cache = cache.used, .scratch = room.used };
}

static tables open_pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    vaei_carve c = { memory, 0 };
    return carve_pack(q, r->k, r->training, &c);
}

static float bit_value(const state *s, int64_t code, int64_t d) {
    return (code >> (s->bits - 1 - d)) & 1 ? s->value : -s->value;
}

static void pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    const state *s = q->state;
    const tables t = open_pack(q, r, memory);
    vaei_quantizer_fill(&s->frame, r, &t.frame);
    if (!t.codes) return;
    for (int64_t i = 0; i < q->code_size; i++)
        for (int64_t d = 0; d < s->bits; d++) t.codes[i * s->bits + d] = bit_value(s, i, d);
    vaei_nearest_pack(r->k, q->code_size, s->bits, t.codes, VAEI_NEAREST_PRODUCT, t.packed);
}

/* ---- signs ------------------------------------------------------------------------------------------------------- */

typedef struct job {
    const vaei_latent *q;
    const vaei_run *r;
    float *x, *length; /* length may be NULL */
    double *error, *aux, weight;
} job;

static void onto_sphere(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->q->state;
    for (int64_t i = begin; i < end; i++) {
        const float length = vaei_unit_row(j->r->k, s->bits, j->x + i * s->bits);
        j->r->k->scale(s->bits, ((const conf *)j->q->conf)->size, j->x + i * s->bits);
        if (j->length) j->length[i] = length;
    }
}

static void enter(job *j, const tables *t, const float *h) {
    const state *s = j->q->state;
    vaei_quantizer_enter(&s->frame, j->r, &t->frame, h, j->x);
    if (((const conf *)j->q->conf)->spherical) vaei_parallel_ranges(j->r->pool, j->r->n * j->q->n_codes, s->bits, onto_sphere, j);
}

static void signs(const state *s, int64_t count, const float *x, float *code) {
    for (int64_t i = 0; i < count; i++) code[i] = x[i] > 0 ? s->value : -s->value;
}

static int32_t code_of(const state *s, const float *x) {
    int32_t code = 0;
    for (int64_t d = 0; d < s->bits; d++) code = code * 2 + (x[d] > 0);
    return code;
}

static void draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                 const float *noise, float *z, float *kl, double *log_ratio) {
    const state *s = q->state;
    const tables t = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 }, cache = { m->cache, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, r->training, &room);
    job j = { .q = q, .r = r, .x = w.x };
    (void)logvar, (void)noise;
    if (r->training) {
        const rows kept = carve_cache(q, r->n, &cache);
        j.x = kept.x;
        j.length = kept.length;
        enter(&j, &t, mean);
        memset(kept.used, 0, (size_t)q->code_size * sizeof *kept.used);
        for (int64_t i = 0; i < r->n * q->n_codes; i++) kept.used[code_of(s, j.x + i * s->bits)]++;
    } else {
        enter(&j, &t, mean);
    }
    signs(s, r->n * s->frame.rows * s->frame.W, j.x, w.code);
    vaei_quantizer_leave(&s->frame, r, &t.frame, w.code, z);
    vaei_quantizer_rate(q, r->n, kl, log_ratio);
}

static void encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes) {
    const state *s = q->state;
    const tables t = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 };
    job j = { .q = q, .r = r, .x = carve_scratch(q, r->k, r->n, r->training, &room).x };
    enter(&j, &t, h);
    for (int64_t i = 0; i < r->n * q->n_codes; i++) codes[i] = code_of(s, j.x + i * s->bits);
}

static void decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z) {
    const state *s = q->state;
    const tables t = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, r->training, &room);
    for (int64_t i = 0; i < r->n * q->n_codes; i++)
        for (int64_t d = 0; d < s->bits; d++) w.code[i * s->bits + d] = bit_value(s, codes[i], d);
    vaei_quantizer_leave(&s->frame, r, &t.frame, w.code, z);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static vaei_soft soft_of(const vaei_latent *q, const vaei_run *r, const tables *t, const float *x, int64_t head) {
    const state *s = q->state;
    const conf *c = q->conf;
    return (vaei_soft){ .P = r->n * s->frame.rows, .K = q->code_size, .D = s->bits, .ld = s->frame.W, .x = x + head * s->bits,
                        .codes = t->codes, .packed = t->packed, .by = VAEI_NEAREST_PRODUCT, .sharpness = 2 * c->sharpness,
                        .single = 1, .spread = (double)c->spread };
}

static void distances(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->q->state;
    const int64_t size = s->frame.rows * s->frame.W;
    for (int64_t i = begin; i < end; i++) {
        double sum = 0;
        for (int64_t at = i * size; at < (i + 1) * size; at++) {
            const double d = (double)(j->x[at] - (j->x[at] > 0 ? s->value : -s->value));
            sum += d * d;
        }
        j->error[i] = sum;
        j->aux[i] = j->weight * sum;
    }
}

static void loss(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux) {
    const state *s = q->state;
    const conf *c = q->conf;
    const tables t = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 }, cache = { m->cache, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, 1, &room);
    const rows kept = carve_cache(q, r->n, &cache);
    job j = { .q = q, .r = r, .x = kept.x, .error = kept.error, .aux = aux, .weight = (double)c->commit };
    double entropy = 0;
    vaei_parallel_ranges(r->pool, r->n, s->frame.rows * s->frame.W, distances, &j);
    for (int64_t head = 0; t.codes && head < s->frame.heads; head++) {
        const vaei_soft soft = soft_of(q, r, &t, kept.x, head);
        entropy += vaei_soft_value(&soft, r->k, r->pool, &w.soft);
    }
    for (int64_t i = 0; i < r->n; i++) aux[i] += (double)c->entropy * (double)s->frame.rows * entropy;
}

static void sphere_backward(const vaei_latent *q, const vaei_run *r, const rows *kept, float *dx) {
    const state *s = q->state;
    const float size = ((const conf *)q->conf)->size;
    for (int64_t i = 0; i < r->n * q->n_codes; i++)
        vaei_unit_backward(r->k, s->bits, kept->x + i * s->bits, kept->length[i], size, dx + i * s->bits);
}

static void backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                     const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    const state *s = q->state;
    const conf *c = q->conf;
    const int64_t P = r->n * s->frame.rows, count = P * s->frame.W;
    const tables t = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 }, cache = { m->cache, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, 1, &room);
    const rows kept = carve_cache(q, r->n, &cache);
    const float pull = 2 * c->commit / (float)r->n, weight = c->entropy * (float)s->frame.rows;
    float *dx = s->frame.projected ? w.x : dh;
    (void)mean, (void)logvar, (void)noise, (void)dkl;
    signs(s, count, kept.x, w.code);
    if (s->frame.projected) vaei_linear_backward(&s->frame.out, r, &t.frame.out, P, w.code, dz, dx, w.outer);
    else memcpy(dx, dz, (size_t)count * sizeof *dx);
    for (int64_t i = 0; i < count; i++) dx[i] += pull * (kept.x[i] - w.code[i]);
    for (int64_t head = 0; t.codes && head < s->frame.heads; head++) {
        const vaei_soft soft = soft_of(q, r, &t, kept.x, head);
        (void)vaei_soft_value(&soft, r->k, r->pool, &w.soft);
        vaei_soft_gradient(&soft, r->k, r->pool, &w.soft, weight, dx + head * s->bits);
    }
    if (c->spherical) sphere_backward(q, r, &kept, dx);
    if (s->frame.projected) vaei_linear_backward(&s->frame.in, r, &t.frame.in, P, h, dx, dh, w.outer);
}

static void measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats) {
    const state *s = q->state;
    vaei_carve cache = { m->cache, 0 };
    const rows kept = carve_cache(q, r->n, &cache);
    vaei_quantizer_figures(&s->frame, q, r->n, kept.used, kept.error, stats);
}

const vaei_latent_ops vaei_latent_lfq = {
    .module = { .name = "lfq",
                .summary = "lookup-free quantization: each value of a code is its sign",
                .examples = "lfq codes=8\n"
                            "lfq codes=16 heads=2 sharpness=1.5 commit=0.3 spread=0.5\n"
                            "lfq codes=64 spherical=true size=1.5 entropy=0.2 sharpness=2 decode=raw",
                .paper = "Yu et al. 2023 (arXiv:2310.05737)",
                .conf_size = sizeof(conf),
                .options = options },
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    .plan = plan,
    .need = need,
    .pack = pack,
    .encode = vaei_quantizer_encode,
    .draw = draw,
    .backward = backward,
    .loss = loss,
    .measure = measure,
    .encode_codes = encode_codes,
    .decode_codes = decode_codes,
};
