/* SPDX-License-Identifier: MIT
 * linear_map.c - a linear map over rows, forward and backward.
 *
 *     y = x W^T + b        dx = dy W        dW += dy^T x        db += sum of dy over rows
 *
 * A 1x1 convolution, channels last, is this map on every position. */
#include "vae/priors/linear_map.h"

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

vaei_linear_pack vaei_linear_carve(const vaei_linear_map *m, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    vaei_linear_pack p = {NULL, NULL};
    p.forward = vaei_carve_floats(c, vaei_pack_floats(k, m->in, m->out));
    if (training) p.data = vaei_carve_floats(c, vaei_pack_floats(k, m->out, m->in));
    return p;
}

void vaei_linear_fill(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p) {
    const float *w = r->params + m->weight->offset;
    vaei_pack(r->k, r->pool, m->in, m->out, w, 1, m->in, NULL, p->forward);
    if (r->training) vaei_pack(r->k, r->pool, m->out, m->in, w, m->in, 1, NULL, p->data);
}

void vaei_linear_forward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x, float *y) {
    vaei_linear_rows(m, r, p, rows, x, m->in, y, m->out);
}

void vaei_linear_rows(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x, int64_t ldx,
                      float *y, int64_t ldy) {
    vaei_matmul(r->k, r->pool, vaei_matrix_of(x, rows, m->in, ldx), p->forward, r->params + m->bias->offset, 0,
                vaei_matrix_to(y, rows, m->out, ldy), NULL);
}

void vaei_linear_backward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x,
                          const float *dy, float *dx, float *outer) {
    vaei_outer(r->k, r->pool, vaei_matrix_of(dy, rows, m->out, m->out), vaei_matrix_of(x, rows, m->in, m->in),
               vaei_matrix_to(r->grads + m->weight->offset, m->out, m->in, m->in), outer);
    vaei_bias_grad(r->k, r->pool, rows, m->out, dy, r->grads + m->bias->offset);
    vaei_matmul(r->k, r->pool, vaei_matrix_of(dy, rows, m->out, m->out), p->data, NULL, 0, vaei_matrix_to(dx, rows, m->in, m->in), NULL);
}
