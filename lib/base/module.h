/* SPDX-License-Identifier: MIT
 * module.h - shared by the modules of all kinds: a name in the text and a table of options.
 *
 * A kind is a registry: a .def file with one line for each module, from which an array of these structs is made. */
#ifndef VAEI_MODULE_H
#define VAEI_MODULE_H

#include "base/option.h"

typedef struct vaei_module {
    const char *name;                    /* as in the text, the file and the symbol */
    const char *summary;                 /* one line for the manual */
    const char *examples;                /* texts that build, one a line, the first for the manual; the conformance tests run each:
                                   a way through the module's code that no example takes is not tested, so each option is in one */
    const char *paper;                   /* "Ba, Kiros, Hinton 2016 (arXiv:1607.06450)" or "" */
    size_t conf_size;                    /* bytes of the struct the options fill; 0: no options */
    const vaei_option *options;          /* ends with { 0 } */
    const struct vaei_inner_kind *inner; /* a module that is made of another one: `latent gaussian dim=8`. NULL: of none */
} vaei_module;

/* The kind of the inner module, which the first bare value of the text names; the attributes that are not in the outer module's table
 * are the inner module's. The outer conf begins with a vaei_inner. */
typedef struct vaei_inner_kind {
    const char *kind;
    const vaei_module *const *modules;
    const size_t *count;
} vaei_inner_kind;

typedef struct vaei_inner {
    const vaei_module *module;
    void *conf;
} vaei_inner;

/* The module of registry[count] that the node names, else VAE_E_SPEC with the nearest name. `kind` is "layer", ... */
vae_status_t vaei_module_find(const vaei_module **out, const vaei_module *const *registry, size_t count, const char *kind,
                              const vaei_node *node, const char *where);

/* A zeroed conf from the arena, filled from the node (see vaei_options_bind), with the inner module if there is one. *conf is NULL if
 * conf_size is 0. */
vae_status_t vaei_module_bind(void **conf, const vaei_module *module, vaei_node *node, vaei_arena *arena, const char *where);

#endif
