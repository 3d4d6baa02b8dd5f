/* SPDX-License-Identifier: MIT
 * given_batch.h - checks a host's vae_batch_t before anything is computed. */
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
    VAEI_READS_LATER = 128 /* vaei_batch_check_condition() will check the model's condition, when it is known whether the network runs */
};

/* Makes the batch of a call that reads the members `reads` and the model's condition; the other members must be NULL. Of the arrays,
 * only the condition is checked here, because every call that runs the network needs it. */
vae_status_t vaei_batch_open(vaei_batch *out, int64_t *n, const vae_model_t *model, const vae_batch_t *given, const char *call,
                             int32_t reads);

/* Checks the label and the values that the model's condition needs. */
vae_status_t vaei_batch_check_condition(const vae_model_t *model, const vaei_batch *b, int64_t n, const char *call);
/* Checks that x is n rows of values that the likelihood accepts. */
vae_status_t vaei_batch_check_x(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* Checks that the noise is n rows, or NULL. */
vae_status_t vaei_batch_check_noise(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* Checks that each example has a class if the prior has classes; otherwise only the classes of the model's condition are allowed. */
vae_status_t vaei_batch_check_label(const vae_model_t *model, const vaei_batch *b, int64_t n);
/* Checks the weights and sets their total. */
vae_status_t vaei_batch_check_weight(vaei_batch *b, int64_t n);

#endif
