/* SPDX-License-Identifier: MIT
 * latent_gumbel.c - codes drawn from a categorical posterior, by the Gumbel softmax (gumbel_softmax.h).
 *
 *     l = h W^T + b        y, kl from l        a row is a position; kl is spread evenly over its values
 *     z = e_k, k = argmax y        or sum_k y_k e_k with hard=false
 *
 * Training draws, and computes the gradient as if z were sum_k y_k e_k:
 *
 *     dy = dz E^T        dl from dy and dkl        de_k += the sum of the dz whose code is k, or y^T dz
 *
 * Outside training a position has its most likely code, and the rate is ln K, the rate of one code, so that the bound holds for the code
 * that is decoded. The weight of the rate in training is the objective's beta; 5e-4 is usual. vae_encode() returns vectors of the
 * codebook. Not here: a temperature that changes. */
#include "nn/softmax.h"
#include "vae/codes/gumbel_softmax.h"
#include "vae/codes/quantizer.h"

typedef struct conf {
    vaei_quantizer_conf frame;
    int64_t codes, dim;
    float temperature;
    int32_t hard;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, codes, 512, 2, 16777216, "codebook size: the number of codes"),
    VAEI_OPTION_INT(conf, dim, 0, 0, 65536, "number of values of a code; 0: as many as the encoder gives channels"),
    VAEI_OPTION(conf, temperature, FLOAT, VAEI_OPT_OPEN_LO, 1, 0, 100,
                "temperature of the draw: low temperatures give nearly one code, high ones an even mixture"),
    VAEI_OPTION_BOOL(conf, hard, 1, "true: the decoder sees one code; false: in training it sees a mixture of codes"),
    {0},
};

static vae_status_t plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node) {
    const conf *c = q->conf;
    (void)node;
    q->raw = 1;
    s->K = s->W = c->codes; /* a row is the logits of its codes */
    s->V = c->dim > 0 ? c->dim : s->C;
    s->flags = VAEI_CODES_DRAWN | (c->hard ? VAEI_CODES_STAY : 0);
    const int64_t shape[2] = {s->K, s->V};
    const vaei_init box = {.kind = VAEI_INIT_XAVIER, .fan_in = s->V, .fan_out = s->V};
    const vaei_param *codebook = vaei_build_param(b, q->path, "codebook", 2, shape, VAEI_PARAM_TRAINED, box);
    if (!codebook) return VAE_E_NOMEM;
    s->own = codebook;
    return vaei_linear_declare(&s->in, b, "latent.logits", s->C, s->K);
}

/* The codebook packed for y E and for dz E^T, y[P][K] of the pass, and the workspace for de. */
enum { FORWARD, DATA, Y, OUTER };

static void carve(vaei_pass *p) {
    const int64_t K = p->s->K, D = p->s->V;
    if (!p->training) return;
    p->piece[FORWARD] = vaei_carve_floats(&p->rest.pack, vaei_pack_floats(p->k, K, D));
    p->piece[DATA] = vaei_carve_floats(&p->rest.pack, vaei_pack_floats(p->k, D, K));
    p->piece[Y] = vaei_carve_floats(&p->rest.cache, vaei_quantizer_count(p->s, p->n, K));
    if (p->at != VAEI_AT_BACKWARD) return;
    if (p->s->flags & VAEI_CODES_STAY) p->order = vaei_order_carve(p->P, K, D, &p->rest.scratch);
    else p->piece[OUTER] = vaei_carve_floats(&p->rest.scratch, p->P < 0 ? -1 : vaei_outer_scratch(p->k, K, D, p->P));
}

static int64_t codebook_at(const vaei_pass *p) {
    return ((const vaei_param *)p->s->own)->offset;
}

static void pack(vaei_pass *p) {
    const int64_t K = p->s->K, D = p->s->V;
    const float *e = p->r->params + codebook_at(p);
    if (!p->training) return;
    vaei_pack(p->k, p->r->pool, K, D, e, D, 1, NULL, p->piece[FORWARD]);
    vaei_pack(p->k, p->r->pool, D, K, e, 1, D, NULL, p->piece[DATA]);
}

static int32_t code_of(const vaei_pass *p, const float *logits) {
    return (int32_t)vaei_largest(p->s->K, logits);
}

static vaei_gumbel gumbel_of(const vaei_pass *p) {
    const conf *c = p->q->conf;
    return (vaei_gumbel){p->k, p->s->K, (double)c->temperature, {p->r->noise.seed, p->r->noise.step, VAEI_STREAM_GUMBEL}};
}

/* Leaves ln p in the rows. */
static void draw_rows(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const vaei_gumbel gumbel = gumbel_of(p);
    const int64_t K = p->s->K, D = p->s->V;
    for (int64_t row = begin; row < end; row++) {
        const uint32_t item = p->r->first_item + (uint32_t)(row / p->s->rows);
        float *y = (float *)p->piece[Y] + row * K;
        const double kl = vaei_gumbel_draw(&gumbel, item, row % p->s->rows, p->rows + row * K, y, &p->code[row]);
        for (int64_t d = 0; p->kl && d < D; d++) p->kl[row * D + d] = (float)(kl / (double)D);
    }
}

static void choose(vaei_pass *p) {
    if (p->training) vaei_pass_rows(p, 1, 16 * p->s->K, draw_rows);
    else vaei_each_choose(p);
}

static void value(vaei_pass *p) {
    const int64_t K = p->s->K, D = p->s->V;
    if (p->training && !((const conf *)p->q->conf)->hard)
        vaei_matmul(p->k, p->r->pool, vaei_matrix_of(p->piece[Y], p->P, K, K), p->piece[FORWARD], NULL, 0,
                    vaei_matrix_to(p->value, p->P, D, D), NULL);
    else vaei_pass_look_up(p, p->r->params + codebook_at(p));
}

/* Turns dy in dx into dl. */
static void rows_backward(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const vaei_gumbel gumbel = gumbel_of(p);
    const int64_t K = p->s->K, D = p->s->V;
    for (int64_t row = begin; row < end; row++) {
        double dkl = 0;
        for (int64_t d = 0; d < D; d++) dkl += (double)p->dkl[row * D + d] / (double)D;
        vaei_gumbel_backward(&gumbel, p->x + row * K, (const float *)p->piece[Y] + row * K, dkl, p->dx + row * K);
    }
}

static void backward(vaei_pass *p) {
    const int64_t K = p->s->K, D = p->s->V;
    float *de = p->r->grads + codebook_at(p);
    if (p->s->flags & VAEI_CODES_STAY) {
        const vaei_vectors v = {p->P, D, D, 1, p->dq, p->code};
        vaei_order_vectors(p->k, p->r->pool, K, &v, &p->order);
        p->k->add(K * D, p->order.sum, de);
    } else {
        vaei_outer(p->k, p->r->pool, vaei_matrix_of(p->piece[Y], p->P, K, K), vaei_matrix_of(p->dq, p->P, D, D),
                   vaei_matrix_to(de, K, D, D), p->piece[OUTER]);
    }
    vaei_matmul(p->k, p->r->pool, vaei_matrix_of(p->dq, p->P, D, D), p->piece[DATA], NULL, 0, vaei_matrix_to(p->dx, p->P, K, K), NULL);
    vaei_pass_rows(p, 1, 16 * K, rows_backward);
}

static const vaei_quantizer_ops quantizer = {
    .plan = plan, .code_of = code_of, .choose = choose, .value = value, .backward = backward, .carve = carve, .pack = pack};

const vaei_latent_ops vaei_latent_gumbel = {
    .module = {.name = "gumbel",
               .summary = "codes drawn from a categorical posterior by the Gumbel softmax",
               .examples = "gumbel codes=8 dim=3\n"
                           "gumbel codes=5 hard=false temperature=0.8",
               .paper = "Jang, Gu, Poole 2016 (arXiv:1611.01144)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    VAEI_QUANTIZER(quantizer),
};
