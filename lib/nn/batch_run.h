/* SPDX-License-Identifier: MIT
 * batch_run.h - one pass over a batch: the kernels and threads to use, and the examples with their labels, conditions, noise and so on.
 *
 * vaei_run_slice() takes a part of the examples with all their arrays. Blocks and lanes (batch_blocks.c), passes of a session and
 * pseudo-inputs of a prior use it. */
#ifndef VAEI_BATCH_RUN_H
#define VAEI_BATCH_RUN_H

#include "kernel/kernel.h"

/* Each array may be NULL. Behind it, the values of one example. */
typedef struct vaei_batch {
    const float *x;         /* [n][of_x] */
    const int32_t *label;   /* [n] the classes, of parts that want them */
    const float *condition; /* [n][of_condition] */
    const int32_t *codes;   /* [n][of_codes] */
    const float *noise;     /* [n][of_noise] standard normal */
    const float *weight;    /* [n] of loss and gradient; NULL: 1 */
    const int32_t *length;  /* [n] steps of a sequence, 1..T; NULL: all */
    int64_t of_x, of_condition, of_codes, of_noise;
    double total; /* the sum of the weights of the whole batch, whatever part of it this is */
} vaei_batch;

/* The examples from number `first` on. */
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

/* An array beside the stream: what a tap keeps of it, for a part of the model that stands elsewhere (layer_tap.c). */
typedef struct vaei_side {
    float *value; /* [n][size] */
    float *grad;  /* [n][size] training; else NULL */
    int64_t size;
} vaei_side;

struct vaei_level; /* of lib/vae: the latents of the pass. lib/nn hands them on */
#define VAEI_LEVELS_MAX 16

/* Streams of random numbers: each use its own, so that none depends on how often another draws. */
enum { VAEI_STREAM_INIT = 0, VAEI_STREAM_LATENT = 1, VAEI_STREAM_DROPOUT = 2, VAEI_STREAM_PRIOR = 3, VAEI_STREAM_CONDITION = 4 };

/* One pass over a batch. */
typedef struct vaei_run {
    const vaei_kernels *k;
    const vaei_pool *pool;
    int64_t n; /* examples */
    int32_t training;
    const float *params;            /* flat; parameter p stands at params + p->offset */
    float *grads;                   /* flat, same offsets; NULL unless training */
    vaei_noise_key noise;           /* seed and step; the stream is the user's */
    uint32_t first_item;            /* the noise item of example 0 */
    vaei_batch batch;               /* what belongs to the examples */
    const vaei_side *side;          /* by number, where the model has taps */
    const struct vaei_level *level; /* by number, where latents stand in the stack */
    int32_t levels_from;            /* where these take z from: VAEI_LEVELS_ of lib/vae */
    int32_t sampled_rates;          /* kl of a latent is -(log p(z) - log q(z|x)) at the z drawn, in place of its mean */
    int64_t row;                    /* of example 0 in the arrays of both */
    const _Atomic int32_t *cancel;  /* or NULL */
} vaei_run;

/* Whether the caller has given the run up. Once true it stays so to the end of the run: what is left may be left out, and nothing that
 * the run has written will be used. Asked before each layer. */
VAEI_INLINE int32_t vaei_run_cancelled(const vaei_run *r) {
    return r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed) != 0;
}

/* The steps of example i that count, of T. */
VAEI_INLINE int64_t vaei_run_length(const vaei_run *r, int64_t i, int64_t T) {
    return r->batch.length ? r->batch.length[i] : T;
}

/* The run over n of its examples from number `first` on: what belongs to an example moves with it. Gradients stay the whole run's. */
VAEI_INLINE vaei_run vaei_run_slice(const vaei_run *r, int64_t first, int64_t n) {
    vaei_run part = *r;
    VAEI_ASSERT(first >= 0 && n >= 0 && first + n <= r->n);
    part.n = n;
    part.first_item += (uint32_t)first;
    part.row += first;
    part.batch = vaei_batch_from(&r->batch, first);
    return part;
}

/* y[count] = x without values below VAEI_TINY (kernel.h), by the run's threads; y may be x. */
void vaei_run_flush(const vaei_run *r, int64_t count, const float *x, float *y);

#endif
