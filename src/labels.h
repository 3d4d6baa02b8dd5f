/* SPDX-License-Identifier: MIT
 * labels.h - classes of examples, for models whose condition or prior has classes. For any other model these calls use no labels. */
#ifndef LABELS_H
#define LABELS_H

#include "data.h"
#include <vae/vae.h>

/* The number of classes in the labels of both splits, the largest label plus one; dies if the data have none. */
int64_t labels_classes(const data_set_t *set);

/* Writes the names of the classes beside a model, one on each line: x.classes.txt of x.safetensors. */
void labels_write_names(const char *model_file, const data_set_t *set);

/* Returns the class of this number or name; dies with exit code 2 if the model has none. */
int64_t labels_class(const vae_model_t *model, const char *model_file, const char *name);

/* Returns the labels of the examples from `first` on, or NULL if the model uses none; dies if it uses labels and the data have none. */
const int32_t *labels_from(const vae_model_t *model, const data_t *data, int64_t first);

/* The same for examples index[n], in label[n]. */
const int32_t *labels_gather(const vae_model_t *model, const data_t *data, const int64_t *index, int64_t n, int32_t *label);

/* Whether every call needs labels, because the model has a section `condition` with classes. */
bool labels_condition(const vae_model_t *model);

/* Dies unless the data have what the model's condition needs: labels, each of one of its classes. */
void labels_check(const vae_model_t *model, const data_set_t *set);

/* Returns the examples from `first` on as a batch, with x or NULL, and with labels if the model's condition needs them. */
vae_batch_t labels_batch(const vae_model_t *model, const data_t *data, int64_t first, int64_t n, const float *x);

/* The classes of samples. */
typedef enum labels_order {
    LABELS_IN_TURN, /* 0, 1, 2 ... and again */
    LABELS_BY_ROWS, /* a whole row of one class, then the next class */
    LABELS_OF_ONE
} labels_order_t;

/* Draws n samples x[n][S], from noise[n][D] or NULL; `number`: that of the class, or the number of samples in a row. */
vae_status_t labels_sample(vae_session_t *session, const vae_model_t *model, int64_t n, labels_order_t order, int64_t number,
                           const float *noise, float *x);

#endif
