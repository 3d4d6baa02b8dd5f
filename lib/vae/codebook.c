/* SPDX-License-Identifier: MIT
 * codebook.c - a table of codes learnt by moving averages of the vectors that chose them.
 *
 *     n_k = vectors of the batch with code k        s_k = their sum
 *     N_k += (1 - decay) (n_k - N_k)                S_k += (1 - decay) (s_k - S_k)
 *     e_k = S_k / M_k        M_k = (N_k + eps) / (sum N + K eps) sum N         (Laplace's smoothing)
 *
 * debias: N and S start at 0 and are divided by 1 - decay^t, so that the first batch counts in full; only codes chosen in this batch
 * move. The others' sum and count shrink together, their quotient stays, and what smoothing would do to it, a slow drift to 0, is left out.
 * Without debias N starts at 1, S at the code, and all codes are computed anew: the form of the vector-quantize-pytorch package.
 *
 * Revival: N_k below the threshold: e_k = a vector of the batch, N_k = threshold, S_k = threshold e_k, so that the next average does not
 * bring the dead code back. Vectors are taken at first + j step (mod P), step coprime to P: no two alike before all were taken.
 *
 * van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937, appendix A); Razavi et al. 2019 (arXiv:1906.00446); revival: Dhariwal
 * et al. 2020 (arXiv:2005.00341). Everything is summed in an order given by the vectors' positions, in double. */
#include "vae/codebook.h"

#include <math.h>

#include "nn/ranges.h"

#define LENGTH_MIN 1e-6
#define SUMS 128        /* doubles on the stack, one block of dimensions */
#define EVEN_SHARE 0.01 /* of an even share of the vectors: a code with less is dead */

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
    sums s = { k, v, o };
    int32_t *first = o->first;
    memset(first, 0, (size_t)(K + 1) * sizeof *first);
    for (int64_t p = 0; p < v->P; p++)
        if (v->code[p * v->stride] >= 0) first[v->code[p * v->stride] + 1]++;
    for (int64_t i = 0; i < K; i++) first[i + 1] += first[i];
    for (int64_t p = 0; p < v->P; p++)
        if (v->code[p * v->stride] >= 0) o->order[first[v->code[p * v->stride]]++] = (int32_t)p;
    for (int64_t i = K; i > 0; i--) first[i] = first[i - 1]; /* each had moved on to the next one's start */
    first[0] = 0;
    vaei_parallel_ranges(pool, K, v->P / K * v->D + v->D, sum_codes, &s);
}

/* ---- moving averages --------------------------------------------------------------------------------------------- */

float vaei_unit_row(const vaei_kernels *k, int64_t D, float *x) {
    const double length = sqrt(k->sum_squares(D, x));
    k->scale(D, (float)(1 / (length > LENGTH_MIN ? length : LENGTH_MIN)), x);
    return (float)length;
}

void vaei_averages_track(const vaei_averages *a, int64_t K, int64_t D, const vaei_code_order *o) {
    const float share = 1 - a->decay;
    for (int64_t i = 0; i < K; i++) a->count[i] += share * ((float)(o->first[i + 1] - o->first[i]) - a->count[i]);
    for (int64_t i = 0; a->sum && i < K * D; i++) a->sum[i] += share * (o->sum[i] - a->sum[i]);
}

double vaei_averages_bias(float decay, int32_t debias, double steps) {
    return debias && steps > 0 ? 1 - pow((double)decay, steps) : 1;
}

static double total_count(const float *count, int64_t K) {
    double total = 0;
    for (int64_t i = 0; i < K; i++) total += (double)count[i];
    return total;
}

void vaei_averages_refresh(const vaei_averages *a, const vaei_kernels *k, int64_t K, int64_t D, const int32_t *used, int32_t unit,
                           float *codes) {
    const double bias = vaei_averages_bias(a->decay, a->debias, a->steps);
    const double eps = (double)a->eps, total = total_count(a->count, K) / bias;
    for (int64_t i = 0; i < K; i++) {
        float *code = codes + i * D;
        if (a->debias && !used[i]) continue;
        const double count = ((double)a->count[i] / bias + eps) / (total + (double)K * eps) * total;
        const float share = (float)(1 / (bias * count));
        for (int64_t d = 0; d < D; d++) code[d] = a->sum[i * D + d] * share;
        if (unit) (void)vaei_unit_row(k, D, code);
    }
}

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void vaei_averages_revive(const vaei_averages *a, const vaei_kernels *k, int64_t K, const vaei_vectors *v, float threshold,
                          const uint32_t bits[2], int32_t unit, float *codes) {
    const double bias = vaei_averages_bias(a->decay, a->debias, a->steps);
    const float start = (float)((double)threshold * bias);
    int64_t at = bits[0] % v->P, step = 1 + bits[1] % v->P, taken = 0;
    while (common_divisor(step, v->P) != 1) step++;
    for (int64_t i = 0; i < K && taken < v->P; i++) {
        if ((double)a->count[i] / bias >= (double)threshold) continue;
        float *code = codes + i * v->D;
        memcpy(code, v->x + at * v->ld, (size_t)v->D * sizeof *code);
        if (unit) (void)vaei_unit_row(k, v->D, code);
        a->count[i] = start;
        for (int64_t d = 0; a->sum && d < v->D; d++) a->sum[i * v->D + d] = code[d] * start;
        at = (at + step) % v->P;
        taken++;
    }
}

int64_t vaei_averages_dead(const float *count, int64_t K, double bias, float threshold) {
    const double least = threshold > 0 ? (double)threshold * bias : EVEN_SHARE * total_count(count, K) / (double)K;
    int64_t dead = 0;
    for (int64_t i = 0; i < K; i++) dead += (double)count[i] < least;
    return dead;
}
