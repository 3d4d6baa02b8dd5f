/* SPDX-License-Identifier: MIT
 * linear_map.c - computes a linear map over rows, forward and backward.
 *
 *     y = x W^T + b        dx = dy W        dW += dy^T x        db += sum of dy over rows
 *
 * A 1x1 convolution, channels last, is this map on every position. */
#include "nn/linear_map.h"

vae_status_t vaei_linear_declare(vaei_linear_map *m, vaei_build *b, const char *path, int64_t in, int64_t out) {
    const int64_t shape[2] = {out, in};
    const vaei_init init = {.kind = VAEI_INIT_PYTORCH, .fan_in = in, .fan_out = out};
    m->in = in;
    m->out = out;
    m->weight = vaei_build_param(b, path, "weight", 2, shape, VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED, init);
    if (!m->weight) return VAE_E_NOMEM;
    m->bias = vaei_build_param(b, path, "bias", 1, shape, VAEI_PARAM_TRAINED, init);
    return m->bias ? VAE_OK : VAE_E_NOMEM;
}

static const float *weight_of(const vaei_linear_map *m, const vaei_run *r) {
    return r->params + m->weight->offset;
}

/* Packs W^T, or W, into panels. */
void vaei_linear_fill_forward(const vaei_linear_map *m, const vaei_run *r, const float *scale, float *panels) {
    const int64_t over_in = m->transposed ? m->out : 1, over_out = m->transposed ? 1 : m->in;
    vaei_pack(r->k, r->pool, m->in, m->out, weight_of(m, r), over_in, over_out, scale, panels);
}
static void fill_data(const vaei_linear_map *m, const vaei_run *r, float *panels) {
    const int64_t over_out = m->transposed ? 1 : m->in, over_in = m->transposed ? m->out : 1;
    vaei_pack(r->k, r->pool, m->out, m->in, weight_of(m, r), over_out, over_in, NULL, panels);
}

/* ---- gradients of the parameters ---------------------------------------------------------------------------------- */

int64_t vaei_linear_outer_floats(const vaei_linear_map *m, const vaei_kernels *k, int64_t rows) {
    return m->transposed ? vaei_outer_scratch(k, m->in, m->out, rows) : vaei_outer_scratch(k, m->out, m->in, rows);
}

void vaei_linear_gradients(const vaei_linear_map *m, const vaei_run *r, int64_t rows, const float *x, const float *dy, float *outer) {
    const vaei_matrix of_x = vaei_matrix_of(x, rows, m->in, m->in), of_dy = vaei_matrix_of(dy, rows, m->out, m->out);
    float *const dw = r->grads + m->weight->offset;
    if (m->transposed) vaei_outer(r->k, r->pool, of_x, of_dy, vaei_matrix_to(dw, m->in, m->out, m->out), outer);
    else vaei_outer(r->k, r->pool, of_dy, of_x, vaei_matrix_to(dw, m->out, m->in, m->in), outer);
    if (m->bias) vaei_bias_grad(r->k, r->pool, rows, m->out, dy, r->grads + m->bias->offset);
}

/* ---- with a pack -------------------------------------------------------------------------------------------------- */

vaei_linear_pack vaei_linear_carve(const vaei_linear_map *m, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    vaei_linear_pack p = {NULL, NULL};
    p.forward = vaei_carve_floats(c, vaei_pack_floats(k, m->in, m->out));
    if (training) p.data = vaei_carve_floats(c, vaei_pack_floats(k, m->out, m->in));
    return p;
}

void vaei_linear_fill(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p) {
    vaei_linear_fill_forward(m, r, NULL, p->forward);
    if (r->training) fill_data(m, r, p->data);
}

void vaei_linear_apply(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, vaei_matrix x, vaei_matrix_out y,
                       const vaei_epilogue *epilogue) {
    vaei_matmul(r->k, r->pool, x, p->forward, m->bias ? r->params + m->bias->offset : NULL, 0, y, epilogue);
}

void vaei_linear_forward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x, float *y) {
    vaei_linear_apply(m, r, p, vaei_matrix_of(x, rows, m->in, m->in), vaei_matrix_to(y, rows, m->out, m->out), NULL);
}

void vaei_linear_data(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *dy,
                      int32_t accumulate, float *dx) {
    vaei_matmul(r->k, r->pool, vaei_matrix_of(dy, rows, m->out, m->out), p->data, NULL, accumulate, vaei_matrix_to(dx, rows, m->in, m->in),
                NULL);
}

void vaei_linear_backward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x,
                          const float *dy, float *dx, float *outer) {
    vaei_linear_gradients(m, r, rows, x, dy, outer);
    vaei_linear_data(m, r, p, rows, dy, 0, dx);
}

/* ---- packed when they are used ------------------------------------------------------------------------------------ */

int64_t vaei_linear_panel_floats(const vaei_linear_map *m, const vaei_kernels *k, int64_t rows) {
    const int64_t forward = vaei_pack_floats(k, m->in, m->out);
    const int64_t data = m->transposed ? vaei_pack_floats(k, m->out, m->in) : vaei_matmul_plain_scratch(k, rows, m->out, m->in);
    return forward > data ? forward : data;
}

/* W can be read from the parameters without packing; W^T cannot. */
void vaei_linear_data_once(const vaei_linear_map *m, const vaei_run *r, int64_t rows, const float *dy, int32_t accumulate, float *dx,
                           const vaei_epilogue *epilogue, float *panels) {
    const vaei_matrix of_dy = vaei_matrix_of(dy, rows, m->out, m->out);
    const vaei_matrix_out of_dx = vaei_matrix_to(dx, rows, m->in, m->in);
    if (m->transposed) {
        fill_data(m, r, panels);
        vaei_matmul(r->k, r->pool, of_dy, panels, NULL, accumulate, of_dx, epilogue);
    } else {
        vaei_matmul_plain(r->k, r->pool, of_dy, weight_of(m, r), accumulate, of_dx, epilogue, panels);
    }
}
