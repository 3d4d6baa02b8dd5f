/* SPDX-License-Identifier: MIT
 * kmeans.h - k-means, which finds codes at the means of clusters of vectors. Codebooks and mixtures start from it. */
#ifndef VAEI_KMEANS_H
#define VAEI_KMEANS_H

#include "vae/codes/codebook.h"

typedef struct vaei_kmeans_workspace {
    vaei_code_order order;
    float *near, *next; /* [P] squared distances to the nearest code and to the second nearest */
    float *trial;       /* [P] squared distances to a vector that may become a code */
    int32_t *second;    /* [P] the second nearest code; v->code has the nearest */
    float *best;        /* [K][D] */
    double *cost;       /* [K] */
} vaei_kmeans_workspace;

vaei_kmeans_workspace vaei_kmeans_carve(int64_t P, int64_t K, int64_t D, vaei_carve *c);

/* Writes codes[K][D] and sets v->code to the cluster of each vector. packed: vaei_nearest_floats(). unit: vectors and codes have length
 * 1. P >= K. */
void vaei_kmeans(const vaei_kernels *k, const vaei_pool *pool, vaei_noise_key key, uint32_t item, int64_t K, const vaei_vectors *v,
                 int32_t unit, const vaei_kmeans_workspace *m, float *packed, float *codes);

#endif
