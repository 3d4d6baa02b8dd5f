/* SPDX-License-Identifier: MIT
 * module.c - finds a module by its name and fills its options. */
#include "base/module.h"

#define NAMES_MAX 128 /* A registry is far smaller. If it had more names, the hint would not know the others. */

vae_status_t vaei_module_find(const vaei_module **out, const vaei_module *const *registry, size_t count, const char *kind,
                              const vaei_node *node, const char *where) {
    const char *names[NAMES_MAX];
    char hint[96];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(registry[i]->name, node->name) == 0) {
            *out = registry[i];
            return VAE_OK;
        }
        if (n < NAMES_MAX) names[n++] = registry[i]->name;
    }
    return vaei_fail(VAE_E_SPEC, "line %d, column %d: %s: no %s '%.40s'%s", (int)node->line, (int)node->column, where, kind, node->name,
                     vaei_text_hint(hint, node->name, names, n));
}

static int32_t in_table(const vaei_option *table, const vaei_attr *a) {
    for (const vaei_option *o = table; o->name; o++)
        if (a->key && strcmp(o->name, a->key) == 0) return 1;
    return 0;
}

/* Move the attributes that belong to the inner module from the outer node to the inner one. */
static void split(const vaei_option *table, vaei_node *outer, vaei_node *inner) {
    vaei_attr **own = &outer->attrs, **its = &inner->attrs;
    for (vaei_attr *a = outer->attrs, *next; a; a = next) {
        next = a->next;
        vaei_attr ***end = in_table(table, a) ? &own : &its;
        **end = a;
        *end = &a->next;
    }
    *own = *its = NULL;
}

/* Refuse an attribute of neither table; the sentence names the nearest name of both. */
static vae_status_t check_known(const vaei_option *outer, const vaei_module *inner, const vaei_node *node, const char *where) {
    static const vaei_option none[] = {{0}};
    const vaei_option *const tables[] = {inner->options ? inner->options : none, outer};
    const char *names[NAMES_MAX];
    char hint[96];
    size_t n = 0;
    for (int32_t i = 0; i < 2; i++)
        for (const vaei_option *o = tables[i]; o->name && n < NAMES_MAX; o++) names[n++] = o->name;
    for (const vaei_attr *a = node->attrs; a; a = a->next)
        if (a->key && !in_table(tables[0], a))
            return vaei_fail(VAE_E_SPEC, "%s: no option '%.40s'%s", where, a->key, vaei_text_hint(hint, a->key, names, n));
    return VAE_OK;
}

/* The canonical text begins with the inner module: its name, its options, then the options of the outer module. */
static vae_status_t bind_inner(vaei_inner *choice, const vaei_module *module, vaei_node *node, vaei_arena *arena, const char *where) {
    const vaei_inner_kind *const of = module->inner;
    vaei_attr *const name = node->attrs;
    vaei_node inner = *node;
    if (!name || name->key)
        return vaei_fail(VAE_E_SPEC, "%s: wanted a %s, as in '%.*s'", where, of->kind, (int)strcspn(module->examples, "\n"),
                         module->examples);
    inner.name = name->value;
    inner.attrs = NULL;
    node->attrs = name->next;
    split(module->options, node, &inner);
    VAEI_TRY(vaei_module_find(&choice->module, of->modules, *of->count, of->kind, &inner, where));
    VAEI_TRY(check_known(module->options, choice->module, &inner, where));
    VAEI_TRY(vaei_module_bind(&choice->conf, choice->module, &inner, arena, where));
    VAEI_TRY(vaei_options_bind(module->options, node, choice, arena, where));
    vaei_attr **end = &name->next;
    for (*end = inner.attrs; *end;) end = &(*end)->next;
    *end = node->attrs;
    node->attrs = name;
    return VAE_OK;
}

vae_status_t vaei_module_bind(void **conf, const vaei_module *module, vaei_node *node, vaei_arena *arena, const char *where) {
    static const vaei_option no_options[] = {{0}};
    void *fresh = NULL;
    if (module->conf_size > 0 && !(fresh = vaei_arena_alloc(arena, module->conf_size))) return VAE_E_NOMEM;
    if (module->inner) VAEI_TRY(bind_inner(fresh, module, node, arena, where));
    else VAEI_TRY(vaei_options_bind(module->options ? module->options : no_options, node, fresh, arena, where));
    *conf = fresh;
    return VAE_OK;
}
