/* SPDX-License-Identifier: MIT
 * sections.h - the kinds of modules (kinds.def) and the sections of a text (sections.def) as tables. Every loop over kinds or sections
 * reads these tables, so that a new kind or section is one row. */
#ifndef VAEI_SECTIONS_H
#define VAEI_SECTIONS_H

#include "base/module.h"

typedef struct vaei_kind {
    const char *name;
    const vaei_module *const *modules;
    const size_t *count;
} vaei_kind;

enum {
#define VAEI_KIND(name, registry, title) VAEI_KIND_##name,
#include "vae/kinds.def"
#undef VAEI_KIND
    VAEI_KINDS,
    VAEI_KIND_none = VAEI_KINDS
};

extern const vaei_kind vaei_kinds[VAEI_KINDS];

enum {
    VAEI_PART_MODEL,    /* describes the model */
    VAEI_PART_TRAINING, /* describes its training and changes the result */
    VAEI_PART_COST      /* describes its training and changes time and memory, but no result */
};

enum {
    VAEI_FORM_SHAPE,   /* a shape, followed by the section's own options */
    VAEI_FORM_OPTIONS, /* only the section's own options */
    VAEI_FORM_STACK,   /* a pipeline of layers */
    VAEI_FORM_MODULE,  /* one module */
    VAEI_FORM_SUM      /* modules that form a sum */
};

typedef struct vaei_section_type {
    const char *name;
    int32_t part, form, kind; /* VAEI_PART_, VAEI_FORM_, VAEI_KIND_ */
    const char *fallback;     /* see sections.def */
    const vaei_module *own;   /* the section's own options; NULL: it has none */
} vaei_section_type;

enum {
#define VAEI_SECTION(name, part, form, kind, fallback, own) VAEI_SECTION_##name,
#include "vae/sections.def"
#undef VAEI_SECTION
    VAEI_SECTIONS
};

extern const vaei_section_type vaei_sections[VAEI_SECTIONS];

/* Returns the own options of the i-th section that has such options; NULL past the last. */
const vaei_module *vaei_section_options(size_t i);

/* Returns the section of this name, or NULL. */
const vaei_section_type *vaei_section_find(const char *name);

/* Whether the document has a section of this part. VAEI_PART_TRAINING includes VAEI_PART_COST. */
int32_t vaei_sections_have(const vaei_document *document, int32_t part);

/* Appends the section with its fallback to the document. Returns NULL if there is no memory. */
vaei_section *vaei_section_append(vaei_document *document, vaei_arena *arena, const vaei_section_type *type);

/* Whether a text without the section means the same. */
int32_t vaei_section_is_default(const vaei_section *section, const vaei_section_type *type);

#endif
