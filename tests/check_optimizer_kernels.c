/* SPDX-License-Identifier: MIT
 * check_optimizer_kernels.c - the optimizer steps of the kernels: every table equals the portable one bit for bit at every size, touches
 * nothing beyond its arrays, and the values are what the formulas say, measured in double. */
#include "guarded.h"

START_TEST(test_adam_follows_the_paper) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0), *const p = vaei_kernels_select(1, 0);
    const float step = 0.01f, root = 1.5f, b1 = 0.9f, b2 = 0.999f, eps = 1e-8f;
    dice d = {38};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n++) {
        guarded g = guarded_random(&d, n), w = guarded_random(&d, n);
        guarded m = guarded_random(&d, n), v = guarded_random(&d, n);
        float w1[SIZES], m1[SIZES], v1[SIZES];
        for (int64_t i = 0; i < n; i++) {
            v.at[i] = v1[i] = fabsf(v.at[i]);
            w1[i] = w.at[i];
            m1[i] = m.at[i];
        }
        if (n > 3) g.at[3] = v.at[3] = v1[3] = m.at[3] = m1[3] = 0; /* 0 / eps */
        for (int64_t i = 0; i < n; i++) {
            const double gi = (double)g.at[i], c1 = 1 - (double)b1, c2 = 1 - (double)b2;
            const double mi = (double)b1 * (double)m.at[i] + c1 * gi;
            const double vi = (double)b2 * (double)v.at[i] + c2 * gi * gi;
            const double wi = (double)w.at[i] - (double)step * mi / (sqrt(vi) * (double)root + (double)eps);
            p->adam(1, step, root, b1, b2, eps, g.at + i, w1 + i, m1 + i, v1 + i);
            ck_assert_double_le(fabs((double)m1[i] - mi), 1e-7);
            ck_assert_double_le(fabs((double)v1[i] - vi), 1e-7);
            ck_assert_double_le(fabs((double)w1[i] - wi), 1e-7 * fmax(1, fabs(wi)));
        }
        k->adam(n, step, root, b1, b2, eps, g.at, w.at, m.at, v.at);
        ck_assert_same(k, "adam w", n, w1, w.at);
        ck_assert_same(k, "adam m", n, m1, m.at);
        ck_assert_same(k, "adam v", n, v1, v.at);
        guarded_free(&g);
        guarded_free(&w);
        guarded_free(&m);
        guarded_free(&v);
    }
}
END_TEST

START_TEST(test_sgd_plain_momentum_and_nesterov) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    const float lr = 0.1f, mu = 0.9f;
    dice d = {39};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n++) {
        for (int32_t kind = 0; kind < 3; kind++) { /* plain, momentum, nesterov */
            guarded g = guarded_random(&d, n), w = guarded_random(&d, n), v = guarded_random(&d, n);
            float want[SIZES], speed[SIZES];
            for (int64_t i = 0; i < n; i++) {
                speed[i] = kind ? fmaf(mu, v.at[i], g.at[i]) : v.at[i];
                const float by = kind == 2 ? fmaf(mu, speed[i], g.at[i]) : kind == 1 ? speed[i] : g.at[i];
                want[i] = fmaf(-lr, by, w.at[i]);
            }
            k->sgd(n, lr, kind ? mu : 0, kind == 2, g.at, w.at, kind ? v.at : NULL);
            ck_assert_same(k, "sgd w", n, want, w.at);
            ck_assert_same(k, "sgd v", n, speed, v.at);
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
    float w[40], g[40] = {0}, m[40], v[40];
    if (!k) return;
    for (int i = 0; i < 40; i++) {
        w[i] = 0.1f;
        m[i] = 1e-19f * (float)(i + 1);
        v[i] = 1e-38f * (float)(i + 1);
    }
    for (int step = 0; step < 4000; step++) k->adam(40, 1e-3f, 1, 0.9f, 0.999f, 1e-8f, g, w, m, v);
    for (int i = 0; i < 40; i++)
        ck_assert_msg(m[i] == 0 && (v[i] == 0 || v[i] >= FLT_MIN), "%s: m %g, v %g", k->name, (double)m[i], (double)v[i]);
    for (int i = 0; i < 40; i++) v[i] = 1e-10f;
    for (int step = 0; step < 400; step++) k->sgd(40, 1e-3f, 0.9f, 0, g, w, v);
    for (int i = 0; i < 40; i++) ck_assert_msg(v[i] == 0, "%s: velocity %g", k->name, (double)v[i]);
}
END_TEST

Suite *suite_optimizer_kernels(void) {
    Suite *s = suite_create("optimizer_kernels");
    TCase *t = tcase_create("steps");
    tcase_add_loop_test(t, test_adam_follows_the_paper, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_sgd_plain_momentum_and_nesterov, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_optimizers_forget, ISA_FIRST, ISA_END);
    suite_add_tcase(s, t);
    return s;
}
