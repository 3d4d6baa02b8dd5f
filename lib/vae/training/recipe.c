/* SPDX-License-Identifier: MIT
 * recipe.c - binds the training sections of a document to their modules, and prints them in canonical form. Each section is one module,
 * except the objective, which is a sum. */
#include "vae/training/recipe.h"

#include "vae/sections.h"

/* A section with its module. */
typedef struct bound {
    vaei_section *section; /* NULL: the text leaves it out, and it has no default */
    const vaei_module *module;
    void *conf;
} bound;

static vae_status_t only_module(vaei_node **out, const vaei_section *section, const char *example) {
    vaei_node *node = section->pipeline.first;
    if (!node || node->next || node->body) {
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: %s: wanted one module and no braces, as in '%s %s'", (int)section->line,
                         (int)section->column, section->name, section->name, example);
    }
    *out = node;
    return VAE_OK;
}

static vae_status_t bind_section(bound *out, const vaei_section_type *type, vaei_arena *arena) {
    const vaei_kind *const kind = &vaei_kinds[type->kind];
    vaei_node *node = NULL;
    VAEI_TRY(only_module(&node, out->section, type->fallback[0] ? type->fallback : kind->modules[0]->name));
    VAEI_TRY(vaei_module_find(&out->module, kind->modules, *kind->count, kind->name, node, type->name));
    const char *where = vaei_arena_format(arena, "%s %s", type->name, node->name);
    if (!where) return VAE_E_NOMEM;
    return vaei_module_bind(&out->conf, out->module, node, arena, where);
}

/* Prints the sections in the order of the table, whatever their order in the document; with `cost` also those that change no result. */
static const char *print(const bound *sections, int32_t cost, vaei_arena *arena) {
    vaei_section line[VAEI_SECTIONS];
    vaei_document document = {NULL};
    vaei_section **end = &document.first;
    for (int32_t i = 0; i < VAEI_SECTIONS; i++) {
        if (!sections[i].section || (vaei_sections[i].part == VAEI_PART_COST && !cost)) continue;
        line[i] = *sections[i].section;
        *end = &line[i];
        end = &line[i].next;
    }
    *end = NULL;
    vaei_writer w = {NULL, 0, 0};
    vaei_document_print(&document, &w);
    const size_t length = w.length;
    w = (vaei_writer){vaei_arena_array(arena, length + 1, 1), length + 1, 0};
    if (w.buf) vaei_document_print(&document, &w);
    return w.buf;
}

/* Finds the section of the document, or appends its default to the document. */
static vae_status_t find_section(bound *out, vaei_document *document, vaei_arena *arena, const vaei_section_type *type) {
    out->section = vaei_document_find(document, type->name);
    if (!type->fallback[0]) { /* it has no default */
        if (out->section && vaei_section_is_default(out->section, type)) out->section = NULL;
        return VAE_OK;
    }
    if (!out->section) out->section = vaei_section_append(document, arena, type);
    return out->section ? VAE_OK : VAE_E_NOMEM;
}

vae_status_t vaei_recipe_build(vaei_recipe *recipe, vaei_arena *arena, vaei_document *document) {
    bound at[VAEI_SECTIONS] = {{NULL}};
    vaei_objective objective = {.n = 0};
    for (int32_t i = 0; i < VAEI_SECTIONS; i++) {
        const vaei_section_type *const type = &vaei_sections[i];
        if (type->part == VAEI_PART_MODEL) continue;
        VAEI_TRY(find_section(&at[i], document, arena, type));
        if (!at[i].section) continue;
        VAEI_TRY(type->form == VAEI_FORM_SUM ? vaei_objective_build(&objective, arena, at[i].section) : bind_section(&at[i], type, arena));
    }
    const char *text = print(at, 1, arena), *resume_text = print(at, 0, arena);
    if (!text || !resume_text) return VAE_E_NOMEM;
    *recipe = (vaei_recipe){
        .optimizer = (const vaei_optimizer_ops *)at[VAEI_SECTION_optimizer].module, /* a module is the first member of its ops */
        .critic_optimizer = (const vaei_optimizer_ops *)at[VAEI_SECTION_critic_optimizer].module,
        .objective = objective,
        .schedule = (const vaei_schedule_ops *)at[VAEI_SECTION_schedule].module,
        .clip = (const vaei_clip_ops *)at[VAEI_SECTION_clip].module,
        .optimizer_conf = at[VAEI_SECTION_optimizer].conf,
        .critic_optimizer_conf = at[VAEI_SECTION_critic_optimizer].conf,
        .schedule_conf = at[VAEI_SECTION_schedule].conf,
        .clip_conf = at[VAEI_SECTION_clip].conf,
        .memory = (const vaei_memory_ops *)at[VAEI_SECTION_memory].module,
        .text = text,
        .resume_text = resume_text,
    };
    return VAE_OK;
}
