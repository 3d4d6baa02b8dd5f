/* SPDX-License-Identifier: MIT
 * codebook.c - learns a table of codes by moving averages of the vectors that chose them.
 *
 *     n_k = vectors of the batch with code k        s_k = their sum
 *     N_k += w (n_k - N_k)                          S_k += w (s_k - S_k)
 *     e_k = S_k / M_k        M_k = (N_k + eps) / (sum N + K eps) sum N         (Laplace's smoothing)
 *
 * debias: w = (1 - decay) / (1 - decay^t) in batch t, so that the average from 0 is divided by the sum of its weights and the first batch
 * counts in full. Only codes that this batch chose change. The sum and the count of any other code shrink by the same factor, so their
 * quotient is constant; the drift to 0 that smoothing would add is left out. A count of n is constant, to the bit, while n vectors come in
 * each batch, so revival compares exact numbers. Without debias w = 1 - decay, N starts at 1 and S at the code, and all codes are computed
 * in each step, as in the package vector-quantize-pytorch.
 *
 * Revival: a code with N_k below the threshold gets e_k = a vector of the batch, N_k = threshold, S_k = threshold e_k, so that the next
 * average does not restore the unused code. The m vectors for m dead codes are an even draw without replacement: vector p is taken with
 * probability (still wanted) / (P - p), which in the end gives m of them (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
 *
 * van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937, appendix A); Razavi et al. 2019 (arXiv:1906.00446); revival: Dhariwal
 * et al. 2020 (arXiv:2005.00341). Everything is summed in an order given by the vectors' positions, in double. */
#include "vae/codes/codebook.h"

#include <math.h>

#include "nn/ranges.h"

#define LENGTH_MIN 1e-6
#define SUMS       128  /* doubles on the stack, one block of dimensions */
#define EVEN_SHARE 0.01 /* a code with less than this part of an even share of the vectors is dead */
#define DRAWS      256  /* draws at a time, on the stack */

/* ---- vectors by code --------------------------------------------------------------------------------------------- */

vaei_code_order vaei_order_carve(int64_t P, int64_t K, int64_t D, vaei_carve *c) {
    vaei_code_order o;
    o.first = vaei_carve_array(c, K + 1, sizeof(int32_t));
    o.order = vaei_carve_array(c, P < INT32_MAX ? P : -1, sizeof(int32_t));
    o.sum = vaei_carve_floats(c, vaei_count_of(K, D));
    return o;
}

typedef struct sums {
    const vaei_kernels *k;
    const vaei_vectors *v;
    const vaei_code_order *o;
} sums;

static void sum_codes(void *arg, int64_t begin, int64_t end) {
    const sums *s = arg;
    const int64_t D = s->v->D;
    double acc[SUMS];
    for (int64_t code = begin; code < end; code++) {
        float *sum = s->o->sum + code * D;
        for (int64_t d = 0; d < D; d += SUMS) {
            const int64_t width = D - d < SUMS ? D - d : SUMS;
            memset(acc, 0, sizeof acc);
            for (int32_t i = s->o->first[code]; i < s->o->first[code + 1]; i++)
                s->k->column_sums(1, width, s->v->x + s->o->order[i] * s->v->ld + d, NULL, acc, NULL);
            for (int64_t j = 0; j < width; j++) sum[d + j] = (float)acc[j];
        }
    }
}

void vaei_order_vectors(const vaei_kernels *k, const vaei_pool *pool, int64_t K, const vaei_vectors *v, const vaei_code_order *o) {
    sums s = {k, v, o};
    int32_t *first = o->first;
    memset(first, 0, (size_t)(K + 1) * sizeof *first);
    for (int64_t p = 0; p < v->P; p++)
        if (v->code[p * v->stride] >= 0) first[v->code[p * v->stride] + 1]++;
    for (int64_t i = 0; i < K; i++) first[i + 1] += first[i];
    for (int64_t p = 0; p < v->P; p++)
        if (v->code[p * v->stride] >= 0) o->order[first[v->code[p * v->stride]]++] = (int32_t)p;
    for (int64_t i = K; i > 0; i--) first[i] = first[i - 1]; /* each entry had advanced to the start of the next code */
    first[0] = 0;
    vaei_parallel_ranges(pool, K, v->P / K * v->D + v->D, sum_codes, &s);
}

/* ---- moving averages --------------------------------------------------------------------------------------------- */

/* In double, so that a vector of one value becomes exactly 1 or -1 and such codes are equal. */
float vaei_unit_row(const vaei_kernels *k, int64_t D, float *x) {
    const double length = sqrt(k->sum_squares(D, x));
    const double scale = 1 / (length > LENGTH_MIN ? length : LENGTH_MIN);
    for (int64_t i = 0; i < D; i++) x[i] = (float)((double)x[i] * scale);
    return (float)length;
}

/* In double: the gradient has the part that is orthogonal to x, where the terms along x cancel. For a vector of one value nothing
 * remains, and rounding would leave an error multiplied by 1 / |y|. */
void vaei_unit_backward(const vaei_kernels *k, int64_t D, const float *x, float length, float size, float *d) {
    const int32_t turns = (double)length > LENGTH_MIN;
    const double along = turns ? k->dot(D, d, x) / k->sum_squares(D, x) : 0;
    const double scale = (double)size / (turns ? (double)length : LENGTH_MIN);
    for (int64_t i = 0; i < D; i++) d[i] = (float)(((double)d[i] - along * (double)x[i]) * scale);
}

void vaei_averages_track(const vaei_averages *a, int64_t K, int64_t D, const vaei_code_order *o) {
    const double decay = (double)a->decay, weights = a->debias ? 1 - pow(decay, a->steps) : 1;
    const float share = (float)((1 - decay) / weights);
    for (int64_t i = 0; i < K; i++) a->count[i] += share * ((float)(o->first[i + 1] - o->first[i]) - a->count[i]);
    for (int64_t i = 0; a->sum && i < K * D; i++) a->sum[i] += share * (o->sum[i] - a->sum[i]);
}

static double total_count(const float *count, int64_t K) {
    double total = 0;
    for (int64_t i = 0; i < K; i++) total += (double)count[i];
    return total;
}

void vaei_averages_refresh(const vaei_averages *a, const vaei_kernels *k, int64_t K, int64_t D, const int32_t *used, int32_t unit,
                           float *codes) {
    const double eps = (double)a->eps, total = total_count(a->count, K);
    for (int64_t i = 0; i < K; i++) {
        float *code = codes + i * D;
        if (a->debias && !used[i]) continue;
        const double count = ((double)a->count[i] + eps) / (total + (double)K * eps) * total;
        const float share = (float)(1 / count);
        for (int64_t d = 0; d < D; d++) code[d] = a->sum[i * D + d] * share;
        if (unit) (void)vaei_unit_row(k, D, code);
    }
}

int64_t vaei_averages_dead(const float *count, int64_t K, float threshold) {
    const double least = threshold > 0 ? (double)threshold : EVEN_SHARE * total_count(count, K) / (double)K;
    int64_t dead = 0;
    for (int64_t i = 0; i < K; i++) dead += (double)count[i] < least;
    return dead;
}

static void revive_code(const vaei_averages *a, const vaei_kernels *k, int64_t D, const float *x, float count, int32_t unit, int64_t i,
                        float *code) {
    memcpy(code, x, (size_t)D * sizeof *code);
    if (unit) (void)vaei_unit_row(k, D, code);
    a->count[i] = count;
    for (int64_t d = 0; a->sum && d < D; d++) a->sum[i * D + d] = code[d] * count;
}

void vaei_averages_revive(const vaei_averages *a, const vaei_kernels *k, int64_t K, const vaei_vectors *v, float threshold,
                          vaei_noise_key key, uint32_t item, uint32_t block, int32_t unit, float *codes) {
    const int64_t dead = vaei_averages_dead(a->count, K, threshold);
    int64_t wanted = dead < v->P ? dead : v->P, i = 0;
    uint32_t bits[DRAWS];
    for (int64_t p = 0; p < v->P && wanted > 0; p++) {
        if (p % DRAWS == 0) vaei_philox(key, item, block + (uint32_t)(p / 4), DRAWS / 4, bits);
        if ((int64_t)((uint64_t)bits[p % DRAWS] * (uint64_t)(v->P - p) >> 32) >= wanted) continue;
        while (a->count[i] >= threshold) i++;
        revive_code(a, k, v->D, v->x + p * v->ld, threshold, unit, i, codes + i * v->D);
        i++;
        wanted--;
    }
}
