/* SPDX-License-Identifier: MIT
 * spec.c - makes the canonical form of a text, and reads and changes one option by its path.
 *
 *     path := section [ "." index { "." body "." index } ] [ "." option ]        encoder.0.out   decoder.2.body.1.kernel
 *           | section "." option | module "." option                            latent.dim      adam.lr     critic.on
 *           | section                                                           latent          (the whole section)
 */
#include "api/api.h"
#include "base/float_env.h"
#include "vae/sections.h"

vae_status_t vaei_spec_parse(vaei_document *out, vaei_arena *arena, const char *text, size_t length) {
    const char *names[VAEI_SECTIONS];
    char hint[96];
    for (size_t i = 0; i < VAEI_SECTIONS; i++) names[i] = vaei_sections[i].name;
    VAEI_TRY(vaei_document_parse(out, arena, text, length));
    for (const vaei_section *s = out->first; s; s = s->next) {
        const vaei_section_type *const type = vaei_section_find(s->name);
        const vaei_attr *const own = s->own.attrs;
        if (!type)
            return vaei_fail(VAE_E_SPEC, "line %d: no section '%.40s'%s", (int)s->line, s->name,
                             vaei_text_hint(hint, s->name, names, VAEI_SECTIONS));
        if (own && (!type->own || type->form == VAEI_FORM_SHAPE))
            return vaei_fail(VAE_E_SPEC, "line %d, column %d: '%.40s=%.40s': section %s has no options of its own, wanted a module",
                             (int)own->line, (int)own->column, own->key, own->value, s->name);
    }
    return VAE_OK;
}

/* Makes the canonical text of a parsed document in the arena; the tree becomes canonical too. */
static vae_status_t canonical(const char **out, vaei_arena *arena, vaei_document *d) {
    const int32_t model = vaei_sections_have(d, VAEI_PART_MODEL), training = vaei_sections_have(d, VAEI_PART_TRAINING);
    vaei_network network = {0};
    vaei_recipe recipe = {0};
    if (model) VAEI_TRY(vaei_network_build(&network, arena, d));
    if (training) VAEI_TRY(vaei_recipe_build(&recipe, arena, d));
    *out = vaei_arena_format(arena, "%s%s", model ? network.spec : "", training ? recipe.text : "");
    return *out ? VAE_OK : VAE_E_NOMEM;
}

/* Gives every module its options in canonical form without a check that the modules fit together, so that one option can be changed
 * after another. */
static vae_status_t bind_pipeline(vaei_arena *arena, const vaei_pipeline *p, const vaei_kind *kind, const char *where) {
    for (vaei_node *node = p->first; node; node = node->next) {
        const vaei_module *module;
        void *conf;
        if (strcmp(node->name, "repeat") != 0) {
            VAEI_TRY(vaei_module_find(&module, kind->modules, *kind->count, kind->name, node, where));
            VAEI_TRY(vaei_module_bind(&conf, module, node, arena, where));
        }
        for (const vaei_pipeline *body = node->body; body; body = body->next) VAEI_TRY(bind_pipeline(arena, body, kind, where));
    }
    return VAE_OK;
}

static vae_status_t bind_document(vaei_arena *arena, const vaei_document *d) {
    for (size_t i = 0; i < VAEI_SECTIONS; i++) {
        const vaei_section_type *const type = &vaei_sections[i];
        vaei_section *const s = vaei_document_find(d, type->name);
        void *conf;
        if (s && type->own && type->form != VAEI_FORM_SHAPE && !vaei_section_is_default(s, type))
            VAEI_TRY(vaei_module_bind(&conf, type->own, &s->own, arena, s->name));
        if (s && type->kind != VAEI_KIND_none) VAEI_TRY(bind_pipeline(arena, &s->pipeline, &vaei_kinds[type->kind], s->name));
    }
    return VAE_OK;
}

vae_status_t vaei_spec_bind_module(vaei_bound_module *out, vaei_arena *arena, const char *kind_name, const char *text) {
    const vaei_kind *kind = vaei_kinds;
    const char *const line = vaei_arena_format(arena, "%s %s", kind_name, text);
    vaei_document document;
    vaei_writer w = {0};
    if (!line) return VAE_E_NOMEM;
    while (strcmp(kind->name, kind_name) != 0) kind++;
    VAEI_TRY(vaei_document_parse(&document, arena, line, strlen(line)));
    const vaei_section *const section = document.first;
    vaei_node *const node = section->pipeline.first;
    if (section->next || section->own.attrs || !node || node->next || node->body)
        return vaei_fail(VAE_E_SPEC, "%s: '%.60s', wanted one %s, as in '%.*s'", kind_name, text, kind_name,
                         (int)strcspn(kind->modules[0]->examples, "\n"), kind->modules[0]->examples);
    VAEI_TRY(vaei_module_find(&out->module, kind->modules, *kind->count, kind->name, node, kind_name));
    VAEI_TRY(vaei_module_bind(&out->conf, out->module, node, arena, out->module->name));
    vaei_pipeline_print(&section->pipeline, &w);
    w = (vaei_writer){.buf = vaei_arena_array(arena, w.length + 1, 1), .cap = w.length + 1};
    if (!w.buf) return VAE_E_NOMEM;
    vaei_pipeline_print(&section->pipeline, &w);
    out->text = w.buf;
    return VAE_OK;
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

/* What a path names: a section, one of its modules, or an option of that module. */
typedef struct target {
    vaei_section *section;
    vaei_node *node;    /* NULL: the path names the whole section */
    const char *option; /* NULL: the path names the module itself */
} target;

/* Cuts off the next component of a path; the rest begins behind the dot. */
static const char *next_part(vaei_arena *arena, const char **path) {
    const char *start = *path, *dot = strchr(start, '.');
    const size_t n = dot ? (size_t)(dot - start) : strlen(start);
    *path = dot ? dot + 1 : start + n;
    return vaei_arena_copy(arena, start, n);
}

static vaei_node *single(const vaei_section *s) {
    return s->pipeline.first && !s->pipeline.first->next ? s->pipeline.first : NULL;
}

static vaei_section *find_section(const vaei_document *d, const char *name) {
    vaei_section *s = vaei_document_find(d, name);
    for (vaei_section *t = d->first; !s && t; t = t->next)
        if (single(t) && strcmp(single(t)->name, name) == 0) s = t;
    return s;
}

/* Adds the preset of a section that the text leaves out and that the path names. The recipe adds all sections of a training together,
 * except those that do nothing when they are left out. */
static vae_status_t stand_in(vaei_document *d, vaei_arena *arena, const char *name) {
    const vaei_section_type *const type = vaei_section_find(name);
    if (!type || !type->fallback || vaei_document_find(d, name) || (type->part != VAEI_PART_MODEL && type->fallback[0])) return VAE_OK;
    if (type->part == VAEI_PART_MODEL && !vaei_sections_have(d, VAEI_PART_MODEL)) return VAE_OK;
    return vaei_section_append(d, arena, type) ? VAE_OK : VAE_E_NOMEM;
}

static vae_status_t fail_no_section(const vaei_document *d, const char *path, const char *name) {
    const char *names[2 * VAEI_SECTIONS];
    char hint[96];
    size_t n = 0;
    for (size_t i = 0; i < VAEI_SECTIONS; i++) names[n++] = vaei_sections[i].name;
    for (const vaei_section *s = d->first; s && n < VAEI_COUNT(names); s = s->next)
        if (single(s)) names[n++] = single(s)->name;
    return vaei_fail(VAE_E_SPEC, "%.60s: no section or module '%.40s'%s", path, name, vaei_text_hint(hint, name, names, n));
}

static vae_status_t find_in_pipeline(target *t, const vaei_pipeline *p, const char *where, vaei_arena *arena, const char *rest) {
    int64_t index;
    const char *part = next_part(arena, &rest);
    if (!part) return VAE_E_NOMEM;
    const int64_t count = vaei_pipeline_count(p);
    if (!vaei_text_to_int(part, strlen(part), &index) || index < 0 || index >= count)
        return vaei_fail(VAE_E_SPEC, "%.80s: no layer '%.40s', wanted 0..%lld", where, part, (long long)count - 1);
    t->node = vaei_pipeline_at(p, index);
    if (!*rest) return VAE_OK;
    const char *name = next_part(arena, &rest);
    if (!name) return VAE_E_NOMEM;
    if (!*rest) {
        t->option = name;
        return VAE_OK;
    }
    const vaei_pipeline *body = t->node->body;
    if (body && strcmp(name, "shortcut") == 0) body = body->next;
    else if (strcmp(name, "body") != 0) body = NULL;
    if (!body) return vaei_fail(VAE_E_SPEC, "%.80s.%.20s: %s has no '%.40s'", where, part, t->node->name, name);
    return find_in_pipeline(t, body, where, arena, rest);
}

static vae_status_t find_target(target *t, vaei_document *d, vaei_arena *arena, const char *path) {
    const char *rest = path;
    const char *name = next_part(arena, &rest);
    if (!name) return VAE_E_NOMEM;
    memset(t, 0, sizeof(*t));
    VAEI_TRY(stand_in(d, arena, name)); /* this comes first, because `prior` is the section and not `objective prior` */
    t->section = find_section(d, name);
    if (!t->section && d->first) { /* training sections that are left out take their defaults */
        vaei_recipe recipe;
        VAEI_TRY(vaei_recipe_build(&recipe, arena, d));
        t->section = find_section(d, name);
    }
    if (!t->section) return fail_no_section(d, path, name);
    if (!*rest) return VAE_OK;
    const vaei_section_type *const type = vaei_section_find(t->section->name);
    const int32_t own = type->own && type->form != VAEI_FORM_SHAPE && !(rest[0] >= '0' && rest[0] <= '9');
    if (type->form == VAEI_FORM_STACK && !own) return find_in_pipeline(t, &t->section->pipeline, type->name, arena, rest);
    t->node = own ? &t->section->own : single(t->section);
    t->option = next_part(arena, &rest);
    if (!t->option) return VAE_E_NOMEM;
    if (!t->node || *rest) return vaei_fail(VAE_E_SPEC, "%.80s: names no option of section %s", path, t->section->name);
    return VAE_OK;
}

/* ---- changing --------------------------------------------------------------------------------------------------- */

static vaei_attr *find_attr(const vaei_node *node, const char *key) {
    vaei_attr *bare = NULL;
    for (vaei_attr *a = node->attrs; a; a = a->next) {
        if (a->key && strcmp(a->key, key) == 0) return a;
        if (!a->key) bare = a;
    }
    return bare && strcmp(key, "shape") == 0 ? bare : NULL;
}

static vae_status_t set_option(vaei_arena *arena, vaei_node *node, const char *key, const char *value) {
    vaei_attr *a = find_attr(node, key);
    if (!a) {
        vaei_attr **last = &node->attrs;
        while (*last) last = &(*last)->next;
        if (!(a = vaei_arena_alloc(arena, sizeof(*a)))) return VAE_E_NOMEM;
        a->key = key;
        a->line = node->line;
        a->column = node->column;
        *last = a;
    }
    a->value = value;
    return VAE_OK;
}

/* Puts the modules of the text `value` in place of the target. */
static vae_status_t replace(vaei_arena *arena, const target *t, const char *value) {
    vaei_document d;
    const char *text = vaei_arena_format(arena, "input %s", value);
    if (!text) return VAE_E_NOMEM;
    VAEI_TRY(vaei_document_parse(&d, arena, text, strlen(text)));
    if (!t->node) {
        t->section->pipeline = d.first->pipeline;
        t->section->own.attrs = d.first->own.attrs;
        return VAE_OK;
    }
    vaei_node *fresh = d.first->own.attrs ? NULL : single(d.first);
    if (!fresh) return vaei_fail(VAE_E_SPEC, "value: wanted one module in place of %s", t->node->name);
    vaei_node *next = t->node->next;
    *t->node = *fresh;
    t->node->next = next;
    return VAE_OK;
}

static vae_status_t print_document(vaei_arena *arena, const vaei_document *d, const char **out, size_t *length) {
    vaei_writer w = {0};
    vaei_document_print(d, &w);
    w = (vaei_writer){.cap = w.length + 1};
    if (!(w.buf = vaei_arena_alloc(arena, w.cap))) return VAE_E_NOMEM;
    vaei_document_print(d, &w);
    *out = w.buf;
    *length = w.length;
    return VAE_OK;
}

/* Replaces *text by its canonical text if its modules fit each other. While they do not fit, which may last until another option is set,
 * the text remains as it is, and the reason is not reported as a failure. */
static vae_status_t prefer_canonical(vaei_arena *arena, const char **text) {
    vaei_document d;
    const char *better, *failure = vaei_arena_copy(arena, vaei_fail_text(), strlen(vaei_fail_text()));
    if (!failure) return VAE_E_NOMEM;
    VAEI_TRY(vaei_spec_parse(&d, arena, *text, strlen(*text)));
    const vae_status_t status = canonical(&better, arena, &d);
    if (status == VAE_OK) *text = better;
    return status == VAE_E_NOMEM ? status : vaei_fail(VAE_OK, "%s", failure);
}

static vae_status_t set_in(vaei_arena *arena, const char *text, const char *path, const char *value, const char **out) {
    vaei_document d;
    target t;
    size_t length;
    const char *changed, *copy;
    VAEI_TRY(vaei_spec_parse(&d, arena, text, strlen(text)));
    VAEI_TRY(find_target(&t, &d, arena, path));
    if (!(copy = vaei_arena_copy(arena, value, strlen(value)))) return VAE_E_NOMEM;
    VAEI_TRY(t.option ? set_option(arena, t.node, t.option, copy) : replace(arena, &t, copy));
    VAEI_TRY(print_document(arena, &d, &changed, &length));
    /* the text is parsed again, so that a value cannot bring more than a value into it */
    VAEI_TRY(vaei_spec_parse(&d, arena, changed, length));
    VAEI_TRY(bind_document(arena, &d));
    VAEI_TRY(print_document(arena, &d, out, &length));
    return prefer_canonical(arena, out);
}

/* Whether the layer has an option of this name that holds a path. Such an option is not in the text while it is not set. */
static int32_t takes_path(const vaei_node *node, const char *key) {
    for (size_t i = 0; i < vaei_layers_count; i++)
        for (const vaei_option *o = vaei_layers[i]->options; o && o->name && strcmp(vaei_layers[i]->name, node->name) == 0; o++)
            if (o->type == VAEI_OPT_PATH && strcmp(o->name, key) == 0) return 1;
    return 0;
}

static vae_status_t get_in(vaei_arena *arena, const char *text, const char *path, const char **out) {
    vaei_document d;
    target t;
    VAEI_TRY(vaei_spec_parse(&d, arena, text, strlen(text)));
    VAEI_TRY(bind_document(arena, &d));
    VAEI_TRY(find_target(&t, &d, arena, path));
    if (t.option) {
        const vaei_attr *a = find_attr(t.node, t.option);
        if (!a && takes_path(t.node, t.option)) {
            *out = "none";
            return VAE_OK;
        }
        if (!a) return vaei_fail(VAE_E_SPEC, "%.80s: %s has no option '%.40s'", path, t.node->name, t.option);
        *out = a->value;
        return VAE_OK;
    }
    vaei_section one = *t.section;
    vaei_node node;
    if (t.node) {
        node = *t.node;
        node.next = NULL;
        one.own.attrs = NULL;
        one.pipeline.first = &node;
    }
    vaei_writer w = {0};
    vaei_section_print(&one, &w);
    w = (vaei_writer){.cap = w.length + 1};
    if (!(w.buf = vaei_arena_alloc(arena, w.cap))) return VAE_E_NOMEM;
    vaei_section_print(&one, &w);
    *out = w.buf;
    return VAE_OK;
}

static vae_status_t canonical_of(vaei_arena *arena, const char *text, const char **out) {
    vaei_document d;
    VAEI_TRY(vaei_spec_parse(&d, arena, text, strlen(text)));
    return canonical(out, arena, &d);
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

vae_status_t vae_spec_canonical(const char *text, char *buf, size_t cap, size_t *needed) {
    return vae_spec_set(text, NULL, NULL, buf, cap, needed);
}

vae_status_t vae_spec_set(const char *text, const char *path, const char *value, char *buf, size_t cap, size_t *needed) {
    vaei_heap heap;
    vaei_arena arena;
    const char *out = NULL;
    if (!text) return vaei_fail(VAE_E_ARG, "text: is NULL");
    if ((path == NULL) != (value == NULL)) return vaei_fail(VAE_E_ARG, "%s: is NULL", path ? "value" : "path");
    fenv_t host;
    vaei_float_env_enter(&host);
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    vae_status_t status = path ? set_in(&arena, text, path, value, &out) : canonical_of(&arena, text, &out);
    if (status == VAE_OK) status = vaei_give_text(out, strlen(out), buf, cap, needed);
    vaei_arena_free(&arena);
    vaei_float_env_leave(&host);
    return status;
}

vae_status_t vae_spec_get(const char *text, const char *path, char *buf, size_t cap, size_t *needed) {
    vaei_heap heap;
    vaei_arena arena;
    const char *out = NULL;
    if (!text || !path) return vaei_fail(VAE_E_ARG, "%s: is NULL", text ? "path" : "text");
    fenv_t host;
    vaei_float_env_enter(&host);
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    vae_status_t status = get_in(&arena, text, path, &out);
    if (status == VAE_OK) status = vaei_give_text(out, strlen(out), buf, cap, needed);
    vaei_arena_free(&arena);
    vaei_float_env_leave(&host);
    return status;
}
