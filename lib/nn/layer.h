/* SPDX-License-Identifier: MIT
 * layer.h - floor 2: the contract of a layer. Each layer is one file (layer_linear.c) and one line in layers.def.
 *
 * A layer maps x[n][in] to y[n][out], rows of examples, channels last. It owns a conf filled from its option table, declares its
 * parameters in plan(), and is const afterwards: any number of threads may run it at once. Its state is in four pieces
 * of memory that the caller carves and passes:
 *
 *     pack      weights in the kernels' order; written by pack() when parameters changed, read by forward and backward
 *     cache     written by forward for backward of the same batch (training only)
 *     stats     written by forward for commit (training only)
 *     scratch   free during one call
 *
 * The step of a layer (steps.h), which fuse.c wrote, says what the layer does for its neighbours: an epilogue, a normalisation to fold.
 *
 * Training may run forward twice on the same x, the second time right before backward (stack.h); both runs must write the same values.
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

/* From lo to hi, infinities allowed. */
typedef struct vaei_interval {
    float lo, hi;
} vaei_interval;

/* Bytes of memory, for n examples. As vaei_carve measures them; overflow sticks at SIZE_MAX. */
typedef struct vaei_bytes {
    size_t pack, cache, scratch, stats;
} vaei_bytes;

typedef struct vaei_slot {
    void *pack, *cache, *scratch, *stats;
    size_t segment;                   /* of a stack in training: vaei_stack_segment(), or 0 */
    const float *add;                 /* forward: the second input, which is added to y before the epilogue; may be y. NULL: none */
    const vaei_prologue *prologue;    /* forward, by layers that fuse: x is made pixel by pixel; NULL: x is in memory */
    const vaei_epilogue *dx_epilogue; /* backward: what to do with finished rows of dx, by layers that take it; NULL: nothing */
} vaei_slot;

enum {
    VAEI_LAYER_IN_PLACE = 1,           /* y may be x, dx may be dy; backward reads no x */
    VAEI_LAYER_READS_X = 2,            /* backward reads x */
    VAEI_LAYER_READS_Y = 4,            /* backward reads y */
    VAEI_LAYER_SUMS = 8,               /* y = x + add, both gradients are dy: backward is NULL */
    VAEI_LAYER_TAKES_EPILOGUE = 16,    /* forward applies vaei_layer_epilogue() to its finished rows */
    VAEI_LAYER_TAKES_DX_EPILOGUE = 32, /* backward applies the slot's dx_epilogue to the finished rows of dx */
    VAEI_LAYER_TAKES_FOLD = 64,        /* pack() multiplies by the normalisation that follows, for inference: vaei_step.fold */
    VAEI_LAYER_MIXES_BATCH = 128,      /* in training an example's y depends on the others, by statistics of each channel over the
                                         batch: such a layer sees a batch at once, and more than one value of each channel */
    VAEI_LAYER_OF_TOKENS = 256,        /* x is tokens, by which nothing has a derivative: dx is 0 */
    VAEI_LAYER_IGNORES_X = 512,        /* y is no function of x: the layer stands for some that the model does not have */
    VAEI_LAYER_KEEPS_LENGTHS = 1024    /* over steps: y of an example's steps depends on x of those steps alone, however long it is, and
                                         where dy is 0 beyond them, so is dx, and x there moves no gradient; elementwise layers need not
                                         say it */
};

typedef struct vaei_layer_ops {
    vaei_module module;
    int32_t flags;
    /* Check `in`, write `out`, declare parameters and bodies (vaei_build_*), keep derived numbers in l->state (arena). */
    vae_status_t (*plan)(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out);
    /* Cut the layer's pieces for n examples with these kernels. `pieces` receives where they are, a struct of the layer's own; NULL:
     * nobody asks. The user of a layer measures by this function, and the layer's other functions find their pieces by it
     * (vaei_layer_pieces). Scratch serves forward and, when training, backward; pack does not depend on n. NULL: the layer has none. */
    void (*layout)(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
    /* Fill the pack from r->params (r->n is not set). Training packs serve forward and backward. NULL: nothing to pack. */
    void (*pack)(const vaei_layer *l, const vaei_run *r, void *pack);
    /* y = f(x). Writes y, cache, scratch, stats. */
    void (*forward)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y);
    /* dx = J^T dy (dx may be NULL: not wanted); gradients of parameters += ...; dy may be destroyed. */
    void (*backward)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx);
    /* Fold the stats of the last training forward into running statistics: only after the whole step succeeded; of the slot
     * only stats is set. May be NULL. */
    void (*commit)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, float *params);
    /* Elementwise layers only: y = f(x) on any count of values. Such a layer may be fused into the one before it. Else NULL. */
    void (*map)(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *x, float *y);
    /* With map, for layers that read y: dx = f'(.) dy on any count of values; dx may be dy. Else NULL. */
    void (*map_grad)(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *y, const float *dy, float *dx);
    /* Layers that are y = scale[c] x + shift[c] at inference (batch norm): fills both, [channels]. Else NULL. */
    void (*fold)(const vaei_layer *l, const float *params, float *scale, float *shift);

    /* Where y lies, given where x lies: *values is x's range, and becomes y's. NULL: y may be any number. */
    void (*range)(const vaei_layer *l, vaei_interval *values);

    /* Of layers that contain stacks, instead of the one step that any other layer is: append the steps (steps.h). */
    vae_status_t (*expand)(vaei_layer *l, vaei_expansion *e, int32_t in, int32_t *out);

    /* What the rewrites of fuse.c ask, for inference; NULL: no. */
    /* Over images: prepare to make y pixel by pixel, for a step that fuses. pixels->arg points into m->scratch. */
    void (*prologue)(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, vaei_prologue *pixels);
    /* Whether forward takes a prologue and a second input. */
    int32_t (*fuses)(const vaei_layer *l);
    /* True if forward may write y over x; y is then no larger than x. */
    int32_t (*overwrites)(const vaei_layer *l);
    /* Also in training: whether y holds the values of x in their order. */
    int32_t (*is_view)(const vaei_layer *l);
    /* Nearest upsampling: each pixel of x becomes factor[0] x factor[1] of y. */
    void (*upsamples)(const vaei_layer *l, int64_t factor[2]);
    /* Name of the algorithm that forward takes with these kernels; NULL: there is one only. */
    const char *(*algorithm)(const vaei_layer *l, const vaei_kernels *k, int32_t training);
    /* Whether forward can do such an upsampling of its x too, if the step says so: vaei_step.upsample. */
    int32_t (*takes_upsample)(const vaei_layer *l, const int64_t factor[2]);
} vaei_layer_ops;

#define VAEI_LAYER_PARAMS 8 /* unless the layer's plan brings a longer array */
#define VAEI_LAYER_BODIES 2

struct vaei_layer {
    const vaei_layer_ops *ops;
    const void *conf;
    void *state;            /* plan()'s, or NULL */
    const char *path;       /* "encoder.3": prefix of its parameters' names */
    const vaei_node *node;  /* in the text; layers of a `repeat` share one */
    vaei_layer *before;     /* in vaei_build.layers */
    const vaei_layer *tied; /* whose weight this one has: param[0]; NULL: its own */
    vaei_shape in, out;
    int32_t n_params;
    vaei_param **param;                 /* [n_params] */
    vaei_param *few[VAEI_LAYER_PARAMS]; /* where param points, unless plan says else */
    vaei_stack *body[VAEI_LAYER_BODIES];
    uint32_t id;              /* unique in the model */
    const vaei_step *step[2]; /* [training]: the step that runs this layer, with what is joined to it; NULL: part of another one */
};

/* What fuse.c joined to the layer's step in this kind of pass, or NULL. */
const vaei_epilogue *vaei_layer_epilogue(const vaei_layer *l, int32_t training);
const vaei_layer *vaei_layer_folded(const vaei_layer *l, int32_t training);    /* the normalisation that pack() multiplies in */
const vaei_layer *vaei_layer_upsampled(const vaei_layer *l, int32_t training); /* the upsampling of x that forward does */

/* The bytes that layout() wants. */
vaei_bytes vaei_layer_bytes(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training);
VAEI_INLINE vaei_bytes vaei_memory_bytes(const vaei_memory *m) {
    return (vaei_bytes){m->pack.used, m->cache.used, m->scratch.used, m->stats.used};
}
/* The memory of a slot, to be cut by layout(). */
VAEI_INLINE vaei_memory vaei_slot_memory(const vaei_slot *m) {
    return (vaei_memory){{m->pack, 0}, {m->cache, 0}, {m->scratch, 0}, {m->stats, 0}};
}
/* What layout() writes to `pieces`: for forward, backward and commit; and for pack(), which has a pack alone. */
VAEI_INLINE void vaei_layer_pieces(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, void *pieces) {
    vaei_memory memory = vaei_slot_memory(m);
    l->ops->layout(l, r->k, r->n, r->training, &memory, pieces);
}
VAEI_INLINE void vaei_layer_packed(const vaei_layer *l, const vaei_run *r, void *pack, void *pieces) {
    vaei_memory memory = {.pack = {pack, 0}};
    l->ops->layout(l, r->k, 1, r->training, &memory, pieces);
}

VAEI_INLINE const float *vaei_layer_param(const vaei_layer *l, const vaei_run *r, int32_t i) {
    return i < l->n_params ? r->params + l->param[i]->offset : NULL;
}
VAEI_INLINE float *vaei_layer_grad(const vaei_layer *l, const vaei_run *r, int32_t i) {
    return i < l->n_params ? r->grads + l->param[i]->offset : NULL;
}

/* The range of layers whose y are values of x, and of those whose y are means of values of x and zeros. */
void vaei_range_kept(const vaei_layer *l, vaei_interval *values);
void vaei_range_with_zero(const vaei_layer *l, vaei_interval *values);

/* The key of a layer's own noise (dropout) in this pass. */
vaei_noise_key vaei_layer_noise(const vaei_layer *l, const vaei_run *r, uint32_t stream);

extern const vaei_layer_ops vaei_layer_embedding; /* which tokens want first */
extern const vaei_module *const vaei_layers[];
extern const size_t vaei_layers_count;

#endif
