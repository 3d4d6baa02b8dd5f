/* SPDX-License-Identifier: MIT
 * check_gemm.c - tests matrix products: their values against double precision, and equal bits for every table, thread count and
 * division. */
#include "guarded.h"

#include "kernel/gemm.h"

typedef struct shape {
    int64_t M, K, N;
} shape;

/* Around the edges of tiles, panels, blocks of K, bands of rows and groups of panels */
static const shape shapes[] = {
    {1, 1, 1},     {1, 784, 400},  {3, 5, 7},       {12, 192, 96},   {13, 193, 97},  {25, 400, 33},   {64, 17, 1},
    {97, 193, 97}, {128, 1, 64},   {200, 385, 130}, {6, 1000, 16},   {7, 64, 700},   {193, 500, 300}, {2, 3, 2000},
    {385, 20, 70}, {37, 512, 128}, {390, 512, 133}, {19, 1536, 450}, {31, 1025, 70},
};

static const int32_t thread_counts[] = {1, 2, 3, 7};

/* epilogue: y = 2 y - 1, and counts that it sees whole rows */
static void halve(const void *arg, const vaei_kernels *k, int64_t count, float *y) {
    const int64_t N = *(const int64_t *)arg;
    (void)k;
    ck_assert_int_eq(count % N, 0);
    for (int64_t i = 0; i < count; i++) y[i] = 2 * y[i] - 1;
}

static vaei_pool *pool_of(vaei_heap *heap, int32_t threads) {
    vaei_pool *pool = NULL;
    vaei_heap_init_default(heap);
    ck_assert_int_eq(vaei_pool_create(&pool, heap, threads, NULL, NULL), VAE_OK);
    return pool;
}

/* y = a b + bias by one table; b is given transposed, as PyTorch's linear weights are */
static guarded product(const vaei_kernels *k, const vaei_pool *pool, shape s, const guarded *a, int64_t lda, const guarded *b,
                       const float *bias, const vaei_epilogue *epilogue) {
    guarded packed = guarded_floats(vaei_pack_floats(k, s.K, s.N)), y = guarded_floats(s.M * s.N);
    vaei_pack(k, pool, s.K, s.N, b->at, 1, s.K, NULL, packed.at);
    vaei_matmul(k, pool, vaei_matrix_of(a->at, s.M, s.K, lda), packed.at, bias, 0, vaei_matrix_to(y.at, s.M, s.N, s.N), epilogue);
    guarded_free(&packed);
    return y;
}

static void check_close(double got, double want, double scale, const char *what) {
    ck_assert_msg(fabs(got - want) <= 1e-5 * scale + 1e-30, "%s: got %g, want %g, terms %g", what, got, want, scale);
}

static void check_product(const vaei_kernels *k, shape s) {
    dice d = {5};
    const int64_t lda = s.K + 3;
    guarded a = guarded_random(&d, (s.M - 1) * lda + s.K), b = guarded_random(&d, s.K * s.N), bias = guarded_random(&d, s.N);
    guarded y = product(k, NULL, s, &a, lda, &b, bias.at, NULL);
    for (int64_t m = 0; m < s.M; m++) {
        for (int64_t n = 0; n < s.N; n++) {
            double sum = (double)bias.at[n], terms = fabs(sum);
            for (int64_t i = 0; i < s.K; i++) {
                const double term = (double)a.at[m * lda + i] * (double)b.at[n * s.K + i];
                sum += term;
                terms += fabs(term);
            }
            check_close((double)y.at[m * s.N + n], sum, terms, "product");
        }
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&bias);
    guarded_free(&y);
}

START_TEST(test_matmul_agrees_with_double) {
    for (size_t i = 0; i < VAEI_COUNT(shapes); i++) {
        check_product(vaei_kernels_select(0, 0), shapes[i]);
        if (vaei_kernels_select(0, 1)) check_product(vaei_kernels_select(0, 1), shapes[i]);
    }
}
END_TEST

START_TEST(test_matmul_has_the_same_bits_on_every_table) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    if (!k) return;
    for (size_t i = 0; i < VAEI_COUNT(shapes); i++) {
        dice d = {6};
        const shape s = shapes[i];
        const int64_t lda = s.K + 1;
        guarded a = guarded_random(&d, (s.M - 1) * lda + s.K), b = guarded_random(&d, s.K * s.N), bias = guarded_random(&d, s.N);
        const vaei_epilogue epilogue = {halve, &s.N};
        guarded want = product(vaei_kernels_select(1, 0), NULL, s, &a, lda, &b, bias.at, &epilogue);
        guarded got = product(k, NULL, s, &a, lda, &b, bias.at, &epilogue);
        ck_assert_msg(memcmp(want.at, got.at, (size_t)(s.M * s.N) * sizeof(float)) == 0, "%s: shape %d", k->name, (int)i);
        guarded_free(&a);
        guarded_free(&b);
        guarded_free(&bias);
        guarded_free(&want);
        guarded_free(&got);
    }
}
END_TEST

START_TEST(test_matmul_has_the_same_bits_for_any_threads) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    vaei_heap heap;
    vaei_pool *const pool = pool_of(&heap, thread_counts[_i]);
    for (size_t i = 0; i < VAEI_COUNT(shapes); i++) {
        dice d = {7};
        const shape s = shapes[i];
        const vaei_epilogue epilogue = {halve, &s.N};
        guarded a = guarded_random(&d, s.M * s.K), b = guarded_random(&d, s.K * s.N);
        guarded want = product(k, NULL, s, &a, s.K, &b, NULL, &epilogue), got = product(k, pool, s, &a, s.K, &b, NULL, &epilogue);
        ck_assert(memcmp(want.at, got.at, (size_t)(s.M * s.N) * sizeof(float)) == 0);
        guarded_free(&a);
        guarded_free(&b);
        guarded_free(&want);
        guarded_free(&got);
    }
    vaei_pool_destroy(pool);
}
END_TEST

START_TEST(test_matmul_rows_do_not_depend_on_their_batch) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    for (size_t i = 0; i < VAEI_COUNT(shapes); i++) {
        dice d = {8};
        const shape s = shapes[i];
        guarded a = guarded_random(&d, s.M * s.K), b = guarded_random(&d, s.K * s.N);
        guarded packed = guarded_floats(vaei_pack_floats(k, s.K, s.N));
        guarded want = product(k, NULL, s, &a, s.K, &b, NULL, NULL), got = guarded_floats(s.M * s.N);
        vaei_pack(k, NULL, s.K, s.N, b.at, 1, s.K, NULL, packed.at);
        for (int64_t m = 0; m < s.M;) {
            const int64_t count = m + 1 + m % 5 <= s.M ? 1 + m % 5 : s.M - m;
            vaei_matmul(k, NULL, vaei_matrix_of(a.at + m * s.K, count, s.K, s.K), packed.at, NULL, 0,
                        vaei_matrix_to(got.at + m * s.N, count, s.N, s.N), NULL);
            m += count;
        }
        ck_assert(memcmp(want.at, got.at, (size_t)(s.M * s.N) * sizeof(float)) == 0);
        guarded_free(&a);
        guarded_free(&b);
        guarded_free(&packed);
        guarded_free(&want);
        guarded_free(&got);
    }
}
END_TEST

START_TEST(test_matmul_accumulates_into_wider_rows) {
    const vaei_kernels *const k = vaei_kernels_select(0, _i);
    if (!k) return;
    dice d = {9};
    const shape s = {29, 200, 101};
    const int64_t ldy = s.N + 4;
    guarded a = guarded_random(&d, s.M * s.K), b = guarded_random(&d, s.K * s.N), scale = guarded_random(&d, s.N);
    guarded packed = guarded_floats(vaei_pack_floats(k, s.K, s.N)), y = guarded_random(&d, (s.M - 1) * ldy + s.N);
    guarded before = guarded_floats(y.count);
    memcpy(before.at, y.at, (size_t)y.count * sizeof(float));
    vaei_pack(k, NULL, s.K, s.N, b.at, s.N, 1, scale.at, packed.at);
    vaei_matmul(k, NULL, vaei_matrix_of(a.at, s.M, s.K, s.K), packed.at, NULL, 1, vaei_matrix_to(y.at, s.M, s.N, ldy), NULL);
    for (int64_t i = 0; i < y.count; i++) {
        const int64_t m = i / ldy, n = i % ldy;
        double want = (double)before.at[i], terms = fabs(want);
        for (int64_t x = 0; n < s.N && x < s.K; x++) {
            const double term = (double)a.at[m * s.K + x] * (double)b.at[x * s.N + n] * (double)scale.at[n];
            want += term;
            terms += fabs(term);
        }
        check_close((double)y.at[i], want, n < s.N ? terms : 0, "accumulated");
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&scale);
    guarded_free(&packed);
    guarded_free(&y);
    guarded_free(&before);
}
END_TEST

static void check_plain(const vaei_kernels *k, const vaei_pool *pool, dice *d, shape s, int32_t accumulate) {
    guarded a = guarded_random(d, s.M * s.K), b = guarded_random(d, s.K * s.N), got = guarded_random(d, s.M * s.N);
    guarded want = guarded_floats(got.count), packed = guarded_floats(vaei_pack_floats(k, s.K, s.N));
    guarded scratch = guarded_floats(vaei_matmul_plain_scratch(k, s.M, s.K, s.N));
    const vaei_epilogue epilogue = {halve, &s.N};
    memcpy(want.at, got.at, (size_t)got.count * sizeof(float));
    vaei_pack(k, NULL, s.K, s.N, b.at, s.N, 1, NULL, packed.at);
    vaei_matmul(k, NULL, vaei_matrix_of(a.at, s.M, s.K, s.K), packed.at, NULL, accumulate, vaei_matrix_to(want.at, s.M, s.N, s.N),
                &epilogue);
    vaei_matmul_plain(k, pool, vaei_matrix_of(a.at, s.M, s.K, s.K), b.at, accumulate, vaei_matrix_to(got.at, s.M, s.N, s.N), &epilogue,
                      scratch.at);
    ck_assert_msg(memcmp(want.at, got.at, (size_t)got.count * sizeof(float)) == 0, "%s: plain %d %d %d", k->name, (int)s.M, (int)s.K,
                  (int)s.N);
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&got);
    guarded_free(&want);
    guarded_free(&packed);
    guarded_free(&scratch);
}

START_TEST(test_matmul_by_a_plain_matrix_has_the_same_bits) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    if (!k) return;
    vaei_heap heap;
    vaei_pool *const pool = pool_of(&heap, 3);
    dice d = {10};
    for (size_t i = 0; i < VAEI_COUNT(shapes); i++) check_plain(k, pool, &d, shapes[i], i % 2);
    for (int64_t n = 1; n < 68; n++) check_plain(k, pool, &d, (shape){68 - n, 1 + n * 7 % 67, n}, n % 2);
    check_plain(k, pool, &d, (shape){5, 21, 512}, 0);
    check_plain(k, pool, &d, (shape){5, 400, 513}, 0);
    vaei_pool_destroy(pool);
}
END_TEST

/* ---- packing ---- */

/* b by rows, by columns, and spread out; plain and scaled */
START_TEST(test_pack_lays_columns_into_panels_of_zeros) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 67, 100};
    dice d = {19};
    if (!k) return;
    for (size_t i = 0; i < VAEI_COUNT(sizes) * VAEI_COUNT(sizes) * 6; i++) {
        const int64_t K = sizes[i / 6 % VAEI_COUNT(sizes)], N = sizes[i / 6 / VAEI_COUNT(sizes)], layout = (int64_t)i % 3;
        const int64_t stride_k = layout == 0 ? 1 : layout == 1 ? N + 1 : 2, stride_n = layout == 0 ? K + 3 : layout == 1 ? 1 : 2 * K;
        guarded b = guarded_random(&d, (K - 1) * stride_k + (N - 1) * stride_n + 1), scale = guarded_random(&d, N);
        guarded packed = guarded_random(&d, vaei_pack_floats(k, K, N));
        const float *const factor = i % 6 < 3 ? NULL : scale.at;
        vaei_pack(k, NULL, K, N, b.at, stride_k, stride_n, factor, packed.at);
        for (int64_t x = 0; x < packed.count; x++) {
            const int64_t first = x / (K * k->nr) * k->nr, columns = vaei_panel_columns(k, N - first);
            const int64_t n = first + (x - first * K) % columns, row = (x - first * K) / columns;
            const float want = n < N ? b.at[row * stride_k + n * stride_n] * (factor ? factor[n] : 1.0f) : 0.0f;
            ck_assert_msg(memcmp(&want, &packed.at[x], sizeof want) == 0, "%s: K=%d N=%d layout %d, row %d column %d", k->name, (int)K,
                          (int)N, (int)layout, (int)row, (int)n);
        }
        guarded_free(&b);
        guarded_free(&scale);
        guarded_free(&packed);
    }
}
END_TEST

/* ---- gradients of weights and biases ---- */

static const shape outer_shapes[] = {{1, 1, 1}, {10, 3, 20}, {13, 129, 33}, {100, 4096, 40}, {7, 20000, 5}, {300, 4100, 2}};

static guarded outer(const vaei_kernels *k, const vaei_pool *pool, shape s) {
    dice d = {11};
    const int64_t lda = s.M + 2, ldb = s.N + 1, ldc = s.N + 3;
    guarded a = guarded_random(&d, (s.K - 1) * lda + s.M), b = guarded_random(&d, (s.K - 1) * ldb + s.N);
    guarded c = guarded_random(&d, (s.M - 1) * ldc + s.N), scratch = guarded_floats(vaei_outer_scratch(k, s.M, s.N, s.K));
    vaei_outer(k, pool, vaei_matrix_of(a.at, s.K, s.M, lda), vaei_matrix_of(b.at, s.K, s.N, ldb), vaei_matrix_to(c.at, s.M, s.N, ldc),
               scratch.at);
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&scratch);
    return c;
}

static void check_outer_values(const vaei_kernels *k, shape s) {
    dice d = {11};
    const int64_t lda = s.M + 2, ldb = s.N + 1, ldc = s.N + 3;
    guarded a = guarded_random(&d, (s.K - 1) * lda + s.M), b = guarded_random(&d, (s.K - 1) * ldb + s.N);
    guarded c = guarded_random(&d, (s.M - 1) * ldc + s.N), got = outer(k, NULL, s);
    for (int64_t i = 0; i < c.count; i++) {
        const int64_t m = i / ldc, n = i % ldc;
        double want = (double)c.at[i], terms = fabs(want);
        for (int64_t p = 0; n < s.N && p < s.K; p++) {
            const double term = (double)a.at[p * lda + m] * (double)b.at[p * ldb + n];
            want += term;
            terms += fabs(term);
        }
        check_close((double)got.at[i], want, n < s.N ? terms : 0, "outer");
    }
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&c);
    guarded_free(&got);
}

START_TEST(test_outer_agrees_with_double) {
    for (size_t i = 0; i < VAEI_COUNT(outer_shapes); i++) {
        check_outer_values(vaei_kernels_select(0, 0), outer_shapes[i]);
        if (vaei_kernels_select(0, 1)) check_outer_values(vaei_kernels_select(0, 1), outer_shapes[i]);
    }
}
END_TEST

START_TEST(test_outer_has_the_same_bits_on_every_table_and_thread_count) {
    vaei_heap heap;
    vaei_pool *const pool = pool_of(&heap, thread_counts[_i]);
    for (size_t i = 0; i < VAEI_COUNT(outer_shapes); i++) {
        guarded want = outer(vaei_kernels_select(1, 0), NULL, outer_shapes[i]);
        for (int32_t isa = ISA_FIRST; isa < ISA_END; isa++) {
            const vaei_kernels *const k = vaei_kernels_select(isa, 0);
            if (!k) continue;
            guarded got = outer(k, pool, outer_shapes[i]);
            ck_assert_msg(memcmp(want.at, got.at, (size_t)want.count * sizeof(float)) == 0, "%s: shape %d", k->name, (int)i);
            guarded_free(&got);
        }
        guarded_free(&want);
    }
    vaei_pool_destroy(pool);
}
END_TEST

static const shape bias_shapes[] = {{1, 0, 1}, {5, 0, 3}, {1000, 0, 64}, {25000, 0, 1}, {700, 0, 1024}, {90, 0, 2500}};

START_TEST(test_bias_grad_sums_columns_in_double) {
    const vaei_kernels *const portable = vaei_kernels_select(1, 0);
    vaei_heap heap;
    vaei_pool *const pool = pool_of(&heap, thread_counts[_i]);
    for (size_t i = 0; i < VAEI_COUNT(bias_shapes); i++) {
        const shape s = bias_shapes[i];
        dice d = {13};
        guarded dy = guarded_random(&d, s.M * s.N), want = guarded_random(&d, s.N), got = guarded_floats(s.N);
        guarded before = guarded_floats(s.N);
        memcpy(before.at, want.at, (size_t)s.N * sizeof(float));
        vaei_bias_grad(portable, NULL, s.M, s.N, dy.at, want.at);
        for (int64_t n = 0; n < s.N; n++) {
            double sum = 0;
            for (int64_t m = 0; m < s.M; m++) sum += (double)dy.at[m * s.N + n];
            ck_assert_double_le(fabs((double)want.at[n] - ((double)before.at[n] + sum)), 1e-6 * (1 + fabs(sum)));
        }
        for (int32_t isa = ISA_FIRST; isa < ISA_END; isa++) {
            const vaei_kernels *const k = vaei_kernels_select(isa, 0);
            if (!k) continue;
            memcpy(got.at, before.at, (size_t)s.N * sizeof(float));
            vaei_bias_grad(k, pool, s.M, s.N, dy.at, got.at);
            ck_assert(memcmp(want.at, got.at, (size_t)s.N * sizeof(float)) == 0);
        }
        guarded_free(&dy);
        guarded_free(&want);
        guarded_free(&got);
        guarded_free(&before);
    }
    vaei_pool_destroy(pool);
}
END_TEST

Suite *suite_gemm(void);
Suite *suite_gemm(void) {
    Suite *const s = suite_create("gemm");
    TCase *const t = tcase_create("gemm");
    const int threads = (int)VAEI_COUNT(thread_counts);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_matmul_agrees_with_double);
    tcase_add_loop_test(t, test_matmul_has_the_same_bits_on_every_table, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_matmul_has_the_same_bits_for_any_threads, 0, threads);
    tcase_add_test(t, test_matmul_rows_do_not_depend_on_their_batch);
    tcase_add_loop_test(t, test_matmul_accumulates_into_wider_rows, 0, 2);
    tcase_add_loop_test(t, test_matmul_by_a_plain_matrix_has_the_same_bits, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_pack_lays_columns_into_panels_of_zeros, ISA_FIRST, ISA_END);
    tcase_add_test(t, test_outer_agrees_with_double);
    tcase_add_loop_test(t, test_outer_has_the_same_bits_on_every_table_and_thread_count, 0, threads);
    tcase_add_loop_test(t, test_bias_grad_sums_columns_in_double, 0, threads);
    suite_add_tcase(s, t);
    return s;
}
