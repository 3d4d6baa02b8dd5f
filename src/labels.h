/* SPDX-License-Identifier: MIT
 * labels.h - classes of examples, for models whose condition or prior has classes. For any other model these calls use no labels. */
#ifndef LABELS_H
#define LABELS_H

#include "data.h"
#include <vae/vae.h>

/* Classes in the labels of both splits: the largest label and one; dies if the data has none. */
int64_t labels_classes(const data_set_t *set);

/* The names of the classes stand beside a model: x.classes.txt of x.safetensors, one a line. */
void labels_write_names(const char *model_file, const data_set_t *set);

/* The class by its number or its name; dies with exit code 2 if the model has none such. */
int64_t labels_class(const vae_model_t *model, const char *model_file, const char *name);

/* The labels of the examples from number `first` on, or NULL if the model wants none; dies if it wants labels and the data has none. */
const int32_t *labels_from(const vae_model_t *model, const data_t *data, int64_t first);

/* The same of examples index[n], in label[n]. */
const int32_t *labels_gather(const vae_model_t *model, const data_t *data, const int64_t *index, int64_t n, int32_t *label);

/* Does every call want labels: has the model a section `condition` with classes? */
bool labels_condition(const vae_model_t *model);

/* Die unless the data has what the model's condition wants: labels, each of one of its classes. */
void labels_check(const vae_model_t *model, const data_set_t *set);

/* The examples from number `first` on as a batch, with x or NULL, and with labels if the model's condition wants them. */
vae_batch_t labels_batch(const vae_model_t *model, const data_t *data, int64_t first, int64_t n, const float *x);

/* How samples go through the classes. */
typedef enum labels_order {
    LABELS_IN_TURN, /* 0, 1, 2 ... and again */
    LABELS_BY_ROWS, /* as many of one class as stand in a row, then the next */
    LABELS_OF_ONE
} labels_order_t;

/* n samples x[n][S], from noise[n][D] or NULL; `number`: of the class, or how many stand in a row. */
vae_status_t labels_sample(vae_session_t *session, const vae_model_t *model, int64_t n, labels_order_t order, int64_t number,
                           const float *noise, float *x);

#endif
