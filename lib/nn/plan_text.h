/* SPDX-License-Identifier: MIT
 * plan_text.h - the plan of a stack as text, which `vae info --plan` prints. */
#ifndef VAEI_PLAN_TEXT_H
#define VAEI_PLAN_TEXT_H

#include "nn/stack.h"

/* Writes the steps and arrays of a stack for n examples at a time, as lines of text or as one JSON object. */
void vaei_plan_write(const vaei_stack *s, const vaei_kernels *k, const char *name, int64_t n, int32_t training, int32_t json,
                     vaei_writer *w);

#endif
