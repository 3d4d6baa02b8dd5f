/* SPDX-License-Identifier: MIT
 * measure_ms_ssim.c - the structural similarity at several scales:
 *
 *     ms_ssim = prod_{j < M} max(0, cs_j)^{a_j}  max(0, ssim_M)^{a_M}        scale j + 1: means of 2 x 2 values of scale j
 *
 * The five scales and exponents are those of Wang, Simoncelli, Bovik 2003. Pictures with a side below 32 have fewer scales, with
 * the exponents of pythae 0.1. The 2 x 2 means leave out a last odd row or column. */
#include <math.h>

#include "vae/measures/similarity.h"

enum { SCALES = 5 };

/* The first row whose `below` is larger than the shorter side applies. */
static const struct {
    int64_t below;
    int32_t scales;
    double exponent[SCALES];
} tables[] = {
    {4, 1, {1}},
    {8, 2, {0.3222, 0.6778}},
    {16, 3, {0.4558, 0.1633, 0.3809}},
    {32, 4, {0.3117, 0.3384, 0.2675, 0.0824}},
    {INT64_MAX, 5, {0.0448, 0.2856, 0.3001, 0.2363, 0.1333}},
};

/* Works in place, because each value is written before the place of those that are still to be read. */
static void halve(int64_t H, int64_t W, int64_t C, double *x) {
    for (int64_t i = 0; i < H / 2; i++)
        for (int64_t j = 0; j < W / 2; j++)
            for (int64_t k = 0; k < C; k++) {
                const double *const at = x + (2 * i * W + 2 * j) * C + k;
                x[(i * (W / 2) + j) * C + k] = (at[0] + at[C] + at[W * C] + at[(W + 1) * C]) / 4;
            }
}

static double of_pair(const vaei_similarity_conf *c, int64_t H, int64_t W, int64_t C, double *x, double *y, double *work) {
    const int64_t side = H < W ? H : W;
    double product = 1;
    int32_t t = 0;
    while (side >= tables[t].below) t++;
    for (int32_t j = 0; j < tables[t].scales; j++, H /= 2, W /= 2) {
        const vaei_similarity s = vaei_similarity_of(c, H, W, C, x, y, work);
        const double part = j < tables[t].scales - 1 ? s.cs : s.ssim;
        product *= part > 0 ? pow(part, tables[t].exponent[j]) : 0;
        halve(H, W, C, x);
        halve(H, W, C, y);
    }
    return product;
}

static vae_status_t each(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    return vaei_similarity_each(conf, m, arena, of_pair, value);
}

const vaei_measure_ops vaei_measure_ms_ssim = {
    .module = {.name = "ms_ssim",
               .summary = "the structural similarity at several scales",
               .examples = "ms_ssim range=2",
               .paper = "Wang, Simoncelli, Bovik 2003",
               .conf_size = sizeof(vaei_similarity_conf),
               .options = vaei_similarity_options},
    .reads = VAEI_MEASURE_X | VAEI_MEASURE_Y,
    .each = each,
};
