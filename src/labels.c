/* SPDX-License-Identifier: MIT
 * labels.c - reads the classes of examples and passes them to the library. */
#include "labels.h"
#include "cli_suggest.h"
#include "console.h"
#include "engine.h"
#include "files.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_NAMES 1048576 /* bytes */

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

static char *names_file(const char *model_file) {
    static const char ending[] = ".safetensors";
    const size_t n = strlen(model_file), m = path_ends(model_file, ending) ? sizeof ending - 1 : 0;
    return mem_format("%.*s.classes.txt", (int)(n - m), model_file);
}

void labels_write_names(const char *model_file, const data_set_t *set) {
    char *path = names_file(model_file);
    if (set->classes) file_write_text(path, set->classes);
    free(path);
}

/* Returns the line of the file that is this name, in upper or lower case; dies if there is none. */
static int64_t by_name(const char *model_file, const char *name) {
    char *path = names_file(model_file);
    size_t size;
    suggest_t suggest = {.word = name};
    if (!path_exists(path)) die(EXIT_USAGE, "--class: \"%s\" is no number, and there is no %s to look it up", name, path);
    char *text = (char *)file_read(path, MOST_NAMES, &size);
    int64_t index = -1, line = 0;
    for (char *at = strtok(text, "\n"); at && index < 0; at = strtok(NULL, "\n"), line++) {
        suggest_try(&suggest, at);
        if (strcasecmp(at, name) == 0) index = line;
    }
    if (index < 0) die(EXIT_USAGE, "--class: there is no \"%s\" in %s%s", name, path, suggest.best ? suggest_text(&suggest, "") : "");
    free(text);
    free(path);
    return index;
}

int64_t labels_class(const vae_model_t *model, const char *model_file, const char *name) {
    const int64_t classes = vae_model_class_count(model);
    char *end;
    if (classes == 0) die(EXIT_USAGE, "--class: the model has no classes, neither its condition nor its prior");
    int64_t index = strtoll(name, &end, 10);
    if (end == name || *end != '\0') index = by_name(model_file, name);
    if (index < 0 || index >= classes) die(EXIT_USAGE, "--class: %s, wanted 0..%lld", name, (long long)classes - 1);
    return index;
}

static bool wanted(const vae_model_t *model, const data_t *data) {
    const int64_t classes = vae_model_class_count(model);
    if (classes == 0) return false;
    if (!data->label) die(EXIT_FORMAT, "the model tells %lld classes apart, the examples have no labels", (long long)classes);
    return true;
}

const int32_t *labels_from(const vae_model_t *model, const data_t *data, int64_t first) {
    return wanted(model, data) ? data->label + first : NULL;
}

const int32_t *labels_gather(const vae_model_t *model, const data_t *data, const int64_t *index, int64_t n, int32_t *label) {
    if (!wanted(model, data)) return NULL;
    for (int64_t i = 0; i < n; i++) label[i] = data->label[index[i]];
    return label;
}

/* Returns a number of the model's section `condition`, or 0 if it has none. */
static int64_t condition_option(const vae_model_t *model, const char *path) {
    char value[32], *text = model_spec_text(model);
    const bool found = vae_spec_get(text, path, value, sizeof value, NULL) == VAE_OK;
    free(text);
    return found ? strtoll(value, NULL, 10) : 0;
}

bool labels_condition(const vae_model_t *model) {
    return condition_option(model, "condition.classes") > 0;
}

void labels_check(const vae_model_t *model, const data_set_t *set) {
    const int64_t classes = condition_option(model, "condition.classes");
    const int32_t train = largest(&set->train), test = largest(&set->test), most = train > test ? train : test;
    if (vae_model_condition_size(model) > 0)
        die(EXIT_USAGE, "the model's condition is a vector of %lld values, which no data that vae reads has",
            (long long)vae_model_condition_size(model));
    if (classes == 0) return;
    if ((set->train.n > 0 && train < 0) || (set->test.n > 0 && test < 0))
        die(EXIT_FORMAT, "%s: the examples have no labels, and the model's condition has %lld classes", set->source, (long long)classes);
    if (most >= classes)
        die(EXIT_FORMAT, "%s: has a label %d, the model's condition has %lld classes: --set condition.classes=%d", set->source, most,
            (long long)classes, most + 1);
}

vae_batch_t labels_batch(const vae_model_t *model, const data_t *data, int64_t first, int64_t n, const float *x) {
    vae_batch_t batch = {.struct_size = sizeof batch, .n = n, .x = x};
    if (labels_condition(model)) batch.label = data->label + first;
    return batch;
}

vae_status_t labels_sample(vae_session_t *session, const vae_model_t *model, int64_t n, labels_order_t order, int64_t number,
                           const float *noise, float *x) {
    const int64_t classes = vae_model_class_count(model);
    int32_t *label = mem_alloc(n, sizeof *label);
    for (int64_t i = 0; i < n && classes > 0; i++)
        label[i] = (int32_t)(order == LABELS_OF_ONE ? number : (order == LABELS_BY_ROWS ? i / number : i) % classes);
    const vae_batch_t batch = {.struct_size = sizeof batch, .n = n, .label = classes > 0 ? label : NULL, .noise = noise};
    const vae_status_t status = vae_sample_batch(session, &batch, x);
    free(label);
    return status;
}
