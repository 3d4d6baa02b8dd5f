/* SPDX-License-Identifier: MIT
 * measure_rate_per_dim.c - the rate of an example divided by the number of latents, in nats: rate / D. */
#include "vae/measures.h"

static vae_status_t each(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    (void)conf, (void)arena;
    for (int64_t i = 0; i < m->n; i++) value[i] = m->rate[i] / (double)m->D;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_rate_per_dim = {
    .module = {.name = "rate_per_dim",
               .summary = "the rate divided by the number of latents, nats",
               .examples = "rate_per_dim",
               .paper = ""},
    .reads = VAEI_MEASURE_RATE,
    .each = each,
};
