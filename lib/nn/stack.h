/* SPDX-License-Identifier: MIT
 * stack.h - a stack: layers one after another, and the memory between them. A model, or a layer that contains stacks (residual), uses a
 * stack like a layer.
 *
 * vaei_stacks_link() flattens each outermost stack into steps (steps.h), which decide memory, fusion and the order of the work. */
#ifndef VAEI_STACK_H
#define VAEI_STACK_H

#include "nn/steps.h"

struct vaei_stack {
    int32_t n;
    vaei_layer **layer;
    vaei_shape in, out;
    const vaei_steps *steps[VAEI_MODES]; /* of an outermost stack after linking; otherwise NULL */
    vaei_stack *next;                    /* the next outermost stack of a build */
};

/* Builds the layers of a pipeline under `path`; NULL or an empty pipeline is the identity. */
vae_status_t vaei_stack_build(vaei_stack **out, vaei_build *b, const vaei_pipeline *pipeline, const char *path, const vaei_shape *in);

/* Makes the steps of a build's outermost stacks (vaei_build.stacks). It is not part of the build, because steps take memory in
 * proportion to the layers that a text declares, and the text of a file must not be trusted before the file has proved to hold its
 * parameters. */
vae_status_t vaei_stacks_link(vaei_stack *stacks, vaei_arena *arena);

vaei_bytes vaei_stack_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training);
/* For training whose backward recomputes activations: the segment size that takes the least memory, and the memory that such training
 * takes. */
size_t vaei_stack_segment(const vaei_stack *s, const vaei_kernels *k, int64_t n);
vaei_bytes vaei_stack_bytes_recomputing(const vaei_stack *s, const vaei_kernels *k, int64_t n, size_t segment);
/* In training: the bytes of all values and caches of one example, whether or not they are kept. The shapes alone decide it, so that
 * every machine divides a batch in the same way. */
size_t vaei_stack_example_bytes(const vaei_stack *s, const vaei_kernels *k);
void vaei_stack_pack(const vaei_stack *s, const vaei_run *r, void *pack);
void vaei_stack_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
/* y is the result of forward; dy may be destroyed; dx may be NULL. */
void vaei_stack_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx);
void vaei_stack_commit(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, float *params);

/* Whether the stack has layers that are `missing` (layer_missing.c). */
int32_t vaei_stack_is_missing(const vaei_stack *s);

/* Computes the range of y from that of x: *values is x's range and becomes y's. Returns the last layer that bounds it, or NULL. */
const vaei_layer *vaei_stack_range(const vaei_stack *s, vaei_interval *values);

#endif
