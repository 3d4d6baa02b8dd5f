/* SPDX-License-Identifier: MIT
 * stack.h - layers in a row, and the memory between them. A stack is itself used like a layer: by a model, or by a layer that holds
 * stacks (residual).
 *
 * vaei_stacks_link() flattens each outermost stack into steps (steps.h), which decide memory, fusion and the order of the work. */
#ifndef VAEI_STACK_H
#define VAEI_STACK_H

#include "nn/steps.h"

struct vaei_stack {
    int32_t n;
    vaei_layer **layer;
    vaei_shape in, out;
    const vaei_steps *steps[VAEI_MODES]; /* of an outermost stack, when linked; else NULL */
    vaei_stack *next;                    /* of the outermost stacks of a build */
};

/* Build the layers of a pipeline (NULL or empty: the identity) under `path`. */
vae_status_t vaei_stack_build(vaei_stack **out, vaei_build *b, const vaei_pipeline *pipeline, const char *path, const vaei_shape *in);

/* Make the steps of a build's outermost stacks (vaei_build.stacks). It is not part of the build, because steps take memory in proportion
 * to the layers that a text declares, and the text of a file is believed only when the file has proved to hold its parameters. */
vae_status_t vaei_stacks_link(vaei_stack *stacks, vaei_arena *arena);

vaei_bytes vaei_stack_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training);
/* Training whose backward recomputes activations: for the slot, the segments that take the least memory; and what such take. */
size_t vaei_stack_segment(const vaei_stack *s, const vaei_kernels *k, int64_t n);
vaei_bytes vaei_stack_bytes_recomputing(const vaei_stack *s, const vaei_kernels *k, int64_t n, size_t segment);
/* Training: bytes of all values and caches of one example, whether or not they are kept. A function of the shapes alone, so that
 * what is cut by it is cut alike on every machine. */
size_t vaei_stack_example_bytes(const vaei_stack *s, const vaei_kernels *k);
void vaei_stack_pack(const vaei_stack *s, const vaei_run *r, void *pack);
void vaei_stack_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
/* y is what forward wrote; dy may be destroyed; dx may be NULL. */
void vaei_stack_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx);
void vaei_stack_commit(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, float *params);

/* Whether layers of the stack are `missing` (layer_missing.c). */
int32_t vaei_stack_is_missing(const vaei_stack *s);

/* Where y lies, given where x lies: *values is x's range, and becomes y's. Returns the last layer that bounds it; NULL: none does. */
const vaei_layer *vaei_stack_range(const vaei_stack *s, vaei_interval *values);

#endif
