/* SPDX-License-Identifier: MIT
 * prior_transformer.c - a transformer: the distribution of each code given all codes before it in raster order.
 *
 *     log p(codes) = sum_i log p(code_i | code_<i)
 *
 *     x_i = position_i + table[code_i-1]                  the first place has only its position
 *     x = x + attention(layernorm(x))                     causal    } layers times, "pre-norm"
 *     x = x + down(gelu(up(layernorm(x))))                C -> 4C -> C
 *     logits = head(layernorm(x))
 *
 * The blocks are a stack of the library's own layers over 1 x P x C, which training runs. A sample computes one position at a time with the
 * same parameters and keeps the keys and values of earlier positions. Examples are processed in groups, so memory outside training
 * does not grow with the batch.
 *
 * Vaswani et al. 2017 (arXiv:1706.03762); Radford et al. 2019 (the order of the blocks); Esser et al. 2021 (arXiv:2012.09841, over
 * codes). */
#include "nn/norm.h"
#include "nn/ranges.h"
#include "nn/softmax.h"
#include "nn/stack.h"
#include "vae/codes/code_rows.h"
#include "vae/prior.h"

#include <math.h>

#define GROUP_ROWS       2048 /* rows of a group of examples, if it has more than GROUP_LEAST examples */
#define GROUP_LEAST      8
#define NORM_EPS         1e-5 /* the default of layernorm */
#define EMBEDDING_FAN_IN 5000 /* gives a standard deviation of 0.02 */

enum { QUERY, KEY, VALUE, OUT, UP, DOWN, MAPS };

typedef struct conf {
    int64_t channels, layers, heads;
    vaei_choice choice;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, channels, 128, 1, 8192, "number of channels"),
    VAEI_OPTION_INT(conf, layers, 4, 1, 64, "number of layers, pairs of attention and perceptron"),
    VAEI_OPTION_INT(conf, heads, 4, 1, 1024, "number of attention heads; each has its own share of the channels"),
    VAEI_CHOICE_OPTIONS(conf),
    {0},
};

/* Two blocks for computing place by place, with the parameters of the stack's layers. */
typedef struct pair {
    const vaei_layer *before_attention, *before_perceptron; /* layernorm */
    vaei_linear_map map[MAPS];
} pair;

typedef struct net {
    int64_t P, K, C, layers, heads;
    vaei_embedding embedding;
    const vaei_param *position; /* [P][C] */
    vaei_stack *stack;
    const vaei_layer *last; /* layernorm */
    pair *pair;
    vaei_linear_map head;
} net;

/* ---- building ----------------------------------------------------------------------------------------------------- */

static vaei_linear_map map_of(const vaei_layer *l, int32_t first, int64_t in, int64_t out) {
    return (vaei_linear_map){.in = in, .out = out, .weight = l->param[first], .bias = l->param[first + 1]};
}

static void find_pairs(net *s) {
    for (int64_t i = 0; i < s->layers; i++) {
        vaei_layer *const *attention = s->stack->layer[2 * i]->body[0]->layer;
        vaei_layer *const *perceptron = s->stack->layer[2 * i + 1]->body[0]->layer;
        pair *p = &s->pair[i];
        p->before_attention = attention[0];
        for (int32_t m = QUERY; m <= OUT; m++) p->map[m] = map_of(attention[1], 2 * m, s->C, s->C);
        p->before_perceptron = perceptron[0];
        p->map[UP] = map_of(perceptron[1], 0, s->C, 4 * s->C);
        p->map[DOWN] = map_of(perceptron[3], 0, 4 * s->C, s->C);
    }
    s->last = s->stack->layer[2 * s->layers];
}

/* A convolution with a window of 1 is a linear map of each place; its weight [out][in][1][1] has the same layout in memory. */
static vae_status_t build_stack(net *s, vaei_build *b) {
    const vaei_shape shape = {3, {1, s->P, s->C}};
    vaei_document document;
    const char *text =
        vaei_arena_format(b->arena,
                          "prior repeat n=%lld { residual { layernorm | attention heads=%lld causal=true } "
                          "| residual { layernorm | conv2d out=%lld kernel=1 | gelu | conv2d out=%lld kernel=1 } } | layernorm\n",
                          (long long)s->layers, (long long)s->heads, (long long)(4 * s->C), (long long)s->C);
    if (!text) return VAE_E_NOMEM;
    VAEI_TRY(vaei_document_parse(&document, b->arena, text, strlen(text)));
    return vaei_stack_build(&s->stack, b, &document.first->pipeline, "prior.blocks", &shape);
}

static vae_status_t plan(vaei_prior *p, vaei_build *b) {
    const conf *c = p->conf;
    net *s = p->state = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    *s = (net){.P = p->latent->n_codes, .K = p->latent->codebook_size, .C = c->channels, .layers = c->layers, .heads = c->heads};
    if (s->C % s->heads != 0)
        return vaei_fail(VAE_E_SPEC, "prior transformer: heads=%lld does not divide channels=%lld", (long long)s->heads, (long long)s->C);
    const int64_t shape[2] = {s->P, s->C};
    const vaei_init init = {.kind = VAEI_INIT_KAIMING, .fan_in = EMBEDDING_FAN_IN};
    if (!(s->pair = vaei_arena_array(b->arena, (size_t)s->layers, sizeof(*s->pair)))) return VAE_E_NOMEM;
    VAEI_TRY(vaei_embedding_declare(&s->embedding, b, "prior.embedding", s->K, s->C, EMBEDDING_FAN_IN));
    if (!(s->position = vaei_build_param(b, "prior.position", "weight", 2, shape, VAEI_PARAM_TRAINED, init))) return VAE_E_NOMEM;
    VAEI_TRY(build_stack(s, b));
    find_pairs(s);
    return vaei_linear_declare(&s->head, b, "prior.head", s->C, s->K);
}

/* ---- memory: the same function measures and divides -------------------------------------------------------------- */

typedef struct pair_pack {
    vaei_linear_pack map[MAPS];
} pair_pack;

typedef struct packs {
    void *stack;
    vaei_linear_pack head;
    pair_pack *pair; /* outside of training */
} packs;

static packs carve_packs(const net *s, const vaei_kernels *k, size_t stack, int32_t training, vaei_carve *c) {
    packs p = {.stack = vaei_carve_bytes(c, stack), .head = vaei_linear_carve(&s->head, k, training, c)};
    if (training) return p;
    p.pair = vaei_carve_array(c, s->layers, sizeof(*p.pair));
    for (int64_t i = 0; i < s->layers; i++) {
        for (int32_t m = 0; m < MAPS; m++) {
            const vaei_linear_pack cut = vaei_linear_carve(&s->pair[i].map[m], k, 0, c);
            if (p.pair) p.pair[i].map[m] = cut;
        }
    }
    return p;
}

/* Values of whole grids: input and output of the stack, and in training their gradients. */
typedef struct maps {
    float *x, *y; /* [rows][C] */
    void *cache;
} maps;

static maps carve_maps(const net *s, int64_t rows, size_t cache, vaei_carve *c) {
    const int64_t wide = vaei_count_of(rows, s->C);
    maps m;
    m.x = vaei_carve_floats(c, wide);
    m.y = vaei_carve_floats(c, wide);
    m.cache = vaei_carve_bytes(c, cache);
    return m;
}

typedef struct workspace {
    vaei_head_workspace head;
    void *stack;
    float *dx, *dy; /* training */
} workspace;

static workspace carve_workspace(const net *s, const vaei_kernels *k, int64_t rows, size_t stack, int32_t training, vaei_carve *c) {
    workspace m = {.head = vaei_head_carve(&s->head, k, rows, training, c)};
    m.stack = vaei_carve_bytes(c, stack);
    if (!training) return m;
    m.dx = vaei_carve_floats(c, vaei_count_of(rows, s->C));
    m.dy = vaei_carve_floats(c, vaei_count_of(rows, s->C));
    return m;
}

/* Memory of samples: for a group of n examples at one place, and the keys and values of the places before. */
typedef struct steps {
    float *key, *value;                 /* [layers][n][P][C] */
    float *x, *u, *query, *seen, *wide; /* [n][C], the last [n][4C] */
    float *score;                       /* [n][P] */
    float *uniform, *logits, *choice;   /* [n][P], [n][K], [K] */
} steps;

static steps carve_steps(const net *s, int64_t n, vaei_carve *c) {
    const int64_t row = vaei_count_of(n, s->C), kept = vaei_count_of(vaei_count_of(row, s->P), s->layers);
    steps t;
    t.key = vaei_carve_floats(c, kept);
    t.value = vaei_carve_floats(c, kept);
    t.x = vaei_carve_floats(c, row);
    t.u = vaei_carve_floats(c, row);
    t.query = vaei_carve_floats(c, row);
    t.seen = vaei_carve_floats(c, row);
    t.wide = vaei_carve_floats(c, vaei_count_of(row, 4));
    t.score = vaei_carve_floats(c, vaei_count_of(n, s->P));
    t.uniform = vaei_carve_floats(c, vaei_count_of(n, s->P));
    t.logits = vaei_carve_floats(c, vaei_count_of(n, s->K));
    t.choice = vaei_carve_floats(c, s->K);
    return t;
}

static int64_t group_of(const net *s, int64_t n) {
    const int64_t wanted = GROUP_ROWS / s->P > GROUP_LEAST ? GROUP_ROWS / s->P : GROUP_LEAST;
    return n < wanted ? n : wanted;
}

typedef struct parts {
    packs w;
    maps m; /* cache in training, otherwise scratch */
    workspace workspace;
    vaei_slot stack;
} parts;

/* Outside of training it is for a group of the examples. Sampling divides the scratch in another way: sample(). */
static void layout(const vaei_prior *prior, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const net *s = prior->state;
    const int64_t examples = training ? n : group_of(s, n), rows = vaei_count_of(examples, s->P);
    const vaei_bytes stack = vaei_stack_bytes(s->stack, k, examples, training);
    parts *const p = pieces ? pieces : &(parts){.stack = {.pack = NULL}};
    vaei_carve sampling = {NULL, m->scratch.used};
    p->w = carve_packs(s, k, stack.pack, training, &m->pack);
    p->m = carve_maps(s, rows, stack.cache, training ? &m->cache : &m->scratch);
    p->workspace = carve_workspace(s, k, rows, stack.scratch, training, &m->scratch);
    p->stack = (vaei_slot){.pack = p->w.stack, .cache = p->m.cache, .scratch = p->workspace.stack};
    if (training) return;
    (void)carve_steps(s, examples, &sampling);
    if (sampling.used > m->scratch.used) m->scratch.used = sampling.used;
}

static void pack(const vaei_prior *p, const vaei_run *r, void *memory) {
    const net *s = p->state;
    parts at;
    vaei_prior_packed(p, r, memory, &at);
    vaei_stack_pack(s->stack, r, at.w.stack);
    vaei_linear_fill(&s->head, r, &at.w.head);
    for (int64_t i = 0; at.w.pair && i < s->layers; i++)
        for (int32_t m = 0; m < MAPS; m++) vaei_linear_fill(&s->pair[i].map[m], r, &at.w.pair[i].map[m]);
}

/* ---- whole grids -------------------------------------------------------------------------------------------------- */

/* Computes x of one place; code is that of the place before, if there is one. */
static void embed(const net *s, const vaei_run *r, int64_t place, const int32_t *code, float *x) {
    memcpy(x, r->params + s->position->offset + place * s->C, (size_t)s->C * sizeof(*x));
    if (code) r->k->add(s->C, r->params + s->embedding.table->offset + *code * s->C, x);
}

static void nll(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, double *out) {
    const net *s = p->state;
    const int64_t group = r->training ? r->n : group_of(s, r->n);
    parts v;
    vaei_prior_pieces(p, r, slot, &v);
    for (int64_t i = 0; i < r->n && !vaei_run_cancelled(r); i += group) {
        const int32_t *codes = at->codes + i * s->P;
        const vaei_run part = vaei_run_slice(r, i, r->n - i < group ? r->n - i : group);
        for (int64_t row = 0; row < part.n * s->P; row++)
            embed(s, r, row % s->P, row % s->P > 0 ? codes + row - 1 : NULL, v.m.x + row * s->C);
        vaei_stack_forward(s->stack, &part, &v.stack, v.m.x, v.m.y);
        vaei_head_nll(&s->head, &part, &v.w.head, s->P, v.m.y, codes, &v.workspace.head, out + i);
    }
}

static void backward(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, const float *weight) {
    const net *s = p->state;
    parts v;
    vaei_prior_pieces(p, r, slot, &v);
    float *table = r->grads + s->embedding.table->offset, *position = r->grads + s->position->offset;
    vaei_head_backward(&s->head, r, &v.w.head, s->P, v.m.y, at->codes, weight, &v.workspace.head, v.workspace.dy);
    vaei_stack_backward(s->stack, r, &v.stack, v.m.x, v.m.y, v.workspace.dy, v.workspace.dx);
    for (int64_t row = 0; row < r->n * s->P; row++) {
        const float *dx = v.workspace.dx + row * s->C;
        r->k->add(s->C, dx, position + row % s->P * s->C);
        if (row % s->P > 0) r->k->add(s->C, dx, table + at->codes[row - 1] * s->C);
    }
}

/* ---- samples, place by place -------------------------------------------------------------------------------------- */

static void normalise(const net *s, const vaei_run *r, const vaei_layer *l, const float *x, float *y) {
    float mean, rstd;
    for (int64_t i = 0; i < r->n; i++)
        vaei_norm_row(r->k, s->C, NORM_EPS, vaei_layer_param(l, r, 0), vaei_layer_param(l, r, 1), x + i * s->C, y + i * s->C, &mean, &rstd);
}

typedef struct attend_job {
    const net *s;
    const vaei_run *r;
    const steps *t;
    int64_t place;
    const float *key, *value; /* of this layer: [n][P][C] */
} attend_job;

static void attend_range(void *arg, int64_t begin, int64_t end) {
    const attend_job *j = arg;
    const net *s = j->s;
    const vaei_kernels *k = j->r->k;
    const int64_t d = s->C / s->heads, count = j->place + 1;
    for (int64_t i = begin; i < end; i++) {
        float *score = j->t->score + i * s->P;
        for (int64_t at = 0; at < s->C; at += d) {
            const float *query = j->t->query + i * s->C + at;
            const float *key = j->key + i * s->P * s->C + at, *value = j->value + i * s->P * s->C + at;
            float *seen = j->t->seen + i * s->C + at;
            for (int64_t p = 0; p < count; p++) score[p] = (float)(k->dot(d, query, key + p * s->C) / sqrt((double)d));
            vaei_softmax(k, count, score);
            memset(seen, 0, (size_t)d * sizeof(*seen));
            for (int64_t p = 0; p < count; p++) k->axpy(d, score[p], value + p * s->C, seen);
        }
    }
}

/* Replaces x by the output of the two blocks at this place. */
static void step_pair(const net *s, const vaei_run *r, const packs *w, const steps *t, int64_t layer, int64_t place) {
    const pair *p = &s->pair[layer];
    const vaei_linear_pack *pack_of = w->pair[layer].map;
    const int64_t n = r->n, C = s->C, kept = layer * n * s->P * C;
    attend_job j = {s, r, t, place, t->key + kept, t->value + kept};
    normalise(s, r, p->before_attention, t->x, t->u);
    vaei_linear_forward(&p->map[QUERY], r, &pack_of[QUERY], n, t->u, t->query);
    vaei_linear_apply(&p->map[KEY], r, &pack_of[KEY], vaei_matrix_of(t->u, n, p->map[KEY].in, C),
                      vaei_matrix_to(t->key + kept + place * C, n, p->map[KEY].out, s->P * C), NULL);
    vaei_linear_apply(&p->map[VALUE], r, &pack_of[VALUE], vaei_matrix_of(t->u, n, p->map[VALUE].in, C),
                      vaei_matrix_to(t->value + kept + place * C, n, p->map[VALUE].out, s->P * C), NULL);
    vaei_parallel_ranges(r->pool, n, (place + 1) * C, attend_range, &j);
    vaei_linear_forward(&p->map[OUT], r, &pack_of[OUT], n, t->seen, t->u);
    r->k->add(n * C, t->u, t->x);
    normalise(s, r, p->before_perceptron, t->x, t->u);
    vaei_linear_forward(&p->map[UP], r, &pack_of[UP], n, t->u, t->wide);
    r->k->map[VAEI_MAP_GELU](n * 4 * C, 0, t->wide, t->wide);
    vaei_linear_forward(&p->map[DOWN], r, &pack_of[DOWN], n, t->wide, t->u);
    r->k->add(n * C, t->u, t->x);
}

static void sample_group(const vaei_prior *p, const vaei_run *r, const packs *w, const steps *t, uint64_t first, int32_t *codes) {
    const conf *c = p->conf;
    const net *s = p->state;
    for (int64_t i = 0; i < r->n; i++) {
        const uint64_t position = first + (uint64_t)i;
        vaei_noise_uniform(vaei_prior_key(r->noise.seed, position), (uint32_t)position, s->P, t->uniform + i * s->P);
    }
    for (int64_t place = 0; place < s->P && !vaei_run_cancelled(r); place++) {
        for (int64_t i = 0; i < r->n; i++) embed(s, r, place, place > 0 ? codes + i * s->P + place - 1 : NULL, t->x + i * s->C);
        for (int64_t layer = 0; layer < s->layers; layer++) step_pair(s, r, w, t, layer, place);
        normalise(s, r, s->last, t->x, t->u);
        vaei_linear_forward(&s->head, r, &w->head, r->n, t->u, t->logits);
        for (int64_t i = 0; i < r->n; i++)
            codes[i * s->P + place] =
                vaei_choose_code(&c->choice, r->k, s->K, t->uniform[i * s->P + place], t->logits + i * s->K, t->choice);
    }
}

static void sample(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, uint64_t first, const vaei_points *out) {
    const net *s = p->state;
    const int64_t group = group_of(s, r->n);
    parts v;
    vaei_prior_packed(p, r, slot->pack, &v);
    const packs w = v.w;
    vaei_carve scratch = {.base = slot->scratch};
    const steps t = carve_steps(s, group, &scratch);
    for (int64_t i = 0; i < r->n && !vaei_run_cancelled(r); i += group) {
        const vaei_run part = vaei_run_slice(r, i, r->n - i < group ? r->n - i : group);
        sample_group(p, &part, &w, &t, first + (uint64_t)i, out->codes + i * s->P);
    }
}

const vaei_prior_ops vaei_prior_transformer = {
    .module = {.name = "transformer",
               .summary = "causal attention over the codes in raster order: p(code | codes before it)",
               .examples = "transformer channels=8 layers=2 heads=2\n"
                           "transformer channels=6 layers=1 heads=1 temperature=0.5 top_k=2",
               .paper = "Vaswani et al. 2017 (arXiv:1706.03762); Esser et al. 2021 (arXiv:2012.09841)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_PRIOR_OF_CODES | VAEI_PRIOR_LEARNED,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .nll = nll,
    .backward = backward,
    .sample = sample,
};
