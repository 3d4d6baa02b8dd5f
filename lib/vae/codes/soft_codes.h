/* SPDX-License-Identifier: MIT
 * soft_codes.h - the entropy of soft assignments of vectors to codes, a term that keeps a codebook in use:
 *
 *     p_i = softmax_k(t a_ik)        t: the inverse temperature; a_ik = -|x_i - e_k|, or x_i . e_k
 *     L = single mean_i H(p_i) - diversity H(mean_i p_i)        H(p) = -sum_k p_k ln max(p_k, 1e-5)        summed over heads
 *
 * L is low if each vector is near one code and all codes are in use. The gradient goes to the vectors, not to the codes. */
#ifndef VAEI_SOFT_CODES_H
#define VAEI_SOFT_CODES_H

#include "kernel/nearest.h"

typedef struct vaei_soft {
    int64_t P, K, D, ld, heads;
    const float *x;      /* x[i * ld + head * D] */
    const float *codes;  /* [K][D] */
    const float *packed; /* the same codes, packed for nearest.h */
    int32_t by;          /* VAEI_NEAREST_DISTANCE or _PRODUCT */
    float inverse_temperature;
    double single, diversity;
} vaei_soft;

/* Workspace; its size depends on P and K only. */
typedef struct vaei_soft_workspace {
    double *mean;    /* [groups][K]; later the first row is the mean, and in the gradient the derivative of the entropy at the mean */
    double *entropy; /* [groups] */
    float *rows;     /* [groups][2][rows][K] */
} vaei_soft_workspace;
vaei_soft_workspace vaei_soft_carve(int64_t P, int64_t K, vaei_carve *c);

double vaei_soft_value(const vaei_soft *s, const vaei_kernels *k, const vaei_pool *pool, const vaei_soft_workspace *workspace);
/* dx[i * ld + head * D] += weight dL/dx_i */
void vaei_soft_gradient(const vaei_soft *s, const vaei_kernels *k, const vaei_pool *pool, const vaei_soft_workspace *workspace,
                        float weight, float *dx);

#endif
