/* SPDX-License-Identifier: MIT
 * latent_fsq.c - finite scalar quantization: each of a few values is rounded to one of its levels. There is no codebook and no term in the
 * loss.
 *
 *     b_d = tanh(x_d + shift_d) half_d - o_d        digit_d = rint(b_d)        q_d = digit_d / floor(L_d / 2)
 *     o = 1/2 for even L, else 0
 *     jax        half = (L - 1)(1 - eps) / 2, shift = tan(o / half)          the published program
 *     vqp        half = (L - 1)(1 + eps) / 2, shift = atanh(o / half)        the vector-quantize-pytorch package
 *     symmetric  digit = floor((L - 1)(tanh x + 1) / 2 + 1/2), q = 2 digit / (L - 1) - 1        the only one for L = 2
 *
 * eps = 0.001. jax and vqp give different codes for the same x near the bounds, so a model needs the variant it was trained with. A code is
 * sum_d (digit_d + floor(L_d / 2)) L_0 .. L_d-1, dimension 0 the lowest; K is the product of the levels. With `heads` a position has that
 * many codes of the same levels. The gradient is passed straight through the rounding: dx = dq d(b / floor(L / 2)) / dx.
 *
 * Mentzer et al. 2023 (arXiv:2309.15505); symmetric: Parker et al. 2024 (arXiv:2411.19842). Usual levels: 8x6x5, 8x5x5x5,
 * 7x5x5x5x5. */
#include <math.h>

#include "vae/codes/quantizer.h"

#define EPS       1e-3
#define CODES_MAX 16777216

enum { JAX, VQP, SYMMETRIC };

typedef struct conf {
    vaei_quantizer_conf frame;
    vaei_sizes levels;
    int32_t variant;
} conf;

static const vaei_option options[] = {
    {"levels", VAEI_OPT_SIZES, VAEI_OPT_REQUIRED, offsetof(conf, levels), 0, 2, CODES_MAX, NULL,
     "number of levels of each value of a code; one to eight values"},
    VAEI_QUANTIZER_HEADS("number of codes of a position"),
    VAEI_OPTION_CHOICE(conf, variant, JAX, "jax|vqp|symmetric",
                       "published rounding rule: of the authors' program (jax), of vector-quantize-pytorch (vqp), or symmetric"),
    VAEI_QUANTIZER_DECODE,
    {0},
};

typedef struct scale {
    float half, shift, offset; /* of b; symmetric: half is that of L - 1 */
    int32_t levels, width;     /* L, floor(L / 2) */
} scale;

typedef struct state {
    int32_t variant;
    scale scale[VAEI_SIZES_MAX];
} state;

static scale scale_of(int64_t levels, int32_t variant) {
    const double L = (double)levels, offset = levels % 2 == 0 ? 0.5 : 0;
    const double half = (L - 1) * (variant == JAX ? 1 - EPS : 1 + EPS) / 2;
    scale s = {.levels = (int32_t)levels, .width = (int32_t)(levels / 2), .offset = (float)offset};
    s.half = (float)(variant == SYMMETRIC ? (L - 1) / 2 : half);
    const double at = offset / half, sine = sin(at), tan_of = sine / sqrt(1 - sine * sine), atanh_of = 0.5 * log((1 + at) / (1 - at));
    s.shift = (float)(variant == SYMMETRIC ? 0 : variant == JAX ? tan_of : atanh_of);
    return s;
}

static vae_status_t plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node) {
    const conf *c = q->conf;
    state *own = vaei_arena_alloc(b->arena, sizeof *own);
    if (!own) return VAE_E_NOMEM;
    s->K = 1;
    for (int32_t d = 0; d < c->levels.n; d++) {
        if (c->levels.d[d] < (c->variant == SYMMETRIC ? 2 : 3))
            return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent fsq: levels: %lld, wanted 3 or more, or 2 with variant=symmetric",
                             (int)node->line, (int)node->column, (long long)c->levels.d[d]);
        own->scale[d] = scale_of(c->levels.d[d], c->variant);
        if (s->K <= CODES_MAX) s->K *= c->levels.d[d];
    }
    if (s->K > CODES_MAX)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent fsq: levels: more than %d codes", (int)node->line, (int)node->column,
                         CODES_MAX);
    own->variant = c->variant;
    s->own = own;
    s->W = s->heads * c->levels.n;
    s->flags = VAEI_ROWS_CHANGE; /* the rows become t = tanh(x + shift) */
    return VAE_OK;
}

static float value_of(const state *s, int64_t d, int32_t digit) {
    const scale *c = &s->scale[d];
    return s->variant == SYMMETRIC ? 2 * (float)digit / (float)(c->levels - 1) - 1 : (float)(digit - c->width) / (float)c->width;
}

/* Returns 0..L-1, also for NaN. */
static int32_t digit_of(const state *s, int64_t d, float t) {
    const scale *c = &s->scale[d];
    const float v = s->variant == SYMMETRIC ? floorf(c->half * (t + 1) + 0.5f) : rintf(t * c->half - c->offset) + (float)c->width;
    return !(v > 0) ? 0 : v < (float)(c->levels - 1) ? (int32_t)v : c->levels - 1;
}

static void bound_rows(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const state *s = p->s->own;
    for (int64_t i = begin * p->s->W; i < end * p->s->W; i++) {
        p->rows[i] += s->scale[i % p->s->D].shift;
        p->k->map[VAEI_MAP_TANH](1, 0, p->rows + i, p->rows + i);
    }
}

static void shape(vaei_pass *p) {
    vaei_pass_rows(p, 1, 16 * p->s->W, bound_rows);
}

static int32_t code_of(const vaei_pass *p, const float *x) {
    const state *s = p->s->own;
    int32_t code = 0, place = 1;
    for (int64_t d = 0; d < p->s->D; place *= s->scale[d++].levels) code += digit_of(s, d, x[d]) * place;
    return code;
}

static void values_of(const vaei_pass *p, int64_t code, float *y) {
    const state *s = p->s->own;
    for (int64_t d = 0; d < p->s->D; code /= s->scale[d++].levels) y[d] = value_of(s, d, (int32_t)(code % s->scale[d].levels));
}

static float unrounded(const vaei_pass *p, int64_t d, float t) {
    const state *s = p->s->own;
    const scale *c = &s->scale[d];
    return s->variant == SYMMETRIC ? t : (t * c->half - c->offset) / (float)c->width;
}

static void backward(vaei_pass *p) {
    const state *s = p->s->own;
    for (int64_t i = 0; i < p->P * p->s->W; i++) {
        const scale *c = &s->scale[i % p->s->D];
        const float slope = s->variant == SYMMETRIC ? 1 : c->half / (float)c->width;
        p->dx[i] = p->dq[i] * slope * (1 - p->x[i] * p->x[i]);
    }
}

static const vaei_quantizer_ops quantizer = {
    .plan = plan, .shape = shape, VAEI_EACH_VECTOR(code_of, values_of), .unrounded = unrounded, .backward = backward};

const vaei_latent_ops vaei_latent_fsq = {
    .module = {.name = "fsq",
               .summary = "finite scalar quantization: a few values, each rounded to its levels",
               .examples = "fsq levels=5x3\n"
                           "fsq levels=4x3x3 heads=2 variant=vqp\n"
                           "fsq levels=7 variant=symmetric decode=raw",
               .paper = "Mentzer et al. 2023 (arXiv:2309.15505)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    VAEI_QUANTIZER(quantizer),
};
