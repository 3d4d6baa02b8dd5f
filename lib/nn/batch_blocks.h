/* SPDX-License-Identifier: MIT
 * batch_blocks.h - runs a stack over a batch. Training runs some examples at a time, so that the output of one layer is still in the
 * cache when the next layer reads it, and two threads run such blocks. The shapes alone fix the size of a block, so bits do not depend on
 * threads. A stack with statistics over the batch runs all examples at once. If no gradient needs the outputs of the whole batch, each
 * block's backward pass follows its forward pass at once (vaei_blocks_forward_backward), and only the activations of one block in each
 * lane exist. At inference, too, two threads run half of the batch each. vaei_blocks_bytes() gives the size of the slot's memory. */
#ifndef VAEI_BATCH_BLOCKS_H
#define VAEI_BATCH_BLOCKS_H

#include "nn/stack.h"

enum {
    VAEI_BLOCKS_TRAIN = 1,
    VAEI_BLOCKS_RECOMPUTE = 2, /* backward recomputes activations; sets slot->segment */
    VAEI_BLOCKS_FUSED = 4      /* only vaei_blocks_forward_backward() runs */
};

/* The least number of examples of a training pass: 2 if a layer that mixes the batch has one value of each channel in an example,
 * otherwise 1. */
int64_t vaei_blocks_least(const vaei_stack *s);

/* how: the flags of the pass for which the memory is; 0: inference */
vaei_bytes vaei_blocks_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t how, vaei_slot *slot);
void vaei_blocks_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
/* See vaei_stack_backward. */
void vaei_blocks_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx);

/* A function that runs between the forward and the backward pass of a block: it computes dy from y for the r->n examples from `first`
 * on. Several threads call it; it must not add to gradients of parameters. */
typedef struct vaei_dy_source {
    void (*make)(const void *arg, const vaei_run *r, int64_t first, const float *y, float *dy);
    const void *arg;
} vaei_dy_source;
/* Runs both passes; dx is not NULL. */
void vaei_blocks_forward_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const vaei_dy_source *t,
                                  float *y, float *dy, float *dx);

#endif
