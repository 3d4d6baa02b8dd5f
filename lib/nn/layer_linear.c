/* SPDX-License-Identifier: MIT
 * layer_linear.c - fully connected layer
 *
 *       y[n][p][out] = x[n][p][in] w^T + b           w[out][in], b[out], as torch.nn.Linear
 *
 *       dx = dy w          dw += dy^T x          db += sum_{n,p} dy
 *
 *   Tied to a layer whose weight is v[in][out], w = v^T and dv += x^T dy.
 *
 *   The map works on the last axis; p runs over all positions of the others, of which a vector has none. Over an image it is a
 *   1x1 convolution. To mix positions, flatten comes first, which fixes the order of the values. */
#include "nn/weights.h"

typedef struct conf {
    int64_t out;
    int32_t bias, init;
    const char *tie;
} conf;

typedef struct state {
    int32_t transposed; /* the weight is stored as [in][out] */
} state;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "values made"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "how the weight starts"),
    VAEI_OPTION_TIE(conf),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    const int64_t from = in->d[in->n - 1];
    state *s = vaei_arena_alloc(b->arena, sizeof(*s));
    (void)node;
    if (!s) return VAE_E_NOMEM;
    l->state = s;
    const vaei_weights w = {.ndim = 2,
                            .shape = {o->out, from},
                            .fan_in = from,
                            .fan_out = o->out,
                            .out = o->out,
                            .bias = o->bias,
                            .init = o->init,
                            .tie = o->tie,
                            .transposed = &s->transposed};
    *out = *in;
    out->d[in->n - 1] = o->out;
    return vaei_weights_declare(l, b, &w);
}

static int64_t in_of(const vaei_layer *l) {
    return l->in.d[l->in.n - 1];
}

static int64_t out_of(const vaei_layer *l) {
    return l->out.d[l->out.n - 1];
}

static int32_t is_transposed(const vaei_layer *l) {
    return ((const state *)l->state)->transposed;
}

/* Rows of the product for n examples; -1: overflow. */
static int64_t rows_of(const vaei_layer *l, int64_t n) {
    return vaei_count_of(n, vaei_shape_size(&l->in) / in_of(l));
}

/* At inference the weights are packed once. In training they change with each step: they are packed where forward
 * uses them, into scratch that all layers share, and read as they are by backward. */
typedef struct parts {
    float *panels;       /* b[in][out] in panels: pack, or scratch of training, where backward uses them for its product too */
    float *scale, *bias; /* [out], folded */
    float *outer;        /* training */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    const int64_t in = in_of(l), out = out_of(l), forward = vaei_pack_floats(k, in, out);
    *p = (parts){0};
    if (training) {
        const int64_t rows = vaei_weights_countable(l, n) ? rows_of(l, n) : -1;
        const int32_t transposed = is_transposed(l);
        int64_t data = -1, outer = -1;
        if (rows >= 0) data = transposed ? vaei_pack_floats(k, out, in) : vaei_matmul_plain_scratch(k, rows, out, in);
        if (rows >= 0) outer = transposed ? vaei_outer_scratch(k, in, out, rows) : vaei_outer_scratch(k, out, in, rows);
        p->panels = vaei_carve_floats(&m->scratch, forward > data ? forward : data);
        p->outer = vaei_carve_floats(&m->scratch, outer);
        return;
    }
    p->panels = vaei_carve_floats(&m->pack, forward);
    if (vaei_weights_folds(l, training)) {
        p->scale = vaei_carve_floats(&m->pack, out);
        p->bias = vaei_carve_floats(&m->pack, out);
    }
}

/* w^T in panels */
static void pack_forward(const vaei_layer *l, const vaei_run *r, const float *scale, float *panels) {
    const int64_t in = in_of(l), out = out_of(l);
    const float *w = vaei_layer_param(l, r, 0);
    if (is_transposed(l)) vaei_pack(r->k, r->pool, in, out, w, out, 1, scale, panels);
    else vaei_pack(r->k, r->pool, in, out, w, 1, in, scale, panels);
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    parts p;
    if (r->training) return;
    vaei_layer_packed(l, r, memory, &p);
    if (p.scale) vaei_weights_fold(l, r, out_of(l), p.scale, p.bias);
    pack_forward(l, r, p.scale, p.panels);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t in = in_of(l), out = out_of(l);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1);
    if (r->training) pack_forward(l, r, NULL, p.panels);
    vaei_matmul(r->k, r->pool, vaei_matrix_of(x, rows_of(l, r->n), in, in), p.panels, bias, 0,
                vaei_matrix_to(y, rows_of(l, r->n), out, out), vaei_layer_epilogue(l, r->training));
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const int64_t in = in_of(l), out = out_of(l);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    float *db = vaei_layer_grad(l, r, 1);
    const int64_t rows = rows_of(l, r->n);
    (void)y;
    const float *w = vaei_layer_param(l, r, 0);
    float *dw = vaei_layer_grad(l, r, 0);
    if (is_transposed(l))
        vaei_outer(r->k, r->pool, vaei_matrix_of(x, rows, in, in), vaei_matrix_of(dy, rows, out, out), vaei_matrix_to(dw, in, out, out),
                   p.outer);
    else
        vaei_outer(r->k, r->pool, vaei_matrix_of(dy, rows, out, out), vaei_matrix_of(x, rows, in, in), vaei_matrix_to(dw, out, in, in),
                   p.outer);
    if (db) vaei_bias_grad(r->k, r->pool, rows, out, dy, db);
    if (!dx) return;
    if (is_transposed(l)) {
        vaei_pack(r->k, r->pool, out, in, w, 1, out, NULL, p.panels);
        vaei_matmul(r->k, r->pool, vaei_matrix_of(dy, rows, out, out), p.panels, NULL, 0, vaei_matrix_to(dx, rows, in, in), m->dx_epilogue);
    } else {
        vaei_matmul_plain(r->k, r->pool, vaei_matrix_of(dy, rows, out, out), w, 0, vaei_matrix_to(dx, rows, in, in), m->dx_epilogue,
                          p.panels);
    }
}

const vaei_layer_ops vaei_layer_linear = {
    .module = {"linear", "fully connected over the last axis: y = x w^T + b",
               "linear out=7\n"
               "linear out=5 bias=false init=xavier\n"
               "linear out=9 | tanh | linear out=24 tie=encoder.0 | linear out=9 bias=false tie=encoder.0\n"
               "linear out=24 | linear out=24 tie=encoder.0.T | tanh | linear out=24 tie=encoder.0",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
