/* SPDX-License-Identifier: MIT
 * layer_attention.c - self-attention over the positions of an image or the steps of a sequence
 *
 *       q = x Wq^T + bq        k = x Wk^T + bk        v = x Wv^T + bv            [T][C], T positions
 *       p = softmax(q k^T / sqrt(d))    o = p v       for each head, on its own d = C / heads channels
 *       y = o Wo^T + bo
 *
 *   Names and shapes are those of the diffusers library: to_q, to_k, to_v [C, C] with bias, to_out.0 [C, C] with bias. The group norm
 *   before it and the residual sum are separate layers: residual { groupnorm groups=32 eps=1e-6 | attention }.
 *
 *   The scores p are computed for ROWS queries at a time, so memory grows with T and not with its square; backward recomputes them:
 *
 *       dp = do v^T      ds = p (dp - sum_j p_j dp_j)      dq = ds k / sqrt(d)      dk = ds^T q / sqrt(d)      dv = p^T do
 *
 *   In an example of length L, no position attends to a position from L on.
 *   causal: position i attends to positions up to i only; the scores of later positions are left out of the softmax.
 *
 *   Order of sums: products as in kernel/gemm.h; the sum of the softmax in the kernels' lanes. Examples and heads are computed one after
 *   another, each one on all threads.
 *
 *   Vaswani et al. 2017 (arXiv:1706.03762). Not here: other masks, positions, dropout. */
#include "nn/linear_map.h"
#include "nn/softmax.h"
#include "nn/weights.h"

#include <math.h>

enum { ROWS = 256 }; /* queries whose scores are in memory at a time */
enum { Q, K, V, OUT, PROJECTIONS };

typedef struct conf {
    int64_t heads;
    int32_t init, causal;
} conf;

static const vaei_option options[] = {VAEI_OPTION_INT(conf, heads, 1, 1, 1024, "number of heads; each has its own share of the channels"),
                                      VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weights"),
                                      VAEI_OPTION_BOOL(conf, causal, 0, "each position attends only to itself and to earlier positions"),
                                      {0}};

/* T positions of C channels; heads of d channels; rows of scores at a time */
typedef struct sizes {
    int64_t T, C, heads, d, rows;
    int32_t causal;
    vaei_linear_map map[PROJECTIONS];
} sizes;

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    static const char *const names[PROJECTIONS] = {"to_q", "to_k", "to_v", "to_out.0"};
    const conf *o = l->conf;
    char text[96];
    (void)node;
    sizes *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    if (in->n < 2) return vaei_fail(VAE_E_SHAPE, "attention: wants positions x channels, got %s", vaei_shape_text(in, text));
    s->C = in->d[in->n - 1];
    s->T = vaei_shape_size(in) / s->C;
    s->heads = o->heads;
    s->causal = o->causal;
    if (s->C % s->heads != 0)
        return vaei_fail(VAE_E_SHAPE, "attention: heads=%lld does not divide %lld channels", (long long)o->heads, (long long)s->C);
    s->d = s->C / s->heads;
    s->rows = s->T < ROWS ? s->T : ROWS;
    l->state = s;
    *out = *in;
    const vaei_weights w = {.ndim = 2, .shape = {s->C, s->C}, .fan_in = s->C, .fan_out = s->C, .out = s->C, .bias = 1, .init = o->init};
    const char *path = l->path;
    for (int32_t i = 0; i < PROJECTIONS; i++) {
        if (!(l->path = vaei_arena_format(b->arena, "%s.%s", path, names[i]))) return VAE_E_NOMEM;
        VAEI_TRY(vaei_weights_declare(l, b, &w));
        s->map[i] = (vaei_linear_map){.in = s->C, .out = s->C, .weight = l->param[2 * i], .bias = l->param[2 * i + 1]};
    }
    l->path = path;
    return VAE_OK;
}

/* The arrays of one head: keys and values as panels, scores of a block of queries. */
typedef struct head {
    int64_t length;                            /* of the example */
    float *keys, *values, *p;                  /* k^T [d][T], v [T][d], p [rows][T] */
    float *values_t, *keys_plain, *dp, *outer; /* training: v^T [d][T], k [T][d], dp [rows][T] */
} head;

typedef struct parts {
    vaei_linear_pack w[PROJECTIONS]; /* pack */
    float *value[PROJECTIONS];       /* [n][T][C] q, k, v, o: cache in training, otherwise scratch */
    float *grad[PROJECTIONS];        /* their gradients, training */
    head head;
    float *outer; /* training */
} parts;

static void carve_head(const sizes *s, const vaei_kernels *k, int32_t training, vaei_carve *c, head *h) {
    h->keys = vaei_carve_floats(c, vaei_pack_floats(k, s->d, s->T));
    h->values = vaei_carve_floats(c, vaei_pack_floats(k, s->T, s->d));
    h->p = vaei_carve_floats(c, vaei_count_of(s->rows, s->T));
    if (!training) return;
    h->values_t = vaei_carve_floats(c, vaei_pack_floats(k, s->d, s->T));
    h->keys_plain = vaei_carve_floats(c, vaei_pack_floats(k, s->T, s->d));
    h->dp = vaei_carve_floats(c, vaei_count_of(s->rows, s->T));
    h->outer = vaei_carve_floats(c, vaei_outer_scratch(k, s->T, s->d, s->rows));
}

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const sizes *s = l->state;
    const int64_t count = vaei_count_of(n, vaei_shape_size(&l->in));
    parts *const p = pieces ? pieces : &(parts){0};
    *p = (parts){0};
    for (int32_t i = 0; i < PROJECTIONS; i++) p->w[i] = vaei_linear_carve(&s->map[i], k, training, &m->pack);
    for (int32_t i = 0; i < PROJECTIONS; i++) p->value[i] = vaei_carve_floats(training ? &m->cache : &m->scratch, count);
    carve_head(s, k, training, &m->scratch, &p->head);
    if (!training) return;
    for (int32_t i = 0; i < PROJECTIONS; i++) p->grad[i] = vaei_carve_floats(&m->scratch, count);
    p->outer = vaei_carve_floats(&m->scratch, vaei_weights_countable(l, n) ? vaei_outer_scratch(k, s->C, s->C, n * s->T) : -1);
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const sizes *s = l->state;
    parts p;
    vaei_layer_packed(l, r, memory, &p);
    for (int32_t i = 0; i < PROJECTIONS; i++) vaei_linear_fill(&s->map[i], r, &p.w[i]);
}

/* ---- scores ------------------------------------------------------------------------------------------------------- */

typedef struct softmax_job {
    const vaei_kernels *k;
    const sizes *s;
    int64_t first, length; /* of the queries; of the example */
    float *p;
} softmax_job;

static void softmax_rows(void *arg, int64_t begin, int64_t end) {
    const softmax_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        const int64_t T = j->s->T, before = j->s->causal ? j->first + i + 1 : T, seen = before < j->length ? before : j->length;
        float *row = j->p + i * T;
        vaei_softmax(j->k, seen, row);
        memset(row + seen, 0, (size_t)(T - seen) * sizeof(*row));
    }
}

/* p = softmax of m queries, from `first` on, over the keys to which they attend; q is already scaled. */
static void scores(const vaei_run *r, const sizes *s, const head *h, int64_t first, int64_t m, const float *q) {
    softmax_job j = {r->k, s, first, h->length, h->p};
    vaei_matmul(r->k, r->pool, vaei_matrix_of(q, m, s->d, s->C), h->keys, NULL, 0, vaei_matrix_to(h->p, m, s->T, s->T), NULL);
    vaei_parallel_ranges(r->pool, m, s->T, softmax_rows, &j);
}

static void pack_keys(const vaei_run *r, const sizes *s, const head *h, const float *k) {
    vaei_pack(r->k, r->pool, s->d, s->T, k, 1, s->C, NULL, h->keys);
}

static void attend(const vaei_run *r, const sizes *s, const head *h, const float *q, const float *k, const float *v, float *o) {
    pack_keys(r, s, h, k);
    vaei_pack(r->k, r->pool, s->T, s->d, v, s->C, 1, NULL, h->values);
    for (int64_t i = 0; i < s->T; i += s->rows) {
        const int64_t m = s->T - i < s->rows ? s->T - i : s->rows;
        scores(r, s, h, i, m, q + i * s->C);
        vaei_matmul(r->k, r->pool, vaei_matrix_of(h->p, m, s->T, s->T), h->values, NULL, 0, vaei_matrix_to(o + i * s->C, m, s->d, s->C),
                    NULL);
    }
}

typedef struct scale_job {
    const vaei_kernels *k;
    float by, *x;
} scale_job;

static void scale_range(void *arg, int64_t begin, int64_t end) {
    const scale_job *j = arg;
    j->k->scale(end - begin, j->by, j->x + begin);
}

/* Scales by 1 / sqrt(d), once on q (or dq) and not on every score. */
static void scale(const vaei_run *r, const sizes *s, float *x) {
    scale_job j = {r->k, (float)(1.0 / sqrt((double)s->d)), x};
    vaei_parallel_ranges(r->pool, r->n * s->T * s->C, 1, scale_range, &j);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const sizes *s = l->state;
    const int64_t C = s->C, all = r->n * s->T;
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    float *const *const v = p.value;
    for (int32_t i = 0; i < OUT; i++)
        vaei_linear_apply(&s->map[i], r, &p.w[i], vaei_matrix_of(x, all, C, C), vaei_matrix_to(v[i], all, C, C), &vaei_flush_rows);
    scale(r, s, v[Q]);
    for (int64_t i = 0; i < r->n * s->heads; i++) {
        const int64_t at = i / s->heads * s->T * C + i % s->heads * s->d;
        p.head.length = vaei_run_length(r, i / s->heads, s->T);
        attend(r, s, &p.head, v[Q] + at, v[K] + at, v[V] + at, v[OUT] + at);
    }
    vaei_linear_apply(&s->map[OUT], r, &p.w[OUT], vaei_matrix_of(v[OUT], all, C, C), vaei_matrix_to(y, all, C, C),
                      vaei_layer_epilogue(l, r->training));
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */

typedef struct ds_job {
    const vaei_kernels *k;
    int64_t T;
    const float *p;
    float *dp;
} ds_job;

static void ds_rows(void *arg, int64_t begin, int64_t end) {
    const ds_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        const float *p = j->p + i * j->T;
        float *dp = j->dp + i * j->T;
        const float mean = (float)j->k->dot(j->T, p, dp);
        for (int64_t t = 0; t < j->T; t++) dp[t] = p[t] * (dp[t] - mean);
    }
}

/* Computes one head of one example; v and g point to its channels: values and gradients of q (scaled), k, v, o. */
static void attend_backward(const vaei_run *r, const sizes *s, const head *h, float *const v[PROJECTIONS], float *const g[PROJECTIONS]) {
    const int64_t C = s->C;
    pack_keys(r, s, h, v[K]);
    vaei_pack(r->k, r->pool, s->T, s->d, v[K], C, 1, NULL, h->keys_plain);
    vaei_pack(r->k, r->pool, s->d, s->T, v[V], 1, C, NULL, h->values_t);
    for (int64_t i = 0; i < s->T; i += s->rows) {
        const int64_t m = s->T - i < s->rows ? s->T - i : s->rows, at = i * C;
        ds_job j = {r->k, s->T, h->p, h->dp};
        scores(r, s, h, i, m, v[Q] + at);
        vaei_outer(r->k, r->pool, vaei_matrix_of(h->p, m, s->T, s->T), vaei_matrix_of(g[OUT] + at, m, s->d, C),
                   vaei_matrix_to(g[V], s->T, s->d, C), h->outer);
        vaei_matmul(r->k, r->pool, vaei_matrix_of(g[OUT] + at, m, s->d, C), h->values_t, NULL, 0, vaei_matrix_to(h->dp, m, s->T, s->T),
                    NULL);
        vaei_parallel_ranges(r->pool, m, s->T, ds_rows, &j);
        vaei_matmul(r->k, r->pool, vaei_matrix_of(h->dp, m, s->T, s->T), h->keys_plain, NULL, 0, vaei_matrix_to(g[Q] + at, m, s->d, C),
                    NULL);
        vaei_outer(r->k, r->pool, vaei_matrix_of(h->dp, m, s->T, s->T), vaei_matrix_of(v[Q] + at, m, s->d, C),
                   vaei_matrix_to(g[K], s->T, s->d, C), h->outer);
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const sizes *s = l->state;
    const int64_t C = s->C, all = r->n * s->T;
    parts p;
    (void)y;
    vaei_layer_pieces(l, r, m, &p);
    float *const *const v = p.value, *const *const g = p.grad;
    vaei_linear_backward(&s->map[OUT], r, &p.w[OUT], all, v[OUT], dy, g[OUT], p.outer);
    memset(g[K], 0, (size_t)(all * C) * sizeof(float)); /* they are sums over blocks of queries */
    memset(g[V], 0, (size_t)(all * C) * sizeof(float));
    for (int64_t i = 0; i < r->n * s->heads; i++) {
        const int64_t at = i / s->heads * s->T * C + i % s->heads * s->d;
        float *const values[PROJECTIONS] = {v[Q] + at, v[K] + at, v[V] + at, v[OUT] + at};
        p.head.length = vaei_run_length(r, i / s->heads, s->T);
        float *const grads[PROJECTIONS] = {g[Q] + at, g[K] + at, g[V] + at, g[OUT] + at};
        attend_backward(r, s, &p.head, values, grads);
    }
    scale(r, s, g[Q]); /* dk needs no factor, because q is scaled */
    for (int32_t i = 0; i < OUT; i++) {
        vaei_linear_gradients(&s->map[i], r, all, x, g[i], p.outer);
        if (dx) vaei_linear_data(&s->map[i], r, &p.w[i], all, g[i], i > 0, dx);
    }
}

const vaei_layer_ops vaei_layer_attention = {
    .module = {"attention", "self-attention over positions",
               "attention heads=2\n"
               "attention causal=true init=xavier",
               "Vaswani et al. 2017 (arXiv:1706.03762)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
