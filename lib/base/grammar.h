/* SPDX-License-Identifier: MIT
 * grammar.h - reads the text of a model and of its training as a tree. The grammar knows no modules.
 *
 *     document := { section }                    a section starts a line
 *     section  := keyword ( [ pipeline ] | options [ '|' pipeline ] ) newline
 *     options  := key '=' value { key '=' value }       they belong to the section itself
 *     pipeline := module { '|' module }
 *     module   := word { value | key '=' value } { '{' [ pipeline ] '}' }
 *
 *     encoder   conv2d out=32 kernel=3 stride=2 pad=1 | relu | residual { conv2d out=32 kernel=3 pad=1 } | flatten
 *     critic    on=z | linear out=64 | relu | linear out=1
 *
 * '#' starts a comment. Inside braces, after '|' and before a line that starts with '|', a newline is white space. Words, keys
 * and values are made of letters, digits and "_.+-:,/". Outside comments the text is ASCII; a line may end in CR LF. Limits: 64 KiB,
 * 64 sections, depth 16, 4096 modules. `repeat n=K { pipeline }`, 1 <= K <= 4096, body not empty, is part of the grammar: the tree
 * contains it once, and vaei_pipeline_count and _at count its body K times. */
#ifndef VAEI_GRAMMAR_H
#define VAEI_GRAMMAR_H

#include "base/base.h"

#define VAEI_TEXT_MAX     65536
#define VAEI_MODULES_MAX  4096
#define VAEI_SECTIONS_MAX 64
#define VAEI_DEPTH_MAX    16

typedef struct vaei_attr {
    struct vaei_attr *next;
    const char *key; /* NULL: a value without a key */
    const char *value;
    int32_t line, column;
} vaei_attr;

typedef struct vaei_pipeline vaei_pipeline;

typedef struct vaei_node {
    struct vaei_node *next; /* the module behind '|' */
    const char *name;
    vaei_attr *attrs;
    vaei_pipeline *body; /* of the first pair of braces; body->next is that of the next pair */
    int32_t line, column;
    int32_t times; /* n of a repeat; 0: not a repeat */
} vaei_node;

struct vaei_pipeline {
    vaei_node *first;
    vaei_pipeline *next;
};

typedef struct vaei_section {
    struct vaei_section *next;
    const char *name;
    vaei_node own; /* a module with the section's name; its attributes are the section's own options */
    vaei_pipeline pipeline;
    int32_t line, column;
} vaei_section;

typedef struct vaei_document {
    vaei_section *first;
} vaei_document;

/* Parse text[length]; the tree is in the arena. VAE_E_SPEC with "line 3, column 7: ...", VAE_E_LIMIT, VAE_E_NOMEM. Two sections of the
 * same name are an error. The grammar does not know which sections exist: the caller checks that. */
vae_status_t vaei_document_parse(vaei_document *out, vaei_arena *arena, const char *text, size_t length);

vaei_section *vaei_document_find(const vaei_document *document, const char *section);

/* Count the modules of a pipeline with every `repeat` unrolled (at most VAEI_MODULES_MAX + 1), and return the i-th of them. */
int64_t vaei_pipeline_count(const vaei_pipeline *pipeline);
vaei_node *vaei_pipeline_at(const vaei_pipeline *pipeline, int64_t index);

/* Print the pipeline as it is in the tree: "conv2d out=32 kernel=3 | relu | repeat n=2 { ... }". */
void vaei_pipeline_print(const vaei_pipeline *pipeline, vaei_writer *w);
/* Print the text of a section behind its keyword: its own options, then its pipeline. */
void vaei_section_print(const vaei_section *section, vaei_writer *w);
/* Print one line for each section: the keyword padded to 10 columns, a space, the pipeline, newline. */
void vaei_document_print(const vaei_document *document, vaei_writer *w);

#endif
