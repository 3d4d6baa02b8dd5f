/* SPDX-License-Identifier: MIT
 * winograd.tmpl.h - the transforms of conv_winograd.c, where the formulas are, over the vectors of simd_*.h.
 *
 * A lane is a channel (of weights: a filter) and never looks at another one, so no result depends on the width. Each
 * operation below is rounded once; weights are transformed in double, without FMA, and rounded to float at the end.
 *
 * An axis of a tile has `taps` (1, 2, 3) and `size` outputs (1 to 4); it spans size + taps - 1 numbers, at the first
 * span - 1 of the points 0, A, -A, B, -B and at infinity. With one tap nothing is transformed.
 *
 * The file that includes this one has included vec.tmpl.h. It gives winograd_*, static. */

/* A2 = A A, ..., all exact in float. */
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

/* Runs DO(taps, size) with both as constants */
#define WINO_AXIS(taps, size, DO)                                                                                      \
    switch ((taps)*8 + (size)) {                                                                                       \
    case 9:                                                                                                            \
        DO(1, 1);                                                                                                      \
        break;                                                                                                         \
    case 10:                                                                                                           \
        DO(1, 2);                                                                                                      \
        break;                                                                                                         \
    case 11:                                                                                                           \
        DO(1, 3);                                                                                                      \
        break;                                                                                                         \
    case 12:                                                                                                           \
        DO(1, 4);                                                                                                      \
        break;                                                                                                         \
    case 17:                                                                                                           \
        DO(2, 1);                                                                                                      \
        break;                                                                                                         \
    case 18:                                                                                                           \
        DO(2, 2);                                                                                                      \
        break;                                                                                                         \
    case 19:                                                                                                           \
        DO(2, 3);                                                                                                      \
        break;                                                                                                         \
    case 20:                                                                                                           \
        DO(2, 4);                                                                                                      \
        break;                                                                                                         \
    case 25:                                                                                                           \
        DO(3, 1);                                                                                                      \
        break;                                                                                                         \
    case 26:                                                                                                           \
        DO(3, 2);                                                                                                      \
        break;                                                                                                         \
    case 27:                                                                                                           \
        DO(3, 3);                                                                                                      \
        break;                                                                                                         \
    case 28:                                                                                                           \
        DO(3, 4);                                                                                                      \
        break;                                                                                                         \
    default:                                                                                                           \
        break;                                                                                                         \
    }

/* For a tile of less than 4 outputs: the product of p - q over the points q it does without, for each point p it has */
static const float wino_cut[2][3][4] = {
    {{WINO_A2 * WINO_B},
     {-WINO_A * WINO_B, 2 * WINO_A *(WINO_A - WINO_B)},
     {-WINO_B, WINO_A - WINO_B, -WINO_A - WINO_B}},
    {{-WINO_A * WINO_B2, 2 * WINO_A *(WINO_A2 - WINO_B2)},
     {-WINO_B2, WINO_A2 - WINO_B2, WINO_A2 - WINO_B2},
     {WINO_B, WINO_A + WINO_B, WINO_B - WINO_A, 2 * WINO_B}},
};

/* v = B' d */
V_FN void wino_spread(const int taps, const int size, const v_f32 *d, v_f32 *v) {
    const v_f32 a = v_set(WINO_A), b = v_set(WINO_B), a2 = v_set(WINO_A2), b2 = v_set(WINO_B2);
    const int points = size + taps - 2;
    if (taps == 1) {
        WINO_UNROLL for (int i = 0; i < size; i++) v[i] = d[i];
        return;
    }
    if (points == 1) {
        v[0] = d[0];
        v[1] = d[1];
    } else if (points == 2) {
        v[0] = v_fnma(a, d[0], d[1]);
        v[1] = d[1];
        v[2] = v_fnma(a, d[1], d[2]);
    } else if (points == 3) {
        v[0] = v_fnma(a2, d[0], d[2]);
        v[1] = v_fma(a, d[1], d[2]);
        v[2] = v_fnma(a, d[1], d[2]);
        v[3] = v_fnma(a2, d[1], d[3]);
    } else if (points == 4) {
        const v_f32 even = v_fnma(a2, d[0], d[2]), odd = v_fnma(a2, d[1], d[3]), last = v_fnma(a2, d[2], d[4]);
        const v_f32 low = v_fnma(b, d[1], d[2]), high = v_fnma(b, d[2], d[3]);
        v[0] = v_fnma(b, even, odd);
        v[1] = v_fma(a, low, high);
        v[2] = v_fnma(a, low, high);
        v[3] = odd;
        v[4] = v_fnma(b, odd, last);
    } else {
        const v_f32 sum = v_set(WINO_A2_B2), product = v_set(WINO_A2B2);
        const v_f32 even_a = v_fnma(b2, d[2], d[4]), odd_a = v_fnma(b2, d[1], d[3]);
        const v_f32 even_b = v_fnma(a2, d[2], d[4]), odd_b = v_fnma(a2, d[1], d[3]);
        v[0] = v_fma(product, d[0], v_fnma(sum, d[2], d[4]));
        v[1] = v_fma(a, odd_a, even_a);
        v[2] = v_fnma(a, odd_a, even_a);
        v[3] = v_fma(b, odd_b, even_b);
        v[4] = v_fnma(b, odd_b, even_b);
        v[5] = v_fma(product, d[1], v_fnma(sum, d[3], d[5]));
    }
    if (size < 4) {
        WINO_UNROLL for (int i = 0; i < points; i++) v[i] = v_mul(v_set(wino_cut[taps - 2][size - 1][i]), v[i]);
    }
}

/* y = A' m */
V_FN void wino_gather(const int taps, const int size, const v_f32 *m, v_f32 *y) {
    const v_f32 a = v_set(WINO_A), b = v_set(WINO_B), a2 = v_set(WINO_A2), b2 = v_set(WINO_B2);
    const v_f32 a3 = v_set(WINO_A3), b3 = v_set(WINO_B3);
    const int points = size + taps - 2;
    if (taps == 1) {
        WINO_UNROLL for (int i = 0; i < size; i++) y[i] = m[i];
    } else if (points == 1) {
        y[0] = v_add(m[0], m[1]);
    } else if (points == 2) {
        y[0] = v_add(m[0], m[1]);
        if (size == 1) y[0] = v_add(y[0], m[2]);
        if (size == 2) y[1] = v_fma(a, m[1], m[2]);
    } else {
        const v_f32 even_a = v_add(m[1], m[2]), odd_a = v_sub(m[1], m[2]);
        if (points == 3) {
            y[0] = v_add(m[0], even_a);
            y[1] = size == 2 ? v_fma(a, odd_a, m[3]) : v_mul(a, odd_a);
            if (size == 3) y[2] = v_fma(a2, even_a, m[3]);
        } else {
            const v_f32 even_b = points == 5 ? v_add(m[3], m[4]) : m[3], odd_b = points == 5 ? v_sub(m[3], m[4]) : m[3];
            const v_f32 last = m[points];
            y[0] = v_add(v_add(m[0], even_a), even_b);
            y[1] = v_fma(b, odd_b, v_mul(a, odd_a));
            y[2] = v_fma(b2, even_b, size == 3 ? v_fma(a2, even_a, last) : v_mul(a2, even_a));
            if (size == 4) y[3] = v_fma(b3, odd_b, v_fma(a3, odd_a, last));
        }
    }
}

/* e = A dy */
V_FN void wino_scatter(const int taps, const int size, const v_f32 *dy, v_f32 *e) {
    const v_f32 a = v_set(WINO_A), b = v_set(WINO_B), a2 = v_set(WINO_A2), b2 = v_set(WINO_B2);
    const v_f32 a3 = v_set(WINO_A3), b3 = v_set(WINO_B3);
    const int points = size + taps - 2;
    if (taps == 1) {
        WINO_UNROLL for (int i = 0; i < size; i++) e[i] = dy[i];
        return;
    }
    e[0] = dy[0];
    e[points] = dy[size - 1];
    if (points >= 2) {
        const v_f32 even = size >= 3 ? v_fma(a2, dy[2], dy[0]) : dy[0];
        if (size == 1) {
            e[1] = even;
        } else {
            const v_f32 odd = size == 4 ? v_fma(a3, dy[3], v_mul(a, dy[1])) : v_mul(a, dy[1]);
            e[1] = v_add(even, odd);
            if (points >= 3) e[2] = v_sub(even, odd);
        }
    }
    if (points >= 4) {
        const v_f32 even = v_fma(b2, dy[2], dy[0]),
                    odd = size == 4 ? v_fma(b3, dy[3], v_mul(b, dy[1])) : v_mul(b, dy[1]);
        e[3] = v_add(even, odd);
        if (points == 5) e[4] = v_sub(even, odd);
    }
}

/* ---- both axes: along x into t, then along y --------------------------------------------------------------------- */

enum { WINO_SPOTS = 6, WINO_SIZE = 4 };

#define WINO_SPAN(taps, size) ((size) + (taps)-1)
/* The spot of number i of a span: the last one is infinity's, whichever points are left out */
#define WINO_SPOT(taps, size, i) ((taps) == 1 || (i) < WINO_SPAN(taps, size) - 1 ? (i) : (taps) + 2)
#define WINO_EACH(i, count)      WINO_UNROLL for (int64_t i = 0; i < (count); i++)

V_FN void wino_input_block(const vaei_winograd_tile *tile, const float *const *x, int64_t i, const int64_t j, float *v,
                           int64_t stride) {
    v_f32 t[WINO_SPOTS * WINO_SPOTS], d[WINO_SPOTS], out[WINO_SPOTS];
    const int64_t rows = WINO_SPAN(tile->taps_y, tile->rows), columns = WINO_SPAN(tile->taps_x, tile->columns);
    const int64_t line = vaei_winograd_spots(tile->taps_x) * stride,
                  last = WINO_SPOT(tile->taps_x, tile->columns, columns - 1);
    v += i;
#define WINO_ROW(taps, size)                                                                                           \
    for (int64_t r = 0; r < rows; r++, x += columns) {                                                                 \
        WINO_EACH(s, WINO_SPAN(taps, size)) d[s] = get(x[s] + i, j);                                                   \
        wino_spread(taps, size, d, out);                                                                               \
        WINO_EACH(s, WINO_SPAN(taps, size)) t[r * WINO_SPOTS + s] = out[s];                                            \
    }
#define WINO_COLUMN(taps, size)                                                                                        \
    for (int64_t s = 0; s < columns; s++) {                                                                            \
        float *const to = v + (s < columns - 1 ? s : last) * stride;                                                   \
        WINO_EACH(r, WINO_SPAN(taps, size)) d[r] = t[r * WINO_SPOTS + s];                                              \
        wino_spread(taps, size, d, out);                                                                               \
        WINO_EACH(r, WINO_SPAN(taps, size)) put(to + WINO_SPOT(taps, size, r) * line, j, out[r]);                      \
    }
    WINO_AXIS(tile->taps_x, tile->columns, WINO_ROW)
    WINO_AXIS(tile->taps_y, tile->rows, WINO_COLUMN)
#undef WINO_ROW
#undef WINO_COLUMN
}
static VAEI_TARGET void winograd_input(int64_t channels, const vaei_winograd_tile *tile, const float *const *x,
                                       float *v, int64_t stride) {
    FOR_EACH(channels, wino_input_block(tile, x, i, j, v, stride));
}

V_FN void wino_output_block(const vaei_winograd_tile *tile, const float *m, int64_t stride, const float *bias,
                            const float *add, int64_t i, const int64_t j, float *y, int64_t line, int64_t pixel) {
    v_f32 t[WINO_SPOTS * WINO_SIZE], d[WINO_SPOTS], out[WINO_SIZE];
    const int64_t rows = WINO_SPAN(tile->taps_y, tile->rows), columns = tile->columns;
    const int64_t spots = vaei_winograd_spots(tile->taps_x) * stride,
                  last = WINO_SPOT(tile->taps_y, tile->rows, rows - 1);
    const v_f32 shift = bias ? get(bias + i, j) : v_zero();
    m += i;
    y += i;
    if (add) add += i;
#define WINO_ROW(taps, size)                                                                                           \
    for (int64_t r = 0; r < rows; r++) {                                                                               \
        const float *const from = m + (r < rows - 1 ? r : last) * spots;                                               \
        WINO_EACH(s, WINO_SPAN(taps, size)) d[s] = get(from + WINO_SPOT(taps, size, s) * stride, j);                   \
        wino_gather(taps, size, d, out);                                                                               \
        WINO_EACH(s, size) t[r * WINO_SIZE + s] = out[s];                                                              \
    }
#define WINO_COLUMN(taps, size)                                                                                        \
    for (int64_t s = 0; s < columns; s++, y += pixel) {                                                                \
        WINO_EACH(r, WINO_SPAN(taps, size)) d[r] = t[r * WINO_SIZE + s];                                               \
        wino_gather(taps, size, d, out);                                                                               \
        WINO_EACH(r, size) out[r] = v_add(out[r], shift);                                                              \
        if (add) {                                                                                                     \
            WINO_EACH(r, size) out[r] = v_add(out[r], get(add + r * line, j));                                         \
            add += pixel;                                                                                              \
        }                                                                                                              \
        WINO_EACH(r, size) put(y + r * line, j, out[r]);                                                               \
    }
    WINO_AXIS(tile->taps_x, tile->columns, WINO_ROW)
    WINO_AXIS(tile->taps_y, tile->rows, WINO_COLUMN)
#undef WINO_ROW
#undef WINO_COLUMN
}
static VAEI_TARGET void winograd_output(int64_t channels, const vaei_winograd_tile *tile, const float *m,
                                        int64_t stride, const float *bias, const float *add, float *y, int64_t line,
                                        int64_t pixel) {
    FOR_EACH(channels, wino_output_block(tile, m, stride, bias, add, i, j, y, line, pixel));
}

V_FN void wino_error_block(const vaei_winograd_tile *tile, const float *dy, int64_t line, int64_t pixel, int64_t i,
                           const int64_t j, float *e, int64_t stride) {
    v_f32 t[WINO_SIZE * WINO_SPOTS], d[WINO_SIZE], out[WINO_SPOTS];
    const int64_t rows = tile->rows, columns = WINO_SPAN(tile->taps_x, tile->columns);
    const int64_t spots = vaei_winograd_spots(tile->taps_x) * stride,
                  last = WINO_SPOT(tile->taps_x, tile->columns, columns - 1);
    dy += i;
    e += i;
#define WINO_ROW(taps, size)                                                                                           \
    for (int64_t r = 0; r < rows; r++, dy += line) {                                                                   \
        WINO_EACH(s, size) d[s] = get(dy + s * pixel, j);                                                              \
        wino_scatter(taps, size, d, out);                                                                              \
        WINO_EACH(s, WINO_SPAN(taps, size)) t[r * WINO_SPOTS + s] = out[s];                                            \
    }
#define WINO_COLUMN(taps, size)                                                                                        \
    for (int64_t s = 0; s < columns; s++) {                                                                            \
        float *const to = e + (s < columns - 1 ? s : last) * stride;                                                   \
        WINO_EACH(r, size) d[r] = t[r * WINO_SPOTS + s];                                                               \
        wino_scatter(taps, size, d, out);                                                                              \
        WINO_EACH(r, WINO_SPAN(taps, size)) put(to + WINO_SPOT(taps, size, r) * spots, j, out[r]);                     \
    }
    WINO_AXIS(tile->taps_x, tile->columns, WINO_ROW)
    WINO_AXIS(tile->taps_y, tile->rows, WINO_COLUMN)
#undef WINO_ROW
#undef WINO_COLUMN
}
static VAEI_TARGET void winograd_error(int64_t channels, const vaei_winograd_tile *tile, const float *dy, int64_t line,
                                       int64_t pixel, float *e, int64_t stride) {
    FOR_EACH(channels, wino_error_block(tile, dy, line, pixel, i, j, e, stride));
}

/* ---- weights, WINO_LANES filters side by side, in double ---------------------------------------------------------- */

enum { WINO_LANES = 16 };

/* 1 over the product of p - q over the other points q, for each point p of `taps` */
static const double wino_norm[2][5] = {
    {1 / ((double)WINO_A2 * WINO_B), 1 / (2 * (double)WINO_A2 * (WINO_A - WINO_B)),
     -1 / (2 * (double)WINO_A2 * (WINO_A + WINO_B)), 1 / ((double)WINO_B * (WINO_B2 - WINO_A2))},
    {1 / ((double)WINO_A2 * WINO_B2), 1 / (2 * (double)WINO_A2 * (WINO_A2 - WINO_B2)),
     1 / (2 * (double)WINO_A2 * (WINO_A2 - WINO_B2)), 1 / (2 * (double)WINO_B2 * (WINO_B2 - WINO_A2)),
     1 / (2 * (double)WINO_B2 * (WINO_B2 - WINO_A2))},
};
static const double wino_point[5] = {0, WINO_A, -WINO_A, WINO_B, -WINO_B};

/* u = G g */
V_FN void wino_weight_axis(const int taps, const double (*g)[WINO_LANES], int64_t step, double (*u)[WINO_LANES],
                           int64_t u_step) {
    for (int l = 0; l < WINO_LANES; l++) {
        if (taps == 1) {
            u[0][l] = g[0][l];
            continue;
        }
        WINO_UNROLL for (int i = 0; i < taps + 2; i++) {
            const double p = wino_point[i];
            const double odd = p * g[step][l], even = taps == 3 ? g[0][l] + p * p * g[2 * step][l] : g[0][l];
            u[i * u_step][l] = wino_norm[taps - 2][i] * (even + odd);
        }
        u[(taps + 2) * u_step][l] = g[(taps - 1) * step][l];
    }
}

/* dg = G' du */
V_FN void wino_weight_grad_axis(const int taps, const double (*du)[WINO_LANES], int64_t step, double (*dg)[WINO_LANES],
                                int64_t g_step) {
    for (int l = 0; l < WINO_LANES; l++) {
        double sum[3] = {du[0][l], 0, 0};
        if (taps > 1) {
            sum[0] = 0;
            WINO_UNROLL for (int i = 0; i < taps + 2; i++) {
                const double p = wino_point[i], term = wino_norm[taps - 2][i] * du[i * step][l];
                sum[0] += term;
                sum[1] += p * term;
                sum[2] += p * p * term;
            }
            sum[taps - 1] += du[(taps + 2) * step][l];
        }
        WINO_UNROLL for (int i = 0; i < taps; i++) dg[i * g_step][l] = sum[i];
    }
}

#define WINO_TAPS(taps, DO)                                                                                            \
    switch (taps) {                                                                                                    \
    case 1:                                                                                                            \
        DO(1);                                                                                                         \
        break;                                                                                                         \
    case 2:                                                                                                            \
        DO(2);                                                                                                         \
        break;                                                                                                         \
    default:                                                                                                           \
        DO(3);                                                                                                         \
        break;                                                                                                         \
    }

static VAEI_TARGET void winograd_weight(int64_t count, int64_t taps_y, int64_t taps_x, const float *w, int64_t filter,
                                        const int64_t *tap, const float *scale, float *u, int64_t stride) {
    const int64_t spots_y = vaei_winograd_panels(taps_y), spots_x = vaei_winograd_panels(taps_x);
    for (int64_t first = 0; first < count; first += WINO_LANES) {
        const int64_t lanes = count - first < WINO_LANES ? count - first : WINO_LANES;
        double g[9][WINO_LANES] = {{0}}, t[18][WINO_LANES], out[36][WINO_LANES];
        for (int64_t l = 0; l < lanes; l++) {
            const float *const from = w + (first + l) * filter;
            const double factor = scale ? (double)scale[first + l] : 1.0;
            for (int64_t i = 0; i < taps_y * taps_x; i++) g[i][l] = (double)from[tap[i]] * factor;
        }
#define WINO_WEIGHT_Y(taps)                                                                                            \
    for (int64_t s = 0; s < taps_x; s++) wino_weight_axis(taps, g + s, taps_x, t + s, taps_x)
#define WINO_WEIGHT_X(taps)                                                                                            \
    for (int64_t r = 0; r < spots_y; r++) wino_weight_axis(taps, t + taps_x * r, 1, out + spots_x * r, 1)
        WINO_TAPS(taps_y, WINO_WEIGHT_Y)
        WINO_TAPS(taps_x, WINO_WEIGHT_X)
#undef WINO_WEIGHT_Y
#undef WINO_WEIGHT_X
        for (int64_t i = 0; i < spots_y * spots_x; i++) {
            for (int64_t l = 0; l < lanes; l++) u[i * stride + first + l] = (float)out[i][l];
        }
    }
}

static VAEI_TARGET void winograd_weight_grad(int64_t count, int64_t taps_y, int64_t taps_x, const float *du,
                                             int64_t stride, float *dw, int64_t filter, const int64_t *tap) {
    const int64_t spots_y = vaei_winograd_panels(taps_y), spots_x = vaei_winograd_panels(taps_x);
    for (int64_t first = 0; first < count; first += WINO_LANES) {
        const int64_t lanes = count - first < WINO_LANES ? count - first : WINO_LANES;
        double out[36][WINO_LANES] = {{0}}, t[18][WINO_LANES], g[9][WINO_LANES];
        for (int64_t i = 0; i < spots_y * spots_x; i++) {
            for (int64_t l = 0; l < lanes; l++) out[i][l] = (double)du[i * stride + first + l];
        }
#define WINO_GRAD_X(taps)                                                                                              \
    for (int64_t r = 0; r < spots_y; r++) wino_weight_grad_axis(taps, out + spots_x * r, 1, t + taps_x * r, 1)
#define WINO_GRAD_Y(taps)                                                                                              \
    for (int64_t s = 0; s < taps_x; s++) wino_weight_grad_axis(taps, t + s, taps_x, g + s, taps_x)
        WINO_TAPS(taps_x, WINO_GRAD_X)
        WINO_TAPS(taps_y, WINO_GRAD_Y)
#undef WINO_GRAD_X
#undef WINO_GRAD_Y
        for (int64_t l = 0; l < lanes; l++) {
            float *const to = dw + (first + l) * filter;
            for (int64_t i = 0; i < taps_y * taps_x; i++) to[tap[i]] += (float)g[i][l];
        }
    }
}
