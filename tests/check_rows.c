/* SPDX-License-Identifier: MIT
 * check_rows.c - tests functions on rows of scores: softmax, the search for the nearest code, attention. It uses every table of this CPU,
 * sizes from 1 to 67, odd distances of rows, and unaligned arrays that end at a guard page. Results are compared with the definitions, bit
 * for bit where these fix the order of operations. */
#include "layer_rig.h"

#include "kernel/nearest.h"
#include "nn/softmax.h"

enum { MOST = 67 };

/* ---- softmax -------------------------------------------------------------------------------------------------------- */

/* One row with softmax(x), its definition in double, and the same by the portable table. */
static void check_softmax(const vaei_kernels *k, dice *d, int64_t n, float spread) {
    guarded x = guarded_random(d, n), same = guarded_floats(n), e = guarded_floats(n);
    double want[MOST], most = -HUGE_VAL, sum = 0;
    float top, portable_top;
    for (int64_t i = 0; i < n; i++) {
        same.at[i] = e.at[i] = x.at[i] *= spread;
        most = fmax(most, (double)x.at[i]);
    }
    for (int64_t i = 0; i < n; i++) sum += want[i] = exp((double)x.at[i] - most);
    const double got = vaei_exponentials(k, n, e.at, &top);
    ck_assert_double_le(fabs(got - sum), 1e-6 * sum);
    vaei_softmax(k, n, x.at);
    for (int64_t i = 0; i < n; i++) ck_assert_double_le(fabs((double)x.at[i] - want[i] / sum), 1e-6);
    const vaei_kernels *const portable = vaei_kernels_select(ISA_FIRST, 0);
    memcpy(e.at, same.at, floats(n));
    ck_assert(got - vaei_exponentials(portable, n, e.at, &portable_top) == 0 && top - portable_top == 0);
    vaei_softmax(portable, n, same.at);
    assert_same(x.at, same.at, n, k->name);
    guarded_free(&x), guarded_free(&same), guarded_free(&e);
}

START_TEST(test_softmax_of_1_to_67_scores_is_its_definition) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {7};
    for (int64_t n = 1; k && n <= MOST; n++) {
        check_softmax(k, &d, n, 5);
        check_softmax(k, &d, n, 3e38f); /* nothing overflows */
    }
}
END_TEST

/* ---- the nearest code ------------------------------------------------------------------------------------------------ */

/* The score as nearest.h has it, one chain. */
static float score_of(int64_t D, const float *x, const float *code, int32_t by) {
    float s = by == VAEI_NEAREST_DISTANCE ? (float)vaei_kernels_select(ISA_FIRST, 0)->sum_squares(D, code) : 0;
    for (int64_t i = 0; i < D; i++) s = fmaf(x[i], -2 * code[i], s);
    return s;
}

static void check_nearest(const vaei_kernels *k, dice *d, int64_t M, int64_t D, int64_t K, int32_t by) {
    const int64_t ldx = D + dice_range(d, 0, 3), stride = dice_range(d, 1, 3);
    guarded x = guarded_random(d, M > 0 ? (M - 1) * ldx + D : 0), codes = guarded_random(d, K * D);
    guarded packed = guarded_floats(vaei_nearest_floats(k, K, D));
    guarded index = guarded_floats(M > 0 ? (M - 1) * stride + 1 : 0), scores = guarded_floats(M * K);
    int32_t *const found = (int32_t *)(void *)index.at;
    vaei_nearest_pack(k, K, D, codes.at, by, packed.at);
    vaei_nearest(k, NULL, M, D, x.at, ldx, K, packed.at, found, stride);
    for (int64_t i = 0; i < M; i += VAEI_NEAREST_ROWS) {
        const int64_t rows = M - i < VAEI_NEAREST_ROWS ? M - i : VAEI_NEAREST_ROWS;
        vaei_nearest_scores(k, rows, D, x.at + i * ldx, ldx, K, packed.at, scores.at + i * K);
    }
    for (int64_t i = 0; i < M; i++) {
        int64_t nearest = 0;
        for (int64_t j = 0; j < K; j++) {
            const float want = score_of(D, x.at + i * ldx, codes.at + j * D, by);
            assert_same(&scores.at[i * K + j], &want, 1, k->name);
            if (want < scores.at[i * K + nearest]) nearest = j;
        }
        ck_assert_msg(found[i * stride] == nearest, "%s: M=%d D=%d K=%d: row %d is code %d, wanted %d", k->name, (int)M, (int)D, (int)K,
                      (int)i, (int)found[i * stride], (int)nearest);
    }
    guarded_free(&x), guarded_free(&codes), guarded_free(&packed), guarded_free(&index), guarded_free(&scores);
}

START_TEST(test_the_nearest_of_1_to_67_codes_is_its_definition) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {9};
    for (int64_t n = 1; k && n <= MOST; n++) {
        const int32_t by = n % 2 ? VAEI_NEAREST_DISTANCE : VAEI_NEAREST_PRODUCT;
        check_nearest(k, &d, n - 1, 5, 19, by);
        check_nearest(k, &d, 13, n, 7, by);
        check_nearest(k, &d, 9, 6, n, by);
    }
    if (k) check_nearest(k, &d, 70, 300, 130, VAEI_NEAREST_DISTANCE); /* more than one piece of each */
}
END_TEST

/* ---- attention ------------------------------------------------------------------------------------------------------- */

/* y = softmax(q k^T / sqrt(d)) v through the four projections, in double; of one example. */
static void attention_of(const rig *g, int64_t T, int64_t C, int64_t heads, int32_t causal, const float *x, double *y) {
    const float *const w[4] = {g->values + g->params.at[0]->offset, g->values + g->params.at[2]->offset,
                               g->values + g->params.at[4]->offset, g->values + g->params.at[6]->offset};
    const float *const b[4] = {g->values + g->params.at[1]->offset, g->values + g->params.at[3]->offset,
                               g->values + g->params.at[5]->offset, g->values + g->params.at[7]->offset};
    double *const q = calloc((size_t)(4 * T * C), sizeof(double)), *const o = q + 3 * T * C, p[MOST];
    const int64_t size = C / heads;
    for (int64_t i = 0; i < 3 * T * C; i++) {
        const int64_t which = i / (T * C), t = i / C % T, c = i % C;
        q[i] = (double)b[which][c];
        for (int64_t j = 0; j < C; j++) q[i] += (double)x[t * C + j] * (double)w[which][c * C + j];
    }
    for (int64_t i = 0; i < T * heads; i++) {
        const int64_t t = i / heads, from = i % heads * size, seen = causal ? t + 1 : T;
        double sum = 0;
        for (int64_t j = 0; j < seen; j++) {
            double score = 0;
            for (int64_t c = from; c < from + size; c++) score += q[t * C + c] * q[(T + j) * C + c];
            sum += p[j] = exp(score / sqrt((double)size));
        }
        for (int64_t j = 0; j < seen; j++)
            for (int64_t c = from; c < from + size; c++) o[t * C + c] += p[j] / sum * q[(2 * T + j) * C + c];
    }
    for (int64_t i = 0; i < T * C; i++) {
        y[i] = (double)b[3][i % C];
        for (int64_t j = 0; j < C; j++) y[i] += o[i / C * C + j] * (double)w[3][i % C * C + j];
    }
    free(q);
}

static void check_attention(int64_t T, int64_t C, int64_t heads, int32_t causal) {
    rig g;
    char text[128];
    const vaei_shape in = {2, {T, C, 0, 0}};
    const int64_t n = 2, count = n * T * C;
    snprintf(text, sizeof(text), "attention heads=%d causal=%s", (int)heads, causal ? "true" : "false");
    ck_assert_int_eq(rig_open(&g, text, &in), VAE_OK);
    float *x = make_input(count), *y = infer(&g, n, x, NULL), *want = block_make(floats(count));
    double *exact = calloc((size_t)count, sizeof(double));
    for (int64_t i = 0; i < n; i++) attention_of(&g, T, C, heads, causal, x + i * T * C, exact + i * T * C);
    for (int64_t i = 0; i < count; i++) want[i] = (float)exact[i];
    assert_close(y, want, count, 1e-5, text);
    block_free(x, floats(count)), block_free(y, floats(count)), block_free(want, floats(count));
    free(exact);
    rig_close(&g);
}

START_TEST(test_attention_over_1_to_67_positions_is_its_definition) {
    rig_table = vaei_kernels_select(_i, 0);
    for (int64_t n = 1; rig_table && n <= MOST; n++) {
        check_attention(n, 6, 1 + n % 3, n % 2 == 0);
        check_attention(5, n, 1, n % 2 == 0);
    }
    rig_table = NULL;
}
END_TEST

Suite *suite_rows(void);
Suite *suite_rows(void) {
    Suite *s = suite_create("rows");
    TCase *t = tcase_create("rows");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_softmax_of_1_to_67_scores_is_its_definition, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_the_nearest_of_1_to_67_codes_is_its_definition, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_attention_over_1_to_67_positions_is_its_definition, ISA_FIRST, ISA_END);
    suite_add_tcase(s, t);
    return s;
}
