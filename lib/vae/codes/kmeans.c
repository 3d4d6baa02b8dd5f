/* SPDX-License-Identifier: MIT
 * kmeans.c - computes the start of a codebook by k-means on the first batch. d_p is the distance of vector p to its nearest code.
 *
 *     greedy k-means++   the first code is a vector drawn evenly; for each further one some vectors are drawn, p with probability
 *                        d_p^2 / sum d^2, and the one that leaves the least sum d^2 becomes the code
 *     exchange           a vector is drawn in the same way; it replaces the code whose removal costs least, if sum d^2 falls
 *     Lloyd              codes are the means of the vectors nearest to them, until they hardly change; a code without vectors becomes
 *                        the vector that is farthest from its own code
 *
 * Exchanges find the clusters that the draws have missed, which Lloyd's iterations alone never find. Of several runs the one with the least
 * sum d^2 is used. K, P and D decide the number of repetitions: the constants below, or fewer if they took more than a few BUDGET
 * multiplications (LLOYD_BUDGET for Lloyd's iterations, which use matrix products). So it takes a few seconds on one core for any batch.
 *
 * unit: codes have length 1, as the vectors do, and the nearest code is that of the smallest angle. Draws are a function of the key; sums
 * run over the vectors in order, so the number of threads changes nothing. Arthur, Vassilvitskii 2007; Lattanzi, Sohler 2019 (exchange);
 * Lloyd 1982. */
#include "vae/codes/kmeans.h"

#include <math.h>

#include "nn/ranges.h"
#include "vae/codes/batch_groups.h"

#define RUNS         8
#define ITERATIONS   100
#define TOLERANCE    1e-4 /* of the mean variance of a value: the iterations end when the squared moves of all codes are less */
#define BUDGET       (INT64_C(1) << 31)
#define LLOYD_BUDGET (INT64_C(1) << 35)

vaei_kmeans_workspace vaei_kmeans_carve(int64_t P, int64_t K, int64_t D, vaei_carve *c) {
    const int64_t rows = P < INT32_MAX ? P : -1;
    vaei_kmeans_workspace m;
    m.order = vaei_order_carve(P, K, D, c);
    m.near = vaei_carve_floats(c, rows);
    m.next = vaei_carve_floats(c, rows);
    m.trial = vaei_carve_floats(c, rows);
    m.second = vaei_carve_array(c, rows, sizeof *m.second);
    m.best = vaei_carve_floats(c, vaei_count_of(K, D));
    m.cost = vaei_carve_array(c, K, sizeof *m.cost);
    return m;
}

typedef struct job {
    const vaei_kernels *k;
    const vaei_pool *pool;
    const vaei_vectors *v;
    const vaei_kmeans_workspace *m;
    int64_t K;
    float *codes;
    const float *from; /* the vector from which distances are measured */
    double sum[VAEI_BATCH_GROUPS];
    vaei_noise_key key;
    uint32_t item, draws;
    int32_t moved; /* the code that was exchanged; -1: all codes are searched */
} job;

static int64_t at_most(int64_t count, int64_t least, int64_t work, int64_t budget) {
    const int64_t most = budget / work;
    return count < most ? count : most > least ? most : least;
}

static float distance(const job *j, int64_t p, const float *code) {
    return (float)j->k->sum_squared_difference(j->v->D, j->v->x + p * j->v->ld, code);
}

/* ---- draws ------------------------------------------------------------------------------------------------------- */

/* Returns the vector at which the running sum of distances passes u times the total; if all distances are 0, an even draw. */
static int64_t draw_vector(job *j) {
    double total = 0, sum = 0;
    uint32_t bits[4];
    vaei_philox(j->key, j->item, j->draws++, 1, bits);
    const double u = (double)bits[0] * 0x1p-32;
    for (int64_t p = 0; p < j->v->P; p++) total += (double)j->m->near[p];
    for (int64_t p = 0; total > 0 && p < j->v->P; p++) {
        sum += (double)j->m->near[p];
        if (sum > u * total) return p;
    }
    return (int64_t)(u * (double)j->v->P);
}

/* ---- greedy k-means++ -------------------------------------------------------------------------------------------- */

static void try_group(void *arg, int32_t group) {
    job *j = arg;
    const vaei_range range = vaei_batch_group(j->v->P, group);
    double sum = 0;
    for (int64_t p = range.first; p < range.end; p++) {
        const float d = distance(j, p, j->from);
        sum += (double)(d < j->m->near[p] ? d : j->m->near[p]);
    }
    j->sum[group] = sum;
}

static double sum_with(job *j, const float *vector) {
    double sum = 0;
    j->from = vector;
    vaei_parallel(j->pool, vaei_batch_groups(j->v->P), try_group, j);
    for (int32_t g = 0; g < vaei_batch_groups(j->v->P); g++) sum += j->sum[g];
    return sum;
}

static void nearer(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t p = begin; p < end; p++) {
        const float d = distance(j, p, j->from);
        if (d < j->m->near[p]) j->m->near[p] = d;
    }
}

static void plus_plus(job *j) {
    const vaei_vectors *v = j->v;
    const int64_t tries = at_most(2 + (int64_t)log((double)j->K), 1, j->K * v->P * v->D, BUDGET);
    for (int64_t p = 0; p < v->P; p++) j->m->near[p] = 3e38f; /* with equal distances the first draw is even */
    for (int64_t i = 0; i < j->K; i++) {
        int64_t best = draw_vector(j);
        double least = i > 0 && tries > 1 ? sum_with(j, v->x + best * v->ld) : 0;
        for (int64_t t = 1; i > 0 && t < tries; t++) {
            const int64_t p = draw_vector(j);
            const double sum = sum_with(j, v->x + p * v->ld);
            if (!(sum < least)) continue;
            least = sum;
            best = p;
        }
        j->from = j->codes + i * v->D;
        memcpy(j->codes + i * v->D, v->x + best * v->ld, (size_t)v->D * sizeof *j->codes);
        vaei_parallel_ranges(j->pool, v->P, v->D, nearer, j);
    }
}

/* ---- exchange ---------------------------------------------------------------------------------------------------- */

/* Finds the two nearest codes of each vector again if one of them was the code that has moved. */
static void search_two(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_vectors *v = j->v;
    const vaei_kmeans_workspace *m = j->m;
    for (int64_t p = begin; p < end; p++) {
        int32_t *first = v->code + p * v->stride;
        if (j->moved >= 0 && *first != j->moved && m->second[p] != j->moved) {
            if (m->trial[p] < m->near[p]) {
                m->next[p] = m->near[p], m->second[p] = *first;
                m->near[p] = m->trial[p], *first = j->moved;
            } else if (m->trial[p] < m->next[p]) {
                m->next[p] = m->trial[p], m->second[p] = j->moved;
            }
            continue;
        }
        m->near[p] = m->next[p] = HUGE_VALF;
        *first = m->second[p] = 0;
        for (int32_t i = 0; i < j->K; i++) {
            const float d = distance(j, p, j->codes + i * v->D);
            if (d < m->near[p]) {
                m->next[p] = m->near[p], m->second[p] = *first;
                m->near[p] = d, *first = i;
            } else if (d < m->next[p]) {
                m->next[p] = d, m->second[p] = i;
            }
        }
    }
}

static void measure_trial(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t p = begin; p < end; p++) j->m->trial[p] = distance(j, p, j->from);
}

/* The code that the vector should replace; -1: none. cost[k] is the growth of sum d^2 if the vector replaces code k. */
static int32_t worth_exchanging(const job *j) {
    const vaei_kmeans_workspace *m = j->m;
    double before = 0, with = 0;
    int32_t best = 0;
    for (int64_t i = 0; i < j->K; i++) m->cost[i] = 0;
    for (int64_t p = 0; p < j->v->P; p++) {
        const float kept = m->trial[p] < m->near[p] ? m->trial[p] : m->near[p];
        const float left = m->trial[p] < m->next[p] ? m->trial[p] : m->next[p];
        before += (double)m->near[p];
        with += (double)kept;
        m->cost[j->v->code[p * j->v->stride]] += (double)left - (double)kept;
    }
    for (int32_t i = 1; i < j->K; i++)
        if (m->cost[i] < m->cost[best]) best = i;
    return with + m->cost[best] < before ? best : -1;
}

static void exchange(job *j) {
    const vaei_vectors *v = j->v;
    const int64_t tries = at_most(4 * j->K + 50, 0, 4 * v->P * v->D, BUDGET);
    j->moved = -1;
    vaei_parallel_ranges(j->pool, v->P, j->K * v->D, search_two, j);
    for (int64_t t = 0; t < tries; t++) {
        const float *vector = v->x + draw_vector(j) * v->ld;
        j->from = vector;
        vaei_parallel_ranges(j->pool, v->P, v->D, measure_trial, j);
        j->moved = worth_exchanging(j);
        if (j->moved < 0) continue;
        memcpy(j->codes + j->moved * v->D, vector, (size_t)v->D * sizeof *j->codes);
        vaei_parallel_ranges(j->pool, v->P, 3 * v->D, search_two, j);
    }
}

/* ---- Lloyd ------------------------------------------------------------------------------------------------------- */

/* The mean over the values of their variance, in double. */
static double mean_variance(const job *j) {
    const vaei_vectors *v = j->v;
    double total = 0;
    for (int64_t d = 0; d < v->D; d++) {
        double mean = 0, sum = 0;
        for (int64_t p = 0; p < v->P; p++) mean += (double)v->x[p * v->ld + d] / (double)v->P;
        for (int64_t p = 0; p < v->P; p++) {
            const double e = (double)v->x[p * v->ld + d] - mean;
            sum += e * e;
        }
        total += sum / (double)v->P;
    }
    return total / (double)v->D;
}

static void own_distance(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t p = begin; p < end; p++) j->m->near[p] = distance(j, p, j->codes + j->v->code[p * j->v->stride] * j->v->D);
}

/* The vector that is farthest from its own code; from then on its distance counts as 0. -1: each vector equals its code. */
static int64_t farthest(const job *j) {
    int64_t best = -1;
    for (int64_t p = 0; p < j->v->P; p++)
        if (j->m->near[p] > (best < 0 ? 0 : j->m->near[best])) best = p;
    if (best >= 0) j->m->near[best] = 0;
    return best;
}

/* Sets the codes to the means of their vectors; returns the sum of the squared moves. */
static double move_codes(job *j, int32_t unit) {
    const vaei_vectors *v = j->v;
    const vaei_code_order *o = &j->m->order;
    double moved = 0;
    int32_t measured = 0;
    vaei_order_vectors(j->k, j->pool, j->K, v, o);
    for (int64_t i = 0; i < j->K && !measured; i++) measured = o->first[i] == o->first[i + 1];
    if (measured) vaei_parallel_ranges(j->pool, v->P, v->D, own_distance, j);
    for (int64_t i = 0; i < j->K; i++) {
        const int32_t count = o->first[i + 1] - o->first[i];
        float *code = j->codes + i * v->D, *mean = o->sum + i * v->D;
        if (count == 0) {
            const int64_t p = farthest(j);
            if (p < 0) continue;
            memcpy(mean, v->x + p * v->ld, (size_t)v->D * sizeof *mean);
        } else {
            for (int64_t d = 0; d < v->D; d++) mean[d] /= (float)count;
            if (unit) (void)vaei_unit_row(j->k, v->D, mean);
        }
        moved += j->k->sum_squared_difference(v->D, code, mean);
        memcpy(code, mean, (size_t)v->D * sizeof *code);
    }
    return moved;
}

static void nearest_codes(const job *j, int32_t unit, float *packed) {
    const vaei_vectors *v = j->v;
    vaei_nearest_pack(j->k, j->K, v->D, j->codes, unit ? VAEI_NEAREST_PRODUCT : VAEI_NEAREST_DISTANCE, packed);
    vaei_nearest(j->k, j->pool, v->P, v->D, v->x, v->ld, j->K, packed, v->code, v->stride);
}

static void lloyd(job *j, int32_t unit, double still, float *packed) {
    const int64_t rounds = at_most(ITERATIONS, 10, j->K * j->v->P * j->v->D, LLOYD_BUDGET);
    double moved = HUGE_VAL;
    for (int64_t round = 0; round < rounds && moved > still; round++) {
        nearest_codes(j, unit, packed);
        moved = move_codes(j, unit);
    }
}

/* Returns sum d^2 of the current codes. */
static double spread_of(job *j, int32_t unit, float *packed) {
    double sum = 0;
    nearest_codes(j, unit, packed);
    vaei_parallel_ranges(j->pool, j->v->P, j->v->D, own_distance, j);
    for (int64_t p = 0; p < j->v->P; p++) sum += (double)j->m->near[p];
    return sum;
}

void vaei_kmeans(const vaei_kernels *k, const vaei_pool *pool, vaei_noise_key key, uint32_t item, int64_t K, const vaei_vectors *v,
                 int32_t unit, const vaei_kmeans_workspace *m, float *packed, float *codes) {
    job j = {.k = k, .pool = pool, .v = v, .m = m, .K = K, .codes = codes, .key = key, .item = item};
    const size_t size = (size_t)(K * v->D) * sizeof *codes;
    const double still = TOLERANCE * mean_variance(&j);
    const int64_t runs = at_most(RUNS, 1, 64 * K * v->P * v->D, 4 * BUDGET);
    double least = HUGE_VAL;
    for (int64_t run = 0; run < runs; run++) {
        plus_plus(&j);
        exchange(&j);
        lloyd(&j, unit, still, packed);
        const double sum = spread_of(&j, unit, packed);
        if (run > 0 && !(sum < least)) continue;
        least = sum;
        memcpy(m->best, codes, size);
    }
    memcpy(codes, m->best, size);
    nearest_codes(&j, unit, packed);
}
