/* SPDX-License-Identifier: MIT
 * check_optimizer_kernels.c - tests the optimizer steps of the kernels: every table equals the portable one bit for bit at every size, uses
 * no memory beyond its arrays, clears the gradient, and its values are those of the formulas in double. */
#include "guarded.h"

static const float zeros[SIZES];

static void adam_of_size(const vaei_kernels *k, const vaei_adam_rates *a, dice *d, int64_t n) {
    const vaei_kernels *const p = vaei_kernels_select(1, 0);
    guarded g = guarded_random(d, n), w = guarded_random(d, n);
    guarded m = guarded_random(d, n), v = guarded_random(d, n);
    float w1[SIZES], m1[SIZES], v1[SIZES];
    for (int64_t i = 0; i < n; i++) v.at[i] = fabsf(v.at[i]);
    if (n > 3) g.at[3] = v.at[3] = m.at[3] = 0; /* 0 / eps */
    for (int64_t i = 0; i < n; i++) {
        float gradient = g.at[i];
        const double gi = (double)g.at[i] + (double)a->decay * (double)w.at[i], c1 = 1 - (double)a->b1, c2 = 1 - (double)a->b2;
        const double mi = (double)a->b1 * (double)m.at[i] + c1 * gi;
        const double vi = (double)a->b2 * (double)v.at[i] + c2 * gi * gi;
        const double wi = (double)w.at[i] - (double)a->step * mi / (sqrt(vi) * (double)a->root + (double)a->eps);
        w1[i] = w.at[i];
        m1[i] = m.at[i];
        v1[i] = v.at[i];
        p->adam(1, a, &gradient, w1 + i, m1 + i, v1 + i);
        ck_assert_double_le(fabs((double)m1[i] - mi), 1e-7);
        ck_assert_double_le(fabs((double)v1[i] - vi), 1e-7);
        ck_assert_double_le(fabs((double)w1[i] - wi), 1e-7 * fmax(1, fabs(wi)));
    }
    k->adam(n, a, g.at, w.at, m.at, v.at);
    ck_assert_same(k, "adam w", n, w1, w.at);
    ck_assert_same(k, "adam m", n, m1, m.at);
    ck_assert_same(k, "adam v", n, v1, v.at);
    ck_assert_same(k, "adam g", n, zeros, g.at);
    guarded_free(&g);
    guarded_free(&w);
    guarded_free(&m);
    guarded_free(&v);
}

START_TEST(test_adam_follows_the_paper) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    vaei_adam_rates rates = {.step = 0.01f, .root = 1.5f, .b1 = 0.9f, .b2 = 0.999f, .eps = 1e-8f};
    dice d = {38};
    for (int64_t n = 0; k && n < SIZES; n++) {
        rates.decay = 0;
        adam_of_size(k, &rates, &d, n);
        rates.decay = 0.25f;
        adam_of_size(k, &rates, &d, n);
    }
}
END_TEST

START_TEST(test_sgd_plain_momentum_nesterov_and_decay) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {39};
    for (int64_t n = 0; k && n < SIZES; n++) {
        for (int32_t kind = 0; kind < 6; kind++) { /* plain, momentum, nesterov; without and with decay */
            const vaei_sgd_rates a = {
                .lr = 0.1f, .momentum = kind % 3 ? 0.9f : 0, .nesterov = kind % 3 == 2, .decay = kind < 3 ? 0 : 0.25f};
            guarded g = guarded_random(&d, n), w = guarded_random(&d, n), v = guarded_random(&d, n);
            float want[SIZES], speed[SIZES];
            for (int64_t i = 0; i < n; i++) {
                const float slope = fmaf(a.decay, w.at[i], g.at[i]);
                speed[i] = kind % 3 ? fmaf(a.momentum, v.at[i], slope) : v.at[i];
                const float by = a.nesterov ? fmaf(a.momentum, speed[i], slope) : kind % 3 ? speed[i] : slope;
                want[i] = fmaf(-a.lr, by, w.at[i]);
            }
            k->sgd(n, &a, g.at, w.at, kind % 3 ? v.at : NULL);
            ck_assert_same(k, "sgd w", n, want, w.at);
            ck_assert_same(k, "sgd v", n, speed, v.at);
            ck_assert_same(k, "sgd g", n, zeros, g.at);
            guarded_free(&g);
            guarded_free(&w);
            guarded_free(&v);
        }
    }
}
END_TEST

/* Where gradients are 0 both moments and the velocity fade to 0 and do not stay among values that are slow to compute with. */
START_TEST(test_optimizers_forget) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    const vaei_adam_rates adam = {.step = 1e-3f, .root = 1, .b1 = 0.9f, .b2 = 0.999f, .eps = 1e-8f};
    const vaei_sgd_rates sgd = {.lr = 1e-3f, .momentum = 0.9f};
    float w[40], g[40] = {0}, m[40], v[40];
    if (!k) return;
    for (int i = 0; i < 40; i++) {
        w[i] = 0.1f;
        m[i] = 1e-19f * (float)(i + 1);
        v[i] = 1e-38f * (float)(i + 1);
    }
    for (int step = 0; step < 4000; step++) k->adam(40, &adam, g, w, m, v);
    for (int i = 0; i < 40; i++)
        ck_assert_msg(m[i] == 0 && (v[i] == 0 || v[i] >= FLT_MIN), "%s: m %g, v %g", k->name, (double)m[i], (double)v[i]);
    for (int i = 0; i < 40; i++) v[i] = 1e-10f;
    for (int step = 0; step < 400; step++) k->sgd(40, &sgd, g, w, v);
    for (int i = 0; i < 40; i++) ck_assert_msg(v[i] == 0, "%s: velocity %g", k->name, (double)v[i]);
}
END_TEST

Suite *suite_optimizer_kernels(void) {
    Suite *s = suite_create("optimizer_kernels");
    TCase *t = tcase_create("steps");
    tcase_add_loop_test(t, test_adam_follows_the_paper, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_sgd_plain_momentum_nesterov_and_decay, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_optimizers_forget, ISA_FIRST, ISA_END);
    suite_add_tcase(s, t);
    return s;
}
