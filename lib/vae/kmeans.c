/* SPDX-License-Identifier: MIT
 * kmeans.c - where a codebook starts: k-means on the first batch.
 *
 *     k-means++     the first code is a vector drawn evenly; each further one is vector p with probability d_p^2 / sum d^2, d_p the
 *                   distance to the nearest code so far
 *     Lloyd         ten times: codes are the means of the vectors nearest to them; one that has none stays
 *
 * unit: codes of length 1 (vectors are given so), nearest by angle. Draws are a function of the key; the sum of d^2 runs over the vectors
 * in order, so the threads cannot show. Arthur, Vassilvitskii 2007; Lloyd 1982. */
#include "nn/ranges.h"
#include "vae/codebook.h"

#define ITERATIONS 10

typedef struct spread {
    const vaei_kernels *k;
    const vaei_vectors *v;
    const float *code; /* the newest */
    float *distance;
} spread;

static void nearer(void *arg, int64_t begin, int64_t end) {
    const spread *s = arg;
    for (int64_t p = begin; p < end; p++) {
        const float d = (float)s->k->sum_squared_difference(s->v->D, s->v->x + p * s->v->ld, s->code);
        if (d < s->distance[p]) s->distance[p] = d;
    }
}

/* The vector at which the running sum of distances passes u times the whole; without any distance left, evenly. */
static int64_t draw_vector(const vaei_vectors *v, const float *distance, double u) {
    double total = 0, sum = 0;
    for (int64_t p = 0; p < v->P; p++) total += (double)distance[p];
    for (int64_t p = 0; total > 0 && p < v->P; p++) {
        sum += (double)distance[p];
        if (sum > u * total) return p;
    }
    return (int64_t)(u * (double)v->P);
}

static double unit_draw(vaei_noise_key key, uint32_t item, int64_t i) {
    uint32_t bits[4];
    vaei_philox(key, item, (uint32_t)i, 1, bits);
    return (double)bits[0] * 0x1p-32;
}

static void plus_plus(const vaei_kernels *k, const vaei_pool *pool, vaei_noise_key key, uint32_t item, int64_t K, const vaei_vectors *v,
                      float *distance, float *codes) {
    for (int64_t p = 0; p < v->P; p++) distance[p] = 1; /* all alike: an even draw */
    for (int64_t i = 0; i < K; i++) {
        spread s = { k, v, codes + i * v->D, distance };
        const int64_t p = draw_vector(v, distance, unit_draw(key, item, i));
        memcpy(codes + i * v->D, v->x + p * v->ld, (size_t)v->D * sizeof *codes);
        for (int64_t j = 0; i == 0 && j < v->P; j++) distance[j] = 3e38f;
        vaei_parallel_ranges(pool, v->P, v->D, nearer, &s);
    }
}

void vaei_kmeans(const vaei_kernels *k, const vaei_pool *pool, vaei_noise_key key, uint32_t item, int64_t K, const vaei_vectors *v,
                 int32_t unit, const vaei_code_order *o, float *distance, float *packed, float *codes) {
    const int32_t by = unit ? VAEI_NEAREST_PRODUCT : VAEI_NEAREST_DISTANCE;
    plus_plus(k, pool, key, item, K, v, distance, codes);
    for (int32_t round = 0; round <= ITERATIONS; round++) { /* the last one only says who is nearest */
        vaei_nearest_pack(k, K, v->D, codes, by, packed);
        vaei_nearest(k, pool, v->P, v->D, v->x, v->ld, K, packed, v->code, v->stride);
        if (round == ITERATIONS) break;
        vaei_order_vectors(k, pool, K, v, o);
        for (int64_t i = 0; i < K; i++) {
            const int32_t count = o->first[i + 1] - o->first[i];
            float *code = codes + i * v->D;
            if (count == 0) continue;
            for (int64_t d = 0; d < v->D; d++) code[d] = o->sum[i * v->D + d] / (float)count;
            if (unit) (void)vaei_unit_row(k, v->D, code);
        }
    }
}
