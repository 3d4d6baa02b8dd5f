/* SPDX-License-Identifier: MIT
 * latent_fsq.c - finite scalar quantization: each of a few values is rounded to one of its levels; no codebook, no terms in the loss.
 *
 *     b_d = tanh(x_d + shift_d) half_d - o_d        digit_d = rint(b_d)        q_d = digit_d / floor(L_d / 2)
 *     o = 1/2 for even L, else 0
 *     jax        half = (L - 1)(1 - eps) / 2, shift = tan(o / half)          the published program
 *     vqp        half = (L - 1)(1 + eps) / 2, shift = atanh(o / half)        the vector-quantize-pytorch package
 *     symmetric  digit = floor((L - 1)(tanh x + 1) / 2 + 1/2), q = 2 digit / (L - 1) - 1        the only one for L = 2
 *
 * eps = 0.001. The two first are different codes for the same x near the bounds: weights of one do not serve the other. A code is
 * sum_d (digit_d + floor(L_d / 2)) L_0 .. L_d-1, dimension 0 the lowest; K is the product of the levels. With `heads` a position has that
 * many codes of the same levels. The gradient passes the rounding as it is: dx = dq d(b / floor(L / 2)) / dx.
 *
 * Mentzer et al. 2023 (arXiv:2309.15505); symmetric: Parker et al. 2024 (arXiv:2411.19842). Usual levels: 8x6x5, 8x5x5x5,
 * 7x5x5x5x5. */
#include <math.h>

#include "nn/ranges.h"
#include "vae/quantizer.h"

#define EPS 1e-3
#define CODES_MAX 16777216

enum { JAX, VQP, SYMMETRIC };

typedef struct conf {
    vaei_sizes levels;
    int64_t heads;
    int32_t variant, decode;
} conf;

static const vaei_option options[] = {
    { "levels", VAEI_OPT_SIZES, VAEI_OPT_REQUIRED, offsetof(conf, levels), 0, 2, CODES_MAX, NULL,
      "levels of each value of a code, one to eight" },
    VAEI_OPTION_INT(conf, heads, 1, 1, 1024, "codes of a position"),
    VAEI_OPTION_CHOICE(conf, variant, JAX, "jax|vqp|symmetric", "which of the published roundings"),
    VAEI_OPTION_CHOICE(conf, decode, 0, "quantize|raw",
                       "latents outside stand before the codes, and decoding quantizes; or after them"),
    { 0 },
};

typedef struct scale {
    float half, shift, offset; /* of b; symmetric: half of L - 1 */
    int32_t levels, width;     /* L, floor(L / 2) */
} scale;

typedef struct state {
    vaei_quantizer frame;
    int64_t dims; /* values of a code */
    scale scale[VAEI_SIZES_MAX];
} state;

static scale scale_of(int64_t levels, int32_t variant) {
    const double L = (double)levels, offset = levels % 2 == 0 ? 0.5 : 0;
    const double half = (L - 1) * (variant == JAX ? 1 - EPS : 1 + EPS) / 2;
    scale s = { .levels = (int32_t)levels, .width = (int32_t)(levels / 2), .offset = (float)offset };
    s.half = (float)(variant == SYMMETRIC ? (L - 1) / 2 : half);
    const double at = offset / half, sine = sin(at), tan_of = sine / sqrt(1 - sine * sine), atanh_of = 0.5 * log((1 + at) / (1 - at));
    s.shift = (float)(variant == SYMMETRIC ? 0 : variant == JAX ? tan_of : atanh_of);
    return s;
}

static vae_status_t plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z) {
    const conf *c = q->conf;
    int64_t K = 1;
    state *s = vaei_arena_alloc(b->arena, sizeof *s);
    if (!s) return VAE_E_NOMEM;
    for (int32_t d = 0; d < c->levels.n && K <= CODES_MAX; d++) K *= c->levels.d[d];
    for (int32_t d = 0; d < c->levels.n; d++)
        if (c->levels.d[d] < (c->variant == SYMMETRIC ? 2 : 3))
            return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent fsq: levels: %lld, wanted 3 or more, or 2 with variant=symmetric",
                             (int)node->line, (int)node->column, (long long)c->levels.d[d]);
    if (K > CODES_MAX)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent fsq: levels: more than %d codes", (int)node->line,
                         (int)node->column, CODES_MAX);
    s->dims = c->levels.n;
    for (int32_t d = 0; d < c->levels.n; d++) s->scale[d] = scale_of(c->levels.d[d], c->variant);
    q->state = s;
    q->raw = c->decode;
    vaei_quantizer_measure(&s->frame, q, h, z, c->heads, K);
    return vaei_quantizer_project(&s->frame, b, c->heads * s->dims);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

typedef struct rows {
    float *tanh;    /* [P][W] of x + shift */
    int32_t *used;  /* [K] */
    double *error;  /* [n] */
} rows;

static rows carve_cache(const vaei_latent *q, int64_t n, vaei_carve *c) {
    const state *s = q->state;
    rows w;
    w.tanh = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.W));
    w.used = vaei_carve_array(c, q->code_size, sizeof *w.used);
    w.error = vaei_carve_array(c, n, sizeof *w.error);
    return w;
}

typedef struct scratch {
    float *x, *code;  /* [P][W] */
    int32_t *index;   /* [P][heads] */
    float *outer;
} scratch;

static scratch carve_scratch(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_carve *c) {
    const state *s = q->state;
    scratch w = { NULL, NULL, NULL, NULL };
    w.x = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.W));
    w.code = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->frame.W));
    w.index = vaei_carve_array(c, vaei_quantizer_count(&s->frame, n, s->frame.heads), sizeof *w.index);
    if (training) w.outer = vaei_quantizer_carve_outer(&s->frame, k, vaei_quantizer_count(&s->frame, n, 1), c);
    return w;
}

static void need(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *out) {
    const state *s = q->state;
    vaei_carve pack = { NULL, 0 }, cache = { NULL, 0 }, room = { NULL, 0 };
    (void)vaei_quantizer_carve_pack(&s->frame, k, training, &pack);
    if (training) (void)carve_cache(q, n, &cache);
    (void)carve_scratch(q, k, n, training, &room);
    *out = (vaei_need){ .pack = pack.used, .cache = cache.used, .scratch = room.used };
}

static vaei_quantizer_pack open_pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    vaei_carve c = { memory, 0 };
    return vaei_quantizer_carve_pack(&((const state *)q->state)->frame, r->k, r->training, &c);
}

static void pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    const vaei_quantizer_pack p = open_pack(q, r, memory);
    vaei_quantizer_fill(&((const state *)q->state)->frame, r, &p);
}

/* ---- rounding ---------------------------------------------------------------------------------------------------- */

typedef struct job {
    const vaei_latent *q;
    const vaei_run *r;
    const float *x;     /* [P][W] */
    float *tanh, *code; /* [P][W], either may be NULL; tanh may be x */
    int32_t *index;     /* [P][heads] */
    double *error;      /* [n] or NULL */
} job;

static float value_of(const conf *c, const scale *s, int32_t digit) {
    return c->variant == SYMMETRIC ? 2 * (float)digit / (float)(s->levels - 1) - 1
                                   : (float)(digit - s->width) / (float)s->width;
}

/* 0..L-1, also for NaN */
static int32_t digit_of(const conf *c, const scale *s, float t) {
    const float v = c->variant == SYMMETRIC ? floorf(s->half * (t + 1) + 0.5f) : rintf(t * s->half - s->offset) + (float)s->width;
    return !(v > 0) ? 0 : v < (float)(s->levels - 1) ? (int32_t)v : s->levels - 1;
}

/* The value before rounding, on the scale of the code. */
static float bounded(const conf *c, const scale *s, float t) {
    return c->variant == SYMMETRIC ? t : (t * s->half - s->offset) / (float)s->width;
}

static void round_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->q->state;
    const conf *c = j->q->conf;
    for (int64_t i = begin; i < end; i++) { /* a code: heads stand side by side */
        int32_t index = 0, place = 1;
        for (int64_t d = 0; d < s->dims; d++) {
            const int64_t at = i * s->dims + d;
            float t = j->x[at] + s->scale[d].shift;
            j->r->k->map[VAEI_MAP_TANH](1, 0, &t, &t);
            const int32_t digit = digit_of(c, &s->scale[d], t);
            index += digit * place;
            place *= s->scale[d].levels;
            if (j->tanh) j->tanh[at] = t;
            if (j->code) j->code[at] = value_of(c, &s->scale[d], digit);
        }
        j->index[i] = index;
    }
}

static void example_errors(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->q->state;
    for (int64_t i = begin; i < end; i++) {
        double sum = 0;
        for (int64_t at = i * s->frame.rows * s->frame.W; at < (i + 1) * s->frame.rows * s->frame.W; at++) {
            const double d = (double)(bounded(j->q->conf, &s->scale[at % s->dims], j->tanh[at]) - j->code[at]);
            sum += d * d;
        }
        j->error[i] = sum;
    }
}

static void quantize(job *j) {
    const state *s = j->q->state;
    vaei_parallel_ranges(j->r->pool, j->r->n * s->frame.rows * s->frame.heads, 16 * s->dims, round_rows, j);
    if (j->error) vaei_parallel_ranges(j->r->pool, j->r->n, s->frame.rows * s->frame.W, example_errors, j);
}

static void draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                 const float *noise, float *z, float *kl, double *log_ratio) {
    const state *s = q->state;
    const vaei_quantizer_pack p = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 }, cache = { m->cache, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, r->training, &room);
    job j = { .q = q, .r = r, .x = w.x, .code = w.code, .index = w.index };
    (void)logvar, (void)noise;
    vaei_quantizer_enter(&s->frame, r, &p, mean, w.x);
    if (r->training) {
        const rows kept = carve_cache(q, r->n, &cache);
        j.tanh = kept.tanh;
        j.error = kept.error;
        quantize(&j);
        memset(kept.used, 0, (size_t)q->code_size * sizeof *kept.used);
        for (int64_t i = 0; i < r->n * q->n_codes; i++) kept.used[w.index[i]]++;
    } else {
        quantize(&j);
    }
    vaei_quantizer_leave(&s->frame, r, &p, w.code, z);
    vaei_quantizer_rate(q, r->n, kl, log_ratio);
}

static void encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes) {
    const vaei_quantizer_pack p = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, r->training, &room);
    job j = { .q = q, .r = r, .x = w.x, .index = codes };
    vaei_quantizer_enter(&((const state *)q->state)->frame, r, &p, h, w.x);
    quantize(&j);
}

static void decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z) {
    const state *s = q->state;
    const vaei_quantizer_pack p = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, r->training, &room);
    for (int64_t i = 0; i < r->n * q->n_codes; i++) {
        int32_t rest = codes[i];
        for (int64_t d = 0; d < s->dims; d++) {
            w.code[i * s->dims + d] = value_of(q->conf, &s->scale[d], rest % s->scale[d].levels);
            rest /= s->scale[d].levels;
        }
    }
    vaei_quantizer_leave(&s->frame, r, &p, w.code, z);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static void backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                     const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    const state *s = q->state;
    const conf *c = q->conf;
    const int64_t P = r->n * s->frame.rows, count = P * s->frame.W;
    const vaei_quantizer_pack p = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 }, cache = { m->cache, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, 1, &room);
    const rows kept = carve_cache(q, r->n, &cache);
    float *dx = s->frame.projected ? w.x : dh;
    (void)mean, (void)logvar, (void)noise, (void)dkl;
    if (s->frame.projected) { /* the outer product wants the codes again */
        for (int64_t i = 0; i < count; i++)
            w.code[i] = value_of(c, &s->scale[i % s->dims], digit_of(c, &s->scale[i % s->dims], kept.tanh[i]));
        vaei_linear_backward(&s->frame.out, r, &p.out, P, w.code, dz, w.x, w.outer);
    }
    for (int64_t i = 0; i < count; i++) {
        const scale *f = &s->scale[i % s->dims];
        const float slope = c->variant == SYMMETRIC ? 1 : f->half / (float)f->width, t = kept.tanh[i];
        dx[i] = (s->frame.projected ? w.x[i] : dz[i]) * slope * (1 - t * t);
    }
    if (!s->frame.projected) return;
    vaei_linear_backward(&s->frame.in, r, &p.in, P, h, dx, dh, w.outer);
}

static void measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats) {
    const state *s = q->state;
    vaei_carve cache = { m->cache, 0 };
    const rows kept = carve_cache(q, r->n, &cache);
    vaei_quantizer_figures(&s->frame, q, r->n, kept.used, kept.error, stats);
}

const vaei_latent_ops vaei_latent_fsq = {
    .module = { .name = "fsq",
                .summary = "finite scalar quantization: a few values, each rounded to its levels",
                .examples = "fsq levels=5x3\n"
                            "fsq levels=4x3x3 heads=2 variant=vqp\n"
                            "fsq levels=7 variant=symmetric decode=raw",
                .paper = "Mentzer et al. 2023 (arXiv:2309.15505)",
                .conf_size = sizeof(conf),
                .options = options },
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    .plan = plan,
    .need = need,
    .pack = pack,
    .encode = vaei_quantizer_encode,
    .draw = draw,
    .backward = backward,
    .measure = measure,
    .encode_codes = encode_codes,
    .decode_codes = decode_codes,
};
