/* SPDX-License-Identifier: MIT
 * recipe.c - the training sections of a document, each one module but the objective, which is a sum: found, bound, and printed back in
 * canonical form. */
#include "vae/training/recipe.h"

enum { OPTIMIZER, OBJECTIVE, SCHEDULE, CLIP, MEMORY, SECTIONS }; /* those that change results first */

static const char *const section_name[SECTIONS] = {"optimizer", "objective", "schedule", "clip", "memory"};
static const char *const default_module[SECTIONS] = {"adam", "elbo", "constant", "none", "keep"};

/* A section of one module without attributes, behind the last one. */
static vaei_section *append(vaei_arena *arena, vaei_document *document, const char *name, const char *module) {
    vaei_section *section = vaei_arena_alloc(arena, sizeof *section);
    vaei_node *node = vaei_arena_alloc(arena, sizeof *node);
    if (!section || !node) return NULL;
    node->name = module;
    section->name = name;
    section->pipeline.first = node;
    vaei_section **end = &document->first;
    while (*end) end = &(*end)->next;
    *end = section;
    return section;
}

static vae_status_t only_module(vaei_node **out, const vaei_section *section, const char *example) {
    vaei_node *node = section->pipeline.first;
    if (!node || node->next || node->body) {
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: %s: wanted one module and no braces, as in '%s %s'", (int)section->line,
                         (int)section->column, section->name, section->name, example);
    }
    *out = node;
    return VAE_OK;
}

static vae_status_t bind_section(const vaei_module **module, void **conf, vaei_section *section, int which, vaei_arena *arena,
                                 const vaei_module *const *registry, size_t count) {
    vaei_node *node = NULL;
    VAEI_TRY(only_module(&node, section, default_module[which]));
    VAEI_TRY(vaei_module_find(module, registry, count, section->name, node, section->name));
    const char *where = vaei_arena_format(arena, "%s %s", section->name, node->name);
    if (!where) return VAE_E_NOMEM;
    return vaei_module_bind(conf, *module, node, arena, where);
}

/* Prints the first `count` in their order, whatever their order in the document. */
static const char *print(vaei_section *const *section, int count, vaei_arena *arena) {
    vaei_section line[SECTIONS];
    for (int i = 0; i < count; i++) {
        line[i] = *section[i];
        line[i].next = i + 1 < count ? &line[i + 1] : NULL;
    }
    const vaei_document document = {line};
    vaei_writer w = {NULL, 0, 0};
    vaei_document_print(&document, &w);
    const size_t length = w.length;
    w = (vaei_writer){vaei_arena_array(arena, length + 1, 1), length + 1, 0};
    if (w.buf) vaei_document_print(&document, &w);
    return w.buf;
}

vae_status_t vaei_recipe_build(vaei_recipe *recipe, vaei_arena *arena, vaei_document *document) {
    const vaei_module *const *const registry[SECTIONS] = {vaei_optimizers, vaei_objectives, vaei_schedules, vaei_clips, vaei_memories};
    const size_t count[SECTIONS] = {vaei_optimizers_count, vaei_objectives_count, vaei_schedules_count, vaei_clips_count,
                                    vaei_memories_count};
    const vaei_module *module[SECTIONS] = {NULL};
    vaei_section *section[SECTIONS];
    void *conf[SECTIONS] = {NULL};
    vaei_objective objective = {.n = 0};
    for (int i = 0; i < SECTIONS; i++) {
        section[i] = vaei_document_find(document, section_name[i]);
        if (!section[i]) section[i] = append(arena, document, section_name[i], default_module[i]);
        if (!section[i]) return VAE_E_NOMEM;
        if (i == OBJECTIVE) VAEI_TRY(vaei_objective_build(&objective, arena, section[i]));
        else VAEI_TRY(bind_section(&module[i], &conf[i], section[i], i, arena, registry[i], count[i]));
    }
    const char *text = print(section, SECTIONS, arena), *law = print(section, MEMORY, arena);
    if (!text || !law) return VAE_E_NOMEM;
    *recipe = (vaei_recipe){
        .optimizer = (const vaei_optimizer_ops *)module[OPTIMIZER], /* a module is the first member of its ops */
        .objective = objective,
        .schedule = (const vaei_schedule_ops *)module[SCHEDULE],
        .clip = (const vaei_clip_ops *)module[CLIP],
        .optimizer_conf = conf[OPTIMIZER],
        .schedule_conf = conf[SCHEDULE],
        .clip_conf = conf[CLIP],
        .memory = (const vaei_memory_ops *)module[MEMORY],
        .text = text,
        .law = law,
    };
    return VAE_OK;
}
