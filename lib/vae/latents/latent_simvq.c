/* SPDX-License-Identifier: MIT
 * latent_simvq.c - vector quantization whose codes are one learned linear map of a frozen table, so that all codes change together.
 *
 *     e_k = W c_k        k = argmin_k |x - e_k|^2        q = e_k        ties to the lowest k
 *     aux = scale (|sg(x) - q|^2 + commitment |x - sg(q)|^2)        sums over positions and dimensions; sg: constant for the gradient
 *
 *     dx = dq + 2 scale commitment / n (x - q)                 straight: as if q = x + constant
 *     dW += sum_k de_k c_k^T        de_k = 2 scale / n sum over the vectors of k (e_k - x)
 *
 * latent.codebook [K, D] holds c, drawn once from N(0, 1 / D); latent.transform.weight [D, D] is W. With `heads` a position has that many
 * codes of the same table. About scale see latent_vq.c. W also changes codes that no vector chose, so no code is left behind.
 *
 * Zhu et al. 2024 (arXiv:2411.02038). Not here: the bias of the authors' program, maps of more layers, the rotation of gradients. */
#include <math.h>

#include "vae/codes/quantizer.h"

typedef struct conf {
    vaei_quantizer_conf frame;
    int64_t codes, dim;
    float commitment, scale;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, codes, 512, 2, 16777216, "codebook size: the number of codes"),
    VAEI_OPTION_INT(conf, dim, 0, 0, 65536, "number of values of a code; 0: as many as the encoder gives channels for each head"),
    VAEI_OPTION_FLOAT(conf, commitment, 0.25, 0, 1e6, "weight of the commitment loss, relative to scale"),
    VAEI_OPTION_FLOAT(conf, scale, 1, 0, 1e6, "weight of the codebook loss and the commitment loss"),
    VAEI_QUANTIZER_HEADS("number of codes of a position; each represents its own share of the channels"),
    VAEI_QUANTIZER_DECODE,
    {0},
};

typedef struct state {
    const vaei_param *codebook, *transform;
} state;

static vae_status_t plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node) {
    const conf *c = q->conf;
    state *own = vaei_arena_alloc(b->arena, sizeof *own);
    if (!own) return VAE_E_NOMEM;
    VAEI_TRY(vaei_quantizer_widths(q, s, node, c->dim, s->heads));
    s->own = own;
    s->K = c->codes;
    s->flags = VAEI_CODES_STAY;
    const int64_t D = s->W / s->heads, shape[2] = {s->K, D}, square[2] = {D, D};
    const vaei_init normal = {.kind = VAEI_INIT_NORMAL, .value = (float)(1 / sqrt((double)D))};
    const vaei_init linear = {.kind = VAEI_INIT_PYTORCH, .fan_in = D, .fan_out = D};
    own->codebook = vaei_build_param(b, q->path, "codebook", 2, shape, 0, normal);
    if (!own->codebook) return VAE_E_NOMEM;
    own->transform = vaei_build_param(b, "latent.transform", "weight", 2, square, VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED, linear);
    return own->transform ? VAE_OK : VAE_E_NOMEM;
}

/* W packed, the codes e and their packed form for nearest.h, and the workspace for dW. */
enum { TRANSFORM, CODES, PANELS, OUTER };

static void carve(vaei_pass *p) {
    const int64_t K = p->s->K, D = p->s->D;
    p->piece[TRANSFORM] = vaei_carve_floats(&p->rest.pack, vaei_pack_floats(p->k, D, D));
    p->piece[CODES] = vaei_carve_floats(&p->rest.pack, vaei_count_of(K, D));
    p->piece[PANELS] = vaei_carve_floats(&p->rest.pack, vaei_nearest_floats(p->k, K, D));
    if (p->at != VAEI_AT_BACKWARD) return;
    p->order = vaei_order_carve(vaei_quantizer_count(p->s, p->n, p->s->heads), K, D, &p->rest.scratch);
    p->piece[OUTER] = vaei_carve_floats(&p->rest.scratch, vaei_outer_scratch(p->k, D, D, K));
}

static void pack(vaei_pass *p) {
    const state *s = p->s->own;
    const int64_t K = p->s->K, D = p->s->D;
    const float *w = p->r->params + s->transform->offset, *c = p->r->params + s->codebook->offset;
    vaei_pack(p->k, p->r->pool, D, D, w, 1, D, NULL, p->piece[TRANSFORM]);
    vaei_matmul(p->k, p->r->pool, vaei_matrix_of(c, K, D, D), p->piece[TRANSFORM], NULL, 0, vaei_matrix_to(p->piece[CODES], K, D, D), NULL);
    vaei_nearest_pack(p->k, K, D, p->piece[CODES], VAEI_NEAREST_DISTANCE, p->piece[PANELS]);
}

static void choose(vaei_pass *p) {
    const int64_t D = p->s->D;
    vaei_nearest(p->k, p->r->pool, p->P * p->s->heads, D, p->x, D, p->s->K, p->piece[PANELS], p->code, 1);
}

static const float *code_of(const vaei_pass *p, int64_t i) {
    return (const float *)p->piece[CODES] + p->code[i] * p->s->D;
}

static void value(vaei_pass *p) {
    vaei_pass_look_up(p, p->piece[CODES]);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static void distances(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const int64_t D = p->s->D, each = p->s->rows * p->s->heads;
    for (int64_t i = begin; i < end; i++) {
        p->error[i] = 0;
        for (int64_t at = i * each; at < (i + 1) * each; at++)
            p->error[i] += p->k->sum_squared_difference(D, p->x + at * D, code_of(p, at));
    }
}

static void aux(vaei_pass *p, double *terms) {
    const conf *c = p->q->conf;
    vaei_parallel_ranges(p->r->pool, p->n, p->s->rows * p->s->W, distances, p);
    for (int64_t i = 0; i < p->n; i++) terms[i] += (double)c->scale * (1 + (double)c->commitment) * p->error[i];
}

static void vectors_backward(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const conf *c = p->q->conf;
    const int64_t D = p->s->D;
    const float pull = 2 * c->scale * c->commitment / (float)p->n;
    for (int64_t i = begin; i < end; i++) {
        const float *x = p->x + i * D, *dq = p->dq + i * D, *e = code_of(p, i);
        for (int64_t d = 0; d < D; d++) p->dx[i * D + d] = dq[d] + pull * (x[d] - e[d]);
    }
}

static void backward(vaei_pass *p) {
    const state *s = p->s->own;
    const int64_t K = p->s->K, D = p->s->D;
    const vaei_vectors v = {p->P * p->s->heads, D, D, 1, p->x, p->code};
    const float pull = 2 * ((const conf *)p->q->conf)->scale / (float)p->n, *e = p->piece[CODES];
    float *de = p->order.sum;
    vaei_pass_rows(p, p->s->heads, D, vectors_backward);
    vaei_order_vectors(p->k, p->r->pool, K, &v, &p->order);
    for (int64_t i = 0; i < K * D; i++) {
        const float count = (float)(p->order.first[i / D + 1] - p->order.first[i / D]);
        de[i] = pull * (count * e[i] - de[i]);
    }
    vaei_outer(p->k, p->r->pool, vaei_matrix_of(de, K, D, D), vaei_matrix_of(p->r->params + s->codebook->offset, K, D, D),
               vaei_matrix_to(p->r->grads + s->transform->offset, D, D, D), p->piece[OUTER]);
}

static const vaei_quantizer_ops quantizer = {
    .plan = plan, .choose = choose, .value = value, .aux = aux, .backward = backward, .carve = carve, .pack = pack};

const vaei_latent_ops vaei_latent_simvq = {
    .module = {.name = "simvq",
               .summary = "vector quantization with codes that are one learned linear map of a frozen table",
               .examples = "simvq codes=32\n"
                           "simvq codes=6 dim=2 heads=2 commitment=0.5 scale=0.7 decode=raw",
               .paper = "Zhu et al. 2024 (arXiv:2411.02038)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    VAEI_QUANTIZER(quantizer),
};
