/* SPDX-License-Identifier: MIT
 * random_shrink.c - finds the smallest text that still fails: it removes layers, resets options to their defaults and makes numbers
 * smaller as long as the case fails. A text that the library refuses does not count as a failure. */
#include "random_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/grammar.h"
#include "vae/sections.h"

enum { TRIES_MOST = 1500, SECONDS_MOST = 60, EDITS = 5 };

/* What is done to a module: it goes; its first stack takes its place; one option goes; one number becomes 1, or half. */
enum { DROP, UNWRAP, FORGET, ONE, HALVE };

typedef struct edit {
    int32_t kind, module, option; /* counted over the whole text */
    int32_t done;
    vaei_arena *arena;
} edit;

/* "5x3x9" with one number changed: which counts up over all numbers of the text. */
static const char *smaller(const char *value, int32_t kind, int32_t *which, vaei_arena *arena) {
    for (const char *p = value; *p; p++) {
        if (*p < '0' || *p > '9' || (p > value && ((p[-1] >= '0' && p[-1] <= '9') || p[-1] == '.'))) continue;
        char *end;
        const long long number = strtoll(p, &end, 10);
        const long long made = kind == ONE ? 1 : number / 2;
        if (*end == '.' || number <= 1 || (*which)-- > 0) continue;
        return vaei_arena_format(arena, "%.*s%lld%s", (int)(p - value), value, made, end);
    }
    return NULL;
}

static void edit_attrs(edit *e, vaei_node *node) {
    for (vaei_attr **a = &node->attrs; *a && !e->done; a = &(*a)->next) {
        if (e->kind == FORGET && (*a)->key && e->option-- == 0) {
            *a = (*a)->next;
            e->done = 1;
            return;
        }
        if (e->kind != ONE && e->kind != HALVE) continue;
        const char *made = smaller((*a)->value, e->kind, &e->option, e->arena);
        if (!made) continue;
        (*a)->value = made;
        e->done = 1;
    }
}

static void edit_pipeline(edit *e, vaei_pipeline *p, int32_t is_stack) {
    for (vaei_node **at = &p->first; *at && !e->done; at = &(*at)->next) {
        vaei_node *const node = *at;
        if (e->kind == DROP && is_stack && e->module-- == 0) {
            *at = node->next;
            e->done = 1;
            return;
        }
        if (e->kind == UNWRAP && node->body && node->body->first && e->module-- == 0) {
            vaei_node *last = node->body->first;
            while (last->next) last = last->next;
            last->next = node->next;
            *at = node->body->first;
            e->done = 1;
            return;
        }
        edit_attrs(e, node);
        for (vaei_pipeline *body = node->body; body && !e->done; body = body->next) edit_pipeline(e, body, 1);
    }
}

/* The text after one edit; 0 if there is no such place any more. */
static int32_t edited(const char *text, int32_t kind, int32_t place, char *out, size_t cap) {
    vaei_heap heap;
    vaei_arena arena;
    vaei_document document;
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    edit e = {kind, place, place, 0, &arena};
    vaei_writer w = {out, cap, 0};
    if (vaei_document_parse(&document, &arena, text, strlen(text)) == VAE_OK) {
        for (vaei_section **s = &document.first; *s && !e.done; s = &(*s)->next) {
            const vaei_section_type *const type = vaei_section_find((*s)->name);
            if (!type) continue;
            if (type->form == VAEI_FORM_SHAPE && (kind == ONE || kind == HALVE)) {
                const char *made = smaller((*s)->pipeline.first->name, kind, &e.option, &arena);
                if (made) (*s)->pipeline.first->name = made, e.done = 1;
            } else if (kind == DROP && type->fallback && e.module-- == 0) {
                *s = (*s)->next;
                e.done = 1;
                break;
            } else {
                edit_pipeline(&e, &(*s)->pipeline, type->form == VAEI_FORM_STACK);
            }
        }
        vaei_document_print(&document, &w);
    }
    vaei_arena_free(&arena);
    return e.done && w.length < cap;
}

static time_t shrink_end;

static int32_t still_fails(const random_case *c, random_report *out) {
    random_report report;
    if (time(NULL) > shrink_end) return 0;
    random_isolated(c, &report);
    if (!report.failed) return 0;
    *out = report;
    return 1;
}

/* A decoder may have to end in another size than before: reshape and the linear layer before it follow the input. */
static int32_t try_text(random_case *c, const char *text, random_report *out) {
    random_case next = *c;
    (void)snprintf(next.model, sizeof(next.model), "%s", text);
    if (!still_fails(&next, out)) return 0;
    *c = next;
    return 1;
}

static int32_t shrink_text(random_case *c, int32_t *tries, random_report *out) {
    static char text[RANDOM_TEXT_MAX];
    int32_t changed = 0;
    for (int32_t kind = 0; kind < EDITS; kind++)
        for (int32_t place = 0; *tries > 0 && time(NULL) <= shrink_end && edited(c->model, kind, place, text, sizeof(text));) {
            --*tries;
            if (try_text(c, text, out)) changed = 1;
            else place++;
        }
    return changed;
}

static int32_t shrink_use(random_case *c, random_report *out) {
    const random_case tries[] = {
        {c->seed, 1, c->max_batch, "", ""},        {c->seed, 2, c->max_batch, "", ""}, {c->seed, c->n / 2, c->max_batch, "", ""},
        {c->seed, c->n - 1, c->max_batch, "", ""}, {c->seed, c->n, c->n, "", ""},      {c->seed, c->n, 1, "", ""}};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        random_case next = *c;
        next.n = tries[i].n;
        next.max_batch = tries[i].max_batch;
        if (next.n < 1 || (next.n == c->n && next.max_batch == c->max_batch) || !still_fails(&next, out)) continue;
        *c = next;
        return 1;
    }
    random_case next = *c;
    next.training[0] = '\0';
    if (!c->training[0] || !still_fails(&next, out)) return 0;
    *c = next;
    return 1;
}

void random_shrink(random_case *c, random_report *out) {
    int32_t tries = TRIES_MOST;
    shrink_end = time(NULL) + SECONDS_MOST;
    while (tries-- > 0 && shrink_use(c, out)) {}
    while (tries > 0 && shrink_text(c, &tries, out)) {}
    while (tries-- > 0 && shrink_use(c, out)) {}
}
