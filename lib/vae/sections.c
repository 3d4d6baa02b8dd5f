/* SPDX-License-Identifier: MIT
 * sections.c - the tables of kinds and sections, and functions that search them. */
#include "vae/sections.h"

#include "nn/layer.h"
#include "vae/condition.h"
#include "vae/critic.h"
#include "vae/input.h"
#include "vae/latent.h"
#include "vae/likelihood.h"
#include "vae/measures.h"
#include "vae/objective.h"
#include "vae/optimizer.h"
#include "vae/prior.h"
#include "vae/scores.h"

const vaei_kind vaei_kinds[VAEI_KINDS] = {
#define VAEI_KIND(name, registry, title) {#name, vaei_##registry, &vaei_##registry##_count},
#include "vae/kinds.def"
#undef VAEI_KIND
};

const vaei_section_type vaei_sections[VAEI_SECTIONS] = {
#define VAEI_SECTION(name, part, form, kind, fallback, own) {#name, VAEI_PART_##part, VAEI_FORM_##form, VAEI_KIND_##kind, fallback, own},
#include "vae/sections.def"
#undef VAEI_SECTION
};

const vaei_module *vaei_section_options(size_t i) {
    for (size_t s = 0; s < VAEI_SECTIONS; s++)
        if (vaei_sections[s].own && i-- == 0) return vaei_sections[s].own;
    return NULL;
}

const vaei_section_type *vaei_section_find(const char *name) {
    for (size_t i = 0; i < VAEI_SECTIONS; i++)
        if (strcmp(vaei_sections[i].name, name) == 0) return &vaei_sections[i];
    return NULL;
}

int32_t vaei_sections_have(const vaei_document *document, int32_t part) {
    for (const vaei_section *s = document->first; s; s = s->next) {
        const vaei_section_type *const type = vaei_section_find(s->name);
        if (type && (type->part == VAEI_PART_MODEL) == (part == VAEI_PART_MODEL)) return 1;
    }
    return 0;
}

vaei_section *vaei_section_append(vaei_document *document, vaei_arena *arena, const vaei_section_type *type) {
    vaei_section *const section = vaei_arena_alloc(arena, sizeof(*section));
    vaei_node *const node = vaei_arena_alloc(arena, sizeof(*node));
    if (!section || !node) return NULL;
    node->name = type->fallback;
    section->name = section->own.name = type->name;
    section->pipeline.first = type->fallback[0] ? node : NULL;
    vaei_section **end = &document->first;
    while (*end) end = &(*end)->next;
    return *end = section;
}

int32_t vaei_section_is_default(const vaei_section *section, const vaei_section_type *type) {
    const vaei_node *const node = section->pipeline.first;
    if (!type->fallback || section->own.attrs) return 0;
    if (!node || !type->fallback[0]) return !node && !type->fallback[0];
    return strcmp(node->name, type->fallback) == 0 && !node->attrs && !node->body && !node->next;
}
