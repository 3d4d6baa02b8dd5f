/* SPDX-License-Identifier: MIT
 * kmeans.h - k-means: codes at the means of clusters of vectors. Codebooks and mixtures start from them. */
#ifndef VAEI_KMEANS_H
#define VAEI_KMEANS_H

#include "vae/codes/codebook.h"

typedef struct vaei_kmeans_workspace {
    vaei_code_order order;
    float *near, *next; /* [P] squared distances to the nearest code and to the second */
    float *trial;       /* [P] and to a vector that may become a code */
    int32_t *second;    /* [P] the second nearest code; the nearest stands in the vectors */
    float *best;        /* [K][D] */
    double *cost;       /* [K] */
} vaei_kmeans_workspace;

vaei_kmeans_workspace vaei_kmeans_carve(int64_t P, int64_t K, int64_t D, vaei_carve *c);

/* codes[K][D] is written, v->code is left holding each vector's cluster. packed: vaei_nearest_floats(). unit: vectors and codes
 * have length 1. P >= K. */
void vaei_kmeans(const vaei_kernels *k, const vaei_pool *pool, vaei_noise_key key, uint32_t item, int64_t K, const vaei_vectors *v,
                 int32_t unit, const vaei_kmeans_workspace *m, float *packed, float *codes);

#endif
