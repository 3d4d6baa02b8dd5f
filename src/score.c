/* SPDX-License-Identifier: MIT
 * score.c - computes the evidence lower bound over a data set. Sums are in double, in the order of the examples. */
#include "score.h"
#include "engine.h"
#include "labels.h"
#include "mem.h"
#include "progress.h"

#include <stdlib.h>

#define ACTIVE_EXAMPLES 2000 /* enough to tell a dimension that is in use from one that is not */

vae_status_t bounds_of(bounds_t *bounds, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n, int64_t samples,
                       uint64_t seed) {
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(model), sizeof *x);
    *bounds = (bounds_t){n, mem_alloc(n, sizeof(double)), mem_alloc(n, sizeof(double)), mem_alloc(n, sizeof(double))};
    vae_status_t status = vae_session_seed(session, seed);
    for (int64_t first = 0; status == VAE_OK && first < n; first += ENGINE_BATCH) {
        const int64_t part = n - first < ENGINE_BATCH ? n - first : ENGINE_BATCH;
        data_range(data, first, part, x);
        const vae_batch_t batch = {.struct_size = sizeof batch, .n = part, .x = x, .label = labels_from(model, data, first)};
        status = vae_elbo_batch(session, &batch, samples, bounds->elbo + first, bounds->recon + first, bounds->rate + first);
        progress_count("scoring examples", first + part, n);
    }
    free(x);
    return status;
}

void bounds_free(bounds_t *bounds) {
    free(bounds->elbo);
    free(bounds->recon);
    free(bounds->rate);
}

static vae_status_t count_active(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n) {
    const int64_t D = vae_model_latent_size(model);
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(model), sizeof *x), *mean = mem_alloc(n * D, sizeof *mean);
    vae_status_t status = VAE_OK;
    double active = 0;
    for (int64_t first = 0; status == VAE_OK && first < n; first += ENGINE_BATCH) {
        const int64_t part = n - first < ENGINE_BATCH ? n - first : ENGINE_BATCH;
        data_range(data, first, part, x);
        const vae_batch_t batch = labels_batch(model, data, first, part, x);
        status = vae_encode_batch(session, &batch, mean + first * D, NULL);
    }
    const vae_measured_t measured = {.struct_size = sizeof measured, .n = n, .latents = D, .mean = mean};
    if (status == VAE_OK) status = vae_measure(NULL, "active_units", &measured, &active, NULL);
    score->active_units = (int64_t)active;
    free(mean);
    free(x);
    return status;
}

vae_status_t score_of(score_t *score, const bounds_t *bounds, vae_session_t *session, const vae_model_t *model, const data_t *data,
                      int64_t samples) {
    const int64_t n = bounds->n;
    *score = (score_t){.n = n, .samples = samples};
    for (int64_t i = 0; i < n; i++) {
        score->bound += bounds->elbo[i];
        score->recon += bounds->recon[i];
        score->rate += bounds->rate[i];
    }
    score->bound /= (double)n;
    score->recon /= (double)n;
    score->rate /= (double)n;
    score->loss = score->recon + score->rate;
    if (vae_model_codebook_size(model) == 0) return count_active(score, session, model, data, n < ACTIVE_EXAMPLES ? n : ACTIVE_EXAMPLES);
    const vae_status_t status = usage_count(&score->codes, session, model, data, n);
    usage_free(&score->codes);
    return status;
}

vae_status_t score_data(score_t *score, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t most, int64_t samples,
                        uint64_t seed) {
    bounds_t bounds;
    vae_status_t status = bounds_of(&bounds, session, model, data, most > 0 && most < data->n ? most : data->n, samples, seed);
    if (status == VAE_OK) status = score_of(score, &bounds, session, model, data, samples);
    bounds_free(&bounds);
    return status;
}
