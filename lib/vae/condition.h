/* SPDX-License-Identifier: MIT
 * condition.h - the section `condition`: the class and the vector that each example has besides x, which layers `condition` read. */
#ifndef VAEI_CONDITION_H
#define VAEI_CONDITION_H

#include "nn/param.h"

extern const vaei_module vaei_condition_section;

/* Reads the section if there is one. A condition with neither classes nor a vector is none. */
vae_status_t vaei_condition_build(vaei_condition *out, vaei_arena *arena, const vaei_document *document);

#endif
