/* SPDX-License-Identifier: MIT
 * layer_reshape.c - gives the same values another shape, in PyTorch's order
 *
 *   The values are read in PyTorch's order, channels first, and divided again in that order:
 *
 *       x[n][p][c] = v[n][c P + p]       y[n][q][d] = v[n][d Q + q]        P C = Q D values
 *
 *   From a vector this is torch.nn.Unflatten(1, (D, H, W)); to a vector it is flatten. */
#include "nn/image.h"
#include "nn/ranges.h"

typedef struct conf {
    vaei_shape shape;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, shape, SHAPE, VAEI_OPT_REQUIRED | VAEI_OPT_BARE, 0, 0, 0, "sizes of the result, channels last"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    char from[96], to[96];
    (void)b, (void)node;
    const int64_t had = vaei_shape_size(in), wanted = vaei_shape_size(&o->shape);
    if (had != wanted)
        return vaei_fail(VAE_E_SHAPE, "reshape: %s holds %lld values, %s holds %lld", vaei_shape_text(in, from), (long long)had,
                         vaei_shape_text(&o->shape, to), (long long)wanted);
    *out = o->shape;
    return VAE_OK;
}

static int32_t is_image(const vaei_shape *s) {
    return s->d[s->n - 1] < vaei_shape_size(s);
}

typedef struct parts {
    float *rows; /* scratch: [n] channels first, from image to image */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k, (void)training;
    *p = (parts){0};
    if (is_image(&l->in) && is_image(&l->out)) p->rows = vaei_carve_floats(&m->scratch, vaei_count_of(n, vaei_shape_size(&l->in)));
}

static void reshape(const vaei_run *r, const vaei_shape *from, const vaei_shape *to, const float *x, float *v, float *y) {
    const int64_t size = vaei_shape_size(from), c = from->d[from->n - 1], d = to->d[to->n - 1];
    if (!is_image(from)) {
        vaei_transpose(r->k, r->pool, r->n, d, size / d, x, y);
    } else if (!is_image(to)) {
        vaei_transpose(r->k, r->pool, r->n, size / c, c, x, y);
    } else {
        vaei_transpose(r->k, r->pool, r->n, size / c, c, x, v);
        vaei_transpose(r->k, r->pool, r->n, d, size / d, v, y);
    }
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    reshape(r, &l->in, &l->out, x, p.rows, y);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    parts p;
    (void)x, (void)y;
    vaei_layer_pieces(l, r, m, &p);
    if (dx) reshape(r, &l->out, &l->in, dy, p.rows, dx);
}

/* With as many channels as before, the order of channels first is left as it was entered. */
static int32_t is_view(const vaei_layer *l) {
    return l->in.d[l->in.n - 1] == l->out.d[l->out.n - 1] || (vaei_one_order(&l->in) && vaei_one_order(&l->out));
}

const vaei_layer_ops vaei_layer_reshape = {
    .module = {"reshape", "the same values in another shape, in PyTorch's C, H, W order",
               "reshape 4x3x16\n"
               "reshape 2x3x4\n"
               "reshape 192",
               "", sizeof(conf), options},
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
    .is_view = is_view,
};
