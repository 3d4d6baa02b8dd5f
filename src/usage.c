/* SPDX-License-Identifier: MIT
 * usage.c - counts the codes that a model chooses. */
#include "usage.h"
#include "engine.h"
#include "labels.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>

enum { CHOICES_FOR_EACH = 3 }; /* so many choices for each code are needed before an unused code tells something */
#define COLLAPSED_USED       0.1
#define COLLAPSED_PERPLEXITY 1.5

void usage_sizes(usage_t *usage, const vae_model_t *model) {
    const extent_t latent = model_latent(model);
    const int64_t codes = vae_model_codes_per_example(model);
    *usage = (usage_t){.K = vae_model_codebook_size(model), .stages = 1, .positions = codes};
    if (usage->K == 0) return;
    const int64_t positions = extent_total(&latent) / latent.size[latent.n - 1];
    if (positions > 0 && codes % positions == 0) {
        usage->positions = positions;
        usage->stages = codes / positions;
    }
}

static void measure(usage_t *usage) {
    int64_t used = 0;
    double entropy = 0.0, perplexity = 0.0;
    for (int64_t i = 0; i < usage->stages * usage->K; i++) {
        if (usage->count[i] > 0) {
            const double p = (double)usage->count[i] / (double)usage->choices;
            entropy -= p * log(p);
            used++;
        }
        if (i % usage->K == usage->K - 1) {
            perplexity += exp(entropy);
            entropy = 0.0;
        }
    }
    usage->perplexity = perplexity / (double)usage->stages;
    usage->used = (double)used / (double)(usage->stages * usage->K);
}

vae_status_t usage_count(usage_t *usage, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n) {
    usage_sizes(usage, model);
    const int64_t codes = usage->stages * usage->positions;
    usage->count = mem_alloc(usage->stages * usage->K, sizeof *usage->count);
    usage->choices = n * usage->positions;
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(model), sizeof *x);
    int32_t *code = mem_alloc(ENGINE_BATCH * codes, sizeof *code);
    vae_status_t status = VAE_OK;
    for (int64_t first = 0; status == VAE_OK && first < n; first += ENGINE_BATCH) {
        const int64_t m = n - first < ENGINE_BATCH ? n - first : ENGINE_BATCH;
        data_range(data, first, m, x);
        const vae_batch_t batch = labels_batch(model, data, first, m, x);
        status = vae_encode_codes_batch(session, &batch, code);
        for (int64_t i = 0; status == VAE_OK && i < m * codes; i++) usage->count[i % usage->stages * usage->K + code[i]]++;
    }
    if (status == VAE_OK) measure(usage);
    free(code);
    free(x);
    return status;
}

void usage_free(usage_t *usage) {
    free(usage->count);
    usage->count = NULL;
}

bool usage_collapsed(const usage_t *usage) {
    if (usage->choices < CHOICES_FOR_EACH * usage->K) return false;
    return usage->used < COLLAPSED_USED || usage->perplexity < COLLAPSED_PERPLEXITY;
}
