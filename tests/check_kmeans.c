/* SPDX-License-Identifier: MIT
 * check_kmeans.c - tests the k-means start: compared with the best of twenty plain runs in double in this file; the same bits for any
 * number of threads and instruction set; clusters without vectors. */
#include "guarded.h"
#include "quantizer_rig.h"

#include "vae/codes/kmeans.h"

enum { PLAIN_RUNS = 20, PLAIN_ROUNDS = 60 };

typedef struct cloud {
    int64_t P, K, D;
    float *x;
} cloud;

static double squared(const float *x, const double *code, int64_t D) {
    double sum = 0;
    for (int64_t d = 0; d < D; d++) sum += ((double)x[d] - code[d]) * ((double)x[d] - code[d]);
    return sum;
}

/* The sum of squared distances to the nearest code; near[p] too, and cluster[p]. */
static double spread_of(const cloud *c, int64_t K, const double *codes, double *near, int64_t *cluster) {
    double sum = 0;
    for (int64_t p = 0; p < c->P; p++) {
        near[p] = HUGE_VAL;
        for (int64_t i = 0; i < K; i++) {
            const double d = squared(c->x + p * c->D, codes + i * c->D, c->D);
            if (!(d < near[p])) continue;
            near[p] = d;
            cluster[p] = i;
        }
        sum += near[p];
    }
    return sum;
}

/* k-means++ with one draw a code, then Lloyd. */
static double plain_run(const cloud *c, dice *random, double *codes, double *near, int64_t *cluster) {
    double sum = 0, last = HUGE_VAL;
    for (int64_t i = 0; i < c->K; i++) {
        double u = ((double)dice_next(random) + 0.5) * 0x1p-32 * (i == 0 ? (double)c->P : sum);
        int64_t p = 0;
        while (p + 1 < c->P && (u -= i == 0 ? 1 : near[p]) > 0) p++;
        for (int64_t d = 0; d < c->D; d++) codes[i * c->D + d] = (double)c->x[p * c->D + d];
        sum = spread_of(c, i + 1, codes, near, cluster);
    }
    for (int round = 0; round < PLAIN_ROUNDS && sum < last; round++) {
        last = sum;
        for (int64_t i = 0; i < c->K; i++) {
            double mean[32] = {0};
            int64_t count = 0;
            for (int64_t p = 0; p < c->P; p++) {
                if (cluster[p] != i) continue;
                count++;
                for (int64_t d = 0; d < c->D; d++) mean[d] += (double)c->x[p * c->D + d];
            }
            for (int64_t d = 0; count && d < c->D; d++) codes[i * c->D + d] = mean[d] / (double)count;
        }
        sum = spread_of(c, c->K, codes, near, cluster);
    }
    return sum;
}

static double best_plain_run(const cloud *c) {
    double *codes = malloc((size_t)(c->K * c->D) * sizeof(double)), *near = malloc((size_t)c->P * sizeof(double)), best = HUGE_VAL;
    int64_t *cluster = malloc((size_t)c->P * sizeof(int64_t));
    dice random = {7};
    for (int run = 0; run < PLAIN_RUNS; run++) best = fmin(best, plain_run(c, &random, codes, near, cluster));
    free(codes), free(near), free(cluster);
    return best;
}

/* Ours: codes[K][D] and cluster[P] are written. */
static void our_run(const cloud *c, int32_t isa, int32_t threads, uint64_t seed, float *codes, int32_t *cluster) {
    const vaei_kernels *k = vaei_kernels_select(isa, 0);
    const vaei_vectors v = {c->P, c->D, c->D, 1, c->x, cluster};
    const vaei_noise_key key = {seed, 0, VAEI_STREAM_KMEANS};
    vaei_heap heap;
    vaei_pool *pool;
    vaei_carve need = {NULL, 0};
    vaei_heap_init_default(&heap);
    ck_assert_int_eq(vaei_pool_create(&pool, &heap, threads, NULL, NULL), VAE_OK);
    (void)vaei_kmeans_carve(c->P, c->K, c->D, &need);
    void *memory = aligned_alloc(VAEI_ALIGN, (need.used + VAEI_ALIGN - 1) / VAEI_ALIGN * VAEI_ALIGN);
    float *packed = malloc((size_t)vaei_nearest_floats(k, c->K, c->D) * sizeof(float));
    vaei_carve carve = {memory, 0};
    const vaei_kmeans_workspace room = vaei_kmeans_carve(c->P, c->K, c->D, &carve);
    vaei_kmeans(k, pool, key, 0, c->K, &v, 0, &room, packed, codes);
    vaei_pool_destroy(pool);
    free(memory), free(packed);
}

static double our_spread(const cloud *c, const float *codes) {
    double *wide = malloc((size_t)(c->K * c->D) * sizeof(double)), *near = malloc((size_t)c->P * sizeof(double));
    int64_t *cluster = malloc((size_t)c->P * sizeof(int64_t));
    for (int64_t i = 0; i < c->K * c->D; i++) wide[i] = (double)codes[i];
    const double sum = spread_of(c, c->K, wide, near, cluster);
    free(wide), free(near), free(cluster);
    return sum;
}

/* kind 0: one cloud; 1: K clusters of equal weight; 2: clusters of unequal weight and width. */
static cloud cloud_of(int kind, int64_t P, int64_t K, int64_t D, uint64_t seed) {
    const cloud c = {P, K, D, spread(P * D, (uint32_t)seed, 1)};
    float *centre = spread(K * D, (uint32_t)seed + 1, kind == 0 ? 0 : 8), *u = spread(P, (uint32_t)seed + 2, 1);
    for (int64_t p = 0; p < P; p++) {
        const double share = ((double)u[p] + 1) / 2;
        const int64_t at = kind == 2 ? (int64_t)(share * share * share * (double)K) : p % K;
        const float width = kind == 2 ? (float)(at % 4 + 1) / 4 : 1;
        for (int64_t d = 0; d < D; d++) c.x[p * D + d] = c.x[p * D + d] * width + centre[(at < K ? at : K - 1) * D + d];
    }
    free(centre), free(u);
    return c;
}

START_TEST(test_clusters_are_as_tight_as_the_best_of_twenty_plain_runs) {
    static const int64_t sizes[][3] = {{256, 32, 16}, {200, 8, 2}, {120, 16, 4}, {90, 30, 1}, {300, 20, 3}};
    for (size_t i = 0; i < VAEI_COUNT(sizes); i++) {
        const cloud c = cloud_of(_i, sizes[i][0], sizes[i][1], sizes[i][2], 10 * i + 1);
        const double wanted = best_plain_run(&c);
        float *codes = malloc((size_t)(c.K * c.D) * sizeof(float));
        int32_t *cluster = malloc((size_t)c.P * sizeof(int32_t));
        for (uint64_t seed = 0; seed < 5; seed++) {
            our_run(&c, 0, 1, seed, codes, cluster);
            ck_assert_double_le(our_spread(&c, codes), 1.1 * wanted);
        }
        free(codes), free(cluster), free(c.x);
    }
}
END_TEST

START_TEST(test_clusters_are_the_same_for_any_number_of_threads_and_instruction_set) {
    const cloud c = cloud_of(2, 500, 21, 5, 3);
    float *first = malloc((size_t)(c.K * c.D) * sizeof(float)), *codes = malloc((size_t)(c.K * c.D) * sizeof(float));
    int32_t *first_cluster = malloc((size_t)c.P * sizeof(int32_t)), *cluster = malloc((size_t)c.P * sizeof(int32_t));
    our_run(&c, 1, 1, 5, first, first_cluster);
    for (int32_t isa = 1; isa <= 4; isa++) {
        for (int32_t threads = 1; vaei_kernels_select(isa, 0) && threads <= 7; threads += threads < 3 ? 1 : 4) {
            our_run(&c, isa, threads, 5, codes, cluster);
            ck_assert_mem_eq(codes, first, (size_t)(c.K * c.D) * sizeof(float));
            ck_assert_mem_eq(cluster, first_cluster, (size_t)c.P * sizeof(int32_t));
        }
    }
    free(first), free(codes), free(first_cluster), free(cluster), free(c.x);
}
END_TEST

/* As many codes as different vectors: each of those becomes a code, whatever is drawn first and however often it is there. */
START_TEST(test_no_code_is_left_without_vectors_while_one_is_far_from_its_own) {
    enum { K = 9, COPIES = 40 };
    const cloud c = {K + COPIES, K, 3, spread((K + COPIES) * 3, 4, 5)};
    for (int64_t p = K; p < c.P; p++) memcpy(c.x + p * 3, c.x, 3 * sizeof(float));
    for (uint64_t seed = 0; seed < 8; seed++) {
        float codes[K * 3];
        int32_t cluster[K + COPIES], seen[K] = {0};
        our_run(&c, 0, 2, seed, codes, cluster);
        for (int64_t p = 0; p < c.P; p++) seen[cluster[p]]++;
        for (int i = 0; i < K; i++) ck_assert_int_ge(seen[i], 1);
        ck_assert_double_lt(our_spread(&c, codes), 1e-6);
    }
    free(c.x);
}
END_TEST

START_TEST(test_equal_vectors_and_as_few_as_codes_are_sound) {
    enum { K = 6 };
    const cloud equal = {K, K, 2, calloc(K * 2, sizeof(float))}, few = {K, K, 2, spread(K * 2, 9, 1)};
    float codes[K * 2];
    int32_t cluster[K];
    our_run(&equal, 0, 1, 0, codes, cluster);
    for (int i = 0; i < K * 2; i++) ck_assert_float_eq(codes[i], 0);
    our_run(&few, 0, 1, 0, codes, cluster);
    ck_assert_double_lt(our_spread(&few, codes), 1e-10);
    free(equal.x), free(few.x);
}
END_TEST

Suite *suite_kmeans(void);
Suite *suite_kmeans(void) {
    Suite *s = suite_create("kmeans");
    TCase *t = tcase_create("kmeans");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_clusters_are_as_tight_as_the_best_of_twenty_plain_runs, 0, 3);
    tcase_add_test(t, test_clusters_are_the_same_for_any_number_of_threads_and_instruction_set);
    tcase_add_test(t, test_no_code_is_left_without_vectors_while_one_is_far_from_its_own);
    tcase_add_test(t, test_equal_vectors_and_as_few_as_codes_are_sound);
    suite_add_tcase(s, t);
    return s;
}
