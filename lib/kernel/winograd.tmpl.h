/* SPDX-License-Identifier: MIT
 * winograd.tmpl.h - the three transforms of conv_winograd.c, where the matrices are, over the vectors of simd_*.h.
 *
 * A lane is a channel (of weights: a filter) and never looks at another one, so no result depends on the width. Each
 * operation below is rounded once; weights are transformed in double, without FMA, and rounded to float at the end.
 *
 * The file that includes this one has included vec.tmpl.h. It gives winograd_input, winograd_output and
 * winograd_weight, static. */

/* The points +-A and +-B; A2 = A A, ..., all exact in float. */
#define WINO_A     0.625f
#define WINO_B     1.5f
#define WINO_A2    0.390625f
#define WINO_B2    2.25f
#define WINO_A3    0.244140625f
#define WINO_B3    3.375f
#define WINO_A2B2  0.87890625f /* A2 B2 */
#define WINO_A2_B2 2.640625f   /* A2 + B2 */

#if defined(__clang__)
#define WINO_UNROLL _Pragma("clang loop unroll(full)")
#else
#define WINO_UNROLL _Pragma("GCC unroll 8")
#endif

/* v = B' d */
V_FN void wino_spread(v_f32 d0, v_f32 d1, v_f32 d2, v_f32 d3, v_f32 d4, v_f32 d5, v_f32 *v) {
    const v_f32 a = v_set(WINO_A), b = v_set(WINO_B), a2 = v_set(WINO_A2), b2 = v_set(WINO_B2);
    const v_f32 sum = v_set(WINO_A2_B2), product = v_set(WINO_A2B2);
    const v_f32 even_a = v_fnma(b2, d2, d4), odd_a = v_fnma(b2, d1, d3);
    const v_f32 even_b = v_fnma(a2, d2, d4), odd_b = v_fnma(a2, d1, d3);
    v[0] = v_fma(product, d0, v_fnma(sum, d2, d4));
    v[1] = v_fma(a, odd_a, even_a);
    v[2] = v_fnma(a, odd_a, even_a);
    v[3] = v_fma(b, odd_b, even_b);
    v[4] = v_fnma(b, odd_b, even_b);
    v[5] = v_fma(product, d1, v_fnma(sum, d3, d5));
}

/* y = A' m */
V_FN void wino_gather(v_f32 m0, v_f32 m1, v_f32 m2, v_f32 m3, v_f32 m4, v_f32 m5, v_f32 *y) {
    const v_f32 even_a = v_add(m1, m2), odd_a = v_sub(m1, m2), even_b = v_add(m3, m4), odd_b = v_sub(m3, m4);
    y[0] = v_add(v_add(m0, even_a), even_b);
    y[1] = v_fma(v_set(WINO_B), odd_b, v_mul(v_set(WINO_A), odd_a));
    y[2] = v_fma(v_set(WINO_B2), even_b, v_mul(v_set(WINO_A2), even_a));
    y[3] = v_fma(v_set(WINO_B3), odd_b, v_fma(v_set(WINO_A3), odd_a, m5));
}

/* Channels [i, i + j) of a tile */
V_FN void wino_input_block(const float *const *row, int64_t pixel, int64_t i, int64_t j, float *v, int64_t stride) {
    v_f32 t[6][6], column[6];
    WINO_UNROLL for (int r = 0; r < 6; r++) {
        const float *const x = row[r] + i;
        wino_spread(get(x, j), get(x + pixel, j), get(x + 2 * pixel, j), get(x + 3 * pixel, j), get(x + 4 * pixel, j),
                    get(x + 5 * pixel, j), t[r]);
    }
    WINO_UNROLL for (int s = 0; s < 6; s++) {
        wino_spread(t[0][s], t[1][s], t[2][s], t[3][s], t[4][s], t[5][s], column);
        WINO_UNROLL for (int r = 0; r < 6; r++) put(v + (r * 6 + s) * stride + i, j, column[r]);
    }
}
static VAEI_TARGET void winograd_input(int64_t channels, const float *const *row, int64_t pixel, float *v,
                                       int64_t stride) {
    FOR_EACH(channels, wino_input_block(row, pixel, i, j, v, stride));
}

/* rows and cols are constants for a whole tile */
V_FN void wino_output_block(const float *m, int64_t stride, const float *bias, const float *add, int64_t i, int64_t j,
                            const int64_t rows, const int64_t cols, float *y, int64_t line, int64_t pixel) {
    v_f32 t[6][4], column[4];
    const v_f32 shift = bias ? get(bias + i, j) : v_zero();
    WINO_UNROLL for (int r = 0; r < 6; r++) {
        const float *const x = m + r * 6 * stride + i;
        wino_gather(get(x, j), get(x + stride, j), get(x + 2 * stride, j), get(x + 3 * stride, j),
                    get(x + 4 * stride, j), get(x + 5 * stride, j), t[r]);
    }
    WINO_UNROLL for (int s = 0; s < 4; s++) {
        if (s >= cols) break;
        wino_gather(t[0][s], t[1][s], t[2][s], t[3][s], t[4][s], t[5][s], column);
        WINO_UNROLL for (int r = 0; r < 4; r++) {
            const int64_t at = r * line + s * pixel + i;
            if (r >= rows) break;
            v_f32 sum = v_add(column[r], shift);
            if (add) sum = v_add(sum, get(add + at, j));
            put(y + at, j, sum);
        }
    }
}
static VAEI_TARGET void winograd_output(int64_t channels, const float *m, int64_t stride, const float *bias,
                                        const float *add, int64_t rows, int64_t cols, float *y, int64_t line,
                                        int64_t pixel) {
    if (rows == 4 && cols == 4 && !add) {
        FOR_EACH(channels, wino_output_block(m, stride, bias, NULL, i, j, 4, 4, y, line, pixel));
    } else if (rows == 4 && cols == 4) {
        FOR_EACH(channels, wino_output_block(m, stride, bias, add, i, j, 4, 4, y, line, pixel));
    } else {
        FOR_EACH(channels, wino_output_block(m, stride, bias, add, i, j, rows, cols, y, line, pixel));
    }
}

/* u = G g for `lanes` filters side by side */
enum { WINO_LANES = 16 };
V_FN void wino_weight_axis(const double (*g)[WINO_LANES], int step, double (*u)[WINO_LANES], int u_step) {
    const double a = (double)WINO_A, b = (double)WINO_B, a2 = a * a, b2 = b * b;
    const double of_zero = 1 / (a2 * b2), of_a = 1 / (2 * a2 * (a2 - b2)), of_b = 1 / (2 * b2 * (b2 - a2));
    for (int l = 0; l < WINO_LANES; l++) {
        const double g0 = g[0][l], g1 = g[step][l], g2 = g[2 * step][l];
        const double even_a = g0 + a2 * g2, odd_a = a * g1, even_b = g0 + b2 * g2, odd_b = b * g1;
        u[0][l] = of_zero * g0;
        u[u_step][l] = of_a * (even_a + odd_a);
        u[2 * u_step][l] = of_a * (even_a - odd_a);
        u[3 * u_step][l] = of_b * (even_b + odd_b);
        u[4 * u_step][l] = of_b * (even_b - odd_b);
        u[5 * u_step][l] = g2;
    }
}
static VAEI_TARGET void winograd_weight(int64_t count, const float *w, int64_t filter, int32_t flip, const float *scale,
                                        float *u, int64_t stride) {
    for (int64_t first = 0; first < count; first += WINO_LANES) {
        const int64_t lanes = count - first < WINO_LANES ? count - first : WINO_LANES;
        double g[9][WINO_LANES] = {{0}}, t[18][WINO_LANES], out[36][WINO_LANES];
        for (int64_t l = 0; l < lanes; l++) {
            const float *const from = w + (first + l) * filter;
            const double factor = scale ? (double)scale[first + l] : 1.0;
            for (int i = 0; i < 9; i++) g[i][l] = (double)from[flip ? 8 - i : i] * factor;
        }
        for (int s = 0; s < 3; s++) wino_weight_axis(g + s, 3, t + s, 3);
        for (int r = 0; r < 6; r++) wino_weight_axis(t + 3 * r, 1, out + 6 * r, 1);
        for (int i = 0; i < 36; i++) {
            for (int64_t l = 0; l < lanes; l++) u[i * stride + first + l] = (float)out[i][l];
        }
    }
}
