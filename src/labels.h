/* SPDX-License-Identifier: MIT
 * labels.h - classes of examples, for models whose prior tells them apart. For any other model these calls do nothing more than
 * what they are beside. */
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

/* n samples x[n][S]: of one class, or with -1 of each in turn. */
void labels_sample(vae_session_t *session, const vae_model_t *model, int64_t n, int64_t class_index, float *x);

#endif
