/* SPDX-License-Identifier: MIT
 * target_text.c - tests the calls that take and return texts. The input is three fields separated by zero bytes: a spec, a path in
 * the spec, and a value; they are also used as a kind and a name of the registry.
 *
 * Each call is made without a buffer, with one byte too few, and with exactly enough; it must write the length that it returned. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"

typedef struct fields {
    char *text, *path, *value;
} fields;

typedef vae_status_t call(const fields *f, char *buf, size_t cap, size_t *needed);

static vae_status_t canonical(const fields *f, char *buf, size_t cap, size_t *needed) {
    return vae_spec_canonical(f->text, buf, cap, needed);
}

static vae_status_t get(const fields *f, char *buf, size_t cap, size_t *needed) {
    return vae_spec_get(f->text, f->path, buf, cap, needed);
}

static vae_status_t set(const fields *f, char *buf, size_t cap, size_t *needed) {
    return vae_spec_set(f->text, f->path, f->value, buf, cap, needed);
}

static vae_status_t words(const fields *f, char *buf, size_t cap, size_t *needed) {
    return vae_registry_text(f->path, f->value, buf, cap, needed);
}

/* The text that the call gives, or NULL with a sentence. */
static char *made(call *make, const fields *f) {
    size_t needed = 0, again = 0;
    if (make(f, NULL, 0, &needed) != VAE_OK) {
        fuzz_sentence();
        return NULL;
    }
    MUST_HOLD(needed > 0);
    char *text = malloc(needed);
    MUST_HOLD(text);
    if (needed > 1) MUST_HOLD(make(f, text, needed - 1, &again) == VAE_E_ARG && again == needed);
    MUST_HOLD(make(f, text, needed, NULL) == VAE_OK && strlen(text) + 1 == needed);
    return text;
}

static void options(const fields *f) {
    vae_option_t option = {.struct_size = sizeof option};
    int32_t i = 0;
    while (vae_registry_option(f->path, f->value, i, &option) == VAE_OK) {
        MUST_HOLD(option.name && option.type && option.default_value && option.range && option.text);
        i++;
    }
    fuzz_sentence();
}

void fuzz_one(const uint8_t *data, size_t size) {
    char *copy = calloc(1, size + 3);
    MUST_HOLD(copy);
    if (size > 0) memcpy(copy, data, size);
    fields f = {.text = copy};
    f.path = f.text + strlen(f.text) + 1;
    f.value = f.path < copy + size + 2 ? f.path + strlen(f.path) + 1 : f.path;
    if (f.value > copy + size + 2) f.value = f.path;
    free(made(get, &f));
    free(made(set, &f));
    free(made(words, &f));
    options(&f);
    char *first = made(canonical, &f);
    if (first) {
        char *second = made(canonical, &(fields){.text = first});
        MUST_HOLD(second && strcmp(first, second) == 0);
        free(second);
    }
    free(first);
    free(copy);
}
