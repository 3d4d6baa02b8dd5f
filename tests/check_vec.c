/* SPDX-License-Identifier: MIT
 * check_vec.c - tests maps, sums and normal numbers: every table equals the portable one bit for bit at
 * every size, uses no memory beyond its arrays, and its values are those of the formulas in double. */
#include "guarded.h"

enum { ROWS = 5 };

static int same_double(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static const struct {
    const char *name;
    int32_t map;
    double low, high; /* where it is measured */
} maps[] = {
    {"relu", VAEI_MAP_RELU, -3, 3},    {"leaky_relu", VAEI_MAP_LEAKY_RELU, -3, 3}, {"elu", VAEI_MAP_ELU, -40, 3},
    {"tanh", VAEI_MAP_TANH, -12, 12},  {"sigmoid", VAEI_MAP_SIGMOID, -105, 40},    {"silu", VAEI_MAP_SILU, -112, 40},
    {"gelu", VAEI_MAP_GELU, -14.5, 8}, {"softplus", VAEI_MAP_SOFTPLUS, -105, 40},  {"exp", VAEI_MAP_EXP, -105, 88.7},
    {"log", VAEI_MAP_LOG, 0, 100},
};

static const float slope = 0.25f; /* of leaky_relu, alpha of elu */

static double exact(int32_t map, double x) {
    switch (map) {
    case VAEI_MAP_RELU: return x > 0 ? x : 0;
    case VAEI_MAP_LEAKY_RELU: return x > 0 ? x : (double)slope * x;
    case VAEI_MAP_ELU: return x > 0 ? x : (double)slope * expm1(x);
    case VAEI_MAP_TANH: return tanh(x);
    case VAEI_MAP_SIGMOID: return 1 / (1 + exp(-x));
    case VAEI_MAP_SILU: return x / (1 + exp(-x));
    case VAEI_MAP_GELU: return 0.5 * x * erfc(-x * sqrt(0.5));
    case VAEI_MAP_SOFTPLUS: return fmax(x, 0) + log1p(exp(-fabs(x)));
    case VAEI_MAP_EXP: return exp(x);
    default: return log(x);
    }
}

static double exact_slope(int32_t map, double x) {
    const double s = 1 / (1 + exp(-x)), t = tanh(x);
    switch (map) {
    case VAEI_MAP_RELU: return x > 0;
    case VAEI_MAP_LEAKY_RELU: return x > 0 ? 1 : (double)slope;
    case VAEI_MAP_ELU: return x > 0 ? 1 : (double)slope * exp(x);
    case VAEI_MAP_TANH: return 1 - t * t;
    case VAEI_MAP_SIGMOID: return s * (1 - s);
    case VAEI_MAP_SILU: return s * (1 + x * (1 - s));
    case VAEI_MAP_GELU: return 0.5 * erfc(-x * sqrt(0.5)) + x * exp(-x * x / 2) * 0.39894228040143268;
    case VAEI_MAP_SOFTPLUS: return s;
    case VAEI_MAP_EXP: return exp(x);
    default: return 1 / x;
    }
}

/* What counts as zero among the values of layers. */
static double counted(int32_t map, double y) {
    return map != VAEI_MAP_EXP && map != VAEI_MAP_LOG && fabs(y) < (double)VAEI_TINY ? copysign(0, y) : y;
}

/* In units of the last place of the float nearest to `want`. */
static double ulps(float got, double want) {
    int e;
    frexp(want, &e);
    return fabs((double)got - want) * ldexp(1, 24 - (e < -125 ? -125 : e));
}

static const float special[] = {
    0.0f,   -0.0f,  INFINITY, -INFINITY, NAN,     1.0f, -1.0f,  0x1p-149f, -0x1p-149f, 0x1p-126f, 0x1.fffffep127f, -0x1.fffffep127f,
    88.72f, 88.73f, -87.34f,  -103.9f,   -104.1f, 0.5f, 100.0f, -100.0f,   1.3f,       15.1f,
};

/* From the tame to the extreme: small and large magnitudes, every special value. */
static void fill_wild(dice *d, int64_t n, float *x) {
    for (int64_t i = 0; i < n; i++) {
        const uint32_t r = dice_next(d);
        const float tame = (float)((double)dice_next(d) / 2147483648.0 - 1.0) * (float)(r % 128);
        x[i] = r % 4 == 0 ? special[r / 4 % VAEI_COUNT(special)] : tame;
    }
}

/* The bits of every table: n from 0, arrays that end at a guard and so start at any alignment. */
START_TEST(test_maps_equal_the_portable_ones) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0), *const p = vaei_kernels_select(1, 0);
    dice d = {31};
    if (!k) return;
    for (size_t m = 0; m < VAEI_COUNT(maps); m++) {
        for (int64_t n = 0; n < SIZES; n++) {
            guarded x = guarded_floats(n), dy = guarded_floats(n), y = guarded_floats(n);
            float want[SIZES];
            fill_wild(&d, n, x.at);
            fill_wild(&d, n, dy.at);
            p->map[maps[m].map](n, slope, x.at, want);
            k->map[maps[m].map](n, slope, x.at, y.at);
            ck_assert_same(k, maps[m].name, n, want, y.at);
            p->map_grad[maps[m].map](n, slope, x.at, dy.at, want);
            k->map_grad[maps[m].map](n, slope, x.at, dy.at, y.at);
            ck_assert_same(k, maps[m].name, n, want, y.at);
            k->map_grad[maps[m].map](n, slope, x.at, dy.at, dy.at);
            ck_assert_same(k, maps[m].name, n, want, dy.at);
            p->map[maps[m].map](n, slope, x.at, want);
            k->map[maps[m].map](n, slope, x.at, x.at);
            ck_assert_same(k, maps[m].name, n, want, x.at);
            guarded_free(&x);
            guarded_free(&dy);
            guarded_free(&y);
        }
    }
}
END_TEST

/* The bound is that of every elementary function here; vec.tmpl.h says what they reach. */
START_TEST(test_maps_are_within_two_ulp) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    enum { SAMPLES = 100000 };
    static float x[SAMPLES], y[SAMPLES];
    if (!k) return;
    for (size_t m = 0; m < VAEI_COUNT(maps); m++) {
        dice d = {32};
        for (int64_t i = 0; i < SAMPLES; i++) {
            const double part = dice_next(&d) / 4294967296.0;
            x[i] = (float)(maps[m].low + part * (maps[m].high - maps[m].low));
            if (i % 4 == 0) x[i] *= ldexpf(1, -(int)(dice_next(&d) % 100));
        }
        k->map[maps[m].map](SAMPLES, slope, x, y);
        for (int64_t i = 0; i < SAMPLES; i++) {
            const double want = counted(maps[m].map, exact(maps[m].map, (double)x[i]));
            ck_assert_each_msg(ulps(y[i], want) <= 2, "%s: %s(%a) is %a, wanted %a", k->name, maps[m].name, (double)x[i], (double)y[i],
                               want);
        }
    }
}
END_TEST

START_TEST(test_gradients_are_the_slopes) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    if (!k) return;
    for (size_t m = 0; m < VAEI_COUNT(maps); m++) {
        const int32_t map = maps[m].map;
        const int from_x = map == VAEI_MAP_SILU || map == VAEI_MAP_GELU || map == VAEI_MAP_SOFTPLUS || map == VAEI_MAP_LOG;
        for (int32_t i = 1; i < 2000; i++) {
            const double low = fmax(maps[m].low, -20), high = fmin(maps[m].high, 20);
            const float x = (float)(low + i * (high - low) / 2000), dy = -1.5f;
            float y = x, dx;
            if (!from_x) k->map[map](1, slope, &x, &y);
            k->map_grad[map](1, slope, &y, &dy, &dx);
            const double want = -1.5 * exact_slope(map, (double)x);
            /* s (1 - s) and 1 - y^2 lose digits where s and y are near 1, and x multiplies what is left */
            const double bound = 6e-8 * (4 + 4 * fabs((double)x)) * fmax(1, fabs(want));
            ck_assert_each_msg(fabs((double)dx - want) <= bound, "%s: slope of %s at %g is %g, wanted %g", k->name, maps[m].name, (double)x,
                               (double)dx, want);
        }
    }
}
END_TEST

START_TEST(test_maps_at_the_limits) {
    static const struct {
        int32_t map;
        float x, y;
    } cases[] = {
        {VAEI_MAP_EXP, 0, 1},
        {VAEI_MAP_EXP, 89, INFINITY},
        {VAEI_MAP_EXP, INFINITY, INFINITY},
        {VAEI_MAP_EXP, -INFINITY, 0},
        {VAEI_MAP_EXP, -200, 0},
        {VAEI_MAP_EXP, NAN, NAN},
        {VAEI_MAP_LOG, 1, 0},
        {VAEI_MAP_LOG, 0, -INFINITY},
        {VAEI_MAP_LOG, -0.0f, -INFINITY},
        {VAEI_MAP_LOG, -1, NAN},
        {VAEI_MAP_LOG, -INFINITY, NAN},
        {VAEI_MAP_LOG, INFINITY, INFINITY},
        {VAEI_MAP_LOG, NAN, NAN},
        {VAEI_MAP_LOG, 0x1p-149f, -103.278929f},
        {VAEI_MAP_SIGMOID, 0, 0.5f},
        {VAEI_MAP_SIGMOID, INFINITY, 1},
        {VAEI_MAP_SIGMOID, -INFINITY, 0},
        {VAEI_MAP_SIGMOID, NAN, NAN},
        {VAEI_MAP_TANH, INFINITY, 1},
        {VAEI_MAP_TANH, -INFINITY, -1},
        {VAEI_MAP_TANH, -0.0f, -0.0f},
        {VAEI_MAP_TANH, 1e-18f, 1e-18f},
        {VAEI_MAP_TANH, NAN, NAN},
        {VAEI_MAP_SILU, INFINITY, INFINITY},
        {VAEI_MAP_SILU, -INFINITY, -0.0f},
        {VAEI_MAP_SILU, NAN, NAN},
        {VAEI_MAP_GELU, INFINITY, INFINITY},
        {VAEI_MAP_GELU, -INFINITY, 0},
        {VAEI_MAP_GELU, 100, 100},
        {VAEI_MAP_GELU, NAN, NAN},
        {VAEI_MAP_SOFTPLUS, 100, 100},
        {VAEI_MAP_SOFTPLUS, INFINITY, INFINITY},
        {VAEI_MAP_SOFTPLUS, -INFINITY, 0},
        {VAEI_MAP_SOFTPLUS, NAN, NAN},
        {VAEI_MAP_ELU, -INFINITY, -0.25f},
        {VAEI_MAP_ELU, NAN, NAN},
        {VAEI_MAP_ELU, -1e-18f, -0.25e-18f},
        {VAEI_MAP_RELU, VAEI_TINY, VAEI_TINY},
        {VAEI_MAP_RELU, 0x1.fffffep-64f, 0},
        {VAEI_MAP_TANH, -1e-30f, -0.0f},
        {VAEI_MAP_SIGMOID, -44, 0},
        {VAEI_MAP_SIGMOID, -200, 0},
        {VAEI_MAP_EXP, -44, 7.78113224e-20f},
        {VAEI_MAP_RELU, NAN, NAN},
        {VAEI_MAP_RELU, -1, 0},
        {VAEI_MAP_LEAKY_RELU, -2, -0.5f},
        {VAEI_MAP_LEAKY_RELU, NAN, NAN},
    };
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    if (!k) return;
    for (size_t i = 0; i < VAEI_COUNT(cases); i++) {
        float y;
        k->map[cases[i].map](1, slope, &cases[i].x, &y);
        ck_assert_msg(same_float(y, cases[i].y), "%s: map %d of %a is %a, wanted %a", k->name, (int)cases[i].map, (double)cases[i].x,
                      (double)y, (double)cases[i].y);
    }
}
END_TEST

START_TEST(test_arithmetic_is_one_rounding_an_element) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {33};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n++) {
        guarded x = guarded_random(&d, n), y = guarded_random(&d, n), s = guarded_random(&d, n);
        float want[SIZES], affine[ROWS * SIZES], rows[ROWS * SIZES];
        for (int64_t i = 0; i < n; i++) want[i] = y.at[i] + x.at[i];
        k->add(n, x.at, y.at);
        ck_assert_same(k, "add", n, want, y.at);
        for (int64_t i = 0; i < n; i++) want[i] = fmaf(-0.3f, x.at[i], y.at[i]);
        k->axpy(n, -0.3f, x.at, y.at);
        ck_assert_same(k, "axpy", n, want, y.at);
        for (int64_t i = 0; i < n; i++) want[i] = 1.7f * y.at[i];
        k->scale(n, 1.7f, y.at);
        ck_assert_same(k, "scale", n, want, y.at);
        dice_fill(&d, ROWS * n, rows);
        for (int64_t i = 0; i < ROWS * n; i++) affine[i] = fmaf(rows[i], s.at[i % n], y.at[i % n]);
        k->affine(ROWS, n, s.at, y.at, rows, rows);
        ck_assert_same(k, "affine", ROWS * n, affine, rows);
        guarded_free(&x);
        guarded_free(&y);
        guarded_free(&s);
    }
}
END_TEST

/* The definition in kernel.h: lane i mod 16, then pairs. */
static double joined(const double *term, int64_t n) {
    double lane[16] = {0};
    for (int64_t i = 0; i < n; i++) lane[i % 16] += term[i];
    for (int width = 8; width > 0; width /= 2) {
        for (int j = 0; j < width; j++) lane[j] += lane[j + width];
    }
    return lane[0];
}

START_TEST(test_sums_follow_the_sixteen_lanes) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0), *const p = vaei_kernels_select(1, 0);
    dice d = {34};
    if (!k) return;
    for (int64_t n = 0; n < 4 * SIZES; n++) {
        guarded x = guarded_random(&d, n), y = guarded_random(&d, n);
        double plain[4 * SIZES], square[4 * SIZES], product[4 * SIZES], difference[4 * SIZES];
        for (int64_t i = 0; i < n; i++) {
            const float gap = x.at[i] - y.at[i];
            plain[i] = (double)x.at[i];
            square[i] = (double)x.at[i] * (double)x.at[i];
            product[i] = (double)x.at[i] * (double)y.at[i];
            difference[i] = (double)gap * (double)gap;
        }
        ck_assert(same_double(k->sum(n, x.at), joined(plain, n)));
        ck_assert(same_double(k->sum_squares(n, x.at), joined(square, n)));
        ck_assert(same_double(k->dot(n, x.at, y.at), joined(product, n)));
        ck_assert(same_double(k->sum_squared_difference(n, x.at, y.at), joined(difference, n)));
        for (int64_t i = 0; i < n; i++) y.at[i] = fabsf(y.at[i]);
        ck_assert(same_double(k->bernoulli_nll(n, x.at, y.at), p->bernoulli_nll(n, x.at, y.at)));
        guarded_free(&x);
        guarded_free(&y);
    }
}
END_TEST

START_TEST(test_transposition_moves_every_number_and_no_other) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t widths[] = {0, 1, 3, 4, 5, 16, 17, 67};
    dice d = {31};
    if (!k) return;
    for (int64_t rows = 1; rows < SIZES; rows++) {
        for (size_t w = 0; w < VAEI_COUNT(widths); w++) {
            const int64_t cols = widths[w], ldx = cols + dice_range(&d, 0, 3), ldy = rows + dice_range(&d, 0, 3);
            guarded x = guarded_random(&d, (rows - 1) * ldx + cols);
            guarded y = guarded_floats(cols > 0 ? (cols - 1) * ldy + rows : 0);
            for (int64_t i = 0; i < y.count; i++) y.at[i] = -7.0f;
            k->transpose(rows, cols, x.at, ldx, y.at, ldy);
            for (int64_t i = 0; i < y.count; i++) {
                const float want = i % ldy < rows ? x.at[i % ldy * ldx + i / ldy] : -7.0f;
                ck_assert_each_msg(same_float(y.at[i], want), "%s: %d x %d, element %d", k->name, (int)rows, (int)cols, (int)i);
            }
            guarded_free(&x);
            guarded_free(&y);
        }
    }
}
END_TEST

START_TEST(test_packing_flushes_lines_and_columns) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t widths[] = {0, 1, 3, 4, 5, 16, 17, 67};
    dice d = {33};
    if (!k) return;
    for (int64_t rows = 1; rows < SIZES; rows++) {
        for (size_t w = 0; w < VAEI_COUNT(widths); w++) {
            const int64_t cols = widths[w], ldx = cols + dice_range(&d, 0, 3);
            const int64_t ld_turned = rows + dice_range(&d, 0, 3), ld_lines = cols + dice_range(&d, 0, 3);
            guarded x = guarded_random(&d, (rows - 1) * ldx + cols);
            guarded turned = guarded_floats(cols > 0 ? (cols - 1) * ld_turned + rows : 0);
            guarded lines = guarded_floats((rows - 1) * ld_lines + cols);
            for (int64_t i = 0; i < x.count; i += 3) x.at[i] *= 0x1p-80f;
            for (int64_t i = 0; i < turned.count; i++) turned.at[i] = -7.0f;
            for (int64_t i = 0; i < lines.count; i++) lines.at[i] = -7.0f;
            k->flush_turned(rows, cols, x.at, ldx, turned.at, ld_turned);
            k->flush_lines(rows, cols, x.at, ldx, lines.at, ld_lines);
            for (int64_t i = 0; i < turned.count; i++) {
                const float want = i % ld_turned < rows ? vaei_flushed(x.at[i % ld_turned * ldx + i / ld_turned]) : -7.0f;
                ck_assert_each_msg(same_float(turned.at[i], want), "%s: %d x %d turned, %d", k->name, (int)rows, (int)cols, (int)i);
            }
            for (int64_t i = 0; i < lines.count; i++) {
                const float want = i % ld_lines < cols ? vaei_flushed(x.at[i / ld_lines * ldx + i % ld_lines]) : -7.0f;
                ck_assert_each_msg(same_float(lines.at[i], want), "%s: %d x %d lines, %d", k->name, (int)rows, (int)cols, (int)i);
            }
            guarded_free(&x);
            guarded_free(&turned);
            guarded_free(&lines);
        }
    }
}
END_TEST

START_TEST(test_rows_are_added_in_their_order) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {37};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n++) {
        guarded x[ROWS], y = guarded_floats(n);
        const float *rows[ROWS];
        for (int64_t r = 0; r < ROWS; r++) {
            x[r] = guarded_random(&d, n);
            rows[r] = x[r].at;
        }
        for (int64_t count = 0; count <= ROWS; count++) {
            k->add_rows(n, count, rows, 0.3f, y.at);
            for (int64_t i = 0; i < n; i++) {
                float want = 0.3f;
                for (int64_t r = 0; r < count; r++) want += rows[r][i];
                ck_assert_each_msg(same_float(y.at[i], want), "%s: %d rows of %d, element %d", k->name, (int)count, (int)n, (int)i);
            }
        }
        for (int64_t r = 0; r < ROWS; r++) guarded_free(&x[r]);
        guarded_free(&y);
    }
}
END_TEST

START_TEST(test_column_sums_go_down_the_rows) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const int64_t heights[] = {0, 1, 2, 15, 16, 17, 40};
    dice d = {35};
    if (!k) return;
    for (int64_t channels = 1; channels < SIZES; channels++) {
        for (size_t h = 0; h < VAEI_COUNT(heights); h++) {
            const int64_t rows = heights[h], cut = rows / 3;
            guarded x = guarded_random(&d, rows * channels), y = guarded_random(&d, rows * channels);
            double want[SIZES], want2[SIZES], out[SIZES], out2[SIZES], alone[SIZES];
            for (int64_t c = 0; c < channels; c++) {
                want[c] = out[c] = alone[c] = (double)c;
                want2[c] = out2[c] = -(double)c;
                for (int64_t r = 0; r < rows; r++) {
                    want[c] += (double)x.at[r * channels + c];
                    want2[c] += (double)x.at[r * channels + c] * (double)y.at[r * channels + c];
                }
            }
            k->column_sums(cut, channels, x.at, y.at, out, out2);
            k->column_sums(rows - cut, channels, x.at + cut * channels, y.at + cut * channels, out, out2);
            k->column_sums(rows, channels, x.at, NULL, alone, NULL);
            for (int64_t c = 0; c < channels; c++) {
                ck_assert_each(same_double(want[c], out[c]) && same_double(want2[c], out2[c]));
                ck_assert_each(same_double(want[c], alone[c]));
            }
            guarded_free(&x);
            guarded_free(&y);
        }
    }
}
END_TEST

START_TEST(test_one_bad_number_anywhere_is_found) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    dice d = {36};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n++) {
        guarded x = guarded_random(&d, n);
        if (n > 1) x.at[n / 2] = -0x1.fffffep127f;
        ck_assert_int_eq(k->all_finite(n, x.at), 1);
        for (int64_t i = 0; i < n; i++) {
            const float kept = x.at[i];
            x.at[i] = bad[(n + i) % 3];
            ck_assert_int_eq(k->all_finite(n, x.at), 0);
            x.at[i] = kept;
        }
        guarded_free(&x);
    }
}
END_TEST

START_TEST(test_bernoulli_loss_and_gradient_on_logits) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0), *const p = vaei_kernels_select(1, 0);
    dice d = {37};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n++) {
        guarded a = guarded_random(&d, n), x = guarded_random(&d, n), da = guarded_floats(n);
        double want = 0, size = 0;
        float portable[SIZES];
        for (int64_t i = 0; i < n; i++) {
            a.at[i] *= 50;
            x.at[i] = fabsf(x.at[i]);
            const double t = exact(VAEI_MAP_SOFTPLUS, (double)a.at[i]) - (double)a.at[i] * (double)x.at[i];
            want += t;
            size += fabs((double)a.at[i]) + 1;
        }
        ck_assert_double_le(fabs(k->bernoulli_nll(n, a.at, x.at) - want), 1.2e-7 * size);
        k->bernoulli_grad(n, 0.125f, a.at, x.at, da.at);
        p->bernoulli_grad(n, 0.125f, a.at, x.at, portable);
        ck_assert_same(k, "bernoulli_grad", n, portable, da.at);
        for (int64_t i = 0; i < n; i++) {
            const double slope_at = 0.125 * (exact(VAEI_MAP_SIGMOID, (double)a.at[i]) - (double)x.at[i]);
            ck_assert_double_le(fabs((double)da.at[i] - slope_at), 3e-8);
        }
        k->bernoulli_grad(n, 0.125f, a.at, x.at, a.at);
        ck_assert_same(k, "bernoulli_grad in place", n, portable, a.at);
        guarded_free(&a);
        guarded_free(&x);
        guarded_free(&da);
    }
}
END_TEST

START_TEST(test_philox_gives_the_words_of_its_definition) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    const vaei_noise_key key = {.seed = UINT64_C(0xfedcba9876543210), .step = UINT64_C(0x123456789abcdef), .stream = 3};
    if (!k) return;
    for (int64_t blocks = 0; blocks < 68; blocks++) {
        const uint32_t first = blocks % 2 ? 7 : 0u - 5; /* which wraps */
        uint32_t want[4 * 68] = {0}, got[4 * 68] = {0};
        vaei_philox(key, 0xfffffff0u, first, blocks, want);
        k->philox(key, 0xfffffff0u, first, blocks, got);
        ck_assert_msg(memcmp(want, got, sizeof want) == 0, "%s: %d blocks", k->name, (int)blocks);
    }
}
END_TEST

START_TEST(test_normal_numbers_are_box_muller) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0), *const p = vaei_kernels_select(1, 0);
    static const uint32_t edges[] = {0,           1,           0x1fffffffu, 0x20000000u, 0x3fffffffu, 0x5fffffffu,
                                     0x60000000u, 0x7fffffffu, 0x80000000u, 0x9fffffffu, 0xa0000000u, 0xbfffffffu,
                                     0xdfffffffu, 0xe0000000u, 0xfffffffeu, 0xffffffffu};
    dice d = {40};
    if (!k) return;
    for (int64_t n = 0; n < SIZES; n += 2) {
        guarded out = guarded_floats(n);
        uint32_t bits[SIZES];
        float want[SIZES];
        for (int64_t i = 0; i < n; i++) { bits[i] = dice_next(&d) % 3 ? dice_next(&d) : edges[dice_next(&d) % VAEI_COUNT(edges)]; }
        p->normal(n, bits, want);
        k->normal(n, bits, out.at);
        ck_assert_same(k, "normal", n, want, out.at);
        for (int64_t i = 0; i < n; i += 2) {
            const double radius = sqrt(-2 * log((bits[i] + 0.5) / 4294967296.0));
            const double angle = 6.283185307179586477 * ((bits[i + 1] + 0.5) / 4294967296.0);
            /* u, rounded to float, loses 2^-25 near 1 */
            const double bound = 4e-7 * radius + fmin(0x1p-25 / radius, radius);
            ck_assert_double_le(fabs((double)out.at[i] - radius * cos(angle)), bound);
            ck_assert_double_le(fabs((double)out.at[i + 1] - radius * sin(angle)), bound);
        }
        guarded_free(&out);
    }
}
END_TEST

START_TEST(test_noise_has_the_moments_of_its_law) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    enum { COUNT = 200000 };
    static float x[COUNT];
    const vaei_noise_key key = {.seed = 5, .step = 7, .stream = 2};
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, beyond = 0, u1 = 0, u2 = 0;
    if (!k) return;
    vaei_noise_normal(k, key, 3, COUNT, x);
    for (int64_t i = 0; i < COUNT; i++) {
        const double v = (double)x[i];
        m1 += v / COUNT;
        m2 += v * v / COUNT;
        m3 += v * v * v / COUNT;
        m4 += v * v * v * v / COUNT;
        beyond += (fabs(v) > 1.959963985) / (double)COUNT;
    }
    /* five standard errors: sqrt of 1, 2, 15, 96 and 0.05 * 0.95 over COUNT */
    ck_assert_double_le(fabs(m1), 5 * sqrt(1.0 / COUNT));
    ck_assert_double_le(fabs(m2 - 1), 5 * sqrt(2.0 / COUNT));
    ck_assert_double_le(fabs(m3), 5 * sqrt(15.0 / COUNT));
    ck_assert_double_le(fabs(m4 - 3), 5 * sqrt(96.0 / COUNT));
    ck_assert_double_le(fabs(beyond - 0.05), 5 * sqrt(0.0475 / COUNT));
    vaei_noise_uniform(key, 3, COUNT, x);
    for (int64_t i = 0; i < COUNT; i++) {
        ck_assert_each(x[i] >= 0 && x[i] < 1);
        u1 += (double)x[i] / COUNT;
        u2 += (double)x[i] * (double)x[i] / COUNT;
    }
    ck_assert_double_le(fabs(u1 - 0.5), 5 * sqrt(1.0 / 12 / COUNT));
    ck_assert_double_le(fabs(u2 - 1.0 / 3), 5 * sqrt(4.0 / 45 / COUNT));
}
END_TEST

START_TEST(test_noise_of_fewer_numbers_is_the_beginning) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    enum { COUNT = 600 };
    static const int64_t counts[] = {0, 1, 2, 3, 4, 5, 63, 64, 255, 256, 257, 511, 599};
    const vaei_noise_key key = {.seed = UINT64_MAX, .step = 1, .stream = 255};
    float normal[COUNT], uniform[COUNT];
    if (!k) return;
    vaei_noise_normal(k, key, 9, COUNT, normal);
    vaei_noise_uniform(key, 9, COUNT, uniform);
    for (size_t i = 0; i < VAEI_COUNT(counts); i++) {
        guarded out = guarded_floats(counts[i]);
        vaei_noise_normal(k, key, 9, counts[i], out.at);
        ck_assert_same(k, "noise_normal", counts[i], normal, out.at);
        vaei_noise_uniform(key, 9, counts[i], out.at);
        ck_assert_same(k, "noise_uniform", counts[i], uniform, out.at);
        guarded_free(&out);
    }
}
END_TEST

START_TEST(test_select_gives_the_best_or_what_was_asked) {
    const vaei_kernels *const best = vaei_kernels_select(0, 0);
    const vaei_cpu cpu = vaei_cpu_detect();
    ck_assert_ptr_nonnull(best);
    ck_assert_ptr_eq(best, vaei_kernels_select(best->isa, 0));
    ck_assert_ptr_nonnull(vaei_kernels_select(1, 0));
    for (int32_t isa = ISA_FIRST; isa < ISA_END; isa++) {
        const vaei_kernels *const k = vaei_kernels_select(isa, 0), *const b = vaei_kernels_select(isa, 1);
        if (k) {
            ck_assert_int_eq(k->isa, isa);
            ck_assert_int_eq(k->blas, 0);
            ck_assert_int_le(isa, best->isa);
        }
        if (b) {
            ck_assert_int_eq(b->isa, isa);
            ck_assert_int_eq(b->blas, 1);
        }
    }
    if (!cpu.avx512) ck_assert_ptr_null(vaei_kernels_select(3, 0));
    if (!cpu.neon) ck_assert_ptr_null(vaei_kernels_select(4, 0));
    if (!cpu.wasm128) ck_assert_ptr_null(vaei_kernels_select(5, 0));
    ck_assert_ptr_null(vaei_kernels_select(6, 0));
    ck_assert_ptr_null(vaei_kernels_select(-1, 0));
}
END_TEST

Suite *suite_vec(void);
Suite *suite_vec(void) {
    Suite *const s = suite_create("vec");
    TCase *const t = tcase_create("vec");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_maps_equal_the_portable_ones, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_maps_are_within_two_ulp, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_gradients_are_the_slopes, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_maps_at_the_limits, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_arithmetic_is_one_rounding_an_element, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_sums_follow_the_sixteen_lanes, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_transposition_moves_every_number_and_no_other, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_packing_flushes_lines_and_columns, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_rows_are_added_in_their_order, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_column_sums_go_down_the_rows, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_one_bad_number_anywhere_is_found, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_bernoulli_loss_and_gradient_on_logits, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_philox_gives_the_words_of_its_definition, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_normal_numbers_are_box_muller, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_noise_has_the_moments_of_its_law, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_noise_of_fewer_numbers_is_the_beginning, ISA_FIRST, ISA_END);
    tcase_add_test(t, test_select_gives_the_best_or_what_was_asked);
    suite_add_tcase(s, t);
    return s;
}
