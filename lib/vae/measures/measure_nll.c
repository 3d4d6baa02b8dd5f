/* SPDX-License-Identifier: MIT
 * measure_nll.c - the negative log-likelihood, estimated by the importance-weighted bound with the K samples of the caller:
 *
 *     nll_i = -log( 1/K sum_k p(x_i|z_ik) p(z_ik) / q(z_ik|x_i) )
 *
 * The estimate is an upper bound on average, and decreases with K. Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519). */
#include "vae/measures.h"

static vae_status_t each(const void *conf, const vaei_measured *m, vaei_arena *arena, double *value) {
    (void)conf, (void)arena;
    for (int64_t i = 0; i < m->n; i++) value[i] = -m->bound[i];
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_nll = {
    .module = {.name = "nll",
               .summary = "the negative log-likelihood by importance sampling, nats",
               .examples = "nll",
               .paper = "Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519)"},
    .reads = VAEI_MEASURE_BOUND,
    .each = each,
};
