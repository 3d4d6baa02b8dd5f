/* SPDX-License-Identifier: MIT
 * stack.h - layers in a row, and the memory between them. A stack is itself used like a layer: by a model, or by a layer that holds
 * stacks (residual).
 *
 * Memory at inference: two activations live at a time. Every other one stands in the stack's own output, where it fits; the rest at
 * the two ends of one block as long as the largest neighbouring pair in it:
 *
 *     | y0 ->      scratch       <- y1 |      | y2 ->    scratch     <- y1 |   ...
 *
 * A layer that overwrites its input stands where that stands. A layer that feeds (group norm, upsample) has no output of
 * its own: the next one asks it for the pixels it needs.
 *
 * Memory in training: each activation that some backward reads stays in the cache; gradients go back through the two ends. Or, with
 * a slot's segment, only those between segments of layers stay, and one segment's at a time:
 *
 *     x | conv2d | relu | conv2d | y1 | residual {} | residual {} | y2 | conv2d | y
 *       [------ again -------]        [--------- again --------]       [ as forward left it ]
 *
 * backward runs forward on a segment again before it goes back through it; all but the last, which is still there. Same bits, as
 * forward is a function of x, the parameters and counted noise (Chen et al. 2016, arXiv:1604.06174). */
#ifndef VAEI_STACK_H
#define VAEI_STACK_H

#include "nn/layer.h"

struct vaei_stack {
    int32_t n;
    vaei_layer **layer;
    vaei_shape in, out;
};

/* Build the layers of a pipeline (NULL or empty: the identity) under `path`. */
vae_status_t vaei_stack_build(vaei_stack **out, vaei_build *b, const vaei_pipeline *pipeline, const char *path,
                              const vaei_shape *in);

void vaei_stack_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need);
/* Training whose backward makes activations again: for the slot, the segments that take the least memory; and what such take. */
size_t vaei_stack_segment(const vaei_stack *s, const vaei_kernels *k, int64_t n);
void vaei_stack_need_again(const vaei_stack *s, const vaei_kernels *k, int64_t n, size_t segment, vaei_need *need);
void vaei_stack_pack(const vaei_stack *s, const vaei_run *r, void *pack);
void vaei_stack_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
/* Inference: y = post(f(x) + add), without memory for f(x). `ready` (may be NULL) is called before the last layers touch
 * y: time to fill y if that is what is added. Where vaei_stack_add_frees_x(), x has been read by then, and y may be x. */
typedef struct vaei_addition {
    const float *add; /* may be y */
    const vaei_post *post;
    void (*ready)(void *arg);
    void *arg;
} vaei_addition;

int32_t vaei_stack_adds(const vaei_stack *s, const vaei_kernels *k);
int32_t vaei_stack_add_frees_x(const vaei_stack *s, const vaei_kernels *k);
void vaei_stack_add_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, vaei_need *need);
void vaei_stack_add(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const vaei_addition *a,
                    float *y);

/* y is what forward wrote; dy may be destroyed; dx may be NULL. */
void vaei_stack_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                         float *dy, float *dx);
void vaei_stack_commit(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, float *params);

/* Backward reads y: it must be kept as forward wrote it. */
int32_t vaei_stack_reads_y(const vaei_stack *s);

#endif
