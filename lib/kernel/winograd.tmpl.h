/* SPDX-License-Identifier: MIT
 * winograd.tmpl.h - the transforms of conv_winograd.c, which has the formulas, over the vectors of simd_*.h.
 *
 * A lane is a channel (for weights, a filter) and never reads another one, so no result depends on the width. Each operation
 * below is rounded once; weights are transformed in double and rounded to float at the end.
 *
 * An axis of a tile has `taps` (1, 2, 3) and `size` outputs (1 to 4). It spans size + taps - 1 numbers, which belong to the
 * first span - 1 of the points 0, A, -A, B, -B and to infinity. With one tap nothing is transformed.
 *
 * A file must include vec.tmpl.h before this one, which defines the statics winograd_*. */

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
#define WINO_LOOP   _Pragma("clang loop unroll(disable)")
#elif defined(__GNUC__)
#define WINO_UNROLL _Pragma("GCC unroll 8")
#define WINO_LOOP   _Pragma("GCC unroll 1")
#else
#define WINO_UNROLL
#define WINO_LOOP
#endif

/* Runs DO(taps, size) with both as constants */
#define WINO_AXIS(taps, size, DO) \
    switch ((taps)*8 + (size)) {  \
    case 9: DO(1, 1); break;      \
    case 10: DO(1, 2); break;     \
    case 11: DO(1, 3); break;     \
    case 12: DO(1, 4); break;     \
    case 17: DO(2, 1); break;     \
    case 18: DO(2, 2); break;     \
    case 19: DO(2, 3); break;     \
    case 20: DO(2, 4); break;     \
    case 25: DO(3, 1); break;     \
    case 26: DO(3, 2); break;     \
    case 27: DO(3, 3); break;     \
    case 28: DO(3, 4); break;     \
    default: break;               \
    }

/* For a tile of less than 4 outputs and each of its points p: the product of p - q over the points q that the tile does not use. */
static const float wino_cut[2][3][4] = {
    {{WINO_A2 * WINO_B}, {-WINO_A * WINO_B, 2 * WINO_A *(WINO_A - WINO_B)}, {-WINO_B, WINO_A - WINO_B, -WINO_A - WINO_B}},
    {{-WINO_A * WINO_B2, 2 * WINO_A *(WINO_A2 - WINO_B2)},
     {-WINO_B2, WINO_A2 - WINO_B2, WINO_A2 - WINO_B2},
     {WINO_B, WINO_A + WINO_B, WINO_B - WINO_A, 2 * WINO_B}},
};

#define WINO_SPAN(taps, size) ((size) + (taps)-1)
/* The point that number i of a span belongs to. The last number belongs to infinity, whichever points are not used. */
#define WINO_SPOT(taps, size, i) ((taps) == 1 || (i) < WINO_SPAN(taps, size) - 1 ? (i) : (taps) + 2)

#define WINO_EACH(i, count) WINO_UNROLL for (int64_t i = 0; i < (count); i++)

/* v = B' d */
V_FN void wino_spread(const int taps, const int size, const v_f32 *d, v_f32 *v) {
    const v_f32 a = v_set(WINO_A), b = v_set(WINO_B), a2 = v_set(WINO_A2), b2 = v_set(WINO_B2);
    const int points = size + taps - 2;
    if (taps == 1) {
        WINO_EACH(i, size) v[i] = d[i];
    } else if (points == 1) {
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
        const v_f32 odd = v_fnma(a2, d[1], d[3]);
        const v_f32 low = v_fnma(b, d[1], d[2]), high = v_fnma(b, d[2], d[3]);
        v[0] = v_fnma(b, v_fnma(a2, d[0], d[2]), odd);
        v[1] = v_fma(a, low, high);
        v[2] = v_fnma(a, low, high);
        v[3] = odd;
        v[4] = v_fnma(b, odd, v_fnma(a2, d[2], d[4]));
    } else {
        const v_f32 sum = v_set(WINO_A2_B2), product = v_set(WINO_A2B2);
        const v_f32 even_a = v_fnma(b2, d[2], d[4]), odd_a = v_mul(a, v_fnma(b2, d[1], d[3]));
        const v_f32 even_b = v_fnma(a2, d[2], d[4]), odd_b = v_mul(b, v_fnma(a2, d[1], d[3]));
        v[0] = v_fma(product, d[0], v_fnma(sum, d[2], d[4]));
        v[1] = v_add(even_a, odd_a);
        v[2] = v_sub(even_a, odd_a);
        v[3] = v_add(even_b, odd_b);
        v[4] = v_sub(even_b, odd_b);
        v[5] = v_fma(product, d[1], v_fnma(sum, d[3], d[5]));
    }
    if (taps > 1 && size < 4) WINO_EACH(i, points) v[i] = v_mul(v_set(wino_cut[taps - 2][size - 1][i]), v[i]);
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
        const v_f32 even = v_fma(b2, dy[2], dy[0]), odd = size == 4 ? v_fma(b3, dy[3], v_mul(b, dy[1])) : v_mul(b, dy[1]);
        e[3] = v_add(even, odd);
        if (points == 5) e[4] = v_sub(even, odd);
    }
}

/* ---- both axes: along x, then along y ---------------------------------------------------------------------------- */

enum { WINO_SPOTS = 6, WINO_HALF = 3, WINO_SIZE = 4 };

/* Loops like FOR_EACH from i on, but without unrolling: a copy of the body for each vector needs more addresses than there are
 * registers. */
#define WINO_CHANNELS(i, n, ...)                             \
    do {                                                     \
        WINO_LOOP for (; i + V_WIDTH <= (n); i += V_WIDTH) { \
            const int64_t j = V_WIDTH;                       \
            __VA_ARGS__;                                     \
        }                                                    \
        if (i < (n)) {                                       \
            const int64_t j = (n)-i;                         \
            __VA_ARGS__;                                     \
        }                                                    \
    } while (0)

/* ---- whole tiles of 3x3 and 2x2 taps, V_WIDTH channels: without branches, and without t in memory ---------------------
 * Along x each row makes half of the columns, so that those of all rows fit the registers, and is read again for the
 * other half, because the halves share nearly no arithmetic. */

/* Computes columns s0, s0 + 1, ... of v. */
V_FN void wino_input_columns(const int taps_y, const int taps_x, const int s0, const int count, const float *const *x, int64_t i, float *v,
                             int64_t stride) {
    const int rows = WINO_SPAN(taps_y, WINO_SIZE), columns = WINO_SPAN(taps_x, WINO_SIZE);
    v_f32 t[WINO_SPOTS * WINO_HALF], d[WINO_SPOTS], out[WINO_SPOTS];
    WINO_EACH(r, rows) {
        WINO_EACH(s, columns) d[s] = v_load(x[r * columns + s] + i);
        wino_spread(taps_x, WINO_SIZE, d, out);
        WINO_EACH(s, count) t[r * WINO_HALF + s] = out[s0 + s];
    }
    WINO_EACH(s, count) {
        WINO_EACH(r, rows) d[r] = t[r * WINO_HALF + s];
        wino_spread(taps_y, WINO_SIZE, d, out);
        WINO_EACH(r, rows) v_store(v + (r * columns + s0 + s) * stride + i, out[r]);
    }
}

/* Computes columns odd, odd + 2 of y, those of even or of odd powers. */
V_FN void wino_output_columns(const int taps_y, const int taps_x, const int odd, const float *m, int64_t stride, const float *bias,
                              const float *add, float *y, int64_t line, int64_t pixel) {
    const int rows = WINO_SPAN(taps_y, WINO_SIZE), columns = WINO_SPAN(taps_x, WINO_SIZE);
    v_f32 t[WINO_SPOTS * 2], d[WINO_SPOTS], out[WINO_SIZE];
    WINO_EACH(r, rows) {
        WINO_EACH(s, columns) d[s] = v_load(m + (r * columns + s) * stride);
        wino_gather(taps_x, WINO_SIZE, d, out);
        WINO_EACH(s, 2) t[r * 2 + s] = out[odd + 2 * s];
    }
    const v_f32 shift = bias ? flush(v_load(bias)) : v_zero();
    WINO_EACH(s, 2) {
        const int64_t at = (odd + 2 * s) * pixel;
        WINO_EACH(r, rows) d[r] = t[r * 2 + s];
        wino_gather(taps_y, WINO_SIZE, d, out);
        WINO_EACH(r, WINO_SIZE) out[r] = v_add(out[r], shift);
        if (add) WINO_EACH(r, WINO_SIZE) out[r] = v_add(out[r], v_load(add + at + r * line));
        WINO_EACH(r, WINO_SIZE) v_store(y + at + r * line, out[r]);
    }
}

/* Computes columns s0, s0 + 1, ... of e. */
V_FN void wino_error_columns(const int taps_y, const int taps_x, const int s0, const int count, const float *dy, int64_t line,
                             int64_t pixel, float *e, int64_t stride) {
    const int rows = WINO_SPAN(taps_y, WINO_SIZE), columns = WINO_SPAN(taps_x, WINO_SIZE);
    v_f32 t[WINO_SIZE * WINO_HALF], d[WINO_SIZE], out[WINO_SPOTS];
    WINO_EACH(r, WINO_SIZE) {
        WINO_EACH(s, WINO_SIZE) d[s] = v_load(dy + r * line + s * pixel);
        wino_scatter(taps_x, WINO_SIZE, d, out);
        WINO_EACH(s, count) t[r * WINO_HALF + s] = out[s0 + s];
    }
    WINO_EACH(s, count) {
        WINO_EACH(r, WINO_SIZE) d[r] = t[r * WINO_HALF + s];
        wino_scatter(taps_y, WINO_SIZE, d, out);
        WINO_EACH(r, rows) v_store(e + (r * columns + s0 + s) * stride, out[r]);
    }
}

/* Runs DO(taps_y, taps_x) with both as constants if the tile is whole and has such taps. */
#define WINO_WHOLE(tile, DO)                                                                                    \
    switch ((tile)->rows * (tile)->columns < WINO_SIZE * WINO_SIZE ? 0 : (tile)->taps_y * 4 + (tile)->taps_x) { \
    case 10: DO(2, 2); break;                                                                                   \
    case 15: DO(3, 3); break;                                                                                   \
    default: break;                                                                                             \
    }

/* ---- any tile, a vector of j channels: along x into t, then along y ------------------------------------------------- */

/* Values [line][step] of channels; the distances are in floats. */
typedef struct wino_grid {
    int64_t line, step;
} wino_grid;
static const wino_grid wino_t = {WINO_SPOTS * V_WIDTH, V_WIDTH};

/* Reads the channels of x from number i on. An axis without a transform is left out: then t is x, or v. */
V_FN void wino_input_vector(const vaei_winograd_tile *tile, const float *const *x, int64_t i, const int64_t j, float *v, int64_t stride) {
    _Alignas(64) float t[WINO_SPOTS * WINO_SPOTS * V_WIDTH];
    const int64_t rows = WINO_SPAN(tile->taps_y, tile->rows), columns = WINO_SPAN(tile->taps_x, tile->columns);
    const int64_t last = WINO_SPOT(tile->taps_x, tile->columns, columns - 1);
    const wino_grid all = {vaei_winograd_points(tile->taps_x) * stride, stride};
    const int32_t along_x = tile->taps_x > 1, along_y = tile->taps_y > 1;
    const wino_grid grid = along_y ? wino_t : all;
    float *const between = along_y ? t : v;
    v_f32 d[WINO_SPOTS], out[WINO_SPOTS];
#define WINO_ROW(taps, size)                                                                           \
    WINO_LOOP for (int64_t r = 0; r < rows; r++) {                                                     \
        const float *const *const from = x + r * columns;                                              \
        float *const to = between + r * grid.line;                                                     \
        WINO_EACH(s, WINO_SPAN(taps, size)) d[s] = get(from[s] + i, j);                                \
        wino_spread(taps, size, d, out);                                                               \
        WINO_EACH(s, WINO_SPAN(taps, size)) put(to + WINO_SPOT(taps, size, s) * grid.step, j, out[s]); \
    }
#define WINO_COLUMN(taps, size)                                                                       \
    WINO_LOOP for (int64_t n = 0; n < columns; n++) {                                                 \
        const int64_t point = n < columns - 1 ? n : last;                                             \
        float *const to = v + point * all.step;                                                       \
        WINO_EACH(r, WINO_SPAN(taps, size))                                                           \
        d[r] = get(along_x ? t + r * wino_t.line + point * wino_t.step : x[r * columns + n] + i, j);  \
        wino_spread(taps, size, d, out);                                                              \
        WINO_EACH(r, WINO_SPAN(taps, size)) put(to + WINO_SPOT(taps, size, r) * all.line, j, out[r]); \
    }
    if (along_x || !along_y) WINO_AXIS(tile->taps_x, tile->columns, WINO_ROW)
    if (along_y) WINO_AXIS(tile->taps_y, tile->rows, WINO_COLUMN)
#undef WINO_ROW
#undef WINO_COLUMN
}
static VAEI_TARGET void winograd_input(int64_t channels, const vaei_winograd_tile *tile, const float *const *x, float *v, int64_t stride) {
    int64_t i = 0;
#define WINO_TILE(taps_y, taps_x)                                                 \
    WINO_LOOP for (; i + V_WIDTH <= channels; i += V_WIDTH) {                     \
        wino_input_columns(taps_y, taps_x, 0, WINO_HALF, x, i, v, stride);        \
        wino_input_columns(taps_y, taps_x, WINO_HALF, (taps_x), x, i, v, stride); \
    }
    WINO_WHOLE(tile, WINO_TILE)
#undef WINO_TILE
    WINO_CHANNELS(i, channels, wino_input_vector(tile, x, i, j, v + i, stride));
}

V_FN void wino_output_vector(const vaei_winograd_tile *tile, const int64_t j, const float *m, int64_t stride, const float *bias,
                             const float *add, float *y, int64_t line, int64_t pixel) {
    _Alignas(64) float t[WINO_SPOTS * WINO_SPOTS * V_WIDTH];
    const int64_t rows = WINO_SPAN(tile->taps_y, tile->rows), columns = tile->columns;
    const int64_t last = WINO_SPOT(tile->taps_y, tile->rows, rows - 1);
    const wino_grid all = {vaei_winograd_points(tile->taps_x) * stride, stride};
    const int32_t along_x = tile->taps_x > 1;
    const wino_grid grid = along_x ? wino_t : all;
    const float *const between = along_x ? t : m;
    const v_f32 shift = bias ? flush(get(bias, j)) : v_zero();
    v_f32 d[WINO_SPOTS], out[WINO_SIZE];
#define WINO_ROW(taps, size)                                                                           \
    WINO_LOOP for (int64_t n = 0; n < rows; n++) {                                                     \
        const int64_t point = n < rows - 1 ? n : last;                                                 \
        const float *const from = m + point * all.line;                                                \
        float *const to = t + point * wino_t.line;                                                     \
        WINO_EACH(s, WINO_SPAN(taps, size)) d[s] = get(from + WINO_SPOT(taps, size, s) * all.step, j); \
        wino_gather(taps, size, d, out);                                                               \
        WINO_EACH(s, size) put(to + s * wino_t.step, j, out[s]);                                       \
    }
#define WINO_COLUMN(taps, size)                                                                         \
    WINO_LOOP for (int64_t s = 0; s < columns; s++) {                                                   \
        const float *const from = between + s * grid.step, *const plus = add ? add + s * pixel : NULL;  \
        float *const to = y + s * pixel;                                                                \
        WINO_EACH(r, WINO_SPAN(taps, size)) d[r] = get(from + WINO_SPOT(taps, size, r) * grid.line, j); \
        wino_gather(taps, size, d, out);                                                                \
        WINO_EACH(r, size) out[r] = v_add(out[r], shift);                                               \
        if (plus) WINO_EACH(r, size) out[r] = v_add(out[r], get(plus + r * line, j));                   \
        WINO_EACH(r, size) put(to + r * line, j, out[r]);                                               \
    }
    if (along_x) WINO_AXIS(tile->taps_x, tile->columns, WINO_ROW)
    WINO_AXIS(tile->taps_y, tile->rows, WINO_COLUMN)
#undef WINO_ROW
#undef WINO_COLUMN
}
static VAEI_TARGET void winograd_output(int64_t channels, const vaei_winograd_tile *tile, const float *m, int64_t stride, const float *bias,
                                        const float *add, float *y, int64_t line, int64_t pixel) {
    int64_t i = 0;
#define WINO_TILE(taps_y, taps_x)                                                               \
    WINO_LOOP for (; i + V_WIDTH <= channels; i += V_WIDTH) {                                   \
        const float *const shift = bias ? bias + i : NULL, *const plus = add ? add + i : NULL;  \
        wino_output_columns(taps_y, taps_x, 0, m + i, stride, shift, plus, y + i, line, pixel); \
        wino_output_columns(taps_y, taps_x, 1, m + i, stride, shift, plus, y + i, line, pixel); \
    }
    WINO_WHOLE(tile, WINO_TILE)
#undef WINO_TILE
    WINO_CHANNELS(i, channels,
                  wino_output_vector(tile, j, m + i, stride, bias ? bias + i : NULL, add ? add + i : NULL, y + i, line, pixel));
}

V_FN void wino_error_vector(const vaei_winograd_tile *tile, const int64_t j, const float *dy, int64_t line, int64_t pixel, float *e,
                            int64_t stride) {
    _Alignas(64) float t[WINO_SPOTS * WINO_SPOTS * V_WIDTH];
    const int64_t columns = WINO_SPAN(tile->taps_x, tile->columns);
    const int64_t last = WINO_SPOT(tile->taps_x, tile->columns, columns - 1);
    const wino_grid all = {vaei_winograd_points(tile->taps_x) * stride, stride}, pixels = {line, pixel};
    const int32_t along_x = tile->taps_x > 1, along_y = tile->taps_y > 1;
    const wino_grid into = along_y ? wino_t : all, out_of = along_x ? wino_t : pixels;
    float *const to_x = along_y ? t : e;
    const float *const from_y = along_x ? t : dy;
    v_f32 d[WINO_SIZE], out[WINO_SPOTS];
#define WINO_ROW(taps, size)                                                                           \
    WINO_LOOP for (int64_t r = 0; r < tile->rows; r++) {                                               \
        const float *const from = dy + r * line;                                                       \
        float *const to = to_x + r * into.line;                                                        \
        WINO_EACH(s, size) d[s] = get(from + s * pixel, j);                                            \
        wino_scatter(taps, size, d, out);                                                              \
        WINO_EACH(s, WINO_SPAN(taps, size)) put(to + WINO_SPOT(taps, size, s) * into.step, j, out[s]); \
    }
#define WINO_COLUMN(taps, size)                                                                       \
    WINO_LOOP for (int64_t n = 0; n < columns; n++) {                                                 \
        const int64_t point = n < columns - 1 ? n : last;                                             \
        const float *const from = from_y + point * out_of.step;                                       \
        float *const to = e + point * all.step;                                                       \
        WINO_EACH(r, size) d[r] = get(from + r * out_of.line, j);                                     \
        wino_scatter(taps, size, d, out);                                                             \
        WINO_EACH(r, WINO_SPAN(taps, size)) put(to + WINO_SPOT(taps, size, r) * all.line, j, out[r]); \
    }
    if (along_x || !along_y) WINO_AXIS(tile->taps_x, tile->columns, WINO_ROW)
    if (along_y) WINO_AXIS(tile->taps_y, tile->rows, WINO_COLUMN)
#undef WINO_ROW
#undef WINO_COLUMN
}
static VAEI_TARGET void winograd_error(int64_t channels, const vaei_winograd_tile *tile, const float *dy, int64_t line, int64_t pixel,
                                       float *e, int64_t stride) {
    int64_t i = 0;
#define WINO_TILE(taps_y, taps_x)                                                                    \
    WINO_LOOP for (; i + V_WIDTH <= channels; i += V_WIDTH) {                                        \
        wino_error_columns(taps_y, taps_x, 0, WINO_HALF, dy + i, line, pixel, e + i, stride);        \
        wino_error_columns(taps_y, taps_x, WINO_HALF, (taps_x), dy + i, line, pixel, e + i, stride); \
    }
    WINO_WHOLE(tile, WINO_TILE)
#undef WINO_TILE
    WINO_CHANNELS(i, channels, wino_error_vector(tile, j, dy + i, line, pixel, e + i, stride));
}

/* ---- weights in double, where a lane is a filter: along y into t, then along x ------------------------------------ */

/* 1 over the product of p - q over the other points q, for the points 0, A, -A, B of two taps and 0, +-A, +-B of three taps */
#define WINO_TWO_0   (1 / ((double)WINO_A2 * WINO_B))
#define WINO_TWO_A   (1 / (2 * (double)WINO_A2 * (WINO_A - WINO_B)))
#define WINO_TWO_MA  (-1 / (2 * (double)WINO_A2 * (WINO_A + WINO_B)))
#define WINO_TWO_B   (1 / ((double)WINO_B * (WINO_B2 - WINO_A2)))
#define WINO_THREE_0 (1 / ((double)WINO_A2 * WINO_B2))
#define WINO_THREE_A (1 / (2 * (double)WINO_A2 * (WINO_A2 - WINO_B2)))
#define WINO_THREE_B (1 / (2 * (double)WINO_B2 * (WINO_B2 - WINO_A2)))

/* u = G g */
V_FN void wino_weight_axis(const int taps, const v_f64 *g, v_f64 *u) {
    const v_f64 a = v_wide_set(WINO_A), b = v_wide_set(WINO_B), less_a = v_wide_set(-WINO_A);
    if (taps == 1) {
        u[0] = g[0];
    } else if (taps == 2) {
        u[0] = v_wide_mul(v_wide_set(WINO_TWO_0), g[0]);
        u[1] = v_wide_mul(v_wide_set(WINO_TWO_A), v_wide_fma(a, g[1], g[0]));
        u[2] = v_wide_mul(v_wide_set(WINO_TWO_MA), v_wide_fma(less_a, g[1], g[0]));
        u[3] = v_wide_mul(v_wide_set(WINO_TWO_B), v_wide_fma(b, g[1], g[0]));
        u[4] = g[1];
    } else {
        const v_f64 even_a = v_wide_fma(v_wide_set(WINO_A2), g[2], g[0]), odd_a = v_wide_mul(a, g[1]);
        const v_f64 even_b = v_wide_fma(v_wide_set(WINO_B2), g[2], g[0]), odd_b = v_wide_mul(b, g[1]);
        u[0] = v_wide_mul(v_wide_set(WINO_THREE_0), g[0]);
        u[1] = v_wide_mul(v_wide_set(WINO_THREE_A), v_wide_add(even_a, odd_a));
        u[2] = v_wide_mul(v_wide_set(WINO_THREE_A), v_wide_sub(even_a, odd_a));
        u[3] = v_wide_mul(v_wide_set(WINO_THREE_B), v_wide_add(even_b, odd_b));
        u[4] = v_wide_mul(v_wide_set(WINO_THREE_B), v_wide_sub(even_b, odd_b));
        u[5] = g[2];
    }
}

/* dg = G' du */
V_FN void wino_weight_grad_axis(const int taps, const v_f64 *du, v_f64 *dg) {
    if (taps == 1) {
        dg[0] = du[0];
    } else if (taps == 2) {
        const v_f64 a = v_wide_mul(v_wide_set(WINO_TWO_A), du[1]), less_a = v_wide_mul(v_wide_set(WINO_TWO_MA), du[2]);
        const v_f64 b = v_wide_mul(v_wide_set(WINO_TWO_B), du[3]);
        dg[0] = v_wide_add(v_wide_fma(v_wide_set(WINO_TWO_0), du[0], v_wide_add(a, less_a)), b);
        dg[1] = v_wide_fma(v_wide_set(WINO_A), v_wide_sub(a, less_a), v_wide_fma(v_wide_set(WINO_B), b, du[4]));
    } else {
        const v_f64 norm_a = v_wide_set(WINO_THREE_A), norm_b = v_wide_set(WINO_THREE_B);
        const v_f64 even_a = v_wide_mul(norm_a, v_wide_add(du[1], du[2])), odd_a = v_wide_mul(norm_a, v_wide_sub(du[1], du[2]));
        const v_f64 even_b = v_wide_mul(norm_b, v_wide_add(du[3], du[4])), odd_b = v_wide_mul(norm_b, v_wide_sub(du[3], du[4]));
        dg[0] = v_wide_add(v_wide_fma(v_wide_set(WINO_THREE_0), du[0], even_a), even_b);
        dg[1] = v_wide_fma(v_wide_set(WINO_A), odd_a, v_wide_mul(v_wide_set(WINO_B), odd_b));
        dg[2] = v_wide_fma(v_wide_set(WINO_A2), even_a, v_wide_fma(v_wide_set(WINO_B2), even_b, du[5]));
    }
}

/* Runs DO(taps_y, taps_x) with both as constants */
#define WINO_TAPS(taps_y, taps_x, DO) \
    switch ((taps_y)*4 + (taps_x)) {  \
    case 5: DO(1, 1); break;          \
    case 6: DO(1, 2); break;          \
    case 7: DO(1, 3); break;          \
    case 9: DO(2, 1); break;          \
    case 10: DO(2, 2); break;         \
    case 11: DO(2, 3); break;         \
    case 13: DO(3, 1); break;         \
    case 14: DO(3, 2); break;         \
    case 15: DO(3, 3); break;         \
    default: break;                   \
    }

V_FN void wino_weight_block(const int taps_y, const int taps_x, const float *g, int64_t row, const int64_t *tap, const float *scale,
                            float *u, int64_t stride, int64_t i, const int64_t j) {
    const int64_t panels_y = vaei_winograd_panels(taps_y), panels_x = vaei_winograd_panels(taps_x);
    v_f64 t[WINO_SPOTS * 3], d[3], out[WINO_SPOTS];
    const v_f64 factor = scale ? v_wide(get(scale + i, j)) : v_wide_set(1);
    for (int64_t s = 0; s < taps_x; s++) {
        WINO_EACH(r, taps_y) d[r] = v_wide_mul(v_wide(flush(get(g + tap[r * taps_x + s] * row + i, j))), factor);
        wino_weight_axis(taps_y, d, out);
        WINO_EACH(r, panels_y) t[r * taps_x + s] = out[r];
    }
    for (int64_t r = 0; r < panels_y; r++, u += panels_x * stride) {
        wino_weight_axis(taps_x, t + r * taps_x, out);
        WINO_EACH(s, panels_x) put(u + s * stride + i, j, flush(v_narrow(out[s])));
    }
}

V_FN void wino_weight_grad_block(const int taps_y, const int taps_x, const float *du, int64_t stride, float *g, int64_t row,
                                 const int64_t *tap, int64_t i, const int64_t j) {
    const int64_t panels_y = vaei_winograd_panels(taps_y), panels_x = vaei_winograd_panels(taps_x);
    v_f64 t[WINO_SPOTS * 3], d[WINO_SPOTS], out[3];
    for (int64_t r = 0; r < panels_y; r++, du += panels_x * stride) {
        WINO_EACH(s, panels_x) d[s] = v_wide(get(du + s * stride + i, j));
        wino_weight_grad_axis(taps_x, d, out);
        WINO_EACH(s, taps_x) t[r * taps_x + s] = out[s];
    }
    for (int64_t s = 0; s < taps_x; s++) {
        WINO_EACH(r, panels_y) d[r] = t[r * taps_x + s];
        wino_weight_grad_axis(taps_y, d, out);
        WINO_EACH(r, taps_y) put(g + tap[r * taps_x + s] * row + i, j, v_narrow(out[r]));
    }
}

#define WINO_WEIGHT(y, x) FOR_EACH(count, wino_weight_block(y, x, g, row, tap, scale, u, stride, i, j))
static VAEI_TARGET void winograd_weight(int64_t count, int64_t taps_y, int64_t taps_x, const float *g, int64_t row, const int64_t *tap,
                                        const float *scale, float *u, int64_t stride) {
    WINO_TAPS(taps_y, taps_x, WINO_WEIGHT)
}

#define WINO_WEIGHT_GRAD(y, x) FOR_EACH(count, wino_weight_grad_block(y, x, du, stride, g, row, tap, i, j))
static VAEI_TARGET void winograd_weight_grad(int64_t count, int64_t taps_y, int64_t taps_x, const float *du, int64_t stride, float *g,
                                             int64_t row, const int64_t *tap) {
    WINO_TAPS(taps_y, taps_x, WINO_WEIGHT_GRAD)
}
