/* SPDX-License-Identifier: MIT
 * layer_condition.c - adds the class and the vector of each example (section `condition`) to the values of a layer
 *
 *     e = [embedding[label], vector]          embedding[classes][dim] as torch.nn.Embedding
 *
 *     concat   y[p] = [x[p], one-hot of label, vector]             no parameters, and no embedding
 *     add      y[p] = x[p] + t                                     t = shift e
 *     film     y[p] = (1 + s) x[p] + t                             s = scale e, t = shift e
 *
 *     dx = (1 + s) dy      dt = sum_p dy      ds = sum_p x dy      dshift += sum_n dt e^T     dscale += sum_n ds e^T
 *     dembedding[label[n]] += (shift^T dt + scale^T ds) of its columns
 *
 *   p runs over all positions, each with C channels; scale[C][E], shift[C][E] as the weights of torch.nn.Linear without a bias. In
 *   training an example loses its condition with probability `drop`: e and the values that concat appends are zeros, so that y = x for
 *   add and film. One random number decides for an example in all layers of the model, so layers with the same `drop` leave out the
 *   condition of the same examples, as classifier-free guidance needs (Ho, Salimans 2022, arXiv:2207.12598). An example of label -1 has no
 *   class: the embedding and the one-hot are zeros in any pass.
 *
 *   Perez et al. 2017, "FiLM: Visual Reasoning with a General Conditioning Layer" (arXiv:1709.07871); Sohn, Lee, Yan 2015. */
#include "nn/layer.h"
#include "nn/ranges.h"

enum { CONCAT, ADD, FILM };

typedef struct conf {
    int64_t dim;
    int32_t mode, init;
    float drop;
} conf;

typedef struct state {
    vaei_condition given;
    int64_t C, P;                    /* channels and positions of x */
    int64_t dim, E;                  /* size of an embedding; size of e, or of the values that concat appends */
    int32_t embedding, scale, shift; /* indices of parameters; -1: there is none */
} state;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(conf, mode, CONCAT, "concat|add|film",
                       "concat: appended as channels; add: a term for each channel; film: a factor and a term for each channel"),
    VAEI_OPTION_INT(conf, dim, 16, 1, 65536, "number of values of the embedding of a class, for add and film"),
    VAEI_OPTION(conf, drop, FLOAT, VAEI_OPT_OPEN_HI, 0, 0, 1, "probability that a training step leaves out the condition of an example"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES,
                       "initialisation of the weights; the embedding starts from N(0, 1)"),
    {0},
};

static vae_status_t declare(int32_t *number, vaei_layer *l, vaei_build *b, const char *name, int64_t rows, int64_t columns,
                            vaei_init init) {
    const int64_t shape[2] = {rows, columns};
    vaei_param *const p = vaei_build_param(b, l->path, name, 2, shape, VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED, init);
    if (!p) return VAE_E_NOMEM;
    *number = l->n_params;
    l->param[l->n_params++] = p;
    return VAE_OK;
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    const vaei_condition given = b->condition;
    state *s = vaei_arena_alloc(b->arena, sizeof(*s));
    (void)node;
    if (!s) return VAE_E_NOMEM;
    if (given.classes + given.vector == 0)
        return vaei_fail(VAE_E_SPEC, "condition: the model has no section condition, as in 'condition classes=10'");
    b->condition_is_read = 1;
    s->given = given;
    s->C = in->d[in->n - 1];
    s->P = vaei_shape_size(in) / s->C;
    s->embedding = s->scale = s->shift = -1;
    l->state = s;
    *out = *in;
    if (o->mode == CONCAT) {
        s->E = given.classes + given.vector;
        out->d[in->n - 1] += s->E;
        return VAE_OK;
    }
    s->dim = given.classes > 0 ? o->dim : 0;
    s->E = s->dim + given.vector;
    const vaei_init weight = {o->init, s->E, s->C, 0}, normal = {.kind = VAEI_INIT_NORMAL, .value = 1};
    if (given.classes > 0) VAEI_TRY(declare(&s->embedding, l, b, "embedding.weight", given.classes, s->dim, normal));
    if (o->mode == FILM) VAEI_TRY(declare(&s->scale, l, b, "scale.weight", s->C, s->E, weight));
    return declare(&s->shift, l, b, "shift.weight", s->C, s->E, weight);
}

/* ---- the condition of an example -------------------------------------------------------------------------------- */

static int32_t is_dropped(const vaei_layer *l, const vaei_run *r, int64_t i) {
    const conf *o = l->conf;
    vaei_noise_key key = r->noise;
    float u;
    if (!r->training || r->frozen || o->drop <= 0) return 0;
    key.stream = VAEI_STREAM_CONDITION;
    vaei_noise_uniform(key, r->first_item + (uint32_t)i, 1, &u);
    return u < o->drop;
}

/* The class of example i; -1 if it has none, or if training leaves it out. */
static int64_t class_of(const vaei_layer *l, const vaei_run *r, int64_t i) {
    const state *s = l->state;
    return s->given.classes == 0 || is_dropped(l, r, i) ? -1 : r->batch.label[i];
}

/* Fills e of example i: the embedding or the one-hot of its class, then its vector; zeros for a missing part. */
static void fill(const vaei_layer *l, const vaei_run *r, int64_t i, float *e) {
    const state *s = l->state;
    const int64_t label = class_of(l, r, i), size = s->E - s->given.vector;
    const int32_t dropped = is_dropped(l, r, i);
    const float *const row = label >= 0 && s->embedding >= 0 ? vaei_layer_param(l, r, s->embedding) + label * size : NULL;
    for (int64_t j = 0; j < size; j++) e[j] = row ? vaei_flushed(row[j]) : j == label;
    for (int64_t j = 0; j < s->given.vector; j++)
        e[size + j] = dropped ? 0 : vaei_flushed(r->batch.condition[i * r->batch.of_condition + j]);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

typedef struct workspace { /* scratch */
    float *e;              /* [n][E]; for concat, the values to append */
    float *scale, *shift;  /* [n][C]: 1 + s, t */
    float *zeros;          /* [C], training */
    double *ds, *dt;       /* [n][C], training */
} workspace;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    workspace *const p = pieces ? pieces : &(workspace){0};
    const state *s = l->state;
    const int64_t nC = vaei_count_of(n, s->C);
    (void)k;
    *p = (workspace){0};
    p->e = vaei_carve_floats(&m->scratch, vaei_count_of(n, s->E));
    if (s->shift < 0) return;
    p->scale = vaei_carve_floats(&m->scratch, nC);
    p->shift = vaei_carve_floats(&m->scratch, nC);
    if (!training) return;
    p->zeros = vaei_carve_floats(&m->scratch, s->C);
    p->ds = vaei_carve_array(&m->scratch, nC, sizeof(double));
    p->dt = vaei_carve_array(&m->scratch, nC, sizeof(double));
}

typedef struct job {
    const vaei_layer *l;
    const vaei_run *r;
    workspace m;
    const float *x, *dy;
    float *y, *dx;
} job;

static job open_job(const vaei_layer *l, const vaei_run *r, const vaei_slot *m) {
    job j = {.l = l, .r = r};
    vaei_layer_pieces(l, r, m, &j.m);
    return j;
}

static void finish(const job *j, int64_t count, float *y) {
    const vaei_epilogue *const epilogue = vaei_layer_epilogue(j->l, j->r->training);
    if (epilogue) epilogue->apply(epilogue->arg, j->r->k, count, y);
}

/* ---- concat ----------------------------------------------------------------------------------------------------- */

static void append(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->l->state;
    const int64_t wide = s->C + s->E;
    for (int64_t i = begin; i < end; i++) {
        float *const e = j->m.e + i * s->E, *const y = j->y + i * s->P * wide;
        fill(j->l, j->r, i, e);
        for (int64_t p = 0; p < s->P; p++) {
            memcpy(y + p * wide, j->x + (i * s->P + p) * s->C, (size_t)s->C * sizeof(float));
            memcpy(y + p * wide + s->C, e, (size_t)s->E * sizeof(float));
        }
        finish(j, s->P * wide, y);
    }
}

static void take_back(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->l->state;
    const int64_t wide = s->C + s->E;
    for (int64_t i = begin; i < end; i++) memcpy(j->dx + i * s->C, j->dy + i * wide, (size_t)s->C * sizeof(float));
}

/* ---- add and film ----------------------------------------------------------------------------------------------- */

/* start + (row c of a weight) times e */
static float row_times(const job *j, int32_t number, int64_t c, double start, const float *e) {
    const state *s = j->l->state;
    const float *const w = vaei_layer_param(j->l, j->r, number) + c * s->E;
    for (int64_t k = 0; k < s->E; k++) start += (double)w[k] * (double)e[k];
    return vaei_flushed((float)start);
}

/* Computes e, scale and shift of example i. */
static void make_factors(const job *j, int64_t i) {
    const state *s = j->l->state;
    float *const e = j->m.e + i * s->E;
    fill(j->l, j->r, i, e);
    for (int64_t c = 0; c < s->C; c++) {
        j->m.scale[i * s->C + c] = s->scale < 0 ? 1 : row_times(j, s->scale, c, 1, e);
        j->m.shift[i * s->C + c] = row_times(j, s->shift, c, 0, e);
    }
}

static void modulate(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->l->state;
    const int64_t size = s->P * s->C;
    for (int64_t i = begin; i < end; i++) {
        make_factors(j, i);
        j->r->k->affine(s->P, s->C, j->m.scale + i * s->C, j->m.shift + i * s->C, j->x + i * size, j->y + i * size);
        finish(j, size, j->y + i * size);
    }
}

static void example_backward(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->l->state;
    const int64_t size = s->P * s->C;
    for (int64_t i = begin; i < end; i++) {
        double *const ds = j->m.ds + i * s->C, *const dt = j->m.dt + i * s->C;
        make_factors(j, i);
        memset(ds, 0, (size_t)s->C * sizeof(*ds));
        memset(dt, 0, (size_t)s->C * sizeof(*dt));
        j->r->k->column_sums(s->P, s->C, j->dy + i * size, j->x + i * size, dt, ds);
        if (j->dx) j->r->k->affine(s->P, s->C, j->m.scale + i * s->C, j->m.zeros, j->dy + i * size, j->dx + i * size);
    }
}

/* Computes rows of the weights' gradients: sums over the examples, in their order. */
static void weight_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->l->state;
    const struct {
        int32_t number;
        const double *d;
    } weights[2] = {{s->scale, j->m.ds}, {s->shift, j->m.dt}};
    for (int64_t i = begin; i < end; i++) {
        const int64_t c = i / s->E, k = i % s->E;
        for (int32_t w = 0; w < 2; w++) {
            double sum = 0;
            if (weights[w].number < 0) continue;
            for (int64_t n = 0; n < j->r->n; n++) sum += weights[w].d[n * s->C + c] * (double)j->m.e[n * s->E + k];
            vaei_layer_grad(j->l, j->r, weights[w].number)[i] += (float)sum;
        }
    }
}

/* Computes columns of the embedding's gradient: each example adds to its class, in the order of the examples. */
static void embedding_columns(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const state *s = j->l->state;
    float *const grad = vaei_layer_grad(j->l, j->r, s->embedding);
    const float *const scale = s->scale < 0 ? NULL : vaei_layer_param(j->l, j->r, s->scale);
    const float *const shift = vaei_layer_param(j->l, j->r, s->shift);
    for (int64_t n = 0; n < j->r->n; n++) {
        const int64_t label = class_of(j->l, j->r, n);
        if (label < 0) continue;
        const double *const ds = j->m.ds + n * s->C, *const dt = j->m.dt + n * s->C;
        for (int64_t k = begin; k < end; k++) {
            double sum = 0;
            for (int64_t c = 0; c < s->C; c++) sum += (double)shift[c * s->E + k] * dt[c];
            for (int64_t c = 0; scale && c < s->C; c++) sum += (double)scale[c * s->E + k] * ds[c];
            grad[label * s->dim + k] += (float)sum;
        }
    }
}

/* ---- the layer -------------------------------------------------------------------------------------------------- */

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const state *s = l->state;
    job j = open_job(l, r, m);
    j.x = x;
    j.y = y;
    vaei_parallel_ranges(r->pool, r->n, vaei_shape_size(&l->out) + (s->shift < 0 ? 0 : 2 * s->C * s->E), s->shift < 0 ? append : modulate,
                         &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const state *s = l->state;
    job j = open_job(l, r, m);
    (void)y;
    j.x = x;
    j.dy = dy;
    j.dx = dx;
    if (s->shift < 0) {
        if (dx) vaei_parallel_ranges(r->pool, r->n * s->P, s->C, take_back, &j);
        return;
    }
    memset(j.m.zeros, 0, (size_t)s->C * sizeof(float));
    vaei_parallel_ranges(r->pool, r->n, s->P * s->C + 2 * s->C * s->E, example_backward, &j);
    vaei_parallel_ranges(r->pool, s->C * s->E, 2 * r->n, weight_rows, &j);
    if (s->embedding >= 0) vaei_parallel_ranges(r->pool, s->dim, 2 * r->n * s->C, embedding_columns, &j);
}

const vaei_layer_ops vaei_layer_condition = {
    .module = {"condition", "reads the class and the vector of each example, which the section condition declares",
               "condition mode=film\n"
               "condition mode=film dim=3 drop=0.4 init=xavier\n"
               "condition mode=add dim=2\n"
               "condition mode=concat drop=0.4\n"
               "condition",
               "Perez et al. 2017 (arXiv:1709.07871); Sohn, Lee, Yan 2015", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
};
