/* SPDX-License-Identifier: MIT
 * usage.h - which codes of a codebook a model chooses, and how evenly.
 *
 *     perplexity = exp(-sum_k p_k ln p_k)      p_k: share of the choices that fell on k; 1 (one code) .. K (all alike)
 *
 * A model with several codes at a position (residual stages, heads) has a row of counts for each of them; perplexity
 * and the share of codes used are means over the rows. */
#ifndef USAGE_H
#define USAGE_H

#include "data.h"
#include <vae/vae.h>

typedef struct usage {
    int64_t K, stages, positions; /* codes to choose from; codes of a position; positions of an example */
    int64_t choices;              /* counted in each stage */
    int64_t *count;               /* [stages][K] */
    double perplexity, used;      /* used: share of the codes chosen at least once */
} usage_t;

/* The sizes of a model's codes; K is 0 if it has none. */
void usage_sizes(usage_t *usage, const vae_model_t *model);

/* Encode the first n examples and count. */
vae_status_t usage_count(usage_t *usage, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n);
void usage_free(usage_t *usage);

/* True if the choices, being enough to tell, fall on less than a tenth of the codes or nearly all on one. */
bool usage_collapsed(const usage_t *usage);

#endif
