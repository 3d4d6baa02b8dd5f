/* SPDX-License-Identifier: MIT
 * layer_linear.c - fully connected layer
 *
 *       y[n][p][out] = x[n][p][in] w^T + b           w[out][in], b[out], as torch.nn.Linear
 *
 *       dx = dy w          dw += dy^T x          db += sum_{n,p} dy
 *
 *   The map works on the last axis; p runs over all positions of the others, of which a vector has none. Over an image it is a
 *   1x1 convolution. To mix positions, flatten comes first, which fixes the order of the values. */
#include "nn/weights.h"

typedef struct conf {
    int64_t out;
    int32_t bias, init;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "values made"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "how the weight starts"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    (void)node;
    const int64_t shape[2] = {o->out, in->d[in->n - 1]};
    *out = *in;
    out->d[in->n - 1] = o->out;
    return vaei_weights_declare(l, b, 2, shape, shape[1], o->out, o->out, o->bias, o->init);
}

static int64_t in_of(const vaei_layer *l) {
    return l->in.d[l->in.n - 1];
}

static int64_t out_of(const vaei_layer *l) {
    return l->out.d[l->out.n - 1];
}

/* Rows of the product for n examples; -1: overflow. */
static int64_t rows_of(const vaei_layer *l, int64_t n) {
    return vaei_count_of(n, vaei_shape_size(&l->in) / in_of(l));
}

/* At inference the weights are packed once. In training they change with each step: they are packed where forward
 * uses them, into scratch that all layers share, and read as they are by backward. */
typedef struct pack {
    float *forward;      /* b[in][out] in panels */
    float *scale, *bias; /* [out], folded */
} pack;

typedef struct room { /* training */
    float *panels;
    float *outer;
} room;

static pack cut(const vaei_layer *l, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    const int64_t in = in_of(l), out = out_of(l);
    pack p = {NULL, NULL, NULL};
    if (training) return p;
    p.forward = vaei_carve_floats(c, vaei_pack_floats(k, in, out));
    if (vaei_weights_folds(l, training)) {
        p.scale = vaei_carve_floats(c, out);
        p.bias = vaei_carve_floats(c, out);
    }
    return p;
}

static pack pack_of(const vaei_layer *l, const vaei_run *r, void *base) {
    vaei_carve c = {base, 0};
    return cut(l, r->k, r->training, &c);
}

static room cut_room(const vaei_layer *l, const vaei_kernels *k, int64_t n, vaei_carve *c) {
    const int64_t in = in_of(l), out = out_of(l);
    const int64_t rows = vaei_weights_countable(l, n) ? rows_of(l, n) : -1;
    const int64_t forward = vaei_pack_floats(k, in, out), data = rows < 0 ? -1 : vaei_matmul_plain_scratch(k, rows, out, in);
    float *const panels = vaei_carve_floats(c, forward > data ? forward : data);
    return (room){panels, vaei_carve_floats(c, rows < 0 ? -1 : vaei_outer_scratch(k, out, in, rows))};
}

static void need(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need) {
    vaei_carve packs = {NULL, 0}, scratch = {NULL, 0};
    (void)cut(l, k, training, &packs);
    if (training) (void)cut_room(l, k, n, &scratch);
    *need = (vaei_need){.pack = packs.used, .scratch = scratch.used};
}

static void pack_weights(const vaei_layer *l, const vaei_run *r, void *base) {
    const int64_t in = in_of(l), out = out_of(l);
    const pack p = pack_of(l, r, base);
    if (r->training) return;
    if (p.scale) vaei_weights_fold(l, r, out, p.scale, p.bias);
    vaei_pack(r->k, r->pool, in, out, vaei_layer_param(l, r, 0), 1, in, p.scale, p.forward);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t in = in_of(l), out = out_of(l);
    const pack p = pack_of(l, r, m->pack);
    const float *bias = p.bias ? p.bias : vaei_layer_param(l, r, 1), *panels = p.forward;
    if (r->training) {
        vaei_carve c = {m->scratch, 0};
        const room space = cut_room(l, r->k, r->n, &c);
        vaei_pack(r->k, r->pool, in, out, vaei_layer_param(l, r, 0), 1, in, NULL, space.panels);
        panels = space.panels;
    }
    vaei_matmul(r->k, r->pool, rows_of(l, r->n), in, out, x, in, panels, bias, 0, y, out, vaei_layer_epilogue(l, r->training));
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const int64_t in = in_of(l), out = out_of(l);
    vaei_carve c = {m->scratch, 0};
    const room space = cut_room(l, r->k, r->n, &c);
    float *db = vaei_layer_grad(l, r, 1);
    const int64_t rows = rows_of(l, r->n);
    (void)y;
    vaei_outer(r->k, r->pool, out, in, rows, dy, out, x, in, vaei_layer_grad(l, r, 0), in, space.outer);
    if (db) vaei_bias_grad(r->k, r->pool, rows, out, dy, db);
    if (!dx) return;
    vaei_matmul_plain(r->k, r->pool, rows, out, in, dy, vaei_layer_param(l, r, 0), 0, dx, m->dx_epilogue, space.panels);
}

const vaei_layer_ops vaei_layer_linear = {
    .module = {"linear", "fully connected over the last axis: y = x w^T + b",
               "linear out=7\n"
               "linear out=5 bias=false init=xavier",
               "", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE,
    .plan = plan,
    .need = need,
    .pack = pack_weights,
    .forward = forward,
    .backward = backward,
};
