/* SPDX-License-Identifier: MIT
 * labels.c - classes of examples. */
#include "labels.h"
#include "console.h"
#include "engine.h"
#include "mem.h"

#include <stdlib.h>

static int32_t largest(const data_t *data) {
    int32_t most = -1;
    for (int64_t i = 0; data->label && i < data->n; i++)
        if (data->label[i] > most) most = data->label[i];
    return most;
}

int64_t labels_classes(const data_set_t *set) {
    const int32_t train = largest(&set->train), test = largest(&set->test);
    if (train < 0) die(EXIT_FORMAT, "%s: the examples have no labels", set->source);
    return (int64_t)(train > test ? train : test) + 1;
}

static bool wanted(const vae_model_t *model, const data_t *data) {
    const int64_t classes = vae_model_class_count(model);
    if (classes == 0) return false;
    if (!data->label)
        die(EXIT_FORMAT, "the model's prior tells %lld classes apart, the examples have no labels", (long long)classes);
    return true;
}

void labels_give(vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t first, int64_t n) {
    if (wanted(model, data)) must_or(vae_session_set_labels(session, n, data->label + first), EXIT_FORMAT);
}

void labels_give_trainer(vae_trainer_t *trainer, const vae_model_t *model, const data_t *data, const int64_t *index,
                         int64_t n, int32_t *label) {
    if (!wanted(model, data)) return;
    for (int64_t i = 0; i < n; i++) label[i] = data->label[index[i]];
    must_or(vae_trainer_set_labels(trainer, n, label), EXIT_FORMAT);
}

void labels_sample(vae_session_t *session, const vae_model_t *model, int64_t n, int64_t class_index, float *x) {
    const int64_t classes = vae_model_class_count(model);
    int32_t *label = mem_alloc(n, sizeof *label);
    for (int64_t i = 0; i < n && classes > 0; i++) label[i] = (int32_t)(class_index < 0 ? i % classes : class_index);
    if (classes > 0) must_or(vae_session_set_labels(session, n, label), EXIT_USAGE);
    must(vae_sample(session, n, NULL, x));
    free(label);
}
