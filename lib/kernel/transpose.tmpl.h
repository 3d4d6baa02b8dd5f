/* SPDX-License-Identifier: MIT
 * transpose.tmpl.h - transposition and the two ways in which weights are packed, over the vectors of simd_*.h.
 *
 * It works in blocks of LINE columns, so that lines of x are read once and in runs. Packing also sets small values to zero (VAEI_TINY in
 * kernel.h).
 *
 * A file must include vec.tmpl.h before this one, which defines the statics transpose, flush_turned and flush_lines. */

#define LINE 64 /* floats: four lines of the cache */
V_FN void transpose_plain(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy, int32_t flushes) {
    for (int64_t c = 0; c < cols; c++) {
        for (int64_t r = 0; r < rows; r++) y[c * ldy + r] = flushes ? vaei_flushed(x[r * ldx + c]) : x[r * ldx + c];
    }
}
#if V_WIDTH > 1
/* A vector of rows and four columns: the rows i, i + 4, ... are the fours of one vector, and two rounds of pairing put them in order. */
V_FN void store_turned(float *y, v_f32 x, int32_t flushes) {
    v_store(y, flushes ? flush(x) : x);
}
V_FN void transpose_fours(const float *x, int64_t ldx, float *y, int64_t ldy, int32_t flushes) {
    const v_f32 a = v_load_fours(x, 4 * ldx), b = v_load_fours(x + ldx, 4 * ldx);
    const v_f32 c = v_load_fours(x + 2 * ldx, 4 * ldx), d = v_load_fours(x + 3 * ldx, 4 * ldx);
    const v_f32 ac = v_zip_low(a, c), bd = v_zip_low(b, d), ac2 = v_zip_high(a, c), bd2 = v_zip_high(b, d);
    store_turned(y, v_zip_low(ac, bd), flushes);
    store_turned(y + ldy, v_zip_high(ac, bd), flushes);
    store_turned(y + 2 * ldy, v_zip_low(ac2, bd2), flushes);
    store_turned(y + 3 * ldy, v_zip_high(ac2, bd2), flushes);
}
V_FN void transpose_lines(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy, int32_t flushes) {
    if (rows < V_WIDTH || cols < 4) {
        transpose_plain(rows, cols, x, ldx, y, ldy, flushes);
        return;
    }
    for (int64_t r = 0; r < rows; r += V_WIDTH) { /* the last block begins earlier and writes some values again */
        const int64_t row = r + V_WIDTH <= rows ? r : rows - V_WIDTH;
        for (int64_t c = 0; c < cols; c += 4) {
            const int64_t col = c + 4 <= cols ? c : cols - 4;
            transpose_fours(x + row * ldx + col, ldx, y + col * ldy + row, ldy, flushes);
        }
    }
}
#else
#define transpose_lines transpose_plain
#endif
static VAEI_TARGET void transpose(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy) {
    for (int64_t c = 0; c < cols; c += LINE) transpose_lines(rows, cols - c < LINE ? cols - c : LINE, x + c, ldx, y + c * ldy, ldy, 0);
}
static VAEI_TARGET void flush_turned(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy) {
    for (int64_t c = 0; c < cols; c += LINE) transpose_lines(rows, cols - c < LINE ? cols - c : LINE, x + c, ldx, y + c * ldy, ldy, 1);
}
static VAEI_TARGET void flush_lines(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy) {
    for (int64_t r = 0; r < rows; r++, x += ldx, y += ldy) FOR_EACH(cols, put(y + i, j, flush(get(x + i, j))));
}
