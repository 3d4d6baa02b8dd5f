/* SPDX-License-Identifier: MIT
 * score.c - the evidence lower bound over a data set. Sums run in double, in the order of the examples. */
#include "score.h"
#include "engine.h"
#include "labels.h"
#include "mem.h"
#include "progress.h"

#include <stdlib.h>

#define ACTIVE_VARIANCE 0.01
#define ACTIVE_EXAMPLES 2000 /* enough to tell a used dimension from an unused one */

static vae_status_t add_bounds(score_t *score, vae_session_t *session, const float *x, const int32_t *label, int64_t n, double *nats) {
    double *elbo = nats, *recon = nats + ENGINE_BATCH, *rate = nats + 2 * ENGINE_BATCH;
    const vae_batch_t batch = {.struct_size = sizeof batch, .n = n, .x = x, .label = label};
    const vae_status_t status = vae_elbo_batch(session, &batch, score->samples, elbo, recon, rate);
    for (int64_t i = 0; status == VAE_OK && i < n; i++) {
        score->bound += elbo[i];
        score->recon += recon[i];
        score->rate += rate[i];
    }
    return status;
}

/* Welford's running variance of each latent dimension's mean. */
static vae_status_t count_active(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n_examples,
                                 float *x) {
    const int64_t D = vae_model_latent_size(model);
    float *mean = mem_alloc(ENGINE_BATCH * D, sizeof *mean);
    double *centre = mem_alloc(D, sizeof *centre), *square = mem_alloc(D, sizeof *square);
    vae_status_t status = VAE_OK;
    for (int64_t first = 0; status == VAE_OK && first < n_examples; first += ENGINE_BATCH) {
        const int64_t n = n_examples - first < ENGINE_BATCH ? n_examples - first : ENGINE_BATCH;
        data_range(data, first, n, x);
        const vae_batch_t batch = labels_batch(model, data, first, n, x);
        status = vae_encode_batch(session, &batch, mean, NULL);
        for (int64_t i = 0; status == VAE_OK && i < n * D; i++) {
            const int64_t d = i % D, seen = first + i / D + 1;
            const double delta = (double)mean[i] - centre[d];
            centre[d] += delta / (double)seen;
            square[d] += delta * ((double)mean[i] - centre[d]);
        }
    }
    for (int64_t d = 0; d < D; d++) score->active_units += square[d] / (double)n_examples > ACTIVE_VARIANCE;
    free(mean);
    free(centre);
    free(square);
    return status;
}

vae_status_t score_data(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t most, int64_t samples,
                        uint64_t seed) {
    const int64_t total = most > 0 && most < data->n ? most : data->n;
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(model), sizeof *x);
    double *nats = mem_alloc(3 * ENGINE_BATCH, sizeof *nats);
    *score = (score_t){.n = total, .samples = samples};
    vae_status_t status = vae_session_seed(session, seed);
    for (int64_t first = 0; status == VAE_OK && first < total; first += ENGINE_BATCH) {
        const int64_t n = total - first < ENGINE_BATCH ? total - first : ENGINE_BATCH;
        data_range(data, first, n, x);
        status = add_bounds(score, session, x, labels_from(model, data, first), n, nats);
        progress_count("scoring examples", first + n, total);
    }
    score->bound /= (double)total;
    score->recon /= (double)total;
    score->rate /= (double)total;
    score->loss = score->recon + score->rate;
    if (status == VAE_OK && vae_model_codebook_size(model) > 0) {
        status = usage_count(&score->codes, session, model, data, total);
        usage_free(&score->codes);
    } else if (status == VAE_OK) {
        status = count_active(score, session, model, data, total < ACTIVE_EXAMPLES ? total : ACTIVE_EXAMPLES, x);
    }
    free(nats);
    free(x);
    return status;
}
