/* SPDX-License-Identifier: MIT
 * layer_embedding.c - a vector for each token, as torch.nn.Embedding
 *
 *       y[n][p][d] = weight[x[n][p]][d]             x: whole numbers 0..tokens-1 at the places p of the input
 *
 *       dweight[v][d] += sum of dy[n][p][d] over all n, p where x[n][p] = v, in their order        dx = 0
 *
 *   weight[tokens][dim] starts as N(0, 1). The layer is the first of an encoder of tokens. The library refuses an x that is no token before
 *   any layer runs; even so, no value of x can read outside of the table. */
#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct conf {
    int64_t dim;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, dim, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "values of a token's vector"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    const int64_t shape[2] = {b->tokens, o->dim};
    const vaei_init init = {.kind = VAEI_INIT_NORMAL, .value = 1};
    char text[96];
    (void)node;
    if (b->tokens == 0)
        return vaei_fail(VAE_E_SPEC, "embedding: wants tokens: as the first layer of the encoder, with 'input %s tokens=...'",
                         vaei_shape_text(in, text));
    if (in->n == 4) return vaei_fail(VAE_E_SHAPE, "embedding: adds a size to %s, wanted at most three", vaei_shape_text(in, text));
    l->param[0] = vaei_build_param(b, l->path, "weight", 2, shape, VAEI_PARAM_TRAINED, init);
    if (!l->param[0]) return VAE_E_NOMEM;
    l->n_params = 1;
    *out = *in;
    out->d[out->n++] = o->dim;
    return VAE_OK;
}

typedef struct job {
    const float *x, *from;
    float *to;
    int64_t places, tokens, dim;
} job;

static job job_of(const vaei_layer *l, const vaei_run *r, const float *x, const float *from, float *to) {
    const vaei_param *const w = l->param[0];
    return (job){x, from, to, r->n * vaei_shape_size(&l->in), w->shape[0], w->shape[1]};
}

static int64_t token_at(const job *j, int64_t place) {
    const float v = j->x[place], last = (float)(j->tokens - 1);
    return v >= 0 ? (int64_t)(v < last ? v : last) : 0;
}

static void look_up(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = begin; i < end; i++) memcpy(j->to + i * j->dim, j->from + token_at(j, i) * j->dim, (size_t)j->dim * sizeof(float));
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = job_of(l, r, x, vaei_layer_param(l, r, 0), y);
    (void)m;
    vaei_parallel_ranges(r->pool, j.places, j.dim, look_up, &j);
    vaei_run_flush(r, j.places * j.dim, y, y);
}

/* Computes columns [begin, end) of the table. */
static void add_columns(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = 0; i < j->places; i++) {
        float *const to = j->to + token_at(j, i) * j->dim;
        for (int64_t d = begin; d < end; d++) to[d] += j->from[i * j->dim + d];
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    job j = job_of(l, r, x, dy, vaei_layer_grad(l, r, 0));
    (void)m, (void)y;
    vaei_parallel_ranges(r->pool, j.dim, j.places, add_columns, &j);
    if (dx) memset(dx, 0, (size_t)j.places * sizeof(float));
}

const vaei_layer_ops vaei_layer_embedding = {
    .module = {"embedding", "a vector for each token", "embedding dim=5", "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_OF_TOKENS | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
