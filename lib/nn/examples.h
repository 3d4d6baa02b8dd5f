/* SPDX-License-Identifier: MIT
 * examples.h - a stack over a batch. Training takes some examples at a time, so that what one layer writes is still in the
 * cache when the next one reads it. How many is fixed by the shapes: bits do not depend on threads. A stack with statistics
 * over the batch takes all at once. The slot's memory is that of vaei_examples_need(). */
#ifndef VAEI_EXAMPLES_H
#define VAEI_EXAMPLES_H

#include "nn/stack.h"

/* again: in training, backward makes activations again; sets slot->segment. */
vaei_need vaei_examples_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training, int32_t again,
                             vaei_slot *slot);
void vaei_examples_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
/* As vaei_stack_backward. */
void vaei_examples_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                            float *dy, float *dx);

#endif
