/* SPDX-License-Identifier: MIT
 * plan.h - a list of steps with addresses for a number of examples.
 *
 *     inference    scratch   | frames | block: values and workspace                       |
 *     training     cache     | frames | kept values and layers' caches | one segment's    |
 *                  scratch   | block: forward's other values, backward's gradients, workspace |
 *
 * With a segment size, only values that pass from one segment of steps to another are kept. Values inside of a segment are in memory that
 * all segments share, and backward recomputes the forward pass of a segment before its backward pass (Chen et al. 2016,
 * arXiv:1604.06174). */
#ifndef VAEI_PLAN_H
#define VAEI_PLAN_H

#include "nn/steps.h"

typedef struct vaei_frame {
    vaei_slot slot;  /* scratch is set when the step runs */
    size_t held;     /* workspace of the prologue, which is before that of the step */
    size_t forward;  /* of a segment's first step: the bytes of a block that its forward pass needs */
    size_t block;    /* of the first step: the bytes of the whole block */
    int32_t segment; /* the first step of its segment */
} vaei_frame;

typedef struct vaei_plan {
    const vaei_steps *steps;
    const vaei_kernels *k;
    int64_t n;
    int32_t mode;
    size_t segment;         /* bytes of values and caches of one example that end a segment; 0: nothing is recomputed */
    vaei_carve pack, stats; /* the caller sets their bases, or NULL to measure */
    vaei_carve keep;        /* of inference: the frames */
    vaei_carve recomputed;  /* of one segment; used: the maximum of all segments */
    size_t forward, block;  /* bytes of a block: for forward alone, and for all */
    vaei_frame *frame;      /* [steps->n] */
    float **value;          /* [n_buffers], those that are kept */
} vaei_plan;

/* The same function measures and places: it sets `used` of the carves, forward and block, and the frames if there is memory for them. */
void vaei_plan_walk(vaei_plan *p);

/* Finds the frames of an earlier call, at keep's base. */
void vaei_plan_frames(vaei_plan *p);

/* The bytes from an end of a block, for n examples; SIZE_MAX on overflow. */
size_t vaei_reach_bytes(const vaei_reach *r, int64_t n);
/* The address of a buffer at an end of a block. */
float *vaei_block_at(const vaei_buffer *b, int64_t n, char *block, size_t bytes);

#endif
