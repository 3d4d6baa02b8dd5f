/* SPDX-License-Identifier: MIT
 * blas.c - computes the products of gemm.h by cblas_sgemm, and convolutions by columns.
 *
 *   col[p][tap][c] = x at the pixel that the tap reads for output pixel p, or 0    (im2col)
 *   forward  y = col w        data  dx = sum of w' dy over the columns of each pixel     weight  dw += col' dy
 *
 * The functions work on one block of output pixels at a time, so that the columns stay in the cache. Products are divided into blocks whose
 * sizes fit the int of cblas. */
#include "kernel/blas.h"
#include <limits.h>

#ifdef VAEI_BLAS
#include <cblas.h>

enum {
    COLUMN_FLOATS = 1 << 17, /* of one block of columns */
    EDGE = 1 << 24           /* the longest edge given to cblas: it fits an int and is a multiple of the sizes of all blocks */
};

static int64_t min_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int narrow(int64_t stride) {
    return (int)min_of(stride, INT_MAX);
}

/* c = a b + beta c, row-major, any sizes; transposed: a is [K][M]. If a stride does not fit an int, the rows are multiplied one by one. */
static void sgemm(int32_t transposed, int64_t M, int64_t N, int64_t K, const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                  float *c, int64_t ldc) {
    const int64_t rows = ldc > INT_MAX || (!transposed && lda > INT_MAX) ? 1 : EDGE;
    const int64_t depth = ldb > INT_MAX || (transposed && lda > INT_MAX) ? 1 : EDGE;
    for (int64_t m = 0; m < M; m += rows) {
        for (int64_t n = 0; n < N; n += EDGE) {
            for (int64_t k = 0; k < K; k += depth) {
                cblas_sgemm(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)min_of(rows, M - m),
                            (int)min_of(EDGE, N - n), (int)min_of(depth, K - k), 1.0f, a + (transposed ? k * lda + m : m * lda + k),
                            narrow(lda), b + k * ldb + n, narrow(ldb), k == 0 ? beta : 1.0f, c + m * ldc + n, narrow(ldc));
            }
        }
    }
}

static void fill_rows(int64_t M, int64_t N, const float *bias, float *y, int64_t ldy) {
    for (int64_t m = 0; m < M; m++) {
        if (bias) {
            memcpy(y + m * ldy, bias, (size_t)N * sizeof *y);
        } else {
            memset(y + m * ldy, 0, (size_t)N * sizeof *y);
        }
    }
}

void vaei_blas_product(int64_t M, int64_t K, int64_t N, const float *a, int64_t lda, const float *b, const float *bias, int32_t accumulate,
                       float *y, int64_t ldy) {
    if (!accumulate) fill_rows(M, N, bias, y, ldy);
    sgemm(0, M, N, K, a, lda, b, N, 1.0f, y, ldy);
}

void vaei_blas_outer(int64_t M, int64_t N, int64_t P, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc) {
    sgemm(1, M, N, P, a, lda, b, ldb, 1.0f, c, ldc);
}

/* ---- convolution ------------------------------------------------------------------------------------------------ */

/* The output pixels of one block. */
static int64_t block_pixels(const vaei_conv *g, int64_t n) {
    const int64_t columns = g->kh * g->kw * (g->c / g->groups), fit = COLUMN_FLOATS / columns;
    return min_of(fit > 1 ? fit : 1, n * g->oh * g->ow);
}

int64_t vaei_blas_conv_scratch(const vaei_conv *g, int64_t n) {
    const int64_t columns = g->kh * g->kw * (g->c / g->groups);
    return block_pixels(g, n) * columns + columns * (g->oc / g->groups);
}

/* The offset of the pixel that tap (ky, kx) reads for output pixel p, in pixels of x[n][h][w]; -1 if it is in the padding. */
static int64_t seen_pixel(const vaei_conv *g, int64_t p, int64_t ky, int64_t kx) {
    const int64_t image = p / (g->oh * g->ow), oy = p / g->ow % g->oh, ox = p % g->ow;
    const int64_t y = oy * g->sy + ky * g->dy - g->top, x = ox * g->sx + kx * g->dx - g->left;
    return y < 0 || y >= g->h || x < 0 || x >= g->w ? -1 : (image * g->h + y) * g->w + x;
}

/* Fills col[p - first][tap][c] of one group for `count` pixels. */
static void gather_columns(const vaei_conv *g, int64_t group, int64_t first, int64_t count, const float *x, float *col) {
    const int64_t cg = g->c / g->groups;
    for (int64_t p = first; p < first + count; p++) {
        for (int64_t ky = 0; ky < g->kh; ky++) {
            for (int64_t kx = 0; kx < g->kw; kx++, col += cg) {
                const int64_t pixel = seen_pixel(g, p, ky, kx);
                if (pixel < 0) {
                    memset(col, 0, (size_t)cg * sizeof *col);
                } else {
                    memcpy(col, x + pixel * g->c + group * cg, (size_t)cg * sizeof *col);
                }
            }
        }
    }
}

static void scatter_columns(const vaei_conv *g, int64_t group, int64_t first, int64_t count, const float *col, float *dx) {
    const int64_t cg = g->c / g->groups;
    for (int64_t p = first; p < first + count; p++) {
        for (int64_t ky = 0; ky < g->kh; ky++) {
            for (int64_t kx = 0; kx < g->kw; kx++, col += cg) {
                const int64_t pixel = seen_pixel(g, p, ky, kx);
                for (int64_t c = 0; pixel >= 0 && c < cg; c++) dx[pixel * g->c + group * cg + c] += col[c];
            }
        }
    }
}

void vaei_blas_conv_forward(const vaei_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y, float *scratch) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, columns = g->kh * g->kw * cg, pixels = n * g->oh * g->ow;
    const int64_t block = block_pixels(g, n);
    fill_rows(pixels, g->oc, bias, y, g->oc);
    for (int64_t p = 0; p < pixels; p += block) {
        const int64_t count = min_of(block, pixels - p);
        for (int64_t group = 0; group < g->groups; group++) {
            gather_columns(g, group, p, count, x, scratch);
            sgemm(0, count, og, columns, scratch, columns, w + group * columns * og, og, 1.0f, y + p * g->oc + group * og, g->oc);
        }
    }
}

void vaei_blas_conv_data(const vaei_conv *g, int64_t n, const float *dy, const float *w, const float *bias, float *dx, float *scratch) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, columns = g->kh * g->kw * cg, pixels = n * g->oh * g->ow;
    const int64_t block = block_pixels(g, n);
    fill_rows(n * g->h * g->w, g->c, bias, dx, g->c);
    for (int64_t p = 0; p < pixels; p += block) {
        const int64_t count = min_of(block, pixels - p);
        for (int64_t group = 0; group < g->groups; group++) {
            sgemm(0, count, columns, og, dy + p * g->oc + group * og, g->oc, w + group * columns * og, columns, 0.0f, scratch, columns);
            scatter_columns(g, group, p, count, scratch, dx);
        }
    }
}

void vaei_blas_conv_weight(const vaei_conv *g, int64_t n, const float *x, const float *dy, float *dw, float *scratch) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups, taps = g->kh * g->kw, columns = taps * cg;
    const int64_t pixels = n * g->oh * g->ow, block = block_pixels(g, n);
    float *const sum = scratch + block * columns; /* [tap][c][o] */
    for (int64_t group = 0; group < g->groups; group++) {
        memset(sum, 0, (size_t)(columns * og) * sizeof *sum);
        for (int64_t p = 0; p < pixels; p += block) {
            const int64_t count = min_of(block, pixels - p);
            gather_columns(g, group, p, count, x, scratch);
            sgemm(1, columns, og, count, scratch, columns, dy + p * g->oc + group * og, g->oc, 1.0f, sum, og);
        }
        for (int64_t o = 0; o < og; o++) {
            for (int64_t i = 0; i < columns; i++) dw[(group * og + o) * columns + i % cg * taps + i / cg] += sum[i * og + o];
        }
    }
}

/* OpenBLAS tells for which core it was chosen. This is worth reporting, because it takes some new processors for old ones. */
#ifdef OPENBLAS_VERSION
#define CORE(name) \
    { name, "openblas (" name ")" }

const char *vaei_kernels_blas_name(void) {
    static const char *const cores[][2] = {
        CORE("Prescott"),    CORE("Nehalem"),    CORE("Sandybridge"),    CORE("Haswell"),        CORE("Zen"),
        CORE("SkylakeX"),    CORE("Cooperlake"), CORE("SapphireRapids"), CORE("Sapphirerapids"), CORE("Excavator"),
        CORE("Steamroller"), CORE("armv8"),      CORE("cortexa53"),      CORE("cortexa57"),      CORE("cortexa72"),
        CORE("neoversen1"),  CORE("neoversev1"), CORE("neoversen2"),     CORE("thunderx2t99"),   CORE("vortex"),
    };
    const char *const core = openblas_get_corename();
    for (size_t i = 0; i < VAEI_COUNT(cores); i++) {
        if (strcmp(core, cores[i][0]) == 0) return cores[i][1];
    }
    return "openblas";
}
#elif defined(VAEI_BLAS_NAME)
const char *vaei_kernels_blas_name(void) {
    return VAEI_BLAS_NAME;
}
#else
const char *vaei_kernels_blas_name(void) {
    return "cblas";
}
#endif

#else

const char *vaei_kernels_blas_name(void) {
    return "none";
}

/* These functions are never called: without a BLAS no table has `blas` set. */
void vaei_blas_product(int64_t M, int64_t K, int64_t N, const float *a, int64_t lda, const float *b, const float *bias, int32_t accumulate,
                       float *y, int64_t ldy) {
    (void)M, (void)K, (void)N, (void)a, (void)lda, (void)b, (void)bias, (void)accumulate, (void)y, (void)ldy;
}

void vaei_blas_outer(int64_t M, int64_t N, int64_t P, const float *a, int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc) {
    (void)M, (void)N, (void)P, (void)a, (void)lda, (void)b, (void)ldb, (void)c, (void)ldc;
}

int64_t vaei_blas_conv_scratch(const vaei_conv *g, int64_t n) {
    (void)g, (void)n;
    return 0;
}

void vaei_blas_conv_forward(const vaei_conv *g, int64_t n, const float *x, const float *w, const float *bias, float *y, float *scratch) {
    (void)g, (void)n, (void)x, (void)w, (void)bias, (void)y, (void)scratch;
}

void vaei_blas_conv_data(const vaei_conv *g, int64_t n, const float *dy, const float *w, const float *bias, float *dx, float *scratch) {
    (void)g, (void)n, (void)dy, (void)w, (void)bias, (void)dx, (void)scratch;
}

void vaei_blas_conv_weight(const vaei_conv *g, int64_t n, const float *x, const float *dy, float *dw, float *scratch) {
    (void)g, (void)n, (void)x, (void)dy, (void)dw, (void)scratch;
}
#endif
