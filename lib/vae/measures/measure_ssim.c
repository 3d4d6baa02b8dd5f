/* SPDX-License-Identifier: MIT
 * measure_ssim.c - the structural similarity of each example and its reconstruction (similarity.h), 1 for equal pictures. */
#include "vae/measures/similarity.h"

static double of_pair(const vaei_similarity_conf *c, int64_t H, int64_t W, int64_t C, double *x, double *y, double *work) {
    return vaei_similarity_of(c, H, W, C, x, y, work).ssim;
}

static vae_status_t each(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    return vaei_similarity_each(conf, m, arena, of_pair, value);
}

const vaei_measure_ops vaei_measure_ssim = {
    .module = {.name = "ssim",
               .summary = "the structural similarity of examples and reconstructions",
               .examples = "ssim range=2",
               .paper = "Wang, Bovik, Sheikh, Simoncelli 2004",
               .conf_size = sizeof(vaei_similarity_conf),
               .options = vaei_similarity_options},
    .reads = VAEI_MEASURE_X | VAEI_MEASURE_Y,
    .each = each,
};
