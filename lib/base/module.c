/* SPDX-License-Identifier: MIT
 * module.c - finding a module by name and filling its options. */
#include "base/module.h"

#define NAMES_MAX 128 /* a registry is far smaller; more than this are only left out of the hint */

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

vae_status_t vaei_module_bind(void **conf, const vaei_module *module, vaei_node *node, vaei_arena *arena, const char *where) {
    static const vaei_option no_options[] = {{0}};
    void *fresh = NULL;
    if (module->conf_size > 0 && !(fresh = vaei_arena_alloc(arena, module->conf_size))) return VAE_E_NOMEM;
    VAEI_TRY(vaei_options_bind(module->options ? module->options : no_options, node, fresh, arena, where));
    *conf = fresh;
    return VAE_OK;
}
