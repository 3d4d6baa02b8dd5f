/* SPDX-License-Identifier: MIT
 * cell.tmpl.h - computes one step of a recurrent cell, forward and backward, over rows of H units, with the vectors of simd_*.h.
 *
 *     a: the contribution of x to the gates; s: that of the previous state; h0, c0: the previous state; dh, dc: the gradients of h, c
 *
 *     GRU     r = sigmoid(a_r + s_r)    z = sigmoid(a_z + s_z)    n = tanh(a_n + r s_n)    h = n + z (h0 - n)
 *             da_n = dh (1 - z) (1 - n^2)    da_z = dh (h0 - n) z (1 - z)    da_r = da_n s_n r (1 - r)
 *             ds = da_r, da_z, r da_n        dh0 = z dh + ...
 *     LSTM    i, f, o = sigmoid(a + s)  g = tanh(a_g + s_g)       c = f c0 + i g           h = o tanh(c)
 *             dc = dc + dh o (1 - tanh(c)^2)    dc0 = f dc
 *             da_i = dc g i (1 - i)    da_f = dc c0 f (1 - f)    da_g = dc i (1 - g^2)    da_o = dh tanh(c) o (1 - o)    ds = da
 *
 * The gates have the order of torch.nn.GRU (r, z, n) and torch.nn.LSTM (i, f, g, o). Results below VAEI_TINY are 0. A file must include
 * vec.tmpl.h before this one. */

V_FN v_f32 times_slope_of_sigmoid(v_f32 s, v_f32 d) {
    return v_mul(v_fnma(s, s, s), d);
}
V_FN v_f32 times_slope_of_tanh(v_f32 t, v_f32 d) {
    return v_mul(v_fnma(t, t, v_set(1.0f)), d);
}

V_FN void gru_step(const vaei_cell *c, int64_t row, int64_t i, int64_t j) {
    const int64_t H = c->size;
    float *const a = c->gates + row * 3 * H + i;
    const float *const s = c->added + row * 3 * H + i;
    const v_f32 s_n = get(s + 2 * H, j), before = get(c->before + row * c->ld + i, j);
    const v_f32 r = sigmoid_of(v_add(get(a, j), get(s, j))), z = sigmoid_of(v_add(get(a + H, j), get(s + H, j)));
    const v_f32 n = tanh_of(v_fma(r, s_n, get(a + 2 * H, j)));
    put(a, j, flush(r));
    put(a + H, j, flush(z));
    put(a + 2 * H, j, flush(n));
    put(c->kept + row * H + i, j, s_n);
    put(c->h + row * c->ld + i, j, flush(v_fma(z, v_sub(before, n), n)));
}
static VAEI_TARGET void gru_forward(const vaei_cell *c) {
    for (int64_t row = 0; row < c->rows; row++) FOR_EACH(c->size, gru_step(c, row, i, j));
}

V_FN void gru_step_back(const vaei_cell *c, int64_t row, int64_t i, int64_t j) {
    const int64_t H = c->size;
    float *const a = c->gates + row * 3 * H + i, *const ds = c->d_added + row * 3 * H + i, *const carry = c->dh + row * H + i;
    const v_f32 r = get(a, j), z = get(a + H, j), n = get(a + 2 * H, j), dh = get(carry, j);
    const v_f32 before = get(c->before + row * c->ld + i, j);
    const v_f32 d_n = flush(times_slope_of_tanh(n, v_fnma(z, dh, dh)));
    const v_f32 d_z = flush(times_slope_of_sigmoid(z, v_mul(dh, v_sub(before, n))));
    const v_f32 d_r = flush(times_slope_of_sigmoid(r, v_mul(d_n, get(c->kept + row * H + i, j))));
    put(a, j, d_r);
    put(a + H, j, d_z);
    put(a + 2 * H, j, d_n);
    put(ds, j, d_r);
    put(ds + H, j, d_z);
    put(ds + 2 * H, j, flush(v_mul(r, d_n)));
    put(carry, j, flush(v_mul(z, dh)));
}
static VAEI_TARGET void gru_backward(const vaei_cell *c) {
    for (int64_t row = 0; row < c->rows; row++) FOR_EACH(c->size, gru_step_back(c, row, i, j));
}

V_FN void lstm_step(const vaei_cell *c, int64_t row, int64_t i, int64_t j) {
    const int64_t H = c->size;
    float *const a = c->gates + row * 4 * H + i;
    const float *const s = c->added + row * 4 * H + i;
    const v_f32 in = flush(sigmoid_of(v_add(get(a, j), get(s, j)))), forget = flush(sigmoid_of(v_add(get(a + H, j), get(s + H, j))));
    const v_f32 g = flush(tanh_of(v_add(get(a + 2 * H, j), get(s + 2 * H, j))));
    const v_f32 out = flush(sigmoid_of(v_add(get(a + 3 * H, j), get(s + 3 * H, j))));
    const v_f32 state = flush(v_fma(forget, get(c->kept_before + row * H + i, j), v_mul(in, g)));
    put(a, j, in);
    put(a + H, j, forget);
    put(a + 2 * H, j, g);
    put(a + 3 * H, j, out);
    put(c->kept + row * H + i, j, state);
    put(c->h + row * c->ld + i, j, flush(v_mul(out, tanh_of(state))));
}
static VAEI_TARGET void lstm_forward(const vaei_cell *c) {
    for (int64_t row = 0; row < c->rows; row++) FOR_EACH(c->size, lstm_step(c, row, i, j));
}

V_FN void lstm_step_back(const vaei_cell *c, int64_t row, int64_t i, int64_t j) {
    const int64_t H = c->size;
    float *const a = c->gates + row * 4 * H + i, *const carry = c->dc + row * H + i;
    const v_f32 in = get(a, j), forget = get(a + H, j), g = get(a + 2 * H, j), out = get(a + 3 * H, j);
    const v_f32 dh = get(c->dh + row * H + i, j), t = tanh_of(get(c->kept + row * H + i, j));
    const v_f32 dc = v_add(get(carry, j), times_slope_of_tanh(t, v_mul(dh, out)));
    put(a, j, flush(times_slope_of_sigmoid(in, v_mul(dc, g))));
    put(a + H, j, flush(times_slope_of_sigmoid(forget, v_mul(dc, get(c->kept_before + row * H + i, j)))));
    put(a + 2 * H, j, flush(times_slope_of_tanh(g, v_mul(dc, in))));
    put(a + 3 * H, j, flush(times_slope_of_sigmoid(out, v_mul(dh, t))));
    put(carry, j, flush(v_mul(forget, dc)));
}
static VAEI_TARGET void lstm_backward(const vaei_cell *c) {
    for (int64_t row = 0; row < c->rows; row++) FOR_EACH(c->size, lstm_step_back(c, row, i, j));
}
