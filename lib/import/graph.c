/* SPDX-License-Identifier: MIT
 * graph.c - writes the text and the list of takes at the same time. */
#include "import/graph.h"

#include <math.h>
#include <stdio.h>

void vaei_graph_init(vaei_graph *g, vaei_import *im) {
    *g = (vaei_graph){.im = im, .groups = im->config.groups > 0 ? im->config.groups : 32};
    im->text = vaei_arena_alloc(&im->arena, VAEI_TEXT_MAX);
    g->text = (vaei_writer){im->text, VAEI_TEXT_MAX, 0};
    if (!im->text) g->status = VAE_E_NOMEM;
}

void vaei_graph_fail(vaei_graph *g, vae_status_t status) {
    if (g->status == VAE_OK) g->status = status;
}

const char *vaei_graph_name(vaei_graph *g, const char *format, ...) {
    char text[VAEI_NAME_ROOM];
    va_list args;
    if (g->status < 0) return "";
    va_start(args, format);
    const int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        vaei_graph_fail(g, vaei_fail(VAE_E_LIMIT, "%.80s: a tensor's name is longer than %zu bytes", g->im->file.where, sizeof(text) - 1));
        return "";
    }
    const char *copy = vaei_arena_copy(&g->im->arena, text, (size_t)n);
    if (copy) return copy;
    vaei_graph_fail(g, VAE_E_NOMEM);
    return "";
}

/* ---- layers ------------------------------------------------------------------------------------------------------- */

void vaei_graph_stack(vaei_graph *g, const char *section) {
    g->depth = 0;
    g->level[0].layers = 0;
    g->level[0].path = section;
    vaei_write(&g->text, "%s%-10s ", g->text.length ? "\n" : "", section);
}

void vaei_graph_module(vaei_graph *g, const char *section, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    vaei_graph_stack(g, section);
    vaei_write(&g->text, "%s", text);
}

static void put_layer(vaei_graph *g, const char *text) {
    vaei_write(&g->text, "%s%s", g->level[g->depth].layers++ > 0 ? " | " : "", text);
}

void vaei_graph_layer(vaei_graph *g, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put_layer(g, text);
}

static void begin_body(vaei_graph *g, const char *body) {
    const char *path = vaei_graph_name(g, "%s.%lld.%s", g->level[g->depth].path, (long long)g->level[g->depth].layers - 1, body);
    g->depth++;
    VAEI_ASSERT(g->depth < VAEI_GRAPH_DEPTH);
    g->level[g->depth].path = path;
    g->level[g->depth].layers = 0;
    vaei_write(&g->text, " { ");
}

void vaei_graph_open(vaei_graph *g, const char *layer, const char *body) {
    put_layer(g, layer);
    begin_body(g, body);
}

void vaei_graph_close(vaei_graph *g) {
    vaei_write(&g->text, " }");
    g->depth--;
}

void vaei_graph_other(vaei_graph *g, const char *body) {
    vaei_graph_close(g);
    begin_body(g, body);
}

/* ---- parameters --------------------------------------------------------------------------------------------------- */

static vaei_named *tensor_of(vaei_graph *g, const char *name) {
    vaei_named *t = g->status < 0 ? NULL : vaei_import_find(g->im, name);
    if (!t && g->status == VAE_OK)
        vaei_graph_fail(g, vaei_fail(VAE_E_FORMAT, "%.80s: %s is not complete without tensor '%.80s%.80s'", g->im->file.where,
                                     g->im->family->name, g->im->strip, name));
    return t;
}

int32_t vaei_graph_has(const vaei_graph *g, const char *prefix, const char *tensor) {
    char name[VAEI_NAME_ROOM];
    (void)snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", tensor);
    return vaei_import_find(g->im, name) != NULL;
}

int64_t vaei_graph_size(vaei_graph *g, const char *tensor, int32_t d) {
    const vaei_named *t = tensor_of(g, tensor);
    return !t ? 0 : d < t->entry->ndim ? t->entry->shape[d] : 1;
}

void vaei_graph_leave(vaei_graph *g, const char *prefix, const char *tensor) {
    vaei_named *t = vaei_import_find(g->im, vaei_graph_name(g, "%s.%s", prefix, tensor));
    if (t) t->used = 1;
}

static vaei_take *next_take(vaei_graph *g) {
    vaei_import *im = g->im;
    if (im->n_takes == g->cap_takes) {
        const int64_t cap = g->cap_takes > 0 ? 2 * g->cap_takes : 64;
        vaei_take *take = vaei_arena_array(&im->arena, (size_t)cap, sizeof(*take));
        if (!take) {
            vaei_graph_fail(g, VAE_E_NOMEM);
            return NULL;
        }
        if (im->n_takes > 0) memcpy(take, im->take, (size_t)im->n_takes * sizeof(*take));
        im->take = take;
        g->cap_takes = cap;
    }
    return &im->take[im->n_takes++];
}

void vaei_graph_take_named(vaei_graph *g, const char *param, const char *tensor, vaei_take how) {
    vaei_named *t = tensor ? tensor_of(g, tensor) : NULL;
    if (g->status < 0) return;
    if (t) {
        t->used = 1;
        how.entry = t->entry;
        vaei_graph_fail(g, vaei_entry_is_floats(t->entry, g->im->file.where));
    }
    how.param = vaei_graph_name(g, "%s", param);
    if (how.factor == 0) how.factor = 1;
    vaei_take *take = next_take(g);
    if (take) *take = how;
}

void vaei_graph_take(vaei_graph *g, const char *param, const char *tensor, vaei_take how) {
    const char *path = g->level[g->depth].path;
    vaei_graph_take_named(g, vaei_graph_name(g, "%s.%lld.%s", path, (long long)g->level[g->depth].layers - 1, param), tensor, how);
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

void vaei_graph_row_of(vaei_graph *g, const char *tensor, const char *layer) {
    char text[256];
    vaei_writer w = {text, sizeof(text), 0};
    const char *weight = *tensor ? vaei_graph_name(g, "%s.weight", tensor) : NULL;
    const int32_t bias = strstr(layer, "bias=false") == NULL;
    for (const char *p = layer; *p; p++) {
        if (*p == '#') vaei_write(&w, "%lld", (long long)vaei_graph_size(g, weight, 0));
        else if (*p == '@') vaei_write(&w, "%lld", (long long)g->groups);
        else vaei_write(&w, "%c", *p);
    }
    put_layer(g, text);
    if (!*tensor) return;
    vaei_graph_take(g, "weight", weight, (vaei_take){.how = g->how});
    if (bias) vaei_graph_take(g, "bias", vaei_graph_name(g, "%s.bias", tensor), (vaei_take){.how = VAEI_TAKE_ROWS});
}

void vaei_graph_rows(vaei_graph *g, const char *prefix, const vaei_graph_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++)
        vaei_graph_row_of(g, *rows[i].tensor ? vaei_graph_name(g, "%s.%s", prefix, rows[i].tensor) : "", rows[i].layer);
}

void vaei_graph_residual(vaei_graph *g, const char *prefix, const vaei_graph_row *rows, size_t n, const vaei_graph_row *shortcut) {
    vaei_graph_open(g, "residual", "body");
    vaei_graph_rows(g, prefix, rows, n);
    if (vaei_graph_has(g, prefix, vaei_graph_name(g, "%s.weight", shortcut->tensor))) {
        vaei_graph_other(g, "shortcut");
        vaei_graph_rows(g, prefix, shortcut, 1);
    }
    vaei_graph_close(g);
}

void vaei_graph_attention(vaei_graph *g, const char *prefix) {
    static const char *const names[] = {"to_q", "to_k", "to_v", "to_out.0"};
    static const char *const values[] = {"weight", "bias"};
    vaei_graph_open(g, "residual", "body");
    vaei_graph_row_of(g, vaei_graph_name(g, "%s.group_norm", prefix), "groupnorm groups=@ eps=1e-6");
    vaei_graph_layer(g, "attention heads=1");
    for (size_t i = 0; i < 2 * VAEI_COUNT(names); i++) {
        const char *param = vaei_graph_name(g, "%s.%s", names[i / 2], values[i % 2]);
        vaei_graph_take(g, param, vaei_graph_name(g, "%s.%s", prefix, param), (vaei_take){.how = VAEI_TAKE_ROWS});
    }
    vaei_graph_close(g);
}

static int32_t maps_pixels(const vaei_graph *g) {
    return g->im->family->signed_pixels && !g->im->way.own_pixels;
}

void vaei_graph_pixels_in(vaei_graph *g) {
    if (maps_pixels(g)) vaei_graph_layer(g, "rescale factor=2 offset=-1");
}

void vaei_graph_pixels_out(vaei_graph *g) {
    if (maps_pixels(g)) vaei_graph_layer(g, "rescale factor=0.5 offset=0.5");
}

void vaei_graph_missing_encoder(vaei_graph *g) {
    const vaei_import *im = g->im;
    vaei_graph_layer(g, "missing %lldx%lldx%lld", (long long)(im->way.height / im->factor), (long long)(im->way.width / im->factor),
                     (long long)im->latent);
}

void vaei_graph_missing_decoder(vaei_graph *g) {
    const vaei_import *im = g->im;
    vaei_graph_layer(g, "missing %lldx%lldx%lld", (long long)im->way.height, (long long)im->way.width, (long long)im->channels);
}

/* ---- latents ----------------------------------------------------------------------------------------------------- */

/* Writes one head. Its values are rows of quant_conv, or copy channels of the encoder if there is no quant_conv; times factor, plus
 * offset. */
static void put_head(vaei_graph *g, const char *head, int64_t row, double factor, double offset) {
    const int32_t mapped = vaei_graph_has(g, "", "quant_conv.weight");
    const char *weight = vaei_graph_name(g, "latent.%s.weight", head), *bias = vaei_graph_name(g, "latent.%s.bias", head);
    vaei_graph_take_named(g, weight, mapped ? "quant_conv.weight" : NULL,
                          (vaei_take){.how = mapped ? VAEI_TAKE_PART : VAEI_TAKE_EYE, .first = row, .factor = factor});
    vaei_graph_take_named(g, bias, mapped ? "quant_conv.bias" : NULL,
                          (vaei_take){.how = mapped ? VAEI_TAKE_PART : VAEI_TAKE_ZEROS, .first = row, .factor = factor, .offset = offset});
}

void vaei_graph_heads(vaei_graph *g) {
    const vaei_import *im = g->im;
    if (!im->has_encoder) {
        vaei_graph_module(g, "latent", "none");
        return;
    }
    const int32_t scaled = im->way.scaled;
    const double factor = scaled ? im->scaling.factor : 1, shift = scaled ? im->scaling.shift : 0;
    vaei_graph_module(g, "latent", "gaussian dim=%lld map=true", (long long)im->latent);
    put_head(g, "mean", 0, factor, -shift * factor);
    put_head(g, "logvar", im->latent, 1, scaled ? 2 * log(fabs(factor)) : 0);
}
