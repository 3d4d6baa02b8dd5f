/* SPDX-License-Identifier: MIT
 * steps.h - a tree of layers as a list of steps over numbered buffers.
 *
 * vaei_steps_build() flattens a stack with all its braces, once for inference and once for training. fuse.c rewrites the list by rules over
 * neighbours, and lifetimes.c decides which buffers share memory. All of this depends on the model alone, so a list is const afterwards.
 * plan.c computes addresses for a number of examples, and stack_run.c runs the list.
 *
 *     residual { groupnorm | silu | conv2d } | relu             flattened             b1 = groupnorm b0     (unchanged in training)
 *                                                                                     b2 = silu b1
 *                                                                                     b3 = conv2d b2
 *                                                                                     b4 = residual b3 + b0
 *                                                                                     b5 = relu b4
 *                                                               inference, rewritten  b5 = relu(conv2d(silu(groupnorm b0)) + b0)
 *
 * Buffer 0 is the caller's x, buffer `output` the caller's y. */
#ifndef VAEI_STEPS_H
#define VAEI_STEPS_H

#include "nn/layer.h"

enum { VAEI_INFERENCE, VAEI_TRAINING, VAEI_MODES };

/* Gradient 0 is the caller's dy, gradient 1 the caller's dx. */
enum { VAEI_GRAD_DY, VAEI_GRAD_DX, VAEI_GRADS_FIRST };

/* How far values reach into a block from one of its ends: the values of an example, and the number of arrays. */
typedef struct vaei_reach {
    int64_t values;
    int32_t arrays;
} vaei_reach;

/* One layer of a pass, with the indices of its buffers; -1: none. */
struct vaei_step {
    vaei_layer *layer;     /* const after the model has been built */
    int32_t in, side, out; /* y = f(x), or f(x) + side */
    int32_t deferred;      /* it has no y, because it is the prologue of another step, which asks for the values it needs */
    /* Set by fuse.c when it joins a neighbour to the step: */
    int32_t prologue;             /* the deferred step that makes x pixel by pixel, or -1 */
    const vaei_layer *upsample;   /* the nearest upsampling of x, which this convolution also does */
    const vaei_layer *fold;       /* the normalisation behind it, by which the packed weights are multiplied */
    const vaei_layer *sum;        /* the residual whose sum this convolution also does: side is the other branch */
    const vaei_layer *activation; /* the elementwise layer of the epilogue */
    vaei_epilogue epilogue;       /* runs on finished rows of y; apply NULL: there is none */
    int64_t banded;               /* a step of layer `bands` makes so many rows of y at a time, at most (bands.h); 0: all */
    /* Training: */
    const vaei_layer *dx_activation; /* this step computes its gradient on finished rows of dx */
    int32_t flushes_dx;              /* values of finished rows of dx below VAEI_TINY become zero (kernel.h) */
    int32_t gradient_done;           /* the step behind has computed the gradient of this step's activation */
    int32_t cuttable;                /* a segment of recomputed steps may end behind this step */
    int32_t dy, dx, d_side;          /* gradients that are read and written; dx or d_side may be dy */
    int32_t joins[2], n_joins[2];    /* vaei_steps.join[joins ...]: gradients that are then added to dx and to d_side, in this order */
    /* What is in the block while the step runs, from its low and its high end: values in forward, gradients in backward, and the
     * gradients before backward writes dx and d_side. */
    vaei_reach forward[2], backward[2], waiting[2];
};

/* A value that steps pass on. Times are indices of steps; for gradients they are counted from the last step. */
typedef struct vaei_buffer {
    int64_t size;        /* values of an example */
    int32_t first, last; /* time of the first write, and of the last use; last < 0: no step uses it */
    int32_t place;       /* VAEI_PLACE_ */
    vaei_reach before;   /* LOW, HIGH: how far arrays reach between this one and its end of the block */
    int32_t of_input;    /* a gradient of the stack's input: computed only if the caller wants dx */
} vaei_buffer;

enum {
    VAEI_PLACE_CALLER, /* x, y, dx or dy */
    VAEI_PLACE_Y,      /* in the caller's y, until the last step writes y */
    VAEI_PLACE_LOW,    /* from the low end of the block */
    VAEI_PLACE_HIGH,   /* from the high end of the block */
    VAEI_PLACE_KEPT    /* training: kept until backward has read it */
};

typedef struct vaei_steps {
    int32_t n, n_buffers, n_grads, n_joins;
    int32_t output; /* index of the buffer */
    vaei_step *step;
    vaei_buffer *buffer, *grad;
    int32_t *join;
} vaei_steps;

/* Makes both lists of a stack. */
vae_status_t vaei_steps_build(vaei_stack *s, vaei_arena *arena);
/* The list for inference as fuse.c leaves it: lifetimes.c has not seen it. */
vae_status_t vaei_steps_fused(vaei_steps **out, const vaei_stack *s, int32_t mode, vaei_arena *arena);
/* The last part of a build: places for its buffers, and the way from layers to steps. */
vae_status_t vaei_steps_finish(vaei_stack *s, vaei_steps *list, int32_t mode, vaei_arena *arena);

/* ---- for layers that contain stacks: vaei_layer_ops.expand ---- */

/* A list under construction. */
struct vaei_expansion {
    vaei_arena *arena;
    vaei_steps *steps;
    int32_t step_capacity, buffer_capacity;
};

/* Appends the steps of a stack that reads buffer `in`; *out is its output. The output of an empty stack is its input. */
vae_status_t vaei_expand_stack(vaei_expansion *e, const vaei_stack *s, int32_t in, int32_t *out);
/* Appends one step; side -1: there is none. */
vae_status_t vaei_expand_layer(vaei_expansion *e, vaei_layer *l, int32_t in, int32_t side, int32_t *out);

/* ---- fuse.c, lifetimes.c ---- */
void vaei_fuse(vaei_steps *s, int32_t mode);
vae_status_t vaei_lifetimes(vaei_steps *s, int32_t mode, vaei_arena *arena);

/* Makes every step that reads or writes buffer `from` read or write `to`. */
void vaei_steps_rename(vaei_steps *s, int32_t from, int32_t to);
/* When a deferred step is asked for its values: the time of the step that it serves; of another step, its own. */
int32_t vaei_steps_time(const vaei_steps *s, int32_t i);
/* The number of operands, x or side, of all steps that are this buffer. */
int32_t vaei_steps_uses(const vaei_steps *s, int32_t buffer);
/* Whether backward of the step reads its y. */
int32_t vaei_step_reads_y(const vaei_step *t);
/* Whether y is x + side, so that both gradients are dy. */
VAEI_INLINE int32_t vaei_step_sums(const vaei_step *t) {
    return (t->layer->ops->flags & VAEI_LAYER_SUMS) != 0;
}

#endif
