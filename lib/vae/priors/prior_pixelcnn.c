/* SPDX-License-Identifier: MIT
 * prior_pixelcnn.c - a PixelCNN: the distribution of each code given the codes before it in raster order and, by option, the class.
 *
 *     log p(codes | c) = sum_i log p(code_i | code_<i, c)
 *
 *     e = table[code]
 *     a = conv_A(e)                                                          mask A: without the code itself
 *     a = a + expand(relu(conv_B(relu(reduce(relu(a)))) + class[c]))   layers times     C -> C/2, mask B over the window, C/2 -> C
 *     o = relu(mix(relu(a)))        logits = head(o)                         1x1
 *
 * The grid is the latent's H x W, with the codes of a position next to each other; latents without positions are one row. As in the paper,
 * the masks leave a blind spot above and to the right that more layers do not fill. Masked convolutions are in causal_conv.h.
 *
 * A sample takes one pass in all: every layer computes one position at a time and keeps its values for later positions. Examples are
 * processed in groups, so memory outside training does not grow with the batch.
 *
 * van den Oord et al. 2016 (arXiv:1601.06759, the residual form; arXiv:1606.05328, eq. 4, a class in every layer); van den Oord et al. 2017
 * (arXiv:1711.00937, over codes). */
#include "nn/ranges.h"
#include "vae/priors/causal_conv.h"
#include "vae/prior.h"

#define GROUP_ROWS  1024 /* rows of a group of examples, if it has more than GROUP_LEAST examples */
#define GROUP_LEAST 16

typedef struct conf {
    int64_t channels, layers, kernel, first_kernel, classes;
    vaei_choice choice;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, channels, 64, 2, 4096, "number of channels; blocks use half of them inside"),
    VAEI_OPTION_INT(conf, layers, 8, 1, 64, "number of residual blocks"),
    VAEI_OPTION_INT(conf, kernel, 3, 1, 31, "kernel size of the blocks, odd"),
    VAEI_OPTION_INT(conf, first_kernel, 7, 1, 31, "kernel size of the first convolution, odd"),
    VAEI_OPTION_INT(conf, classes, 0, 0, 65536,
                    "number of classes, each with its own distribution, which each example's label selects; 0: one distribution"),
    VAEI_CHOICE_OPTIONS(conf),
    {0},
};

typedef struct block {
    vaei_linear_map reduce, expand;
    vaei_causal_conv conv;
    vaei_embedding of_class; /* [classes][half] */
} block;

typedef struct net {
    int64_t P, K, C, half, layers, classes; /* P places */
    vaei_embedding embedding;
    vaei_causal_conv first;
    block *block;
    vaei_linear_map mix, head;
} net;

/* ---- building ----------------------------------------------------------------------------------------------------- */

static vae_status_t declare_block(block *k, vaei_build *b, const net *s, int64_t i, int64_t H, int64_t W, int64_t kernel) {
    const char *reduce = vaei_arena_format(b->arena, "prior.%lld.reduce", (long long)i);
    const char *conv = vaei_arena_format(b->arena, "prior.%lld.conv", (long long)i);
    const char *expand = vaei_arena_format(b->arena, "prior.%lld.expand", (long long)i);
    const char *class = vaei_arena_format(b->arena, "prior.%lld.class", (long long)i);
    if (!reduce || !conv || !expand || !class) return VAE_E_NOMEM;
    VAEI_TRY(vaei_linear_declare(&k->reduce, b, reduce, s->C, s->half));
    VAEI_TRY(vaei_causal_declare(&k->conv, b, conv, H, W, s->half, s->half, kernel, 1));
    if (s->classes > 0) VAEI_TRY(vaei_embedding_declare(&k->of_class, b, class, s->classes, s->half, s->half));
    return vaei_linear_declare(&k->expand, b, expand, s->half, s->C);
}

static vae_status_t plan(vaei_prior *p, vaei_build *b) {
    const conf *c = p->conf;
    const vaei_latent *q = p->latent;
    const int64_t rows = q->z.n == 3 && q->n_codes % q->z.d[0] == 0 ? q->z.d[0] : 1, columns = q->n_codes / rows;
    if (c->kernel % 2 == 0 || c->first_kernel % 2 == 0)
        return vaei_fail(VAE_E_SPEC, "prior pixelcnn: kernel=%lld first_kernel=%lld, wanted odd windows", (long long)c->kernel,
                         (long long)c->first_kernel);
    net *s = p->state = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    *s = (net){.P = q->n_codes, .K = q->codebook_size, .C = c->channels, .half = c->channels / 2, .layers = c->layers};
    p->classes = s->classes = c->classes;
    if (!(s->block = vaei_arena_array(b->arena, (size_t)s->layers, sizeof(*s->block)))) return VAE_E_NOMEM;
    VAEI_TRY(vaei_embedding_declare(&s->embedding, b, "prior.embedding", s->K, s->C, 2));
    VAEI_TRY(vaei_causal_declare(&s->first, b, "prior.first", rows, columns, s->C, s->C, c->first_kernel, 0));
    for (int64_t i = 0; i < s->layers; i++) VAEI_TRY(declare_block(&s->block[i], b, s, i, rows, columns, c->kernel));
    VAEI_TRY(vaei_linear_declare(&s->mix, b, "prior.mix", s->C, s->C));
    return vaei_linear_declare(&s->head, b, "prior.head", s->C, s->K);
}

/* ---- memory: the same function measures and divides -------------------------------------------------------------- */

typedef struct block_pack {
    vaei_linear_pack reduce, conv, expand;
} block_pack;

typedef struct packs {
    block_pack *block;
    vaei_linear_pack first, mix, head;
} packs;

static packs carve_packs(const net *s, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    packs p;
    p.block = vaei_carve_array(c, s->layers, sizeof(*p.block));
    p.first = vaei_linear_carve(&s->first.map, k, training, c);
    p.mix = vaei_linear_carve(&s->mix, k, training, c);
    p.head = vaei_linear_carve(&s->head, k, training, c);
    for (int64_t i = 0; i < s->layers; i++) {
        const block *b = &s->block[i];
        const block_pack cut = {.reduce = vaei_linear_carve(&b->reduce, k, training, c),
                                .conv = vaei_linear_carve(&b->conv.map, k, training, c),
                                .expand = vaei_linear_carve(&b->expand, k, training, c)};
        if (p.block) p.block[i] = cut;
    }
    return p;
}

/* Values of `rows` rows. Training keeps a before every block and y of each block; otherwise one of each is enough. */
typedef struct maps {
    float *e;     /* [rows][C] */
    float *a, *u; /* [layers + 1, or 1][rows][C], [rows][C] */
    float *v, *y; /* [layers][rows][half], [layers, or 1][rows][half] */
    float *o;     /* [rows][C] */
    int64_t a_step, v_step, y_step;
} maps;

static maps carve_maps(const net *s, int64_t rows, int32_t training, vaei_carve *c) {
    const int64_t wide = vaei_count_of(rows, s->C), narrow = vaei_count_of(rows, s->half);
    maps m = {.a_step = training ? wide : 0, .v_step = narrow, .y_step = training ? narrow : 0};
    m.e = vaei_carve_floats(c, wide);
    m.a = vaei_carve_floats(c, vaei_count_of(training ? s->layers + 1 : 1, wide));
    m.u = vaei_carve_floats(c, wide);
    m.v = vaei_carve_floats(c, vaei_count_of(s->layers, narrow));
    m.y = vaei_carve_floats(c, vaei_count_of(training ? s->layers : 1, narrow));
    m.o = vaei_carve_floats(c, wide);
    return m;
}

typedef struct workspace {
    vaei_causal_workspace first, conv;
    vaei_head_workspace head;
    float *t;                         /* [rows][C] */
    float *uniform, *choice;          /* [examples][P], [K]: samples */
    float *da, *de, *dy, *dv, *outer; /* training */
} workspace;

static workspace carve_workspace(const net *s, const vaei_kernels *k, int64_t rows, int32_t training, vaei_carve *c) {
    const int64_t wide = vaei_count_of(rows, s->C), narrow = vaei_count_of(rows, s->half);
    workspace m = {.first = vaei_causal_carve(&s->first, k, rows, training, c)};
    m.conv = vaei_causal_carve(&s->block[0].conv, k, rows, training, c);
    m.head = vaei_head_carve(&s->head, k, rows, training, c);
    m.t = vaei_carve_floats(c, wide);
    if (!training) {
        m.uniform = vaei_carve_floats(c, rows);
        m.choice = vaei_carve_floats(c, s->K);
        return m;
    }
    m.da = vaei_carve_floats(c, wide);
    m.de = vaei_carve_floats(c, wide);
    m.dy = vaei_carve_floats(c, narrow);
    m.dv = vaei_carve_floats(c, narrow);
    m.outer = vaei_carve_floats(c, wide < 0 ? -1 : vaei_outer_scratch(k, s->C, s->C, rows));
    return m;
}

static int64_t group_of(const net *s, int64_t n) {
    const int64_t wanted = GROUP_ROWS / s->P > GROUP_LEAST ? GROUP_ROWS / s->P : GROUP_LEAST;
    return n < wanted ? n : wanted;
}

typedef struct parts {
    packs w;
    maps m; /* cache in training, otherwise scratch */
    workspace workspace;
} parts;

/* Outside of training it is for a group of the examples. */
static void layout(const vaei_prior *prior, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const net *s = prior->state;
    const int64_t rows = vaei_count_of(training ? n : group_of(s, n), s->P);
    parts *const p = pieces ? pieces : &(parts){.w = {.block = NULL}};
    p->w = carve_packs(s, k, training, &m->pack);
    p->m = carve_maps(s, rows, training, training ? &m->cache : &m->scratch);
    p->workspace = carve_workspace(s, k, rows, training, &m->scratch);
}

static void pack(const vaei_prior *p, const vaei_run *r, void *memory) {
    const net *s = p->state;
    parts at;
    vaei_prior_packed(p, r, memory, &at);
    const packs w = at.w;
    vaei_linear_fill(&s->first.map, r, &w.first);
    vaei_linear_fill(&s->mix, r, &w.mix);
    vaei_linear_fill(&s->head, r, &w.head);
    for (int64_t i = 0; i < s->layers; i++) {
        vaei_linear_fill(&s->block[i].reduce, r, &w.block[i].reduce);
        vaei_linear_fill(&s->block[i].conv.map, r, &w.block[i].conv);
        vaei_linear_fill(&s->block[i].expand, r, &w.block[i].expand);
    }
}

/* ---- forward ------------------------------------------------------------------------------------------------------ */

/* Computes o of these rows, from m->e of the rows before them and m->v of earlier calls. */
static void forward(const net *s, const vaei_run *r, const vaei_rows *at, const parts *v) {
    const maps *m = &v->m;
    float *a = m->a, *t = v->workspace.t;
    vaei_causal_forward(&s->first, r, &v->w.first, at, m->e, &v->workspace.first, a);
    for (int64_t i = 0; i < s->layers; i++, a += m->a_step) {
        const block_pack *w = &v->w.block[i];
        float *narrow = m->v + i * m->v_step, *y = m->y + i * m->y_step, *next = a + m->a_step;
        vaei_rows_map(r, at, s->C, VAEI_MAP_RELU, a, m->u);
        vaei_rows_linear(r, at, &s->block[i].reduce, &w->reduce, m->u, narrow);
        vaei_rows_map(r, at, s->half, VAEI_MAP_RELU, narrow, narrow);
        vaei_causal_forward(&s->block[i].conv, r, &w->conv, at, narrow, &v->workspace.conv, y);
        if (s->classes > 0) vaei_class_forward(&s->block[i].of_class, r, at, s->P, y);
        vaei_rows_map(r, at, s->half, VAEI_MAP_RELU, y, y);
        if (next == a) {
            vaei_rows_linear(r, at, &s->block[i].expand, &w->expand, y, t);
            vaei_rows_add(r, at, s->C, t, a);
        } else {
            vaei_rows_linear(r, at, &s->block[i].expand, &w->expand, y, next);
            vaei_rows_add(r, at, s->C, a, next);
        }
    }
    vaei_rows_map(r, at, s->C, VAEI_MAP_RELU, a, m->u);
    vaei_rows_linear(r, at, &s->mix, &v->w.mix, m->u, m->o);
    vaei_rows_map(r, at, s->C, VAEI_MAP_RELU, m->o, m->o);
}

/* The run over the group of examples from i on. */
static vaei_run part_of(const vaei_run *r, int64_t i, int64_t group) {
    return vaei_run_slice(r, i, r->n - i < group ? r->n - i : group);
}

static void nll(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, double *out) {
    const net *s = p->state;
    const int64_t group = r->training ? r->n : group_of(s, r->n);
    parts v;
    vaei_prior_pieces(p, r, slot, &v);
    for (int64_t i = 0; i < r->n && !vaei_run_cancelled(r); i += group) {
        const int32_t *codes = at->codes + i * s->P;
        const vaei_run part = part_of(r, i, group);
        const vaei_rows all = vaei_rows_all(part.n, s->P);
        vaei_embedding_forward(&s->embedding, &part, &all, codes, v.m.e);
        forward(s, &part, &all, &v);
        vaei_head_nll(&s->head, &part, &v.w.head, s->P, v.m.o, codes, &v.workspace.head, out + i);
    }
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */

static void relu_backward(const vaei_run *r, int64_t count, const float *y, float *dy) {
    r->k->map_grad[VAEI_MAP_RELU](count, 0, y, dy, dy);
}

/* Turns da of a block's output into that of its input. */
static void block_backward(const net *s, const vaei_run *r, int64_t i, const parts *v) {
    const block *k = &s->block[i];
    const block_pack *w = &v->w.block[i];
    const workspace *m = &v->workspace;
    const int64_t rows = r->n * s->P, wide = rows * s->C, narrow = rows * s->half;
    const float *a = v->m.a + i * v->m.a_step, *reduced = v->m.v + i * v->m.v_step, *y = v->m.y + i * v->m.y_step;
    vaei_linear_backward(&k->expand, r, &w->expand, rows, y, m->da, m->dy, m->outer);
    relu_backward(r, narrow, y, m->dy);
    if (s->classes > 0) vaei_class_backward(&k->of_class, r, s->P, m->dy);
    vaei_causal_backward(&k->conv, r, &w->conv, rows, reduced, m->dy, &m->conv, m->dv);
    relu_backward(r, narrow, reduced, m->dv);
    r->k->map[VAEI_MAP_RELU](wide, 0, a, v->m.u);
    vaei_linear_backward(&k->reduce, r, &w->reduce, rows, v->m.u, m->dv, m->t, m->outer);
    relu_backward(r, wide, v->m.u, m->t);
    r->k->add(wide, m->t, m->da);
}

static void backward(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, const float *weight) {
    const net *s = p->state;
    parts v;
    vaei_prior_pieces(p, r, slot, &v);
    const workspace *m = &v.workspace;
    const int64_t rows = r->n * s->P, wide = rows * s->C;
    vaei_head_backward(&s->head, r, &v.w.head, s->P, v.m.o, at->codes, weight, &m->head, m->t);
    relu_backward(r, wide, v.m.o, m->t);
    vaei_linear_backward(&s->mix, r, &v.w.mix, rows, v.m.u, m->t, m->da, m->outer); /* u still holds relu of the last a */
    relu_backward(r, wide, v.m.u, m->da);
    for (int64_t i = s->layers - 1; i >= 0 && !vaei_run_cancelled(r); i--) block_backward(s, r, i, &v);
    vaei_causal_backward(&s->first, r, &v.w.first, rows, v.m.e, m->da, &m->first, m->de);
    vaei_embedding_backward(&s->embedding, r, rows, at->codes, m->de);
}

/* ---- samples ------------------------------------------------------------------------------------------------------ */

static void sample_group(const vaei_prior *p, const vaei_run *r, const parts *v, uint64_t first, int32_t *codes) {
    const conf *c = p->conf;
    const net *s = p->state;
    float *logits = v->workspace.head.logits;
    for (int64_t i = 0; i < r->n; i++) {
        const uint64_t position = first + (uint64_t)i;
        vaei_noise_uniform(vaei_prior_key(r->noise.seed, position), (uint32_t)position, s->P, v->workspace.uniform + i * s->P);
    }
    for (int64_t place = 0; place < s->P && !vaei_run_cancelled(r); place++) {
        const vaei_rows at = vaei_rows_place(r->n, s->P, place);
        forward(s, r, &at, v);
        vaei_linear_apply(&s->head, r, &v->w.head, vaei_matrix_of(v->m.o + place * s->C, r->n, s->head.in, s->P * s->C),
                          vaei_matrix_to(logits, r->n, s->head.out, s->K), NULL);
        for (int64_t i = 0; i < r->n; i++)
            codes[i * s->P + place] =
                vaei_choose_code(&c->choice, r->k, s->K, v->workspace.uniform[i * s->P + place], logits + i * s->K, v->workspace.choice);
        vaei_embedding_forward(&s->embedding, r, &at, codes, v->m.e);
    }
}

static void sample(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, uint64_t first, const vaei_points *out) {
    const net *s = p->state;
    const int64_t group = group_of(s, r->n);
    parts v;
    vaei_prior_pieces(p, r, slot, &v);
    for (int64_t i = 0; i < r->n && !vaei_run_cancelled(r); i += group) {
        const vaei_run part = part_of(r, i, group);
        sample_group(p, &part, &v, first + (uint64_t)i, out->codes + i * s->P);
    }
}

const vaei_prior_ops vaei_prior_pixelcnn = {
    .module = {.name = "pixelcnn",
               .summary = "masked convolutions over the grid of codes: p(code | codes before it)",
               .examples = "pixelcnn channels=8 layers=2\n"
                           "pixelcnn channels=6 layers=1 kernel=1 first_kernel=5 classes=3 temperature=0.5 top_k=2",
               .paper = "van den Oord et al. 2016 (arXiv:1601.06759, arXiv:1606.05328), 2017 (arXiv:1711.00937)",
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
