/* SPDX-License-Identifier: MIT
 * linear_map.h - one linear map over rows inside a latent or a prior:
 *
 *     y[rows][out] = x[rows][in] W^T + b, W[out][in] as of torch.nn.Linear. */
#ifndef VAEI_LINEAR_MAP_H
#define VAEI_LINEAR_MAP_H

#include "vae/latent.h"

typedef struct vaei_linear_map {
    int64_t in, out;
    const vaei_param *weight, *bias;
} vaei_linear_map;

/* Declares "<path>.weight" and "<path>.bias". */
vae_status_t vaei_linear_declare(vaei_linear_map *m, vaei_build *b, const char *path, int64_t in, int64_t out);

typedef struct vaei_linear_pack {
    float *forward, *data; /* data: for dx, training only */
} vaei_linear_pack;

vaei_linear_pack vaei_linear_carve(const vaei_linear_map *m, const vaei_kernels *k, int32_t training, vaei_carve *c);
void vaei_linear_fill(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p);

void vaei_linear_forward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x, float *y);
/* Rows at a distance: x[i * ldx], y[i * ldy]. */
void vaei_linear_rows(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x, int64_t ldx,
                      float *y, int64_t ldy);

/* Writes dx, adds to the gradients; outer has vaei_outer_scratch(k, out, in, rows) floats. */
void vaei_linear_backward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x,
                          const float *dy, float *dx, float *outer);

#endif
