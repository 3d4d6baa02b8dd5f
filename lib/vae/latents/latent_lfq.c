/* SPDX-License-Identifier: MIT
 * latent_lfq.c - lookup-free quantization: each value of a code is one bit, the sign.
 *
 *     q_d = scale if x_d > 0, else -scale       code = sum_d bit_d 2^(D - 1 - d)        dimension 0 is the highest bit (fsq: the lowest)
 *     spherical: x = scale x / |x| first, and q = +-scale / sqrt(D)       binary spherical quantization
 *     aux = entropy rows sum over heads of (mean H(p_i) - diversity H(mean p_i)) + commitment sum |x - sg(q)|^2
 *     p_i = softmax_k(2 t x_i . c_k) over all K codes, t = inverse_temperature (soft_codes.h)
 *
 * scale is the option codebook_scale. The entropy term makes each choice certain and keeps all codes in use; it is in nats for each
 * example, as the rate is. The gradient is passed straight through the sign. K = 2^D; a position has `heads` codes.
 *
 * Yu et al. 2023 (arXiv:2310.05737); spherical: Zhao, Xiong, Krahenbuhl 2024 (arXiv:2406.07548). */
#include <math.h>

#include "vae/codes/quantizer.h"

typedef struct conf {
    vaei_quantizer_conf frame;
    int64_t codes;
    int32_t spherical;
    float codebook_scale, entropy, diversity, inverse_temperature, commitment;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, codes, 1024, 2, 65536, "codebook size: the number of codes, a power of 2"),
    VAEI_QUANTIZER_HEADS("number of codes of a position"),
    VAEI_OPTION_BOOL(conf, spherical, 0, "vectors and codes are scaled to a sphere"),
    VAEI_OPTION(conf, codebook_scale, FLOAT, VAEI_OPT_OPEN_LO, 1, 0, 1e6,
                "magnitude of each value of a code; with spherical: the radius of the sphere"),
    VAEI_OPTION_FLOAT(conf, entropy, 0.1, 0, 1e6, "weight of the entropy term"),
    VAEI_OPTION_FLOAT(conf, diversity, 1, 0, 1e6, "weight of the diversity term within the entropy term"),
    VAEI_OPTION(conf, inverse_temperature, FLOAT, VAEI_OPT_OPEN_LO, 100, 0, 1e6,
                "inverse temperature of the soft assignments in the entropy term"),
    VAEI_OPTION_FLOAT(conf, commitment, 0, 0, 1e6, "weight of the commitment loss"),
    VAEI_QUANTIZER_DECODE,
    {0},
};

static vae_status_t plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node) {
    const conf *c = q->conf;
    float *of = vaei_arena_alloc(b->arena, 2 * sizeof *of); /* the values of a bit */
    int64_t bits = 0;
    if (!of) return VAE_E_NOMEM;
    while ((INT64_C(1) << bits) < c->codes) bits++;
    if (INT64_C(1) << bits != c->codes)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent lfq: codes: %lld, wanted a power of 2", (int)node->line, (int)node->column,
                         (long long)c->codes);
    of[1] = c->spherical ? (float)((double)c->codebook_scale / sqrt((double)bits)) : c->codebook_scale;
    of[0] = -of[1];
    s->own = of;
    s->K = c->codes;
    s->W = s->heads * bits;
    s->flags = VAEI_ROWS_CHANGE; /* the rows are moved onto the sphere */
    return VAE_OK;
}

/* All codes for the entropy, and the lengths of the vectors before they were moved onto the sphere. */
enum { CODES, PACKED, LENGTH };

static void carve(vaei_pass *p) {
    if (!p->training) return;
    p->piece[LENGTH] = vaei_carve_floats(&p->rest.cache, vaei_quantizer_count(p->s, p->n, p->s->heads));
    if (!(((const conf *)p->q->conf)->entropy > 0)) return;
    p->piece[CODES] = vaei_carve_floats(&p->rest.pack, p->s->K * p->s->D);
    p->piece[PACKED] = vaei_carve_floats(&p->rest.pack, vaei_nearest_floats(p->k, p->s->K, p->s->D));
    if (p->at == VAEI_AT_AUX || p->at == VAEI_AT_BACKWARD) p->soft = vaei_soft_carve(p->P, p->s->K, &p->rest.scratch);
}

static void values_of(const vaei_pass *p, int64_t code, float *values) {
    const float *of = p->s->own;
    for (int64_t d = 0; d < p->s->D; d++) values[d] = of[(code >> (p->s->D - 1 - d)) & 1];
}

static void pack(vaei_pass *p) {
    float *codes = p->piece[CODES];
    for (int64_t i = 0; codes && i < p->s->K; i++) values_of(p, i, codes + i * p->s->D);
    if (codes) vaei_nearest_pack(p->k, p->s->K, p->s->D, codes, VAEI_NEAREST_PRODUCT, p->piece[PACKED]);
}

static void onto_sphere(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    float *length = p->piece[LENGTH];
    for (int64_t i = begin; i < end; i++) {
        const float was = vaei_unit_row(p->k, p->s->D, p->rows + i * p->s->D);
        p->k->scale(p->s->D, ((const conf *)p->q->conf)->codebook_scale, p->rows + i * p->s->D);
        if (length) length[i] = was;
    }
}

static void shape(vaei_pass *p) {
    if (((const conf *)p->q->conf)->spherical) vaei_pass_rows(p, p->s->heads, p->s->D, onto_sphere);
}

static int32_t code_of(const vaei_pass *p, const float *x) {
    int32_t code = 0;
    for (int64_t d = 0; d < p->s->D; d++) code = code * 2 + (x[d] > 0);
    return code;
}

static vaei_soft soft_of(const vaei_pass *p) {
    const conf *c = p->q->conf;
    return (vaei_soft){.P = p->P,
                       .K = p->s->K,
                       .D = p->s->D,
                       .ld = p->s->W,
                       .heads = p->s->heads,
                       .x = p->x,
                       .codes = p->piece[CODES],
                       .packed = p->piece[PACKED],
                       .by = VAEI_NEAREST_PRODUCT,
                       .inverse_temperature = 2 * c->inverse_temperature,
                       .single = 1,
                       .diversity = (double)c->diversity};
}

static void aux(vaei_pass *p, double *terms) {
    const conf *c = p->q->conf;
    const vaei_soft soft = soft_of(p);
    const double entropy = c->entropy > 0 ? vaei_soft_value(&soft, p->k, p->r->pool, &p->soft) : 0;
    for (int64_t i = 0; i < p->n; i++) terms[i] += (double)c->commitment * p->error[i] + (double)c->entropy * (double)p->s->rows * entropy;
}

static void backward(vaei_pass *p) {
    const conf *c = p->q->conf;
    const float *of = p->s->own, *length = p->piece[LENGTH];
    const float pull = 2 * c->commitment / (float)p->n;
    const vaei_soft soft = soft_of(p);
    const int64_t D = p->s->D;
    for (int64_t i = 0; i < p->P * p->s->W; i++) p->dx[i] = p->dq[i] + pull * (p->x[i] - of[p->x[i] > 0]);
    if (c->entropy > 0) vaei_soft_gradient(&soft, p->k, p->r->pool, &p->soft, c->entropy * (float)p->s->rows, p->dx);
    for (int64_t i = 0; c->spherical && i < p->P * p->s->heads; i++)
        vaei_unit_backward(p->k, D, p->x + i * D, length[i], c->codebook_scale, p->dx + i * D);
}

static const vaei_quantizer_ops quantizer = {
    .plan = plan, .shape = shape, VAEI_EACH_VECTOR(code_of, values_of), .aux = aux, .backward = backward, .carve = carve, .pack = pack};

const vaei_latent_ops vaei_latent_lfq = {
    .module = {.name = "lfq",
               .summary = "lookup-free quantization: each value of a code is its sign",
               .examples = "lfq codes=8\n"
                           "lfq codes=16 heads=2 inverse_temperature=1.5 commitment=0.3 diversity=0.5\n"
                           "lfq codes=64 spherical=true codebook_scale=1.5 entropy=0.2 inverse_temperature=2 decode=raw",
               .paper = "Yu et al. 2023 (arXiv:2310.05737)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    VAEI_QUANTIZER(quantizer),
};
