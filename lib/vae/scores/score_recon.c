/* SPDX-License-Identifier: MIT
 * score_recon.c - the reconstruction probability: the mean of -log p(x|z) over some draws from the posterior. */
#include "vae/scores.h"

static const vaei_option options[] = {
    VAEI_OPTION_INT(vaei_score_samples, samples, 16, 1, 4096, "latents drawn for each example"),
    {0},
};

static void extract(const void *conf, const vaei_scored *e, float *feature) {
    (void)conf;
    feature[0] = (float)e->recon;
}

const vaei_score_ops vaei_score_recon = {
    .module = {.name = "recon",
               .summary = "the mean of -log p(x|z) over draws from the posterior, nats",
               .examples = "recon samples=2",
               .paper = "An, Cho 2015 (SNU tech. report, reconstruction probability)",
               .conf_size = sizeof(vaei_score_samples),
               .options = options},
    .reads = VAEI_SCORE_BOUNDS,
    .samples = vaei_score_samples_of,
    .extract = extract,
    .score = vaei_score_itself,
};
