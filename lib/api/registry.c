/* SPDX-License-Identifier: MIT
 * registry.c - lists the modules of the .def files, kind by kind. */
#include "api/api.h"
#include "vae/preset.h"
#include "vae/sections.h"

/* Kinds without an array of modules: sections with options of their own, and presets, which are complete texts. */
static const vaei_kind sections = {.name = "section"}, presets = {.name = "preset"};

static const vaei_kind *kind_at(size_t i) {
    return i < VAEI_KINDS ? &vaei_kinds[i] : i == VAEI_KINDS ? &sections : i == VAEI_KINDS + 1 ? &presets : NULL;
}

static const vaei_kind *find_kind(const char *name) {
    for (size_t i = 0; name && kind_at(i); i++)
        if (strcmp(kind_at(i)->name, name) == 0) return kind_at(i);
    return NULL;
}

/* Returns NULL past the last module, and for a preset. */
static const vaei_module *module_at(const vaei_kind *k, size_t i) {
    if (k == &sections) return vaei_section_options(i);
    return k->modules && i < *k->count ? k->modules[i] : NULL;
}

static const char *name_at(const vaei_kind *k, size_t i) {
    const vaei_module *const m = module_at(k, i);
    if (k == &presets && i < vaei_presets_count) return vaei_presets[i].name;
    return m ? m->name : NULL;
}

const char *vae_registry_kind(int32_t i) {
    const vaei_kind *const k = i >= 0 ? kind_at((size_t)i) : NULL;
    return k ? k->name : NULL;
}

int32_t vae_registry_count(const char *kind_name) {
    const vaei_kind *const k = find_kind(kind_name);
    int32_t n = 0;
    while (k && name_at(k, (size_t)n)) n++;
    return n;
}

const char *vae_registry_name(const char *kind_name, int32_t i) {
    const vaei_kind *const k = find_kind(kind_name);
    return k && i >= 0 ? name_at(k, (size_t)i) : NULL;
}

static vae_status_t find(const vaei_kind **k, size_t *index, const char *kind_name, const char *name) {
    const char *names[128];
    char hint[96];
    size_t n = 0;
    if (!kind_name || !name) return vaei_fail(VAE_E_ARG, "%s: is NULL", kind_name ? "name" : "kind");
    if (!(*k = find_kind(kind_name))) {
        for (size_t i = 0; kind_at(i); i++) names[n++] = kind_at(i)->name;
        return vaei_fail(VAE_E_ARG, "registry: no kind '%.40s'%s", kind_name, vaei_text_hint(hint, kind_name, names, n));
    }
    for (size_t i = 0; name_at(*k, i); i++) {
        if (strcmp(name_at(*k, i), name) == 0) {
            *index = i;
            return VAE_OK;
        }
        if (n < VAEI_COUNT(names)) names[n++] = name_at(*k, i);
    }
    return vaei_fail(VAE_E_ARG, "registry: no %s '%.40s'%s", kind_name, name, vaei_text_hint(hint, name, names, n));
}

static size_t option_count(const vaei_module *m) {
    size_t n = 0;
    while (m->options && m->options[n].name) n++;
    return n;
}

vae_status_t vae_registry_option(const char *kind_name, const char *name, int32_t i, vae_option_t *option) {
    static VAEI_THREAD_LOCAL char default_value[96], range[160];
    const vaei_kind *k;
    size_t index;
    if (!option || option->struct_size < sizeof(*option))
        return vaei_fail(VAE_E_ARG, "option: %s", option ? "set struct_size to sizeof(vae_option_t)" : "is NULL");
    VAEI_TRY(find(&k, &index, kind_name, name));
    const vaei_module *const m = module_at(k, index);
    const size_t n = m ? option_count(m) : 0;
    if (i < 0 || (size_t)i >= n) return vaei_fail(VAE_E_ARG, "option: %d, %s has %zu", (int)i, name, n);
    const vaei_option *o = &m->options[i];
    vaei_writer p = {.buf = default_value, .cap = sizeof(default_value)}, r = {.buf = range, .cap = sizeof(range)};
    default_value[0] = range[0] = '\0';
    if (!(o->flags & VAEI_OPT_REQUIRED)) vaei_option_default(o, &p);
    vaei_option_range(o, &r);
    option->flags = 0;
    option->name = o->name;
    option->type = vaei_option_type_name(o->type);
    option->default_value = default_value;
    option->range = range;
    option->text = o->doc;
    return VAE_OK;
}

static void print_module(const vaei_module *m, vaei_writer *w) {
    vaei_write(w, "%s - %s\n", m->name, m->summary);
    vaei_write(w, "    %.*s\n", (int)strcspn(m->examples, "\n"), m->examples);
    if (m->paper && m->paper[0]) vaei_write(w, "    %s\n", m->paper);
    for (size_t i = 0; i < option_count(m); i++) {
        const vaei_option *o = &m->options[i];
        vaei_write(w, "    %s=", o->name);
        if (o->flags & VAEI_OPT_REQUIRED) vaei_write(w, "?");
        else vaei_option_default(o, w);
        vaei_write(w, "  (%s ", vaei_option_type_name(o->type));
        vaei_option_range(o, w);
        vaei_write(w, ") %s\n", o->doc);
    }
}

vae_status_t vae_registry_text(const char *kind_name, const char *name, char *buf, size_t cap, size_t *needed) {
    const vaei_kind *k;
    size_t index;
    char text[4096];
    VAEI_TRY(find(&k, &index, kind_name, name));
    if (k == &presets) return vaei_give_text(vaei_presets[index].text, strlen(vaei_presets[index].text), buf, cap, needed);
    vaei_writer w = {.buf = text, .cap = sizeof(text)};
    print_module(module_at(k, index), &w);
    return vaei_give_text(text, w.length < sizeof(text) ? w.length : sizeof(text) - 1, buf, cap, needed);
}
