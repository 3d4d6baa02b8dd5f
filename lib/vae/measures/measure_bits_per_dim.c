/* SPDX-License-Identifier: MIT
 * measure_bits_per_dim.c - the negative log-likelihood in bits for each value of an example:
 *
 *     bits = nll / (S ln 2) + log2(levels)
 *
 * If the likelihood is a probability of the values themselves, levels is 1. If the values are k / levels and the likelihood is a density
 * over [0, 1], levels is the number of values (256 for bytes): a density of 1 then costs log2(levels) bits for each value. */
#include <math.h>

#include "vae/measures.h"

typedef struct conf {
    int64_t levels;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, levels, 1, 1, 65536, "number of different values of x if the likelihood is a density over [0, 1]"),
    {0},
};

static vae_status_t each(const void *options_filled, const vaei_measured *m, vaei_arena *arena, double *value) {
    const conf *const c = options_filled;
    const double nats = (double)(m->H * m->W * m->C) * log(2.0), more = log((double)c->levels) / log(2.0);
    (void)arena;
    for (int64_t i = 0; i < m->n; i++) value[i] = more - m->bound[i] / nats;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_bits_per_dim = {
    .module = {.name = "bits_per_dim",
               .summary = "the negative log-likelihood in bits for each value of an example",
               .examples = "bits_per_dim levels=256",
               .paper = "",
               .conf_size = sizeof(conf),
               .options = options},
    .reads = VAEI_MEASURE_BOUND | VAEI_MEASURE_SIZES,
    .each = each,
};
