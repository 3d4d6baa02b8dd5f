/* SPDX-License-Identifier: MIT
 * random_text.c - draws a random text: the modules come from the registries, the options from their tables.
 *
 * A layer is added to a stack if the library accepts it and its output is not too large; otherwise another layer is drawn. Every module of
 * the registries can be drawn. The code names only a few: the layers that need a certain place (embedding, tap, and for sequences with
 * lengths last and spread), and condition, which is drawn more often if the text has a section for it. */
#include "random_models.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layer.h"
#include "vae/latent.h"
#include "vae/likelihood.h"
#include "vae/objective.h"
#include "vae/optimizer.h"
#include "vae/prior.h"
#include "vae/sections.h"

enum { TRIES = 24, LATENT_TRIES = 8 /* for one latent, each with other options */, PARAMS_MOST = 40000 };

typedef struct text_dice {
    random_dice d;
    vae_ctx_t *ctx;
    int64_t size_most;  /* of an example between two layers */
    char condition[64]; /* a section, or "" */
    int64_t tokens;     /* of x; 0: numbers */
    int64_t steps;      /* of sequences whose examples have lengths of their own; 0: no such model */
} text_dice;

/* ---- stacks ------------------------------------------------------------------------------------------------------- */

static const char *shape_text(const vaei_shape *s, char *buf) {
    return vaei_shape_text(s, buf);
}

static int32_t builds(vae_ctx_t *ctx, const char *text, vaei_shape *latent, int64_t params_most) {
    vae_model_t *m = NULL;
    if (vae_model_create(&m, ctx, text, 1) != VAE_OK) return 0;
    if (latent) latent->n = vae_model_latent_shape(m, latent->d);
    const int32_t fits = vae_model_param_total(m) <= params_most;
    vae_model_destroy(m);
    return fits;
}

/* A model whose encoder and latent are to be tried. */
/* The section, if a layer of the stacks reads it. */
static const char *condition_of(const text_dice *t, const char *encoder, const char *decoder) {
    return strstr(encoder, "condition") || strstr(decoder, "condition") ? t->condition : "";
}

static void write_probe(const text_dice *t, char text[RANDOM_TEXT_MAX], const vaei_shape *in, const char *encoder, const char *more,
                        const char *latent) {
    vaei_writer w = {text, RANDOM_TEXT_MAX, 0};
    char shape[96];
    vaei_write(&w, "input %s\n%sencoder %s%s\nlatent %s\n", shape_text(in, shape), condition_of(t, encoder, ""), encoder, more, latent);
    vaei_write(&w, "decoder flatten | linear out=1 bias=false | linear out=%lld | reshape %s\nlikelihood gaussian\n",
               (long long)vaei_shape_size(in), shape);
}

/* A stack without the taps of random_level(), which no latent of a probe reads; they do not change a shape. */
static void without_taps(const char *stack, char out[RANDOM_TEXT_MAX]) {
    (void)snprintf(out, RANDOM_TEXT_MAX, "%s", stack);
    for (char *at; (at = strstr(out, "tap level_")) != NULL;) {
        const char *const end = strchr(at, '|');
        if (end) memmove(at, end + 2, strlen(end + 2) + 1);
        while (!end && at > out && strchr(" |", at[-1])) at--;
        if (!end) *at = '\0';
    }
}

/* The shape behind a stack; 0 if the library refuses it, or if it is too large. */
static int32_t shape_behind(text_dice *t, const vaei_shape *in, const char *stack, vaei_shape *out) {
    char text[RANDOM_TEXT_MAX], plain[RANDOM_TEXT_MAX];
    vaei_shape probe = {0};
    without_taps(stack, plain);
    *out = *in;
    if (!plain[0]) return 1;
    write_probe(t, text, in, plain, "", "none");
    if (!builds(t->ctx, text, &probe, PARAMS_MOST + 3 * t->size_most) || vaei_shape_size(&probe) > t->size_most) return 0;
    *out = probe;
    return 1;
}

/* Does the layer stand at places of its own, or cannot be run? Of sequences with lengths: does it mix their steps? */
static int32_t stands_elsewhere(const text_dice *t, const vaei_layer_ops *ops) {
    static const char *const placed[] = {"tap", "last", "spread"};
    const size_t n = t->steps > 0 ? 3 : 1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(ops->module.name, placed[i]) == 0) return 1;
    if (t->steps > 0 && !ops->map && !(ops->flags & VAEI_LAYER_KEEPS_LENGTHS)) return 1;
    return (ops->flags & (VAEI_LAYER_OF_TOKENS | VAEI_LAYER_IGNORES_X)) != 0;
}

/* Layers with many options have many ways to be wrong: they come more often, and most often the one that reads what the text has a
 * section for. */
static const vaei_module *any_layer(const text_dice *t, random_dice *d) {
    int64_t all = 0;
    for (int32_t pass = 0;; pass++) {
        int64_t at = pass ? random_range(d, 0, all - 1) : -1;
        for (size_t i = 0; i < vaei_layers_count; i++) {
            int64_t weight = strchr(vaei_layers[i]->examples, '{') ? 4 : 2;
            for (const vaei_option *o = vaei_layers[i]->options; o && o->name; o++) weight++;
            if (t->condition[0] && strcmp(vaei_layers[i]->name, "condition") == 0) weight *= 5;
            if (stands_elsewhere(t, (const vaei_layer_ops *)(const void *)vaei_layers[i])) weight = 0;
            if (!pass) all += weight;
            if (pass && (at -= weight) < 0) return vaei_layers[i];
        }
    }
}

static void random_stack(text_dice *t, vaei_shape *shape, int64_t layers, int32_t depth, vaei_writer *w);

/* A stack from `in` to `wanted`, by luck. */
static int32_t stack_between(text_dice *t, const vaei_shape *in, const vaei_shape *wanted, int32_t depth, char *text, size_t cap) {
    for (int32_t i = 0; i < TRIES; i++) {
        vaei_writer w = {text, cap, 0};
        vaei_shape shape = *in;
        random_stack(t, &shape, random_range(&t->d, 1, 2), depth, &w);
        if (vaei_shape_equal(&shape, wanted) && w.length > 0 && w.length < cap) return 1;
    }
    return 0;
}

/* One layer, with the stacks it holds. */
static void random_layer(text_dice *t, const vaei_shape *in, int32_t depth, vaei_writer *w) {
    char body[2048], other[2048];
    const vaei_module *m = any_layer(t, &t->d);
    vaei_shape shape = *in;
    if (depth < 2 && random_chance(&t->d, 5)) {
        if (stack_between(t, in, in, depth + 1, body, sizeof(body)))
            vaei_write(w, "repeat n=%d { %s }", (int)random_range(&t->d, 1, 3), body);
        return;
    }
    if (!strchr(m->examples, '{')) {
        random_module(&t->d, m, in, w);
        return;
    }
    if (depth >= 2) return;
    if (random_chance(&t->d, 50)) {
        if (stack_between(t, in, in, depth + 1, body, sizeof(body))) {
            random_module(&t->d, m, in, w);
            vaei_write(w, " { %s }", body);
        }
        return;
    }
    vaei_writer b = {body, sizeof(body), 0};
    random_stack(t, &shape, random_range(&t->d, 1, 3), depth + 1, &b);
    if (b.length == 0 || b.length >= sizeof(body) || !stack_between(t, in, &shape, depth + 1, other, sizeof(other))) return;
    random_module(&t->d, m, in, w);
    vaei_write(w, " { %s } { %s }", body, other);
}

static void random_stack(text_dice *t, vaei_shape *shape, int64_t layers, int32_t depth, vaei_writer *w) {
    const vaei_shape in = *shape;
    char whole[8192];
    for (int32_t tries = 0; layers > 0 && tries < TRIES; tries++) {
        char layer[4096] = "";
        vaei_writer one = {layer, sizeof(layer), 0};
        vaei_shape next;
        random_layer(t, shape, depth, &one);
        if (one.length == 0 || one.length + w->length + 8 > w->cap || w->length + one.length > 3000) continue;
        (void)snprintf(whole, sizeof(whole), "%s%s%s", w->length ? w->buf : "", w->length ? " | " : "", layer);
        if (!shape_behind(t, &in, whole, &next)) continue;
        vaei_write(w, "%s%s", w->length ? " | " : "", layer);
        *shape = next;
        layers--;
        tries = 0;
    }
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void random_condition(text_dice *t) {
    const int64_t classes = random_range(&t->d, 0, 4), vector = random_chance(&t->d, 50) ? random_range(&t->d, 1, 3) : 0;
    if (classes + vector == 0) return;
    (void)snprintf(t->condition, sizeof(t->condition), "condition classes=%d vector=%d\n", (int)classes, (int)vector);
}

static vaei_shape random_input(random_dice *d, int32_t large) {
    const int64_t side = large ? 24 : random_chance(d, 80) ? 9 : 17, channels = random_range(d, 1, random_chance(d, 70) ? 4 : 9);
    vaei_shape s = {3, {random_range(d, large ? 12 : 1, side), random_range(d, large ? 12 : 1, side), channels, 0}};
    if (random_chance(d, 10)) s = (vaei_shape){1, {random_range(d, 1, 60), 0, 0, 0}};
    else if (random_chance(d, 20)) s = (vaei_shape){2, {random_range(d, 1, 20), channels, 0, 0}};
    else if (random_chance(d, 4)) s = (vaei_shape){4, {random_range(d, 1, 4), random_range(d, 1, 5), 3, channels}};
    else if (random_chance(d, 8)) s.d[0] = 1, s.d[1] = random_range(d, 20, 110);
    return s;
}

static void write_any(random_dice *d, const vaei_section_type *section, const vaei_shape *in, vaei_writer *w) {
    const vaei_kind *const of = &vaei_kinds[section->kind];
    vaei_write(w, "%s ", section->name);
    random_module(d, of->modules[random_range(d, 0, (int64_t)*of->count - 1)], in, w);
    vaei_write(w, "\n");
}

static const vaei_module *any_objective(random_dice *d) {
    return vaei_objectives[random_range(d, 0, (int64_t)vaei_objectives_count - 1)];
}

/* A term without the reconstruction stands behind one that has it. */
static int32_t adds_only(const vaei_module *m) {
    return (((const vaei_objective_ops *)(const void *)m)->flags & VAEI_OBJECTIVE_NO_NLL) != 0;
}

/* A term that asks a critic of z, or of x. */
static const vaei_module *one_that_asks(random_dice *d, int32_t of_z) {
    for (;;) {
        const vaei_module *const m = any_objective(d);
        const vaei_objective_ops *const ops = (const vaei_objective_ops *)(const void *)m;
        if (ops->cost && ((ops->flags & VAEI_OBJECTIVE_SEES_Z) != 0) == of_z) return m;
    }
}

/* Half the time elbo alone, for which the reference has a gradient; else a term, or a sum of two; of a model with a critic elbo and a term
 * that asks it. */
static void write_objective(random_dice *d, const vaei_shape *z, const char *critic, vaei_writer *w) {
    vaei_write(w, "objective ");
    if (critic) {
        vaei_write(w, "elbo | ");
        random_module(d, one_that_asks(d, strstr(critic, "on=z") != NULL), z, w);
        vaei_write(w, "\n");
        return;
    }
    const vaei_module *first = vaei_objectives[0], *second = NULL; /* the first is what a text without the section has */
    if (random_chance(d, 50)) {
        second = any_objective(d);
        while (!adds_only(second) && random_chance(d, 80)) second = any_objective(d);
        do first = any_objective(d);
        while (adds_only(first));
    }
    random_module(d, first, z, w);
    if (second && (adds_only(second) || random_chance(d, 30))) {
        vaei_write(w, " | ");
        random_module(d, second, z, w);
    }
    vaei_write(w, "\n");
}

/* Do the shapes differ in their channels alone? */
static int32_t same_places(const vaei_shape *a, const vaei_shape *b) {
    for (int32_t i = 0; i < a->n - 1; i++)
        if (a->d[i] != b->d[i]) return 0;
    return a->n > 1 && a->n == b->n;
}

/* What ends a decoder that has come to `from`: luck, or a linear layer. */
static void random_end(text_dice *t, const vaei_shape *from, const vaei_shape *to, vaei_writer *w) {
    char text[2048], shape[96];
    if (vaei_shape_equal(from, to) && w->length > 0 && random_chance(&t->d, 50)) return;
    if (w->length > 0) vaei_write(w, " | ");
    if (stack_between(t, from, to, 1, text, sizeof(text))) {
        vaei_write(w, "%s", text);
        return;
    }
    if (same_places(from, to) && (t->steps > 0 || random_chance(&t->d, 50))) {
        vaei_write(w, "linear out=%lld", (long long)to->d[to->n - 1]);
        return;
    }
    if (from->n > 1) vaei_write(w, "flatten | ");
    if (vaei_shape_size(from) * vaei_shape_size(to) > PARAMS_MOST / 4) vaei_write(w, "linear out=%d | ", (int)random_range(&t->d, 1, 4));
    vaei_write(w, "linear out=%lld", (long long)vaei_shape_size(to));
    if (to->n > 1) vaei_write(w, " | reshape %s", shape_text(to, shape));
}

/* Where module number `number` of a stack begins, counted outside of braces; its end past the last. */
static size_t module_at(const char *stack, int64_t number) {
    int32_t depth = 0;
    size_t i = 0;
    for (; stack[i] && number > 0; i++) {
        depth += (stack[i] == '{') - (stack[i] == '}');
        if (stack[i] == '|' && depth == 0) number--;
    }
    return i;
}

/* A tap somewhere in the encoder, and what makes the decoder's stream fit a latent that reads it. */
static void random_level(text_dice *t, const vaei_shape *in, int32_t number, char *encoder, size_t cap, vaei_shape *out, vaei_writer *d) {
    char before[RANDOM_TEXT_MAX], after[RANDOM_TEXT_MAX], shape[96];
    vaei_shape at = *in;
    const size_t cut = module_at(encoder, random_range(&t->d, 0, 6));
    const int64_t channels = random_range(&t->d, 1, 5), dim = random_range(&t->d, 1, 5);
    (void)snprintf(before, sizeof(before), "%.*s", (int)cut, encoder);
    (void)snprintf(after, sizeof(after), "%s", encoder + cut);
    const size_t length = strlen(before);
    if (length > 2 && !after[0]) (void)snprintf(before + length, sizeof(before) - length, " |");
    if (length > 2) before[strlen(before) - 1] = '\0'; /* the bar behind the last module */
    if (length > 2 && !shape_behind(t, in, before, &at)) return;
    if ((at.n != 1 && at.n != 3) || strlen(encoder) + 20 > cap || d->length + 200 > d->cap) return;
    vaei_writer e = {encoder, cap, 0};
    vaei_write(&e, "%s%stap level_%d%s%s", before, length > 2 ? "| " : "", (int)number, after[0] ? " | " : "", after);
    at.d[at.n - 1] = channels;
    vaei_write(d, "%sflatten | linear out=%lld", d->length > 0 ? " | " : "", (long long)vaei_shape_size(&at));
    if (at.n > 1) vaei_write(d, " | reshape %s", shape_text(&at, shape));
    vaei_write(d, " | latent gaussian dim=%lld map=%s from=level_%d", (long long)dim, at.n > 1 ? "true" : "false", (int)number);
    *out = at;
    out->d[at.n - 1] += dim;
}

/* Latents of values more often than those of codes: most priors and terms of the objective want values. */
static int64_t any_latent(random_dice *d) {
    int64_t i = random_range(d, 0, (int64_t)vaei_latents_count - 1);
    const vaei_latent_ops *const ops = (const vaei_latent_ops *)(const void *)vaei_latents[i];
    if ((ops->flags & VAEI_LATENT_CODES) && random_chance(d, 50)) i = random_range(d, 0, (int64_t)vaei_latents_count - 1);
    return i;
}

/* Encoder and latent; the latent's shape. The decoder here only serves to build. */
static void random_front(text_dice *t, const vaei_shape *in, int64_t layers, char *encoder, size_t cap, char *latent, vaei_shape *z) {
    char text[RANDOM_TEXT_MAX];
    vaei_writer e = {encoder, cap, 0};
    vaei_shape h = *in;
    encoder[0] = '\0';
    random_stack(t, &h, layers, 0, &e);
    if (t->steps > 0) {
        const int32_t both = h.d[h.n - 1] % 2 == 0 && random_chance(&t->d, 30);
        vaei_write(&e, "%slast bidirectional=%s", encoder[0] ? " | " : "", both ? "true" : "false");
        h = (vaei_shape){1, {h.d[h.n - 1], 0, 0, 0}};
    }
    int64_t which = 0;
    for (int32_t i = 0; i < TRIES; i++) {
        vaei_writer l = {latent, 512, 0};
        const char *flat = h.n > 1 && i % 2 ? encoder[0] ? " | flatten" : "flatten" : "";
        if (i % LATENT_TRIES == 0) which = any_latent(&t->d);
        random_module(&t->d, vaei_latents[i == TRIES - 1 ? 0 : which], &h, &l);
        write_probe(t, text, in, encoder, flat, latent);
        if (builds(t->ctx, text, z, 2 * PARAMS_MOST) && vaei_shape_size(z) <= t->size_most) {
            vaei_write(&e, "%s", flat);
            return;
        }
    }
    (void)snprintf(latent, 512, "none");
    *z = h;
}

/* Latents in the decoder, if the whole then builds. */
static void random_levels(text_dice *t, const vaei_shape *in, char *encoder, size_t cap, const char *latent, vaei_shape *behind,
                          vaei_writer *d) {
    char changed[4096], text[RANDOM_TEXT_MAX], shape[96];
    const int64_t levels = random_chance(&t->d, 25) ? random_range(&t->d, 1, 3) : 0;
    for (int32_t i = 0; i < levels; i++) {
        vaei_writer w = *d;
        vaei_shape next = *behind;
        (void)snprintf(changed, sizeof(changed), "%s", encoder);
        random_level(t, in, i, changed, sizeof(changed), &next, &w);
        if (w.length == d->length) continue;
        vaei_writer whole = {text, sizeof(text), 0};
        vaei_write(&whole, "input %s\nencoder %s\nlatent %s\ndecoder %s", shape_text(in, shape), changed, latent, d->buf);
        vaei_write(&whole, " | flatten | linear out=%lld | reshape %s\nlikelihood gaussian\n", (long long)vaei_shape_size(in), shape);
        if (builds(t->ctx, text, NULL, 4 * PARAMS_MOST)) {
            (void)snprintf(encoder, cap, "%s", changed);
            *d = w;
            *behind = next;
        } else {
            d->buf[d->length] = '\0';
        }
    }
}

/* What the likelihood wants of a decoder for such an input: so many numbers a value on the last axis, found by what the library takes. */
static int32_t theta_of(text_dice *t, const vaei_shape *in, const char *likelihood, vaei_shape *theta) {
    enum { NUMBERS_MOST = 9 };
    char text[RANDOM_TEXT_MAX], shape[96], out[96];
    if (t->tokens > 0) {
        *theta = *in;
        theta->d[theta->n++] = t->tokens;
        (void)snprintf(text, sizeof(text),
                       "input %s tokens=%lld\nencoder embedding dim=1 | flatten | linear out=1\nlatent none\n"
                       "decoder linear out=%lld | reshape %s\nlikelihood %s\n",
                       shape_text(in, shape), (long long)t->tokens, (long long)vaei_shape_size(theta), shape_text(theta, out), likelihood);
        return builds(t->ctx, text, NULL, INT64_MAX);
    }
    for (int64_t numbers = 1; numbers <= NUMBERS_MOST; numbers++) {
        *theta = *in;
        theta->d[in->n - 1] *= numbers;
        (void)snprintf(text, sizeof(text),
                       "input %s\nencoder flatten | linear out=1\nlatent none\ndecoder linear out=%lld | reshape %s\n"
                       "likelihood %s\n",
                       shape_text(in, shape), (long long)vaei_shape_size(theta), shape_text(theta, out), likelihood);
        if (builds(t->ctx, text, NULL, INT64_MAX)) return 1;
    }
    return 0;
}

static void random_training(text_dice *t, const vaei_shape *z, random_case *c) {
    vae_model_t *m = NULL;
    const char *const critic = strstr(c->model, "\ncritic ");
    if (vae_model_create(&m, t->ctx, c->model, 1) != VAE_OK) return;
    for (int32_t i = 0; i < TRIES; i++) {
        vae_trainer_t *trainer = NULL;
        vaei_writer w = {c->training, sizeof(c->training), 0};
        for (int32_t s = 0; s < VAEI_SECTIONS; s++) {
            if (vaei_sections[s].part != VAEI_PART_TRAINING) continue;
            if (s == VAEI_SECTION_critic_optimizer && (!critic || random_chance(&t->d, 50))) continue;
            if (vaei_sections[s].form == VAEI_FORM_SUM) write_objective(&t->d, z, critic, &w);
            else write_any(&t->d, &vaei_sections[s], z, &w);
        }
        const vae_status_t status = random_trainer(&trainer, m, c->training, 1);
        vae_trainer_destroy(trainer);
        if (status == VAE_OK) break;
        c->training[0] = '\0';
    }
    vae_model_destroy(m);
}

/* Is the line of write_any() the module that a text without the section has? */
static int32_t is_fallback(const vaei_section_type *section, const char *line) {
    const char *const name = line + strlen(section->name) + 1;
    const size_t length = strlen(section->fallback);
    return strncmp(name, section->fallback, length) == 0 && (name[length] == ' ' || name[length] == '\n');
}

/* A prior draws each code from all before it, so its time grows with the square of their number. */
static int32_t few_codes(vae_ctx_t *ctx, const char *text) {
    enum { CODES_MOST = 1000 };
    vae_model_t *m = NULL;
    if (vae_model_create(&m, ctx, text, 1) != VAE_OK) return 0;
    const int32_t few = vae_model_codes_per_example(m) <= CODES_MOST;
    vae_model_destroy(m);
    return few;
}

/* Most often one that the text would not have without the section. */
static void random_prior(text_dice *t, const vaei_shape *z, random_case *c) {
    const vaei_section_type *const section = &vaei_sections[VAEI_SECTION_prior];
    const size_t length = strlen(c->model);
    for (int32_t i = 0; i < TRIES; i++) {
        vaei_writer w = {c->model + length, sizeof(c->model) - length, 0};
        write_any(&t->d, section, z, &w);
        const int32_t wanted = !is_fallback(section, c->model + length) || random_chance(&t->d, 10);
        if (wanted && builds(t->ctx, c->model, NULL, 4 * PARAMS_MOST) && few_codes(t->ctx, c->model)) return;
        c->model[length] = '\0';
    }
}

/* Number i of the places where layers stand: encoder.0, decoder.0, encoder.1 ... */
static void place_at(int64_t i, char out[32]) {
    (void)snprintf(out, 32, "%s.%d", i % 2 ? "decoder" : "encoder", (int)(i / 2));
}

/* Layers whose shapes allow it get a weight in common, some of them: tried from a random pair on. */
static void random_ties(text_dice *t, random_case *c) {
    enum { PLACES = 24, PAIRS = PLACES * PLACES };
    const int64_t start = random_range(&t->d, 0, PAIRS - 1);
    char layer[32], path[40], owner[32], text[RANDOM_TEXT_MAX], value[256];
    for (int64_t i = 0; i < PAIRS; i++) {
        const int64_t pair = (start + i) % PAIRS;
        place_at(pair / PLACES, layer);
        (void)snprintf(path, sizeof(path), "%s.tie", layer);
        if (vae_spec_get(c->model, path, value, sizeof(value), NULL) != VAE_OK) {
            i += PLACES - 1 - pair % PLACES; /* no such layer, or none with ties */
            continue;
        }
        place_at(pair % PLACES, owner);
        if (random_chance(&t->d, 40)) strcat(owner, ".T");
        if (vae_spec_set(c->model, path, owner, text, sizeof(text), NULL) != VAE_OK || !builds(t->ctx, text, NULL, INT64_MAX)) continue;
        (void)snprintf(c->model, sizeof(c->model), "%s", text);
        if (random_chance(&t->d, 50)) return;
    }
}

/* A critic of x, or of z where the latent has values and N(0, I) as its prior: adversary compares with it. */
static void random_critic(text_dice *t, const vaei_shape *in, const vaei_shape *z, random_case *c) {
    const size_t length = strlen(c->model);
    for (int32_t i = 0; i < 6; i++) {
        const int32_t of_z = random_chance(&t->d, 75) && !strstr(c->model, "\nprior vamp");
        vaei_shape behind = of_z ? *z : *in;
        char body[3000] = "";
        vaei_writer b = {body, sizeof(body), 0};
        random_stack(t, &behind, random_range(&t->d, 0, 3), 0, &b);
        (void)snprintf(c->model + length, sizeof(c->model) - length, "critic on=%s | %s%s%slinear out=1\n", of_z ? "z" : "x", body,
                       b.length ? " | " : "", behind.n > 1 ? "flatten | " : "");
        if (builds(t->ctx, c->model, NULL, 4 * PARAMS_MOST)) return;
        c->model[length] = '\0';
    }
}

/* A start by k-means compares each vector with each code many times: of a large codebook fewer examples. */
static int64_t examples_of(vae_ctx_t *ctx, const char *text, int64_t n) {
    enum { COMPARED_MOST = 1 << 19 };
    vae_model_t *m = NULL;
    if (vae_model_create(&m, ctx, text, 1) != VAE_OK) return n;
    const int64_t of_one = vae_model_codebook_size(m) * vae_model_codes_per_example(m);
    vae_model_destroy(m);
    while (n > 1 && n * of_one > COMPARED_MOST) n /= 2;
    return n;
}

void random_case_make(random_case *c, uint64_t seed) {
    static const vae_ctx_config_t *const no_config = NULL;
    text_dice t = {{seed * UINT64_C(0xD1342543DE82EF95) + 7}, NULL, 0, "", 0, 0};
    char encoder[4096], decoder[4096], latent[512], likelihood[256], shape[96];
    if (vae_ctx_create(&t.ctx, no_config) != VAE_OK) abort();
    memset(c, 0, sizeof(*c));
    c->seed = seed;
    const int32_t large = random_chance(&t.d, 5);
    t.size_most = large ? 20000 : 1500;
    vaei_shape in = random_input(&t.d, large);
    if (random_chance(&t.d, 25)) random_condition(&t);
    char front[64] = "", kind[32] = "";
    vaei_shape stream = in; /* what the encoder goes on with */
    if (random_chance(&t.d, 12) && in.n < 4 && vaei_shape_size(&in) <= 60) {
        if (random_chance(&t.d, 50)) in = (vaei_shape){1, {random_range(&t.d, 1, 30), 0, 0, 0}};
        stream = in;
        t.tokens = random_range(&t.d, 1, 7);
        stream.d[stream.n++] = random_range(&t.d, 1, 6);
        (void)snprintf(front, sizeof(front), "embedding dim=%d | ", (int)stream.d[stream.n - 1]);
        (void)snprintf(kind, sizeof(kind), " tokens=%d", (int)t.tokens);
    }
    if (stream.n == 2 && random_chance(&t.d, 50)) t.steps = stream.d[0];
    const int64_t layers = random_range(&t.d, 1, 12), first = random_range(&t.d, 0, layers);
    vaei_shape z = stream;
    random_front(&t, &stream, first, encoder, sizeof(encoder), latent, &z);
    vaei_writer d = {decoder, sizeof(decoder), 0};
    vaei_shape behind = z, theta;
    decoder[0] = '\0';
    if (t.steps > 0) {
        vaei_write(&d, "spread steps=%lld", (long long)t.steps);
        behind = (vaei_shape){2, {t.steps, vaei_shape_size(&z), 0, 0}};
    }
    random_stack(&t, &behind, layers - first, 0, &d);
    if (t.steps == 0) random_levels(&t, &stream, encoder, sizeof(encoder), latent, &behind, &d);
    for (int32_t i = 0; i < TRIES; i++) {
        vaei_writer l = {likelihood, sizeof(likelihood), 0}, end = d;
        random_module(&t.d, vaei_likelihoods[random_range(&t.d, 0, (int64_t)vaei_likelihoods_count - 1)], &in, &l);
        if (!theta_of(&t, &in, likelihood, &theta)) continue;
        decoder[d.length] = '\0';
        random_end(&t, &behind, &theta, &end);
        (void)snprintf(c->model, sizeof(c->model), "input %s%s\n%sencoder %s%s\nlatent %s\ndecoder %s\nlikelihood %s\n",
                       shape_text(&in, shape), kind, condition_of(&t, encoder, decoder), front, encoder, latent, decoder, likelihood);
        if (builds(t.ctx, c->model, NULL, 4 * PARAMS_MOST)) break;
    }
    if (random_chance(&t.d, 30)) random_prior(&t, &z, c);
    if (random_chance(&t.d, 20)) random_critic(&t, &in, &z, c);
    if (random_chance(&t.d, 80)) random_ties(&t, c);
    random_training(&t, &z, c);
    c->n = examples_of(t.ctx, c->model, random_range(&t.d, 1, random_chance(&t.d, 60) ? 8 : 70));
    c->max_batch = random_chance(&t.d, 34) ? c->n : random_range(&t.d, 1, random_chance(&t.d, 50) ? c->n : 80);
    vae_ctx_destroy(t.ctx);
}

void random_memory(const random_case *c, char out[RANDOM_MEMORY_MAX]) {
    const vaei_section_type *const section = &vaei_sections[VAEI_SECTION_memory];
    const vaei_shape none = {1, {1, 0, 0, 0}};
    random_dice d = {c->seed + 16};
    do {
        vaei_writer w = {out, RANDOM_MEMORY_MAX, 0};
        write_any(&d, section, &none, &w);
    } while (is_fallback(section, out));
}
