/* SPDX-License-Identifier: MIT
 * objective_prior.c - fits the model's prior to the latents of the data; all other parameters are frozen.
 *
 *     loss = mean_i -log p(z_i)        z_i: the codes of x_i, or a draw from its posterior; the model runs as at inference
 *
 * The bound on log p(x) rises as this loss falls, because the other parts of the bound do not depend on the prior. */
#include "vae/objective.h"

static void eval(const void *conf, vaei_terms *t) {
    double sum = 0;
    (void)conf;
    for (int64_t i = 0; i < t->n; i++) {
        const double weight = vaei_batch_weight(t->batch, i);
        sum += weight * t->nll[i];
        t->d_nll[i] += (float)(weight / t->batch->total);
    }
    t->recon = sum / t->batch->total;
    t->loss += t->recon;
}

const vaei_objective_ops vaei_objective_prior = {
    .module = {.name = "prior",
               .summary = "the likelihood of the latents under the model's prior; all other parameters are frozen",
               .examples = "prior",
               .paper = ""},
    .flags = VAEI_OBJECTIVE_OF_PRIOR | VAEI_OBJECTIVE_MEAN_NLL,
    .eval = eval,
};
