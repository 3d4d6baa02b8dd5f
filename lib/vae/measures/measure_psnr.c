/* SPDX-License-Identifier: MIT
 * measure_psnr.c - the peak signal-to-noise ratio of each reconstruction, in decibels:
 *
 *     psnr = 10 log10( range^2 / mean (x - y)^2 )
 *
 * range is the largest minus the smallest value that x may have. Values are not clamped. The psnr of equal pictures is infinite. */
#include <math.h>

#include "vae/measures.h"

typedef struct conf {
    float range;
} conf;

static const vaei_option options[] = {
    {"range", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, range), 1, 0, 1e6, NULL, "largest minus smallest value that x may have"},
    {0},
};

static vae_status_t each(const void *options_filled, const vaei_measured *m, vaei_arena *arena, double *value) {
    const conf *const c = options_filled;
    const int64_t S = m->H * m->W * m->C;
    (void)arena;
    for (int64_t i = 0; i < m->n; i++) {
        double sum = 0;
        for (int64_t s = i * S; s < (i + 1) * S; s++) {
            const double d = (double)m->x[s] - (double)m->y[s];
            sum += d * d;
        }
        value[i] = 10 / log(10.0) * log((double)c->range * (double)c->range * (double)S / sum);
    }
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_psnr = {
    .module = {.name = "psnr",
               .summary = "the peak signal-to-noise ratio of reconstructions, decibels",
               .examples = "psnr range=2",
               .paper = "",
               .conf_size = sizeof(conf),
               .options = options},
    .reads = VAEI_MEASURE_X | VAEI_MEASURE_Y,
    .each = each,
};
