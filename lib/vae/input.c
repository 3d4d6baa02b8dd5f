/* SPDX-License-Identifier: MIT
 * input.c - reads the section `input` and its options. For the table of options the shape is a value without a key; in the section's
 * pipeline the shape is the name of a node, and the options belong to the node. */
#include "vae/input.h"

static const vaei_option options[] = {
    VAEI_OPTION(vaei_input, shape, SHAPE, VAEI_OPT_REQUIRED | VAEI_OPT_BARE, 0, 0, 0,
                "sizes of x, channels last; of a sequence steps x channels"),
    VAEI_OPTION_INT(vaei_input, tokens, 0, 0, 65536,
                    "x holds whole numbers 0..tokens-1, one at each place, as layer embedding reads them; 0: numbers"),
    {0},
};

const vaei_module vaei_input_section = {.name = "input",
                                        .summary = "the shape of x",
                                        .examples = "input 28x28x1\n"
                                                    "input 64 tokens=27",
                                        .paper = "",
                                        .conf_size = sizeof(vaei_input),
                                        .options = options};

vae_status_t vaei_input_build(vaei_input *out, vaei_arena *arena, const vaei_document *document) {
    const vaei_section *const s = vaei_document_find(document, "input");
    if (!s) return vaei_fail(VAE_E_SPEC, "input: section is missing");
    vaei_node *const node = s->pipeline.first;
    if (!node || node->next || node->body || s->own.attrs)
        return vaei_fail(VAE_E_SPEC, "line %d: input: wanted a shape, as in 'input 28x28x1'", (int)s->line);
    VAEI_TRY(vaei_shape_parse(&out->shape, node->name, "input"));
    vaei_attr shape = {.next = node->attrs, .value = node->name, .line = node->line, .column = node->column};
    vaei_node own = {.name = "input", .attrs = &shape, .line = node->line, .column = node->column};
    void *conf;
    VAEI_TRY(vaei_module_bind(&conf, &vaei_input_section, &own, arena, "input"));
    *out = *(const vaei_input *)conf;
    node->attrs = out->tokens > 0 ? own.attrs->next : NULL;
    return VAE_OK;
}

/* Layer `missing` tells the shape that the other half would make: its sides grow with those of the input. */
static vae_status_t resize_missing(const vaei_document *document, vaei_arena *arena, const char *section, const vaei_shape *was,
                                   int64_t height, int64_t width) {
    const vaei_section *const s = vaei_document_find(document, section);
    const vaei_node *const node = s ? s->pipeline.first : NULL;
    vaei_shape shape;
    if (!node || strcmp(node->name, "missing") != 0 || !node->attrs) return VAE_OK;
    VAEI_TRY(vaei_shape_parse(&shape, node->attrs->value, section));
    if (shape.n != 3) return VAE_OK;
    node->attrs->value = vaei_arena_format(arena, "%lldx%lldx%lld", (long long)(shape.d[0] * height / was->d[0]),
                                           (long long)(shape.d[1] * width / was->d[1]), (long long)shape.d[2]);
    return node->attrs->value ? VAE_OK : VAE_E_NOMEM;
}

vae_status_t vaei_input_resize(const vaei_document *document, vaei_arena *arena, int64_t height, int64_t width) {
    const vaei_section *const s = vaei_document_find(document, "input");
    vaei_shape shape;
    VAEI_ASSERT(s && s->pipeline.first);
    vaei_node *const node = s->pipeline.first;
    VAEI_TRY(vaei_shape_parse(&shape, node->name, "input"));
    if (shape.n != 3)
        return vaei_fail(VAE_E_UNSUPPORTED, "input: is %s, and only an image, height x width x channels, has another size", node->name);
    node->name = vaei_arena_format(arena, "%lldx%lldx%lld", (long long)height, (long long)width, (long long)shape.d[2]);
    if (!node->name) return VAE_E_NOMEM;
    VAEI_TRY(resize_missing(document, arena, "encoder", &shape, height, width));
    return resize_missing(document, arena, "decoder", &shape, height, width);
}
