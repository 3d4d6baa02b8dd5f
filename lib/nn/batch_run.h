/* SPDX-License-Identifier: MIT
 * batch_run.h - describes one pass over a batch: the kernels and threads to use, and the examples with their labels, conditions and noise.
 *
 * vaei_run_slice() selects a part of the examples in all arrays. Blocks and lanes (batch_blocks.c), passes of a session and the
 * pseudo-inputs of a prior use it. */
#ifndef VAEI_BATCH_RUN_H
#define VAEI_BATCH_RUN_H

#include "kernel/kernel.h"

/* Each array may be NULL; n is the number of examples. */
typedef struct vaei_batch {
    const float *x;         /* [n][of_x] */
    const int32_t *label;   /* [n] the classes, for parts of the model that read them */
    const float *condition; /* [n][of_condition] */
    const int32_t *codes;   /* [n][of_codes] */
    const float *noise;     /* [n][of_noise] standard normal */
    const float *weight;    /* [n] weights of loss and gradient; NULL: all are 1 */
    const int32_t *length;  /* [n] the steps of each sequence, 1..T; NULL: T */
    int64_t of_x, of_condition, of_codes, of_noise;
    double total; /* the sum of the weights of the whole batch, even if this is a part of it */
} vaei_batch;

/* Returns the examples from `first` on. */
VAEI_INLINE vaei_batch vaei_batch_from(const vaei_batch *b, int64_t first) {
    vaei_batch part = *b;
    if (part.x) part.x += first * b->of_x;
    if (part.label) part.label += first;
    if (part.condition) part.condition += first * b->of_condition;
    if (part.codes) part.codes += first * b->of_codes;
    if (part.noise) part.noise += first * b->of_noise;
    if (part.weight) part.weight += first;
    if (part.length) part.length += first;
    return part;
}

VAEI_INLINE double vaei_batch_weight(const vaei_batch *b, int64_t i) {
    return b->weight ? (double)b->weight[i] : 1.0;
}

/* A side array: the values that a tap keeps for another part of the model (layer_tap.c). */
typedef struct vaei_side {
    float *value; /* [n][size] */
    float *grad;  /* [n][size] in training; otherwise NULL */
    int64_t size;
} vaei_side;

struct vaei_level; /* defined in lib/vae: the latents of the pass, which lib/nn only passes on */
#define VAEI_LEVELS_MAX 16

/* Streams of random numbers. Each use has its own stream, so that its numbers do not depend on how often another use draws. */
enum { VAEI_STREAM_INIT = 0, VAEI_STREAM_LATENT = 1, VAEI_STREAM_DROPOUT = 2, VAEI_STREAM_PRIOR = 3, VAEI_STREAM_CONDITION = 4 };

/* One pass over a batch. */
typedef struct vaei_run {
    const vaei_kernels *k;
    const vaei_pool *pool;
    int64_t n; /* examples */
    int32_t training;
    int32_t frozen;                 /* 1: a training pass computes as a session does, and only its gradients are wanted */
    const float *params;            /* flat; parameter p is at params + p->offset */
    float *grads;                   /* flat, with the same offsets; NULL except in training */
    vaei_noise_key noise;           /* seed and step; each user sets its own stream */
    uint32_t first_item;            /* the noise item of example 0 */
    vaei_batch batch;               /* the arrays of the examples */
    const vaei_side *side;          /* by their number, if the model has taps */
    const struct vaei_level *level; /* by their number, if the stack contains latents */
    int32_t levels_from;            /* the source of their z: a VAEI_LEVELS_ constant of lib/vae */
    int32_t sampled_rates;          /* 1: kl of a latent is -(log p(z) - log q(z|x)) at the z drawn, and not its mean */
    int64_t row;                    /* index of example 0 in the arrays of both */
    const _Atomic int32_t *cancel;  /* or NULL */
} vaei_run;

/* Whether the caller has cancelled the run. Once this is true, it is true until the end of the run: the remaining work may be left out,
 * because nothing that the run has written will be used. Each layer is preceded by this test. */
VAEI_INLINE int32_t vaei_run_cancelled(const vaei_run *r) {
    return r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed) != 0;
}

/* The number of steps that example i has, of T. */
VAEI_INLINE int64_t vaei_run_length(const vaei_run *r, int64_t i, int64_t T) {
    return r->batch.length ? r->batch.length[i] : T;
}

/* Returns the run over n of its examples from `first` on: all arrays of the examples begin there. The gradients are those of the whole
 * run. */
VAEI_INLINE vaei_run vaei_run_slice(const vaei_run *r, int64_t first, int64_t n) {
    vaei_run part = *r;
    VAEI_ASSERT(first >= 0 && n >= 0 && first + n <= r->n);
    part.n = n;
    part.first_item += (uint32_t)first;
    part.row += first;
    part.batch = vaei_batch_from(&r->batch, first);
    return part;
}

/* y[count] = x with values below VAEI_TINY set to zero (kernel.h), by the run's threads; y may be x. */
void vaei_run_flush(const vaei_run *r, int64_t count, const float *x, float *y);

#endif
