/* SPDX-License-Identifier: MIT
 * measure_active_units.c - counts the latents whose posterior mean differs between examples:
 *
 *     #{ d : Var_x( mean_d(x) ) > threshold }
 *
 * Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519), section 5.2, with threshold 0.01. */
#include "vae/measures.h"
#include "vae/measures/columns.h"

typedef struct conf {
    float threshold;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_FLOAT(conf, threshold, 0.01, 0, 1e6, "variance above which a latent is active"),
    {0},
};

static vae_status_t all(const void *options_filled, const vaei_measured *m, vaei_arena *arena, double *value) {
    const conf *const c = options_filled;
    (void)arena;
    *value = 0;
    for (int64_t d = 0; d < m->D; d++) *value += vaei_column_moments(m->mean, m->n, m->D, d).variance > (double)c->threshold;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_active_units = {
    .module = {.name = "active_units",
               .summary = "the number of latents whose posterior mean varies over the examples",
               .examples = "active_units threshold=0.02",
               .paper = "Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519)",
               .conf_size = sizeof(conf),
               .options = options},
    .reads = VAEI_MEASURE_MEAN,
    .all = all,
};
