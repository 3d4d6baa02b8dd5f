/* SPDX-License-Identifier: MIT
 * random_census.c - which modules and options of the registries the models of a run have had, so that one that the generator never draws
 * is noticed. An option counts where its value is not the default. */
#include "random_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layer.h"
#include "vae/sections.h"

enum { MODULES_MOST = 128, OPTIONS_MOST = 64, OWN = VAEI_KINDS /* the options of sections, behind the kinds */ };

typedef struct seen {
    int64_t models, last; /* last: the number of the model that counted last */
    int64_t option[OPTIONS_MOST];
} seen;

static seen counts[VAEI_KINDS + 1][MODULES_MOST];
static int64_t models;

static const vaei_module *module_at(int32_t kind, size_t i) {
    if (kind == OWN) return vaei_section_options(i);
    return i < *vaei_kinds[kind].count ? vaei_kinds[kind].modules[i] : NULL;
}

/* Counts the option if it is one of the module's. */
static int32_t count_option(const vaei_module *m, seen *s, const vaei_attr *a) {
    for (int32_t i = 0; m->options && m->options[i].name; i++) {
        const vaei_option *const o = &m->options[i];
        if (a->key ? strcmp(a->key, o->name) != 0 : !(o->flags & VAEI_OPT_BARE)) continue;
        char text[128];
        vaei_writer w = {text, sizeof(text), 0};
        if (!(o->flags & VAEI_OPT_REQUIRED)) vaei_option_default(o, &w);
        text[w.length] = '\0';
        s->option[i] += strcmp(text, a->value) != 0;
        return 1;
    }
    return 0;
}

static void count_node(int32_t kind, const vaei_node *node, const char *name);

/* The module within a module: its name is the first bare value, and it has the options that the outer one has not. */
static void count_inner(const vaei_module *outer, seen *s, const vaei_node *node) {
    vaei_attr rest[OPTIONS_MOST];
    vaei_node inner = {0};
    const char *name = NULL;
    for (const vaei_attr *a = node->attrs; a; a = a->next) {
        if (!a->key && !name) {
            name = a->value;
        } else if (!count_option(outer, s, a)) {
            rest[inner.times] = *a;
            rest[inner.times].next = inner.attrs;
            inner.attrs = &rest[inner.times++];
        }
    }
    for (int32_t kind = 0; name && kind < VAEI_KINDS; kind++)
        if (vaei_kinds[kind].modules == outer->inner->modules) count_node(kind, &inner, name);
}

static void count_node(int32_t kind, const vaei_node *node, const char *name) {
    const vaei_module *m;
    for (size_t i = 0; (m = module_at(kind, i)) != NULL; i++) {
        if (strcmp(m->name, name) != 0) continue;
        if (i >= MODULES_MOST) abort();
        seen *const s = &counts[kind][i];
        s->models += s->last != models;
        s->last = models;
        if (m->inner) count_inner(m, s, node);
        else
            for (const vaei_attr *a = node->attrs; a; a = a->next) (void)count_option(m, s, a);
    }
}

static void count_pipeline(int32_t kind, const vaei_pipeline *p) {
    for (const vaei_node *node = p->first; node; node = node->next) {
        count_node(kind, node, node->name);
        for (const vaei_pipeline *body = node->body; body; body = body->next) count_pipeline(kind, body);
    }
}

static void count_text(const char *text) {
    vaei_heap heap;
    vaei_arena arena;
    vaei_document document;
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    if (vaei_document_parse(&document, &arena, text, strlen(text)) != VAE_OK) abort();
    for (const vaei_section *s = document.first; s; s = s->next) {
        const vaei_section_type *const type = vaei_section_find(s->name);
        if (!type) abort();
        if (type->own) count_node(OWN, type->form == VAEI_FORM_SHAPE ? s->pipeline.first : &s->own, type->own->name);
        if (type->kind != VAEI_KIND_none) count_pipeline(type->kind, &s->pipeline);
    }
    vaei_arena_free(&arena);
}

void random_census_add(const random_case *c) {
    char memory[RANDOM_MEMORY_MAX];
    models++;
    random_memory(c, memory);
    count_text(c->model);
    count_text(c->training);
    count_text(memory);
}

/* Why no random model has this module; NULL: it should. */
static const char *reason(int32_t kind, const vaei_module *m) {
    if (kind == VAEI_KIND_layer && ((const vaei_layer_ops *)(const void *)m)->flags & VAEI_LAYER_IGNORES_X)
        return "a model with it does not run";
    if (kind == VAEI_KIND_memory && strcmp(m->name, vaei_sections[VAEI_SECTION_memory].fallback) == 0)
        return "each model runs with it too, by default";
    return NULL;
}

/* Has the text a section of such modules? A measure, say, is asked by a call. */
static int32_t stands_in_texts(int32_t kind) {
    for (int32_t i = 0; i < VAEI_SECTIONS; i++)
        if (vaei_sections[i].kind == kind) return 1;
    return kind == OWN;
}

static const char *kind_name(int32_t kind) {
    return kind == OWN ? "section" : vaei_kinds[kind].name;
}

static void show_options(void) {
    const vaei_module *m;
    (void)printf("options always at their defaults:");
    for (int32_t kind = 0; kind <= OWN; kind++)
        for (size_t i = 0; (m = module_at(kind, i)) != NULL; i++)
            for (int32_t o = 0; counts[kind][i].models > 0 && m->options && m->options[o].name; o++)
                if (counts[kind][i].option[o] == 0) (void)printf(" %s.%s", m->name, m->options[o].name);
    (void)printf("\n");
}

int64_t random_census_show(void) {
    const vaei_module *m;
    int64_t missed = 0;
    for (int32_t kind = 0; kind <= OWN; kind++) {
        if (!stands_in_texts(kind)) continue;
        (void)printf("models by %s:", kind_name(kind));
        for (size_t i = 0; (m = module_at(kind, i)) != NULL; i++) (void)printf(" %s %lld", m->name, (long long)counts[kind][i].models);
        (void)printf("\n");
    }
    for (int32_t kind = 0; kind <= OWN; kind++)
        for (size_t i = 0; stands_in_texts(kind) && (m = module_at(kind, i)) != NULL; i++) {
            if (counts[kind][i].models > 0) continue;
            const char *const why = reason(kind, m);
            (void)printf("never drawn: %s %s%s%s\n", kind_name(kind), m->name, why ? ": " : "", why ? why : "");
            missed += !why;
        }
    show_options();
    return missed;
}
