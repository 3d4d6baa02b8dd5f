/* SPDX-License-Identifier: MIT
 * score_rate.c - the rate, which is the divergence of the posterior from the prior, or an estimate of it by some draws. */
#include "vae/scores.h"

static const vaei_option options[] = {
    VAEI_OPTION_INT(vaei_score_samples, samples, 1, 1, 4096, "latents drawn for each example"),
    {0},
};

static void extract(const void *conf, const vaei_scored *e, float *feature) {
    (void)conf;
    feature[0] = (float)e->rate;
}

const vaei_score_ops vaei_score_rate = {
    .module = {.name = "rate",
               .summary = "the rate of the posterior, nats",
               .examples = "rate samples=2",
               .paper = "Kingma, Welling 2013 (arXiv:1312.6114)",
               .conf_size = sizeof(vaei_score_samples),
               .options = options},
    .reads = VAEI_SCORE_BOUNDS,
    .samples = vaei_score_samples_of,
    .extract = extract,
    .score = vaei_score_itself,
};
