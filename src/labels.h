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

/* Give the session the labels of examples first .. first + n - 1; dies if the model wants labels and the data has none. */
void labels_give(vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t first, int64_t n);

/* The same for the trainer and examples index[n]; label[n] must live until its next step. */
void labels_give_trainer(vae_trainer_t *trainer, const vae_model_t *model, const data_t *data, const int64_t *index,
                         int64_t n, int32_t *label);

/* n samples x[n][S]: of one class, or with -1 of each in turn. */
void labels_sample(vae_session_t *session, const vae_model_t *model, int64_t n, int64_t class_index, float *x);

#endif
