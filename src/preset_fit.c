/* SPDX-License-Identifier: MIT
 * preset_fit.c - adapts presets to pictures of other sizes.
 *
 * If the text has an input of h x w x c and H x W x C is wanted, these layers of the decoder change:
 *
 *     reshape a x b x k            becomes (a H / h) x (b W / w) x k; if k is c and no layer with outputs follows, H x W x C
 *     linear out=N, the last before it    gets as many outputs as the reshape has values
 *     the last layer with out=M    gets M C / c outputs
 */
#include "preset_fit.h"
#include "engine.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The presets in the order in which they are tried. */
static const struct {
    const char *name;
    int64_t most_side;
    bool grey; /* it is for grey pictures only */
} choices[] = {
    {"conv", 32, true},
    {"photo64", 96, false},
    {"photo128", INT64_MAX, false},
    {"conv", INT64_MAX, false},
};

#define PATH 32

static char *layer_option(const char *text, int layer, const char *option) {
    char path[PATH];
    snprintf(path, sizeof path, "decoder.%d.%s", layer, option);
    return spec_get(text, path);
}

static void set(char **text, const char *path, const char *value) {
    char *changed = spec_set(*text, path, value);
    free(*text);
    *text = changed;
}

static void set_outputs(char **text, int layer, int64_t out) {
    char path[PATH], value[PATH];
    snprintf(path, sizeof path, "decoder.%d.out", layer);
    snprintf(value, sizeof value, "%lld", (long long)out);
    set(text, path, value);
}

/* Reads the extent of a text "7x7x64"; n is 0 if it is not three sizes. */
static extent_t parse(const char *words) {
    extent_t extent = {.n = 3};
    long long h, w, c;
    int end = 0;
    if (!words || sscanf(words, "%lldx%lldx%lld%n", &h, &w, &c, &end) != 3 || h < 1 || w < 1 || c < 1) return (extent_t){0};
    extent.size[0] = h;
    extent.size[1] = w;
    extent.size[2] = c;
    return extent;
}

static extent_t input_of(const char *text) {
    char *words = spec_get(text, "input");
    const extent_t input = parse(words);
    free(words);
    return input;
}

/* The layers of the decoder that change; -1 if there is none. */
typedef struct layers {
    int reshape, linear, last; /* the first reshape, the last linear before it, the last with outputs */
} layers_t;

static layers_t find_layers(const char *text) {
    layers_t at = {-1, -1, -1};
    char path[PATH], *module;
    for (int i = 0; snprintf(path, sizeof path, "decoder.%d", i), (module = spec_get(text, path)); i++) {
        char *out = layer_option(text, i, "out");
        if (out) at.last = i;
        if (strncmp(module, "linear", 6) == 0 && at.reshape < 0) at.linear = i;
        if (strncmp(module, "reshape", 7) == 0 && at.reshape < 0) at.reshape = i;
        free(out);
        free(module);
    }
    return at;
}

static void fit_reshape(char **text, const layers_t *at, const extent_t *from, const extent_t *to) {
    char path[PATH], words[EXTENT_TEXT];
    snprintf(path, sizeof path, "decoder.%d", at->reshape);
    char *module = spec_get(*text, path);
    extent_t shape = parse(strpbrk(module, "0123456789"));
    free(module);
    if (shape.n == 0) return;
    if (at->last < at->reshape) shape = *to;
    else
        for (int k = 0; k < 2; k++) shape.size[k] = shape.size[k] * to->size[k] / from->size[k];
    char *value = mem_format("reshape %s", extent_text(&shape, words));
    set(text, path, value);
    free(value);
    if (at->linear >= 0) set_outputs(text, at->linear, extent_total(&shape));
}

char *preset_fit(const char *text, const extent_t *input) {
    char *fitted = mem_text(text), words[EXTENT_TEXT];
    const extent_t from = input_of(text);
    if (extent_equal(&from, input)) return fitted;
    const layers_t at = find_layers(text);
    set(&fitted, "input", extent_text(input, words));
    if (from.n != 3 || input->n != 3) return fitted;
    if (at.reshape >= 0) fit_reshape(&fitted, &at, &from, input);
    if (at.last > at.reshape) {
        char *out = layer_option(fitted, at.last, "out");
        set_outputs(&fitted, at.last, strtoll(out, NULL, 10) * input->size[2] / from.size[2]);
        free(out);
    }
    return fitted;
}

bool preset_works(const char *text) {
    vae_model_t *model = NULL;
    const bool works = vae_model_create(&model, NULL, text, 0) == VAE_OK;
    vae_model_destroy(model);
    return works;
}

const char *preset_choose(const extent_t *examples, char **text) {
    int64_t h, w, c;
    *text = NULL;
    if (!extent_picture(examples, &h, &w, &c)) return NULL;
    const extent_t picture = extent_image(h, w, c);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if ((choices[i].grey && c > 1) || h > choices[i].most_side || w > choices[i].most_side) continue;
        char *own = registry_text("preset", choices[i].name);
        *text = preset_fit(own, &picture);
        free(own);
        if (preset_works(*text)) return choices[i].name;
        free(*text);
        *text = NULL;
    }
    return NULL;
}
