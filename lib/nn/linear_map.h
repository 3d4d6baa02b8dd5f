/* SPDX-License-Identifier: MIT
 * linear_map.h - a linear map over rows, for the layer linear, the projections of attention, the heads of latents, and priors.
 *
 *     y[rows][out] = x[rows][in] W^T + b, W[out][in] as in torch.nn.Linear.
 *
 * The weights are packed in one of two ways. A pack is filled when parameters have changed, and forward and backward read it. If the
 * weights change in each step and only one product reads them, they are packed into scratch when they are used. */
#ifndef VAEI_LINEAR_MAP_H
#define VAEI_LINEAR_MAP_H

#include "nn/layer.h"

typedef struct vaei_linear_map {
    int64_t in, out;
    const vaei_param *weight, *bias; /* bias NULL: there is no bias */
    int32_t transposed;              /* the weight is stored as [in][out], because it belongs to another layer (weights.h) */
} vaei_linear_map;

/* Declares "<path>.weight" and "<path>.bias". */
vae_status_t vaei_linear_declare(vaei_linear_map *m, vaei_build *b, const char *path, int64_t in, int64_t out);

/* dW += dy^T x, db += sum of dy over rows; outer has vaei_linear_outer_floats(). */
int64_t vaei_linear_outer_floats(const vaei_linear_map *m, const vaei_kernels *k, int64_t rows);
void vaei_linear_gradients(const vaei_linear_map *m, const vaei_run *r, int64_t rows, const float *x, const float *dy, float *outer);

/* ---- with a pack -------------------------------------------------------------------------------------------------- */

typedef struct vaei_linear_pack {
    float *forward, *data; /* data: for dx, training only */
} vaei_linear_pack;

vaei_linear_pack vaei_linear_carve(const vaei_linear_map *m, const vaei_kernels *k, int32_t training, vaei_carve *c);
void vaei_linear_fill(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p);

/* Computes y for rows without gaps; and for any rows, with an epilogue or NULL. */
void vaei_linear_forward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x, float *y);
void vaei_linear_apply(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, vaei_matrix x, vaei_matrix_out y,
                       const vaei_epilogue *epilogue);

/* dx = dy W, or with `accumulate` dx += dy W */
void vaei_linear_data(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *dy,
                      int32_t accumulate, float *dx);
/* Computes the gradients and dx. */
void vaei_linear_backward(const vaei_linear_map *m, const vaei_run *r, const vaei_linear_pack *p, int64_t rows, const float *x,
                          const float *dy, float *dx, float *outer);

/* ---- packed when they are used: panels has vaei_linear_panel_floats() ---------------------------------------------- */

int64_t vaei_linear_panel_floats(const vaei_linear_map *m, const vaei_kernels *k, int64_t rows);
/* Packs W^T into panels; each column is multiplied by scale[out] (NULL: 1). */
void vaei_linear_fill_forward(const vaei_linear_map *m, const vaei_run *r, const float *scale, float *panels);
/* See vaei_linear_data. */
void vaei_linear_data_once(const vaei_linear_map *m, const vaei_run *r, int64_t rows, const float *dy, int32_t accumulate, float *dx,
                           const vaei_epilogue *epilogue, float *panels);

#endif
