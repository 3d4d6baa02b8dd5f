/* SPDX-License-Identifier: MIT
 * usage.h - measures which codes of a codebook a model chooses, and how evenly.
 *
 *     perplexity = exp(-sum_k p_k ln p_k)      p_k: the share of code k in all choices; 1 (one code) .. K (all equal)
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

/* Finds the sizes of a model's codes; K is 0 if it has none. */
void usage_sizes(usage_t *usage, const vae_model_t *model);

/* Encodes the first n examples and counts their codes. */
vae_status_t usage_count(usage_t *usage, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n);
void usage_free(usage_t *usage);

/* Returns true if less than a tenth of the codes are chosen, or nearly always one, and there are enough choices to tell. */
bool usage_collapsed(const usage_t *usage);

#endif
