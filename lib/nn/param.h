/* SPDX-License-Identifier: MIT
 * param.h - parameters, which modules declare while a model is built, and which are in one flat array.
 *
 *     offset 0                          n_trainable                     n_floats
 *     | weights and biases, each at a multiple of 16 floats | running statistics |
 *
 * Gradients and the slots of an optimizer are flat arrays with the same offsets, so that saving, loading, initialising and optimising
 * need not know any layer. Names are those of PyTorch: "encoder.0.weight". */
#ifndef VAEI_PARAM_H
#define VAEI_PARAM_H

#include "base/module.h"
#include "kernel/kernel.h"

enum {
    VAEI_PARAM_TRAINED = 1,
    VAEI_PARAM_DECAYED = 2,  /* weight decay applies (weights, not biases or norms) */
    VAEI_PARAM_OF_PRIOR = 4, /* trained only under objective prior, which trains nothing else */
    VAEI_PARAM_OF_CRITIC = 8 /* trained by the critic's optimizer */
};

/* How a parameter starts, with fan_in, fan_out as PyTorch counts them. PYTORCH is kaiming_uniform(a = sqrt 5), U(+-1/sqrt fan_in). */
enum { VAEI_INIT_PYTORCH, VAEI_INIT_XAVIER, VAEI_INIT_KAIMING, VAEI_INIT_ZEROS, VAEI_INIT_CONSTANT, VAEI_INIT_NORMAL };
#define VAEI_INIT_CHOICES "pytorch|xavier|kaiming|zeros" /* of a layer's `init` option: index = the constant above */

typedef struct vaei_init {
    int32_t kind;
    int64_t fan_in, fan_out;
    float value; /* CONSTANT: the value; NORMAL: the standard deviation */
} vaei_init;

typedef struct vaei_param {
    const char *name;
    int32_t ndim;
    int32_t flags;
    int64_t shape[4];
    int64_t count;
    int64_t offset; /* in floats, set when the build is finished */
    vaei_init init;
    struct vaei_param *next;
} vaei_param;

#define VAEI_TAPS_MAX 16

/* A tap of the model (layer_tap.c). */
typedef struct vaei_tap {
    struct vaei_tap *next; /* the tap declared before it */
    const char *name;
    vaei_shape shape;
    int32_t number;  /* number of its side (batch_run.h) */
    int32_t is_read; /* by a latent of the decoder */
    int32_t line, column;
} vaei_tap;

enum { VAEI_TAKES_TAPS = 1, VAEI_TAKES_LATENTS = 2 };

/* The condition of each example besides x: one of so many classes, and so many values; 0: none. */
typedef struct vaei_condition {
    int64_t classes, vector;
} vaei_condition;

/* A model being built. */
typedef struct vaei_build {
    vaei_arena *arena;
    vaei_param *first, **last;
    int64_t n_params;
    uint32_t next_id;
    vaei_condition condition;
    int32_t condition_is_read; /* by a layer that has been planned */
    int32_t flags;             /* given to every parameter that is declared */
    int64_t tokens; /* the stack being built begins with tokens 0..tokens-1; 0: it begins with numbers, or it already has a layer */
    int32_t depth;  /* of nested stacks, limited */
    struct vaei_stack *stacks;          /* the outermost stacks, latest first, for vaei_stacks_link() */
    struct vaei_layer *layers;          /* all planned layers, latest first, for ties */
    const vaei_module *const *elements; /* the modules allowed in a stack: those of layers.def, unless a higher floor has more */
    size_t n_elements;
    vaei_tap *taps; /* latest first */
    int32_t n_taps;
    int32_t takes;           /* VAEI_TAKES_: the modules allowed in this stack besides layers that are allowed in any stack */
    struct vaei_pair *pairs; /* of lib/vae: latents inside of a stack, latest first */
    int32_t n_pairs;
} vaei_build;

void vaei_build_init(vaei_build *b, vaei_arena *arena);

/* Declares path.name and adds it to the owner's list. NULL with the sentence set (no memory, or the sizes pass 2^40). */
vaei_param *vaei_build_param(vaei_build *b, const char *path, const char *name, int32_t ndim, const int64_t *shape, int32_t flags,
                             vaei_init init);

/* The finished table: params[count] in order of declaration, with offsets; trained parameters come first in memory. */
typedef struct vaei_params {
    vaei_param **at;
    int64_t count;
    int64_t n_trainable, n_floats; /* floats of the trained part and of all, with padding */
} vaei_params;

vae_status_t vaei_build_finish(vaei_build *b, vaei_params *out);

/* Writes every start value, a pure function of (seed, index of the parameter, index of the value). */
void vaei_params_init(const vaei_params *p, const vaei_kernels *k, uint64_t seed, float *values);

#endif
