/* SPDX-License-Identifier: MIT
 * layer_linear.c - fully connected layer
 *
 *       y[n][p][out] = x[n][p][in] w^T + b           w[out][in], b[out], as torch.nn.Linear
 *
 *       dx = dy w          dw += dy^T x          db += sum_{n,p} dy
 *
 *   If it is tied to a layer whose weight is v[in][out], w = v^T and dv += x^T dy.
 *
 *   The map works on the last axis; p runs over all positions of the other axes, which a vector does not have. On an image it is a
 *   1x1 convolution. To mix positions, put flatten before it, which fixes the order of the values. */
#include "nn/linear_map.h"
#include "nn/weights.h"

typedef struct conf {
    int64_t out;
    int32_t bias, init;
    const char *tie;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "number of output values"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weight"),
    VAEI_OPTION_TIE(conf),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    const int64_t from = in->d[in->n - 1];
    vaei_linear_map *map = vaei_arena_alloc(b->arena, sizeof(*map));
    (void)node;
    if (!map) return VAE_E_NOMEM;
    l->state = map;
    const vaei_weights w = {.ndim = 2,
                            .shape = {o->out, from},
                            .fan_in = from,
                            .fan_out = o->out,
                            .out = o->out,
                            .bias = o->bias,
                            .init = o->init,
                            .tie = o->tie,
                            .transposed = &map->transposed};
    *out = *in;
    out->d[in->n - 1] = o->out;
    VAEI_TRY(vaei_weights_declare(l, b, &w));
    map->in = from;
    map->out = o->out;
    map->weight = l->param[0];
    map->bias = o->bias ? l->param[1] : NULL;
    return VAE_OK;
}

/* The rows of the product for n examples; -1 on overflow. */
static int64_t rows_of(const vaei_layer *l, int64_t n) {
    return vaei_count_of(n, vaei_shape_size(&l->in) / l->in.d[l->in.n - 1]);
}

/* At inference the weights are packed once. In training they change with each step, so forward packs them when it uses them, into
 * scratch that all layers share, and backward reads them without packing. */
typedef struct parts {
    float *panels;       /* b[in][out] in panels: pack, or scratch of training, which backward uses for its product too */
    float *scale, *bias; /* [out], with a folded normalisation */
    float *outer;        /* training */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const vaei_linear_map *const map = l->state;
    parts *const p = pieces ? pieces : &(parts){0};
    *p = (parts){0};
    if (training) {
        const int64_t rows = vaei_weights_countable(l, n) ? rows_of(l, n) : -1;
        p->panels = vaei_carve_floats(&m->scratch, rows < 0 ? -1 : vaei_linear_panel_floats(map, k, rows));
        p->outer = vaei_carve_floats(&m->scratch, rows < 0 ? -1 : vaei_linear_outer_floats(map, k, rows));
        return;
    }
    p->panels = vaei_carve_floats(&m->pack, vaei_pack_floats(k, map->in, map->out));
    if (vaei_weights_folds(l, training)) {
        p->scale = vaei_carve_floats(&m->pack, map->out);
        p->bias = vaei_carve_floats(&m->pack, map->out);
    }
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const vaei_linear_map *const map = l->state;
    parts p;
    if (r->training) return;
    vaei_layer_packed(l, r, memory, &p);
    if (p.scale) vaei_weights_fold(l, r, map->out, p.scale, p.bias);
    vaei_linear_fill_forward(map, r, p.scale, p.panels);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_linear_map *const map = l->state;
    const int64_t rows = rows_of(l, r->n);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    if (r->training) vaei_linear_fill_forward(map, r, NULL, p.panels);
    vaei_matmul(r->k, r->pool, vaei_matrix_of(x, rows, map->in, map->in), p.panels, p.bias ? p.bias : vaei_layer_param(l, r, 1), 0,
                vaei_matrix_to(y, rows, map->out, map->out), vaei_layer_epilogue(l, r->training));
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const vaei_linear_map *const map = l->state;
    const int64_t rows = rows_of(l, r->n);
    parts p;
    (void)y;
    vaei_layer_pieces(l, r, m, &p);
    vaei_linear_gradients(map, r, rows, x, dy, p.outer);
    if (dx) vaei_linear_data_once(map, r, rows, dy, 0, dx, m->dx_epilogue, p.panels);
}

const vaei_layer_ops vaei_layer_linear = {
    .module = {"linear", "fully connected over the last axis: y = x w^T + b",
               "linear out=7\n"
               "linear out=5 bias=false init=xavier\n"
               "linear out=9 | tanh | linear out=24 tie=encoder.0 | linear out=9 bias=false tie=encoder.0\n"
               "linear out=24 | linear out=24 tie=encoder.0.T | tanh | linear out=24 tie=encoder.0",
               "", sizeof(conf), options},
    .flags =
        VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_TAKES_FOLD | VAEI_LAYER_TAKES_DX_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
