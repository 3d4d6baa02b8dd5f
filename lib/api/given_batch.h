/* SPDX-License-Identifier: MIT
 * given_batch.h - checks of a host's vae_batch_t, before anything is computed. */
#ifndef VAEI_GIVEN_BATCH_H
#define VAEI_GIVEN_BATCH_H

#include "api/api.h"

enum {
    VAEI_READS_X = 1,
    VAEI_READS_LABEL = 2,
    VAEI_READS_CODES = 4,
    VAEI_READS_NOISE = 8,
    VAEI_READS_WEIGHT = 16,
    VAEI_READS_DRAW = 32, /* the flag */
    VAEI_READS_CONDITION = 64,
    VAEI_READS_LATER = 128 /* the model's condition, by vaei_batch_check_condition(): whether the network runs is not known yet */
};

/* The batch that a call reads the members `reads` of, and what the model's condition is; others must be NULL. Of the arrays only the
 * condition is checked here, which every call wants that runs the network. */
vae_status_t vaei_batch_open(vaei_batch *out, int64_t *n, const vae_model_t *model, const vae_batch_t *given, const char *call,
                             int32_t reads);

/* The label and the values that the model's condition wants. */
vae_status_t vaei_batch_check_condition(const vae_model_t *model, const vaei_batch *b, int64_t n, const char *call);
/* n rows of x, as the likelihood expects them. */
vae_status_t vaei_batch_check_x(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* n rows of noise, or none. */
vae_status_t vaei_batch_check_noise(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* A class for each example if the prior has classes, else none but those of the model's condition. */
vae_status_t vaei_batch_check_label(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* Sets total. */
vae_status_t vaei_batch_check_weight(vaei_batch *b, int64_t n);

#endif
