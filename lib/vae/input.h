/* SPDX-License-Identifier: MIT
 * input.h - the section `input`: the shape of x, and whether its values are numbers or tokens. */
#ifndef VAEI_INPUT_H
#define VAEI_INPUT_H

#include "nn/param.h"

typedef struct vaei_input {
    vaei_shape shape;
    int64_t tokens; /* x holds whole numbers 0..tokens-1; 0: any numbers */
} vaei_input;

extern const vaei_module vaei_input_section;

/* Reads the section, whose options follow the shape: "64 tokens=27". They become canonical. */
vae_status_t vaei_input_build(vaei_input *out, vaei_arena *arena, const vaei_document *document);

/* In the document, before it is built: the image of the section becomes height x width, and what a `missing` half makes with it.
 * VAE_E_UNSUPPORTED if x is not an image. */
vae_status_t vaei_input_resize(const vaei_document *document, vaei_arena *arena, int64_t height, int64_t width);

#endif
