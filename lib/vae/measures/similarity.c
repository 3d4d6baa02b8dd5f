/* SPDX-License-Identifier: MIT
 * similarity.c - computes the structural similarity (similarity.h). The window is the product of a row and a column, so the five sums are
 * first computed along the rows. */
#include "vae/measures/similarity.h"

#include <math.h>

enum { WINDOW = 11, SUMS = 5 };

const vaei_option vaei_similarity_options[] = {
    {"range", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(vaei_similarity_conf, range), 1, 0, 1e6, NULL,
     "largest minus smallest value that x may have"},
    {0},
};

static int64_t window_of(int64_t H, int64_t W, double *w) {
    const int64_t side = H < W ? H : W, n = side < WINDOW ? side : WINDOW;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double at = (double)i - 0.5 * (double)(n - 1);
        w[i] = exp(-at * at / (2 * 1.5 * 1.5));
        sum += w[i];
    }
    for (int64_t i = 0; i < n; i++) w[i] /= sum;
    return n;
}

/* sums[5][H][W - n + 1] of one channel are the sums of x, y, x^2, y^2 and x y. */
static void sum_rows(int64_t H, int64_t W, int64_t C, int64_t n, const double *w, const double *x, const double *y, double *sums) {
    const int64_t wide = W - n + 1, plane = H * wide;
    for (int64_t i = 0; i < H; i++)
        for (int64_t j = 0; j < wide; j++) {
            double s[SUMS] = {0};
            for (int64_t t = 0; t < n; t++) {
                const double a = x[(i * W + j + t) * C], b = y[(i * W + j + t) * C];
                s[0] += w[t] * a, s[1] += w[t] * b;
                s[2] += w[t] * a * a, s[3] += w[t] * b * b, s[4] += w[t] * a * b;
            }
            for (int64_t k = 0; k < SUMS; k++) sums[k * plane + i * wide + j] = s[k];
        }
}

static vaei_similarity of_channel(double c1, double c2, int64_t H, int64_t W, int64_t C, const double *x, const double *y, double *sums) {
    double w[WINDOW];
    const int64_t n = window_of(H, W, w), wide = W - n + 1, high = H - n + 1, plane = H * wide;
    vaei_similarity total = {0, 0};
    sum_rows(H, W, C, n, w, x, y, sums);
    for (int64_t i = 0; i < high; i++)
        for (int64_t j = 0; j < wide; j++) {
            double s[SUMS] = {0};
            for (int64_t k = 0; k < SUMS; k++)
                for (int64_t t = 0; t < n; t++) s[k] += w[t] * sums[k * plane + (i + t) * wide + j];
            const double xx = s[2] - s[0] * s[0], yy = s[3] - s[1] * s[1], xy = s[4] - s[0] * s[1], cs = (2 * xy + c2) / (xx + yy + c2);
            total.cs += cs;
            total.ssim += cs * (2 * s[0] * s[1] + c1) / (s[0] * s[0] + s[1] * s[1] + c1);
        }
    const double places = (double)(wide * high);
    return (vaei_similarity){total.ssim / places, total.cs / places};
}

vaei_similarity vaei_similarity_of(const vaei_similarity_conf *c, int64_t H, int64_t W, int64_t C, const double *x, const double *y,
                                   double *work) {
    const double range = (double)c->range, c1 = 0.01 * range * 0.01 * range, c2 = 0.03 * range * 0.03 * range;
    vaei_similarity total = {0, 0};
    for (int64_t k = 0; k < C; k++) {
        const vaei_similarity one = of_channel(c1, c2, H, W, C, x + k, y + k, work);
        total.ssim += one.ssim / (double)C;
        total.cs += one.cs / (double)C;
    }
    return total;
}

vae_status_t vaei_similarity_each(const vaei_similarity_conf *c, const vaei_measured *m, vaei_arena *arena, vaei_similarity_pair pair,
                                  double *value) {
    const int64_t S = m->H * m->W * m->C;
    double *const x = vaei_arena_array(arena, (size_t)S, sizeof(*x)), *const y = vaei_arena_array(arena, (size_t)S, sizeof(*y));
    double *const work = vaei_arena_array(arena, (size_t)(m->H * m->W), SUMS * sizeof(*work));
    if (!x || !y || !work) return VAE_E_NOMEM;
    for (int64_t i = 0; i < m->n; i++) {
        for (int64_t s = 0; s < S; s++) x[s] = (double)m->x[i * S + s], y[s] = (double)m->y[i * S + s];
        value[i] = pair(c, m->H, m->W, m->C, x, y, work);
    }
    return VAE_OK;
}
