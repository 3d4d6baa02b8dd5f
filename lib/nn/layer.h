/* SPDX-License-Identifier: MIT
 * layer.h - floor 2: the contract of a layer. Each layer is one file (layer_linear.c) and one line in layers.def.
 *
 * A layer maps x[n][in] to y[n][out], rows of examples, channels last. Its conf is filled from its option table. It declares its parameters
 * in plan() and is const afterwards, so that any number of threads may run it at once. Its state is in four pieces of memory that the
 * caller carves and passes:
 *
 *     pack      weights in the order of the kernels; written by pack() when parameters have changed, read by forward and backward
 *     cache     written by forward for backward of the same batch (training only)
 *     stats     written by forward for commit (training only)
 *     scratch   free during one call
 *
 * The step of a layer (steps.h), which fuse.c wrote, says what the layer also does for its neighbours: an epilogue, a normalisation to
 * fold.
 *
 * Training may run forward twice on the same x, the second time directly before backward (stack.h); both runs must write the same values.
 *
 * forward and backward cannot fail. Gradients of parameters are added to; dx is written. */
#ifndef VAEI_LAYER_H
#define VAEI_LAYER_H

#include "base/module.h"
#include "kernel/conv.h"
#include "nn/param.h"
#include "nn/batch_run.h"

typedef struct vaei_layer vaei_layer;
typedef struct vaei_stack vaei_stack;
typedef struct vaei_step vaei_step; /* steps.h */
typedef struct vaei_expansion vaei_expansion;

/* The interval from lo to hi, which may be infinite. */
typedef struct vaei_interval {
    float lo, hi;
} vaei_interval;

/* Bytes of memory for n examples, as vaei_carve measures them; after an overflow they are SIZE_MAX. */
typedef struct vaei_bytes {
    size_t pack, cache, scratch, stats;
} vaei_bytes;

/* Rows [first, last) of an image y, made of rows [x_first, x_last) of x: what stands in memory begins with these rows. */
typedef struct vaei_band {
    int64_t first, last, x_first, x_last;
} vaei_band;

typedef struct vaei_slot {
    void *pack, *cache, *scratch, *stats;
    size_t segment;                   /* of a stack in training: vaei_stack_segment(), or 0 without recomputing */
    const float *add;                 /* forward: the second input, added to y before the epilogue; may be y. NULL: there is none */
    const vaei_prologue *prologue;    /* forward, for layers that fuse: makes x pixel by pixel; NULL: x is in memory */
    const vaei_band *band;            /* forward and prologue, of layers with the function band: the rows to make; NULL: all */
    const vaei_epilogue *dx_epilogue; /* backward, for layers that take it: runs on finished rows of dx; NULL: none */
} vaei_slot;

enum {
    VAEI_LAYER_IN_PLACE = 1,           /* y may be x, dx may be dy; backward does not read x */
    VAEI_LAYER_READS_X = 2,            /* backward reads x */
    VAEI_LAYER_READS_Y = 4,            /* backward reads y */
    VAEI_LAYER_SUMS = 8,               /* y = x + add, and both gradients are dy: backward is NULL */
    VAEI_LAYER_TAKES_EPILOGUE = 16,    /* forward runs vaei_layer_epilogue() on its finished rows */
    VAEI_LAYER_TAKES_DX_EPILOGUE = 32, /* backward runs the slot's dx_epilogue on the finished rows of dx */
    VAEI_LAYER_TAKES_FOLD = 64,        /* for inference, pack() multiplies the weights by the normalisation that follows: vaei_step.fold */
    /* In training the y of an example depends on the others, by statistics of each channel over the batch. Such a layer needs the whole
     * batch at once, and more than one value of each channel. */
    VAEI_LAYER_MIXES_BATCH = 128,
    VAEI_LAYER_OF_TOKENS = 256, /* x is tokens, and nothing can be differentiated by tokens: dx is 0 */
    VAEI_LAYER_IGNORES_X = 512, /* y does not depend on x: the layer replaces layers that the model does not have */
    /* For layers over steps: y of an example's steps depends on x of these steps alone, however long the example is. If dy is 0 beyond
     * them, so is dx, and x there has no effect on a gradient. Elementwise layers need not set the flag. */
    VAEI_LAYER_KEEPS_LENGTHS = 1024
};

typedef struct vaei_layer_ops {
    vaei_module module;
    int32_t flags;
    /* Checks `in`, writes `out`, declares parameters and bodies (vaei_build_*), and keeps derived numbers in l->state (arena). */
    vae_status_t (*plan)(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out);
    /* Divides the memory into the layer's pieces for n examples with these kernels. `pieces` receives their addresses, in a struct of
     * the layer's own; it may be NULL. The user of a layer measures by this function, and the layer's other functions find their pieces
     * by it (vaei_layer_pieces). Scratch is for forward and, in training, backward; pack does not depend on n. NULL: the layer has no
     * memory. */
    void (*layout)(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
    /* Fills the pack from r->params (r->n is not set). A pack of training is for forward and backward. NULL: the layer has no pack. */
    void (*pack)(const vaei_layer *l, const vaei_run *r, void *pack);
    /* Computes y = f(x). Writes y, cache, scratch, stats. */
    void (*forward)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
    /* Computes dx = J^T dy, unless dx is NULL; adds to the gradients of parameters; may destroy dy. */
    void (*backward)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx);
    /* Moves the stats of the last training forward into the running statistics. It is called only after the whole step has succeeded,
     * and only stats of the slot is set. May be NULL. */
    void (*commit)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, float *params);
    /* For elementwise layers only: y = f(x) on any count of values. Such a layer may be fused into the one before it. Otherwise NULL. */
    void (*map)(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *x, float *y);
    /* For layers with map that read y: dx = f'(.) dy on any count of values; dx may be dy. Otherwise NULL. */
    void (*map_grad)(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *y, const float *dy, float *dx);
    /* For layers that are y = scale[c] x + shift[c] at inference (batch norm): fills both, [channels]. Otherwise NULL. */
    void (*fold)(const vaei_layer *l, const float *params, float *scale, float *shift);

    /* Computes the range of y from that of x: *values is x's range and becomes y's. NULL: y may be any number. */
    void (*range)(const vaei_layer *l, vaei_interval *values);

    /* For layers that contain stacks and are not a single step: appends their steps (steps.h). */
    vae_status_t (*expand)(vaei_layer *l, vaei_expansion *e, int32_t in, int32_t *out);

    /* Facts that the rewrites of fuse.c need for inference; NULL means no. */
    /* For layers over images: prepares to make y pixel by pixel for a step that fuses. pixels->arg points into m->scratch. */
    void (*prologue)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, vaei_prologue *pixels);
    /* Whether forward takes a prologue and a second input. */
    int32_t (*fuses)(const vaei_layer *l);
    /* True if forward may write y over x; y is then no larger than x. */
    int32_t (*overwrites)(const vaei_layer *l);
    /* Whether y holds the values of x in the same order; used in training too. */
    int32_t (*is_view)(const vaei_layer *l);
    /* Nearest upsampling: each pixel of x becomes factor[0] x factor[1] of y. */
    void (*upsamples)(const vaei_layer *l, int64_t factor[2]);
    /* Over images, for layers that can make some rows of y with the bits of all rows: sets x_first and x_last for first, which is a
     * multiple of VAEI_BAND_ALIGN, and last. False: y wants all of x. Elementwise layers need not have it. */
    int32_t (*band)(const vaei_layer *l, vaei_band *b);
    /* Of these, for layers whose y depends on statistics of all of x: takes in the rows as they come. [first, last) are new, and x holds
     * [x_first, last). x NULL: sets x_first, the first row wanted. Statistics are known when the last row has come. */
    void (*observe)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, vaei_band *rows, const float *x);
    /* Returns the name of the algorithm that forward uses with these kernels; NULL: there is only one. */
    const char *(*algorithm)(const vaei_layer *l, const vaei_kernels *k, int32_t training);
    /* Whether forward can also upsample its x by these factors, if the step has vaei_step.upsample. */
    int32_t (*takes_upsample)(const vaei_layer *l, const int64_t factor[2]);
} vaei_layer_ops;

#define VAEI_LAYER_PARAMS 8 /* a layer with more brings a longer array in plan() */
#define VAEI_LAYER_BODIES 2

struct vaei_layer {
    const vaei_layer_ops *ops;
    const void *conf;
    void *state;            /* set by plan(), or NULL */
    const char *path;       /* "encoder.3", the prefix of its parameters' names */
    const vaei_node *node;  /* its node in the text; layers of a `repeat` share one */
    vaei_layer *before;     /* the layer before it in vaei_build.layers */
    const vaei_layer *tied; /* the layer whose weight param[0] is; NULL: the weight is its own */
    vaei_shape in, out;
    int32_t n_params;
    vaei_param **param;                 /* [n_params] */
    vaei_param *few[VAEI_LAYER_PARAMS]; /* param points here unless plan() sets another array */
    vaei_stack *body[VAEI_LAYER_BODIES];
    uint32_t id; /* unique in the model */
    /* [training]: the step that runs this layer and the layers joined to it; NULL: another layer's step runs it */
    const vaei_step *step[2];
};

/* The work that fuse.c joined to the layer's step in this kind of pass, or NULL. */
const vaei_epilogue *vaei_layer_epilogue(const vaei_layer *l, int32_t training);
const vaei_layer *vaei_layer_folded(const vaei_layer *l, int32_t training); /* the normalisation by which pack() multiplies the weights */
const vaei_layer *vaei_layer_upsampled(const vaei_layer *l, int32_t training); /* the upsampling of x that forward also does */
int64_t vaei_layer_banded(const vaei_layer *l, int32_t training);              /* the rows of y that it makes at a time; 0: all */

/* Returns the bytes that layout() needs. */
vaei_bytes vaei_layer_bytes(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training);
VAEI_INLINE vaei_bytes vaei_memory_bytes(const vaei_memory *m) {
    return (vaei_bytes){m->pack.used, m->cache.used, m->scratch.used, m->stats.used};
}
/* The memory of a slot, for layout() to divide. */
VAEI_INLINE vaei_memory vaei_slot_memory(const vaei_slot *m) {
    return (vaei_memory){{m->pack, 0}, {m->cache, 0}, {m->scratch, 0}, {m->stats, 0}};
}
/* Finds the `pieces` of layout(), for forward, backward and commit, and for pack(), which has only a pack. */
VAEI_INLINE void vaei_layer_pieces(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, void *pieces) {
    vaei_memory memory = vaei_slot_memory(m);
    l->ops->layout(l, r->k, r->n, r->training, &memory, pieces);
}
VAEI_INLINE void vaei_layer_packed(const vaei_layer *l, const vaei_run *r, void *pack, void *pieces) {
    vaei_memory memory = {.pack = {pack, 0}};
    l->ops->layout(l, r->k, 1, r->training, &memory, pieces);
}

/* Values of y that forward makes. */
VAEI_INLINE int64_t vaei_layer_values(const vaei_layer *l, const vaei_run *r, const vaei_slot *m) {
    const int64_t size = vaei_shape_size(&l->out);
    return m->band ? size / l->out.d[0] * (m->band->last - m->band->first) : r->n * size;
}

VAEI_INLINE const float *vaei_layer_param(const vaei_layer *l, const vaei_run *r, int32_t i) {
    return i < l->n_params ? r->params + l->param[i]->offset : NULL;
}
VAEI_INLINE float *vaei_layer_grad(const vaei_layer *l, const vaei_run *r, int32_t i) {
    return i < l->n_params ? r->grads + l->param[i]->offset : NULL;
}

/* The band of layers whose rows of y are made of the same rows of x. */
int32_t vaei_band_same(const vaei_layer *l, vaei_band *b);

/* The range of layers whose y are values of x, or means of values of x and zeros. */
void vaei_range_kept(const vaei_layer *l, vaei_interval *values);
void vaei_range_with_zero(const vaei_layer *l, vaei_interval *values);

/* The key of a layer's own noise (dropout) in this pass. */
vaei_noise_key vaei_layer_noise(const vaei_layer *l, const vaei_run *r, uint32_t stream);

extern const vaei_layer_ops vaei_layer_embedding; /* the first layer for tokens */
extern const vaei_module *const vaei_layers[];
extern const size_t vaei_layers_count;

#endif
