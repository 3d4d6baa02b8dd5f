/* SPDX-License-Identifier: MIT
 * condition.c - reads the section `condition` and its options. */
#include "vae/condition.h"

static const vaei_option options[] = {
    VAEI_OPTION_INT(vaei_condition, classes, 0, 0, 1048576,
                    "number of classes; each example has a label, 0..classes-1, or -1 for no class; 0: examples have no labels"),
    VAEI_OPTION_INT(vaei_condition, vector, 0, 0, 65536, "number of values that each example brings; 0: none"),
    {0},
};

const vaei_module vaei_condition_section = {.name = "condition",
                                            .summary =
                                                "the class and the vector that each example has besides x; layers condition read them",
                                            .examples = "condition classes=10\n"
                                                        "condition classes=3 vector=2",
                                            .paper = "",
                                            .conf_size = sizeof(vaei_condition),
                                            .options = options};

vae_status_t vaei_condition_build(vaei_condition *out, vaei_arena *arena, const vaei_document *document) {
    vaei_section *const s = vaei_document_find(document, "condition");
    void *conf;
    *out = (vaei_condition){0};
    if (!s) return VAE_OK;
    if (s->pipeline.first)
        return vaei_fail(VAE_E_SPEC, "line %d: condition: '%.40s', wanted options, as in 'condition classes=10'", (int)s->line,
                         s->pipeline.first->name);
    VAEI_TRY(vaei_module_bind(&conf, &vaei_condition_section, &s->own, arena, "condition"));
    *out = *(const vaei_condition *)conf;
    if (out->classes + out->vector == 0) s->own.attrs = NULL;
    return VAE_OK;
}
