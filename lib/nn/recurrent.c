/* SPDX-License-Identifier: MIT
 * recurrent.c - runs the layers that read a sequence x[T][C] step by step, and their backward pass through time
 *
 *       gates[t] = cell(x[t] W_ih^T + b_ih, h[t - 1] W_hh^T + b_hh)       h[t] = the cell's output; h[-1] = 0
 *
 *   W_ih[G H][C], W_hh[G H][H], b_ih, b_hh [G H] under PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, with l1, l2,
 *   ... for further layers, and the suffix _reverse for the direction from the last step to the first; the outputs of both directions are
 *   concatenated: y[T][2 H].
 *
 *   One product computes x W_ih^T of all steps. Inside the layer the axis of steps comes first, so that the examples of a step are
 *   consecutive rows:
 *
 *       x, gates, dgates [T][n][...]        h, kept [T + 2][n][...], with zeros before the first step and after the last
 *
 *   Backward visits the steps in the reverse order, with the gradient dh of the previous state:
 *
 *       dh[t - 1] = dy[t - 1] + dadded[t] W_hh + ...             plus terms of the cell
 *       dW_hh += sum_t dadded[t]^T h[t - 1]     dW_ih += sum_t dgates[t]^T x[t]     dx = dgates W_ih      each one product over all steps
 *
 *   An example of length L has no state from step L on: h and kept are 0 there, so that the reverse direction begins at step L - 1, and
 *   gradients of such steps are 0.
 *
 *   Examples do not depend on each other. Sums over steps and examples run over the steps, and within a step over its examples. */
#include "nn/recurrent.h"

#include "nn/linear_map.h"
#include "nn/sequence.h"
#include "nn/weights.h"

enum { DIRECTIONS = 2, WEIGHTS = 4 };

/* One direction of one layer. */
typedef struct level {
    vaei_linear_map of_x, of_h;
} level;

typedef struct state {
    const vaei_recurrent_ops *ops;
    int64_t T, C, H, G, layers, directions;
    level level[VAEI_RECURRENT_LAYERS][DIRECTIONS];
} state;

/* ---- plan --------------------------------------------------------------------------------------------------------- */

static vae_status_t declare(vaei_layer *l, vaei_build *b, const state *s, int64_t layer, int64_t direction, level *v) {
    static const char *const names[WEIGHTS] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const int64_t in = layer == 0 ? s->C : s->directions * s->H, rows = s->G * s->H;
    const vaei_init init = {.kind = VAEI_INIT_PYTORCH, .fan_in = s->H, .fan_out = s->H};
    const vaei_param *made[WEIGHTS];
    for (int32_t i = 0; i < WEIGHTS; i++) {
        const int64_t shape[2] = {rows, i == 0 ? in : s->H};
        const char *const name = vaei_arena_format(b->arena, "%s_l%d%s", names[i], (int)layer, direction ? "_reverse" : "");
        if (!name) return VAE_E_NOMEM;
        vaei_param *const p =
            vaei_build_param(b, l->path, name, i < 2 ? 2 : 1, shape, VAEI_PARAM_TRAINED | (i < 2 ? VAEI_PARAM_DECAYED : 0), init);
        if (!p) return VAE_E_NOMEM;
        made[i] = l->param[l->n_params++] = p;
    }
    *v =
        (level){{.in = in, .out = rows, .weight = made[0], .bias = made[2]}, {.in = s->H, .out = rows, .weight = made[1], .bias = made[3]}};
    return VAE_OK;
}

vae_status_t vaei_recurrent_plan(const vaei_recurrent_ops *ops, vaei_layer *l, vaei_build *b, const vaei_shape *in, vaei_shape *out) {
    const vaei_recurrent_conf *o = l->conf;
    state *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    VAEI_TRY(vaei_sequence_check(l, in));
    s->ops = ops;
    s->T = in->d[0];
    s->C = in->d[1];
    s->H = o->out;
    s->G = ops->gates;
    s->layers = o->layers;
    s->directions = o->bidirectional ? 2 : 1;
    l->state = s;
    l->param = vaei_arena_array(b->arena, (size_t)(s->layers * s->directions * WEIGHTS), sizeof(*l->param));
    if (!l->param) return VAE_E_NOMEM;
    for (int64_t i = 0; i < s->layers; i++)
        for (int64_t d = 0; d < s->directions; d++) VAEI_TRY(declare(l, b, s, i, d, &s->level[i][d]));
    *out = (vaei_shape){2, {s->T, s->directions * s->H, 0, 0}};
    return VAE_OK;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

/* The values that forward of one direction of one layer keeps. */
typedef struct trace {
    float *gates; /* [T][n][G H] */
    float *kept;  /* [T + 2][n][H] */
} trace;

typedef struct parts {
    vaei_linear_pack of_x[VAEI_RECURRENT_LAYERS][DIRECTIONS], of_h[VAEI_RECURRENT_LAYERS][DIRECTIONS]; /* pack */
    trace trace[VAEI_RECURRENT_LAYERS][DIRECTIONS]; /* cache; at inference it is scratch that all layers share */
    float *h[VAEI_RECURRENT_LAYERS];                /* [T + 2][n][directions H]; two arrays are used in turn */
    float *x, *added;                               /* [T][n][C]; [n][G H] */
    /* training: */
    float *d[2];    /* [T][n][...] gradients of a layer's output and of its input */
    float *d_added; /* [T][n][G H], unless it equals that of the gates */
    float *dh, *dc; /* [n][H] */
    float *outer;
} parts;

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* The largest size that the products of the weights' gradients need; a small weight may need more than a large one. */
static int64_t outer_floats(const state *s, const vaei_kernels *k, int64_t steps) {
    int64_t most = 0;
    for (int64_t i = 0; i < s->layers; i++)
        for (int64_t d = 0; d < s->directions; d++)
            most = larger(most, larger(vaei_linear_outer_floats(&s->level[i][d].of_x, k, steps),
                                       vaei_linear_outer_floats(&s->level[i][d].of_h, k, steps)));
    return most;
}

static void carve_training(const state *s, const vaei_kernels *k, int64_t steps, int64_t n, int32_t countable, vaei_carve *c, parts *p) {
    const int64_t out = s->directions * s->H, rows = s->G * s->H;
    for (int32_t i = 0; i < 2; i++) p->d[i] = vaei_carve_floats(c, vaei_count_of(steps, larger(out, s->C)));
    p->d_added = s->ops->has_memory ? NULL : vaei_carve_floats(c, vaei_count_of(steps, rows));
    p->dh = vaei_carve_floats(c, vaei_count_of(n, s->H));
    p->dc = vaei_carve_floats(c, vaei_count_of(n, s->H));
    p->outer = vaei_carve_floats(c, countable ? outer_floats(s, k, steps) : -1);
}

void vaei_recurrent_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const state *s = l->state;
    const int64_t steps = vaei_count_of(n, s->T), framed = vaei_count_of(n, s->T + 2), rows = s->G * s->H;
    parts *const p = pieces ? pieces : &(parts){0};
    vaei_carve *const keep = training ? &m->cache : &m->scratch;
    *p = (parts){0};
    for (int64_t i = 0; i < s->layers; i++) {
        for (int64_t d = 0; d < s->directions; d++) {
            p->of_x[i][d] = vaei_linear_carve(&s->level[i][d].of_x, k, training, &m->pack);
            p->of_h[i][d] = vaei_linear_carve(&s->level[i][d].of_h, k, training, &m->pack);
            trace *const t = &p->trace[i][d];
            *t = training || i + d == 0 ? (trace){vaei_carve_floats(keep, vaei_count_of(steps, rows)), NULL} : p->trace[0][0];
            if (training || i + d == 0) t->kept = vaei_carve_floats(keep, vaei_count_of(framed, s->H));
        }
        p->h[i] = training || i < 2 ? vaei_carve_floats(keep, vaei_count_of(framed, s->directions * s->H)) : p->h[i - 2];
    }
    p->x = vaei_carve_floats(&m->scratch, vaei_count_of(steps, s->C));
    p->added = vaei_carve_floats(&m->scratch, vaei_count_of(n, rows));
    if (training) carve_training(s, k, steps, n, vaei_weights_countable(l, n), &m->scratch, p);
}

void vaei_recurrent_pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const state *s = l->state;
    parts p;
    vaei_layer_packed(l, r, memory, &p);
    for (int64_t i = 0; i < s->layers; i++)
        for (int64_t d = 0; d < s->directions; d++) {
            vaei_linear_fill(&s->level[i][d].of_x, r, &p.of_x[i][d]);
            vaei_linear_fill(&s->level[i][d].of_h, r, &p.of_h[i][d]);
        }
}

/* ---- steps first, or examples first ------------------------------------------------------------------------------- */

typedef struct turning {
    int64_t outer, inner, size; /* y[inner][outer][size] = x[outer][inner][size] */
    const float *x;
    float *y;
} turning;

static void turn_range(void *arg, int64_t begin, int64_t end) {
    const turning *const j = arg;
    for (int64_t i = begin; i < end; i++)
        for (int64_t o = 0; o < j->outer; o++)
            memcpy(j->y + (i * j->outer + o) * j->size, j->x + (o * j->inner + i) * j->size, (size_t)j->size * sizeof(float));
}

static void turn(const vaei_run *r, int64_t outer, int64_t inner, int64_t size, const float *x, float *y) {
    turning j = {outer, inner, size, x, y};
    vaei_parallel_ranges(r->pool, inner, outer * size, turn_range, &j);
}

/* ---- one direction of one layer ----------------------------------------------------------------------------------- */

typedef struct direction {
    const vaei_layer *l;
    const vaei_run *r;
    const parts *p;
    int64_t layer, number;
    const trace *trace;
    int64_t width;   /* of the layer's h */
    int64_t before;  /* from the frame of a step to that of the previous step: -1 or 1 */
    const float *dy; /* backward: [T][n][width] */
} direction;

static direction direction_of(const vaei_layer *l, const vaei_run *r, const parts *p, int64_t layer, int64_t number) {
    const state *s = l->state;
    return (direction){.l = l,
                       .r = r,
                       .p = p,
                       .layer = layer,
                       .number = number,
                       .trace = &p->trace[layer][number],
                       .width = s->directions * s->H,
                       .before = number == 0 ? -1 : 1};
}

/* The frame of step t, and of its previous state, in h and in kept. */
static float *h_at(const direction *v, int64_t t) {
    const state *s = v->l->state;
    return v->p->h[v->layer] + (t + 1) * v->r->n * v->width + v->number * s->H;
}

static float *kept_at(const direction *v, int64_t t) {
    const state *s = v->l->state;
    return v->trace->kept + (t + 1) * v->r->n * s->H;
}

typedef struct step {
    const direction *v;
    int64_t t;
} step;

/* NULL if the piece is NULL: inference has no pieces for backward. */
static float *piece_at(float *piece, int64_t at) {
    return piece ? piece + at : NULL;
}

/* The cell of step t for the examples from number `row` on. */
static vaei_cell cell_at(const direction *v, int64_t t, int64_t row, int64_t rows) {
    const state *s = v->l->state;
    const int64_t H = s->H, gates = s->G * H, at = (t * v->r->n + row) * gates;
    float *const d_added = v->p->d_added ? v->p->d_added : v->trace->gates;
    return (vaei_cell){.rows = rows,
                       .size = H,
                       .ld = v->width,
                       .gates = v->trace->gates + at,
                       .added = v->p->added + row * gates,
                       .before = h_at(v, t + v->before) + row * v->width,
                       .kept_before = kept_at(v, t + v->before) + row * H,
                       .kept = kept_at(v, t) + row * H,
                       .h = h_at(v, t) + row * v->width,
                       .d_added = d_added + at,
                       .dh = piece_at(v->p->dh, row * H),
                       .dc = piece_at(v->p->dc, row * H)};
}

/* Steps beyond an example's length have no state: rows of `size` values, `ld` apart, become 0. */
static void clear_past(const vaei_run *r, int64_t t, int64_t first, int64_t rows, int64_t size, int64_t ld, float *values) {
    for (int64_t i = 0; r->batch.length && i < rows; i++)
        if (t >= r->batch.length[first + i]) memset(values + i * ld, 0, (size_t)size * sizeof(float));
}

static void step_range(void *arg, int64_t begin, int64_t end) {
    const step *const j = arg;
    const state *s = j->v->l->state;
    const vaei_cell c = cell_at(j->v, j->t, begin, end - begin);
    s->ops->forward(j->v->r->k, &c);
    clear_past(j->v->r, j->t, begin, c.rows, s->H, c.ld, c.h);
    clear_past(j->v->r, j->t, begin, c.rows, s->H, s->H, c.kept);
}

static void clear_before(const direction *v, int64_t t) {
    const state *s = v->l->state;
    for (int64_t i = 0; i < v->r->n; i++) memset(h_at(v, t) + i * v->width, 0, (size_t)s->H * sizeof(float));
    memset(kept_at(v, t), 0, (size_t)(v->r->n * s->H) * sizeof(float));
}

/* x: [T][n][...] */
static void go(const direction *v, const float *x) {
    const state *s = v->l->state;
    const vaei_run *const r = v->r;
    const level *const m = &s->level[v->layer][v->number];
    const int64_t n = r->n, H = s->H, gates = s->G * H, first = v->before < 0 ? 0 : s->T - 1;
    vaei_linear_forward(&m->of_x, r, &v->p->of_x[v->layer][v->number], s->T * n, x, v->trace->gates);
    clear_before(v, first + v->before);
    for (int64_t i = 0, t = first; i < s->T; i++, t -= v->before) {
        step j = {v, t};
        vaei_linear_apply(&m->of_h, r, &v->p->of_h[v->layer][v->number], vaei_matrix_of(h_at(v, t + v->before), n, H, v->width),
                          vaei_matrix_to(v->p->added, n, gates, gates), NULL);
        vaei_parallel_ranges(r->pool, n, 8 * gates, step_range, &j);
    }
}

void vaei_recurrent_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const state *s = l->state;
    const int64_t n = r->n, width = s->directions * s->H;
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    turn(r, n, s->T, s->C, x, p.x);
    const float *from = p.x;
    for (int64_t i = 0; i < s->layers; i++) {
        for (int64_t d = 0; d < s->directions; d++) {
            const direction v = direction_of(l, r, &p, i, d);
            go(&v, from);
        }
        from = p.h[i] + n * width;
    }
    turn(r, s->T, n, width, from, y);
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */

static void step_back_range(void *arg, int64_t begin, int64_t end) {
    const step *const j = arg;
    const direction *const v = j->v;
    const state *s = v->l->state;
    const vaei_kernels *const k = v->r->k;
    const vaei_cell c = cell_at(v, j->t, begin, end - begin);
    const float *const dy = v->dy + (j->t * v->r->n + begin) * v->width + v->number * s->H;
    for (int64_t i = 0; i < c.rows; i++) k->add(s->H, dy + i * v->width, c.dh + i * s->H);
    clear_past(v->r, j->t, begin, c.rows, s->H, s->H, c.dh);
    clear_past(v->r, j->t, begin, c.rows, s->H, s->H, c.dc);
    s->ops->backward(k, &c);
}

/* The gradients of W_hh and b_hh, as vaei_linear_gradients() computes them, but for rows of h with gaps between them. */
static void gradients_of_h(const direction *v, const vaei_linear_map *m, const float *d_added) {
    const state *s = v->l->state;
    const vaei_run *const r = v->r;
    const int64_t rows = s->T * r->n;
    vaei_outer(r->k, r->pool, vaei_matrix_of(d_added, rows, m->out, m->out), vaei_matrix_of(h_at(v, v->before), rows, s->H, v->width),
               vaei_matrix_to(r->grads + m->weight->offset, m->out, s->H, s->H), v->p->outer);
    vaei_bias_grad(r->k, r->pool, rows, m->out, d_added, r->grads + m->bias->offset);
}

/* dx may be NULL; the second direction adds to it. */
static void go_back(const direction *v, const float *x, float *dx) {
    const state *s = v->l->state;
    const vaei_run *const r = v->r;
    const level *const m = &s->level[v->layer][v->number];
    const parts *const p = v->p;
    const int64_t n = r->n, H = s->H, gates = s->G * H, last = v->before < 0 ? s->T - 1 : 0;
    const float *const d_added = p->d_added ? p->d_added : v->trace->gates;
    memset(p->dh, 0, (size_t)(n * H) * sizeof(float));
    memset(p->dc, 0, (size_t)(n * H) * sizeof(float));
    for (int64_t i = 0, t = last; i < s->T; i++, t += v->before) {
        step j = {v, t};
        vaei_parallel_ranges(r->pool, n, 8 * gates, step_back_range, &j);
        if (i + 1 < s->T)
            vaei_linear_data(&m->of_h, r, &p->of_h[v->layer][v->number], n, d_added + t * n * gates, !s->ops->has_memory, p->dh);
    }
    gradients_of_h(v, &m->of_h, d_added);
    vaei_linear_gradients(&m->of_x, r, s->T * n, x, v->trace->gates, p->outer);
    if (dx) vaei_linear_data(&m->of_x, r, &p->of_x[v->layer][v->number], s->T * n, v->trace->gates, v->number > 0, dx);
}

void vaei_recurrent_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                             float *dx) {
    const state *s = l->state;
    const int64_t n = r->n, width = s->directions * s->H;
    parts p;
    (void)y;
    vaei_layer_pieces(l, r, m, &p);
    turn(r, n, s->T, s->C, x, p.x);
    turn(r, n, s->T, width, dy, p.d[(s->layers - 1) % 2]);
    for (int64_t i = s->layers - 1; i >= 0; i--) {
        float *const below = i > 0 || dx ? p.d[(i + 1) % 2] : NULL;
        for (int64_t d = 0; d < s->directions; d++) {
            direction v = direction_of(l, r, &p, i, d);
            v.dy = p.d[i % 2];
            go_back(&v, i > 0 ? p.h[i - 1] + n * width : p.x, below);
        }
    }
    if (dx) turn(r, s->T, n, s->C, p.d[1], dx);
}

/* The outputs of both cells are means of hyperbolic tangents, or products of them with gates. */
void vaei_recurrent_range(const vaei_layer *l, vaei_interval *values) {
    (void)l;
    *values = (vaei_interval){-1, 1};
}
