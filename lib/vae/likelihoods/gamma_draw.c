/* SPDX-License-Identifier: MIT
 * gamma_draw.c - the method of Marsaglia and Tsang (gamma_draw.h). */
#include "vae/likelihoods/gamma_draw.h"

#include <math.h>

#include "vae/likelihoods/natural_log.h"

enum { ATTEMPTS = VAEI_DRAW_BLOCKS / 2 - 1 }; /* each uses two blocks: one for a normal number, one for uniform numbers */

static uint32_t block_of(int64_t value, int32_t block) {
    return (uint32_t)(value * VAEI_DRAW_BLOCKS + block);
}

static void uniforms(vaei_noise_key key, uint32_t item, uint32_t block, double u[4]) {
    uint32_t bits[4];
    vaei_philox(key, item, block, 1, bits);
    for (int32_t i = 0; i < 4; i++) u[i] = ((double)bits[i] + 0.5) * 0x1p-32;
}

void vaei_draw_uniforms(vaei_noise_key key, uint32_t item, int64_t value, double u[4]) {
    uniforms(key, item, block_of(value, VAEI_DRAW_BLOCKS - 1), u);
}

double vaei_log_gamma_draw(const vaei_kernels *k, vaei_noise_key key, uint32_t item, int64_t value, double shape) {
    const double raised = shape < 1 ? shape + 1 : shape, d = raised - 1.0 / 3, c = 1 / sqrt(9 * d);
    double u[4] = {0.5, 0.5, 0.5, 0.5}, log_v = 0;
    for (int32_t i = 0; i < ATTEMPTS; i++) {
        float normal[4];
        vaei_noise_normal_from(k, key, item, 4 * (int64_t)block_of(value, 2 * i), 4, normal);
        uniforms(key, item, block_of(value, 2 * i + 1), u);
        const double n = (double)normal[0], root = 1 + c * n, v = root * root * root;
        if (!(root > 0)) continue;
        log_v = vaei_natural_log(v);
        if (vaei_natural_log(u[0]) < 0.5 * n * n + d - d * v + d * log_v) break;
        log_v = 0;
    }
    return vaei_natural_log(d) + log_v + (shape < 1 ? vaei_natural_log(u[1]) / shape : 0);
}
