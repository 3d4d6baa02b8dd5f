/* SPDX-License-Identifier: MIT
 * check_winograd_kernels.c - tests winograd_weight and winograd_weight_grad of every table: within one rounding of G g G' and G' du G in
 * double, with G from its definition; equal bits in all tables; no memory is used beyond the arrays. */
#include "guarded.h"

enum { MAX_COUNT = 67, MAX_TAPS = 3, ROWS = 12, PANELS = 6 };

/* Row p of G: p^i over the product of p - q for the other points q; the last row, of infinity, has the last tap. */
static void make_g(int64_t taps, double m[PANELS][MAX_TAPS]) {
    static const double points[] = {0, 0.625, -0.625, 1.5, -1.5};
    memset(m, 0, sizeof(double[PANELS][MAX_TAPS]));
    if (taps == 1) {
        m[0][0] = 1;
        return;
    }
    for (int64_t p = 0; p < taps + 2; p++) {
        double below = 1;
        for (int64_t q = 0; q < taps + 2; q++) below *= q == p ? 1 : points[p] - points[q];
        for (int64_t i = 0; i < taps; i++) m[p][i] = pow(points[p], (double)i) / below;
    }
    m[taps + 2][taps - 1] = 1;
}

/* Which way, and what of: rows of taps (tap[i] is the place of tap i), panels `stride` apart */
typedef struct shape {
    int64_t count, taps_y, taps_x, row, stride;
    int64_t tap[MAX_TAPS * MAX_TAPS];
} shape;

static shape shape_of(dice *d, int64_t count, int64_t taps_y, int64_t taps_x) {
    shape s = {count, taps_y, taps_x, count + dice_range(d, 0, 5), count + dice_range(d, 0, 5), {0}};
    const int64_t first = dice_range(d, 0, ROWS - taps_y * taps_x);
    const int32_t turned = dice_range(d, 0, 1) == 1;
    for (int64_t i = 0; i < taps_y * taps_x; i++) s.tap[i] = turned ? first + taps_y * taps_x - 1 - i : first + i;
    return s;
}

static int64_t panels(const shape *s) {
    return vaei_winograd_panels(s->taps_y) * vaei_winograd_panels(s->taps_x);
}

/* `rows` rows that end at the guard with their last number */
static int64_t floats(int64_t rows, int64_t stride, int64_t count) {
    return count > 0 ? (rows - 1) * stride + count : 0;
}

/* Rows of taps up to the last one of the shape */
static int64_t rows_of(const shape *s) {
    int64_t last = 0;
    for (int64_t i = 0; i < s->taps_y * s->taps_x; i++) last = s->tap[i] > last ? s->tap[i] : last;
    return last + 1;
}

static void check_close(const vaei_kernels *k, const char *what, const shape *s, int64_t at, float got, double want, double terms) {
    ck_assert_each_msg(fabs((double)got - want) <= 0x1.0001p-24 * fabs(want) + 1e-15 * terms,
                       "%s: %s, %d of %dx%d taps, number %d: %.9g, not %.9g", k->name, what, (int)s->count, (int)s->taps_y, (int)s->taps_x,
                       (int)at, (double)got, want);
}

static void check_untouched(const vaei_kernels *k, const char *what, const guarded *got, const guarded *before, const guarded *written) {
    for (int64_t i = 0; i < got->count; i++) {
        ck_assert_each_msg(written->at[i] > 0 || memcmp(got->at + i, before->at + i, sizeof(float)) == 0,
                           "%s: %s: number %d is not its own", k->name, what, (int)i);
    }
}

static guarded copy_of(const guarded *g) {
    const guarded copy = guarded_floats(g->count);
    if (g->count > 0) memcpy(copy.at, g->at, (size_t)g->count * sizeof(float));
    return copy;
}

static void check_weight(const vaei_kernels *k, dice *d, const shape *s, int32_t scaled) {
    const int64_t wide = vaei_winograd_panels(s->taps_x);
    double gy[PANELS][MAX_TAPS], gx[PANELS][MAX_TAPS];
    guarded g = guarded_random(d, floats(rows_of(s), s->row, s->count)), scale = guarded_random(d, s->count);
    guarded u = guarded_random(d, floats(panels(s), s->stride, s->count)), before = copy_of(&u), same = copy_of(&u);
    guarded written = guarded_floats(u.count);
    const float *const by = scaled ? scale.at : NULL;
    make_g(s->taps_y, gy);
    make_g(s->taps_x, gx);
    k->winograd_weight(s->count, s->taps_y, s->taps_x, g.at, s->row, s->tap, by, u.at, s->stride);
    vaei_kernels_select(ISA_FIRST, 0)->winograd_weight(s->count, s->taps_y, s->taps_x, g.at, s->row, s->tap, by, same.at, s->stride);
    ck_assert(u.count == 0 || memcmp(u.at, same.at, (size_t)u.count * sizeof(float)) == 0);
    for (int64_t p = 0; p < panels(s); p++) {
        for (int64_t i = 0; i < s->count; i++) {
            double want = 0, terms = 0;
            for (int64_t t = 0; t < s->taps_y * s->taps_x; t++) {
                const double weight = (double)g.at[s->tap[t] * s->row + i] * (by ? (double)by[i] : 1);
                const double term = gy[p / wide][t / s->taps_x] * gx[p % wide][t % s->taps_x] * weight;
                want += term;
                terms += fabs(term);
            }
            check_close(k, "weight", s, p * s->stride + i, u.at[p * s->stride + i], want, terms);
            written.at[p * s->stride + i] = 1;
        }
    }
    check_untouched(k, "weight", &u, &before, &written);
    guarded_free(&g);
    guarded_free(&scale);
    guarded_free(&u);
    guarded_free(&before);
    guarded_free(&same);
    guarded_free(&written);
}

static void check_grad(const vaei_kernels *k, dice *d, const shape *s) {
    const int64_t wide = vaei_winograd_panels(s->taps_x);
    double gy[PANELS][MAX_TAPS], gx[PANELS][MAX_TAPS];
    guarded du = guarded_random(d, floats(panels(s), s->stride, s->count));
    guarded g = guarded_random(d, floats(rows_of(s), s->row, s->count)), before = copy_of(&g), same = copy_of(&g);
    guarded written = guarded_floats(g.count);
    make_g(s->taps_y, gy);
    make_g(s->taps_x, gx);
    k->winograd_weight_grad(s->count, s->taps_y, s->taps_x, du.at, s->stride, g.at, s->row, s->tap);
    vaei_kernels_select(ISA_FIRST, 0)->winograd_weight_grad(s->count, s->taps_y, s->taps_x, du.at, s->stride, same.at, s->row, s->tap);
    ck_assert(g.count == 0 || memcmp(g.at, same.at, (size_t)g.count * sizeof(float)) == 0);
    for (int64_t t = 0; t < s->taps_y * s->taps_x; t++) {
        for (int64_t i = 0; i < s->count; i++) {
            double want = 0, terms = 0;
            for (int64_t p = 0; p < panels(s); p++) {
                const double term = gy[p / wide][t / s->taps_x] * gx[p % wide][t % s->taps_x] * (double)du.at[p * s->stride + i];
                want += term;
                terms += fabs(term);
            }
            check_close(k, "gradient", s, s->tap[t] * s->row + i, g.at[s->tap[t] * s->row + i], want, terms);
            written.at[s->tap[t] * s->row + i] = 1;
        }
    }
    check_untouched(k, "gradient", &g, &before, &written);
    guarded_free(&du);
    guarded_free(&g);
    guarded_free(&before);
    guarded_free(&same);
    guarded_free(&written);
}

START_TEST(test_winograd_weight_is_its_definition_rounded_once) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {91};
    if (!k) return;
    for (int64_t count = 0; count <= MAX_COUNT; count++) {
        for (int64_t taps = 0; taps < MAX_TAPS * MAX_TAPS; taps++) {
            const shape s = shape_of(&d, count, 1 + taps / MAX_TAPS, 1 + taps % MAX_TAPS);
            check_weight(k, &d, &s, (int32_t)(count + taps) % 2);
        }
    }
}
END_TEST

START_TEST(test_winograd_weight_grad_is_its_definition_rounded_once) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {92};
    if (!k) return;
    for (int64_t count = 0; count <= MAX_COUNT; count++) {
        for (int64_t taps = 0; taps < MAX_TAPS * MAX_TAPS; taps++) {
            const shape s = shape_of(&d, count, 1 + taps / MAX_TAPS, 1 + taps % MAX_TAPS);
            check_grad(k, &d, &s);
        }
    }
}
END_TEST

Suite *suite_winograd_kernels(void);
Suite *suite_winograd_kernels(void) {
    Suite *const s = suite_create("winograd_kernels");
    TCase *const t = tcase_create("winograd_kernels");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_winograd_weight_is_its_definition_rounded_once, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_winograd_weight_grad_is_its_definition_rounded_once, ISA_FIRST, ISA_END);
    suite_add_tcase(s, t);
    return s;
}
