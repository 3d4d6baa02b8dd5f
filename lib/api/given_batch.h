/* SPDX-License-Identifier: MIT
 * given_batch.h - checks of what a host gives in a vae_batch_t, before anything is computed. */
#ifndef VAEI_GIVEN_BATCH_H
#define VAEI_GIVEN_BATCH_H

#include "api/api.h"

enum {
    VAEI_READS_X = 1,
    VAEI_READS_LABEL = 2,
    VAEI_READS_CODES = 4,
    VAEI_READS_NOISE = 8,
    VAEI_READS_WEIGHT = 16,
    VAEI_READS_DRAW = 32 /* the flag */
};

/* The batch that a call reads the members `reads` of; others must be NULL. Reads no array. */
vae_status_t vaei_batch_open(vaei_batch *out, int64_t *n, const vae_model_t *model, const vae_batch_t *given, const char *call,
                             int32_t reads);

/* n rows of x, as the likelihood expects them. */
vae_status_t vaei_batch_check_x(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* n rows of noise, or none. */
vae_status_t vaei_batch_check_noise(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* A class for each example if the prior has classes, else none. */
vae_status_t vaei_batch_check_label(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* Sets total. */
vae_status_t vaei_batch_check_weight(vaei_batch *b, int64_t n);

#endif
