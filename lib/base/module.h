/* SPDX-License-Identifier: MIT
 * module.h - what modules of all kinds have: a name in the text and a table of options.
 *
 * A kind is a registry: a .def file with one line for each module, from which an array of these structs is made. */
#ifndef VAEI_MODULE_H
#define VAEI_MODULE_H

#include "base/option.h"

typedef struct vaei_module {
    const char *name;                    /* as in the text, the file and the symbol */
    const char *summary;                 /* one line for the manual */
    const char *examples;                /* texts that build, one in each line; the manual shows the first. The conformance tests run each
                                   of them. They do not test code that no example runs, so each option must be in an example. */
    const char *paper;                   /* "Ba, Kiros, Hinton 2016 (arXiv:1607.06450)" or "" */
    size_t conf_size;                    /* bytes of the struct that the options fill; 0: no options */
    const vaei_option *options;          /* ends with { 0 } */
    const struct vaei_inner_kind *inner; /* its inner module is of this kind, as in `latent gaussian dim=8`. NULL: it has no inner module */
} vaei_module;

/* The kind of the inner module. The first bare value of the text names the inner module, and the attributes that are not in the outer
 * module's table belong to the inner one. The outer conf begins with a vaei_inner. */
typedef struct vaei_inner_kind {
    const char *kind;
    const vaei_module *const *modules;
    const size_t *count;
} vaei_inner_kind;

typedef struct vaei_inner {
    const vaei_module *module;
    void *conf;
} vaei_inner;

/* Finds the module of registry[count] that the node names; if there is none, VAE_E_SPEC with the nearest name. `kind` is "layer", ... */
vae_status_t vaei_module_find(const vaei_module **out, const vaei_module *const *registry, size_t count, const char *kind,
                              const vaei_node *node, const char *where);

/* Makes a zeroed conf in the arena and fills it from the node (see vaei_options_bind), with the inner module if there is one. *conf is
 * NULL if conf_size is 0. */
vae_status_t vaei_module_bind(void **conf, const vaei_module *module, vaei_node *node, vaei_arena *arena, const char *where);

#endif
