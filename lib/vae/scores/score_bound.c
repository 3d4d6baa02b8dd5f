/* SPDX-License-Identifier: MIT
 * score_bound.c - minus the importance-weighted bound on log p(x):
 *
 *     score = -log( 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x) )        z_k from q(z|x) */
#include "vae/scores.h"

static const vaei_option options[] = {
    VAEI_OPTION_INT(vaei_score_samples, samples, 16, 1, 4096, "latents drawn for each example"),
    {0},
};

static void extract(const void *conf, const vaei_scored *e, float *feature) {
    (void)conf;
    feature[0] = (float)(-e->bound);
}

const vaei_score_ops vaei_score_bound = {
    .module = {.name = "bound",
               .summary = "minus the importance-weighted bound on the log-likelihood, nats",
               .examples = "bound samples=2",
               .paper = "Burda, Grosse, Salakhutdinov 2016 (arXiv:1509.00519)",
               .conf_size = sizeof(vaei_score_samples),
               .options = options},
    .reads = VAEI_SCORE_BOUNDS,
    .samples = vaei_score_samples_of,
    .extract = extract,
    .score = vaei_score_itself,
};
