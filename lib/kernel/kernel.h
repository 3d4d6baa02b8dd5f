/* SPDX-License-Identifier: MIT
 * kernel.h - floor 1: arithmetic on raw pointers and sizes. A kernel cannot fail, does not allocate, and knows no layers.
 *
 * Each instruction set has one const table of functions. A context chooses a table once and passes it down. One rule gives equal bits on
 * every CPU: in each entry the sizes alone fix the order of the operations, with explicit fused multiply-add. The portable table is the
 * definition, and every other one must equal it bit for bit (tests/check_vec.c, check_tile.c).
 *
 *   isa_*.c      the tables portable, avx2, avx512, neon, wasm128; each instantiates vec.tmpl.h and tile.tmpl.h over simd_*.h
 *   vec.tmpl.h   maps, reductions, optimizer steps       tile.tmpl.h  the two inner loops of all products
 *   cell.tmpl.h  a step of GRU and LSTM
 *   transpose.tmpl.h  transposition, and packing of weights
 *   gemm.c       matrix products over the tiles (gemm.h) conv.c       convolution and both its gradients (conv.h)
 *   noise.c      normal and uniform numbers              blas.c       the same products by cblas
 *
 * Values below VAEI_TINY are set to zero wherever many of them are multiplied: packed weights, biases, finished rows of products and norms,
 * activations and their gradients, the state of an optimizer. So no product of two of them is below the normal range of floats, where
 * processors are up to 200 times slower. The rule is arithmetic and not a mode of the processor, because modes differ between processors in
 * what they round first, and because the mode of the host must not matter.
 *
 * Orders of summation. Products: each output is one chain of FMA over the reduction index, ascending. Sums: element i is added to
 * lane i mod 16 (double); then lanes are added in pairs: lane j += lane j + 8, then + 4, + 2, + 1. */
#ifndef VAEI_KERNEL_H
#define VAEI_KERNEL_H

#include "base/base.h"

#define VAEI_TINY 0x1p-63f /* about 1.1e-19; its square is the smallest normal float */

/* Flushes one value. It tests the bits, because a comparison of floats may be slow too. */
VAEI_INLINE float vaei_flushed(float x) {
    const float least = VAEI_TINY;
    uint32_t bits, limit;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&limit, &least, sizeof limit);
    if ((bits & 0x7fffffffu) < limit) bits &= 0x80000000u;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

/* y = f(x), flushed except for exp and log. The argument `a` is the slope of leaky_relu or the alpha of elu; other maps ignore it. */
enum {
    VAEI_MAP_RELU,       /* max(x, 0)                          gradient from y */
    VAEI_MAP_LEAKY_RELU, /* x > 0 ? x : a x     (a >= 0)       from y */
    VAEI_MAP_ELU,        /* x > 0 ? x : a (e^x - 1)  (a > 0)   from y: y > 0 ? 1 : y + a */
    VAEI_MAP_TANH,       /*                                    from y: 1 - y^2 */
    VAEI_MAP_SIGMOID,    /* 1 / (1 + e^-x)                     from y: y (1 - y) */
    VAEI_MAP_SILU,       /* x sigmoid(x)                       from x */
    VAEI_MAP_GELU,       /* x/2 (1 + erf(x / sqrt 2))          from x */
    VAEI_MAP_SOFTPLUS,   /* log(1 + e^x)                       from x: sigmoid(x) */
    VAEI_MAP_EXP,        /* e^x                                from y */
    VAEI_MAP_LOG,        /* ln x                               from x: 1 / x */
    VAEI_MAP_COUNT
};

/* A tile of outputs in Winograd's algorithm: rows x columns of them (1 to 4), for a kernel of taps_y x taps_x (1 to 3). */
typedef struct vaei_winograd_tile {
    int64_t taps_y, taps_x, rows, columns;
} vaei_winograd_tile;

/* Along an axis: the input values that `size` outputs read; the points of a whole tile; the panels of transformed weights. */
VAEI_INLINE int64_t vaei_winograd_span(int64_t taps, int64_t size) {
    return size + taps - 1;
}
VAEI_INLINE int64_t vaei_winograd_points(int64_t taps) {
    return taps + 3;
}
VAEI_INLINE int64_t vaei_winograd_panels(int64_t taps) {
    return taps == 1 ? 1 : taps + 3;
}

/* The rates of one step of an optimizer, for all weights of a slice. */
typedef struct vaei_adam_rates {
    float step, root; /* lr / (1 - b1^t), 1 / sqrt(1 - b2^t) */
    float b1, b2, eps, decay;
} vaei_adam_rates;
typedef struct vaei_sgd_rates {
    float lr, momentum, decay;
    int32_t nesterov;
} vaei_sgd_rates;

/* One step of a recurrent cell for `rows` examples of H = size units, with G gates of H units (formulas in cell.tmpl.h). Rows are
 * contiguous; only those of h are `ld` floats apart. */
typedef struct vaei_cell {
    int64_t rows, size, ld;
    float *gates;        /* [rows][G H] the contribution of x; forward: becomes the gates; backward: from the gates to their gradient */
    const float *added;  /* [rows][G H] the contribution of the previous state */
    const float *before; /* [rows] h of the previous step, ld floats apart */
    const float *kept_before; /* [rows][H] LSTM: c of the previous step */
    float *kept;              /* [rows][H] GRU: `added` of n, which backward reads; LSTM: c */
    float *h;                 /* [rows] ld floats apart */
    float *d_added;           /* [rows][G H] GRU: the gradient by `added`; for LSTM it equals the gradient by the gates */
    float *dh; /* [rows][H] input; GRU: becomes that part of the gradient of the previous h that does not pass through `added` */
    float *dc; /* [rows][H] LSTM: the gradient of c; becomes that of the previous c */
} vaei_cell;

typedef struct vaei_kernels {
    const char *name; /* "avx2" */
    int32_t isa;      /* 1 portable, 2 avx2, 3 avx512, 4 neon, 5 wasm128, like the public constants */
    int32_t blas;     /* 1: products are computed by cblas */
    int32_t mr, nr;   /* a tile has at most nr columns and any number of rows, preferably a multiple of mr */
    int32_t lanes;    /* lanes of a vector; nr is a multiple of it */

    /* -- tile.tmpl.h ---------------------------------------------------------------------------------------------
     * dot_tile: c[i][j] = init + sum_t sum_k a[t * m + i][k] * b[(t * depth + k) * columns + j]
     *   i < m rows, j < n <= nr columns; t < taps, k < depth, one FMA chain in that order. a: pointers to rows contiguous in k.
     *   b: a packed panel of vaei_panel_columns(n), zero beyond n. c: pointers to m rows. init: c itself (accumulate), else bias[j],
     *   else 0 (bias NULL). */
    void (*dot_tile)(int64_t m, int64_t n, int64_t taps, int64_t depth, const float *const *a, const float *b, float *const *c,
                     const float *bias, int32_t accumulate);
    /* dot_tile_plain: the same with one tap and an unpacked b[k * ldb + j]. It reads nothing beyond b[k * ldb + n - 1]. */
    void (*dot_tile_plain)(int64_t m, int64_t n, int64_t depth, const float *const *a, const float *b, int64_t ldb, float *const *c,
                           const float *bias, int32_t accumulate);
    /* outer_tile: c[i * ldc + j] = (accumulate: c +) sum_p a[p][i] * b[p][j]     i < m, j < n <= nr, p < depth ascending.
     *   The sum is computed first (a chain of FMA from 0), then written or added to c. a, b: depth pointers each. It reads nothing
     *   beyond a[p][m - 1], b[p][n - 1]. */
    void (*outer_tile)(int64_t m, int64_t n, int64_t depth, const float *const *a, const float *const *b, float *c, int64_t ldc,
                       int32_t accumulate);

    /* -- winograd.tmpl.h: the transforms of conv_winograd.c, channel by channel, for one tile --------------------------
     * winograd_input: from the pixels x[span_y][span_x] that the tile reads to its points in v[points_y][points_x][stride].
     * winograd_output: from its points in m[points_y][points_x][stride] to rows x columns of pixels, `line` and `pixel` floats
     *   apart; then + bias[c], then + add (with the layout of y); each may be NULL.
     * winograd_error: from the gradient of such pixels to e[points_y][points_x][stride].
     * winograd_weight: panels u[panels_y][panels_x][stride] of `count` filters side by side, multiplied by scale[i] (NULL: 1). Tap
     *   t of taps_y x taps_x is the row g[tap[t]][row]. winograd_weight_grad: from du to the gradient of such rows, g. */
    void (*winograd_input)(int64_t channels, const vaei_winograd_tile *tile, const float *const *x, float *v, int64_t stride);
    void (*winograd_output)(int64_t channels, const vaei_winograd_tile *tile, const float *m, int64_t stride, const float *bias,
                            const float *add, float *y, int64_t line, int64_t pixel);
    void (*winograd_error)(int64_t channels, const vaei_winograd_tile *tile, const float *dy, int64_t line, int64_t pixel, float *e,
                           int64_t stride);
    void (*winograd_weight)(int64_t count, int64_t taps_y, int64_t taps_x, const float *g, int64_t row, const int64_t *tap,
                            const float *scale, float *u, int64_t stride);
    void (*winograd_weight_grad)(int64_t count, int64_t taps_y, int64_t taps_x, const float *du, int64_t stride, float *g, int64_t row,
                                 const int64_t *tap);

    /* -- cell.tmpl.h --------------------------------------------------------------------------------------------- */
    void (*gru_forward)(const vaei_cell *c);
    void (*gru_backward)(const vaei_cell *c);
    void (*lstm_forward)(const vaei_cell *c);
    void (*lstm_backward)(const vaei_cell *c);

    /* -- vec.tmpl.h ---------------------------------------------------------------------------------------------
     * These are elementwise; x, y, dy, dx may be the same array. They take every size n >= 0 and any alignment of a float. */
    void (*map[VAEI_MAP_COUNT])(int64_t n, float a, const float *x, float *y);
    /* dx = f'(.) dy, where s is x or y, as the comments above say */
    void (*map_grad[VAEI_MAP_COUNT])(int64_t n, float a, const float *s, const float *dy, float *dx);
    /* y[c * ldy + r] = x[r * ldx + c]; x and y do not overlap */
    void (*transpose)(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy);
    void (*flush)(int64_t n, const float *x, float *y); /* y = |x| < VAEI_TINY ? 0 of the same sign : x; a NaN is kept */
    /* for packing: transpose and flush at once; and flush lines, y[r * ldy + c] = flushed x[r * ldx + c], where x may be y */
    void (*flush_turned)(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy);
    void (*flush_lines)(int64_t rows, int64_t cols, const float *x, int64_t ldx, float *y, int64_t ldy);
    void (*add)(int64_t n, const float *x, float *y);           /* y += x */
    void (*axpy)(int64_t n, float a, const float *x, float *y); /* y = fma(a, x, y) */
    void (*scale)(int64_t n, float a, float *y);                /* y *= a */
    /* y[i] = start + x[0][i] + x[1][i] + ... of `rows` rows, in that order */
    void (*add_rows)(int64_t n, int64_t rows, const float *const *x, float start, float *y);
    /* where x[i] < low[i], which is false for a NaN: low[i] = x[i], from[i] = tag */
    void (*keep_lower)(int64_t n, const float *x, int32_t tag, float *low, int32_t *from);
    /* y[r][c] = fma(x[r][c], scale[c], shift[c]): normalisation over the last axis; rows >= 0 */
    void (*affine)(int64_t rows, int64_t channels, const float *scale, const float *shift, const float *x, float *y);

    /* Sums in the order that the head of this file describes. */
    double (*sum)(int64_t n, const float *x);
    double (*sum_squares)(int64_t n, const float *x);                            /* squares are exact, in double */
    double (*dot)(int64_t n, const float *x, const float *y);                    /* products in double */
    double (*sum_squared_difference)(int64_t n, const float *x, const float *y); /* the difference in float, its square in double */
    /* out[c] += sum_r x[r][c] and out2[c] += sum_r x[r][c] * y[r][c], r ascending, in double; out2 may be NULL (y too) */
    void (*column_sums)(int64_t rows, int64_t channels, const float *x, const float *y, double *out, double *out2);
    int32_t (*all_finite)(int64_t n, const float *x);

    /* Bernoulli on logits: sum of softplus(a) - x a, terms in float; da = w (sigmoid(a) - x). */
    double (*bernoulli_nll)(int64_t n, const float *a, const float *x);
    void (*bernoulli_grad)(int64_t n, float w, const float *a, const float *x, float *da);

    /* Optimizer steps on a slice, by d = decay > 0 ? fma(decay, w, g) : g; g, clipped by the caller, becomes 0.
     * Adam as in PyTorch: m = b1 m + (1-b1) d; v = b2 v + (1-b2) d^2; w -= step (m / (sqrt(v) * root + eps)).
     * d, m and w are flushed, v below VAEI_TINY^2. */
    void (*adam)(int64_t n, const vaei_adam_rates *rates, float *g, float *w, float *m, float *v);
    /* PyTorch's SGD: v = momentum v + d; w -= lr (nesterov ? d + momentum v : v). v NULL: w -= lr d. v and w are flushed. */
    void (*sgd)(int64_t n, const vaei_sgd_rates *rates, float *g, float *w, float *v);

    /* computes the words of vaei_philox() */
    void (*philox)(vaei_noise_key key, uint32_t item, uint32_t first, int64_t blocks, uint32_t *out);
    /* Box-Muller over pairs of words: out[2i], out[2i+1] from bits[2i], bits[2i+1]; n even. u = (bits + 0.5) 2^-32 style, never 0. */
    void (*normal)(int64_t n, const uint32_t *bits, float *out);
} vaei_kernels;

/* The columns of a packed panel that begins where `left` columns of its matrix remain: nr, but in the last panel only as many vectors as
 * these columns need. */
VAEI_INLINE int64_t vaei_panel_columns(const vaei_kernels *k, int64_t left) {
    return left >= k->nr ? k->nr : (left + k->lanes - 1) / k->lanes * k->lanes;
}

/* isa 0: the best table that this CPU supports; otherwise the table of that isa, or NULL if this build or CPU does not have it. blas:
 * the table whose products are computed by cblas, or NULL in a build without a BLAS. */
const vaei_kernels *vaei_kernels_select(int32_t isa, int32_t blas);
/* The name of the BLAS with its core, "openblas (SkylakeX)"; "none" in a build without a BLAS. Static. */
const char *vaei_kernels_blas_name(void);

/* ---- noise.c: the first n numbers of one item of a stream, for any n ---- */
void vaei_noise_normal(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t n, float *out);
void vaei_noise_normal_from(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t first, int64_t n,
                            float *out);                                           /* the numbers from `first` on, a multiple of 4 */
void vaei_noise_uniform(vaei_noise_key key, uint32_t item, int64_t n, float *out); /* [0, 1): the top 24 bits of a word */

#endif
