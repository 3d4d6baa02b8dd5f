/* SPDX-License-Identifier: MIT
 * optimizer.h - optimizers, learning-rate schedules and clipping. Each is one file (optimizer_adam.c, schedule_cosine.c, clip_norm.c) and
 * one line in optimizers.def, schedules.def or clips.def.
 *
 * An optimizer is a pure function of one slice of the parameters; its memory is `slots` arrays of the slice's length, zero at the start.
 * The host's optimizer (vae_optimizer_t) has the same form, but does not change g. */
#ifndef VAEI_OPTIMIZER_H
#define VAEI_OPTIMIZER_H

#include "base/module.h"
#include "kernel/kernel.h"

#define VAEI_OPTIMIZER_SLOTS 8

typedef struct vaei_optimizer_ops {
    vaei_module module;
    int32_t (*slots)(const void *conf);
    /* Makes step t (from 1) on w[n] by g[n], and sets g to 0. */
    void (*step)(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                 float *const *slot);
} vaei_optimizer_ops;

/* The base learning rate of the text, its option `lr`; and its option `weight_decay`, for parameters that have weight decay. */
VAEI_INLINE double vaei_optimizer_lr(const vaei_optimizer_ops *ops, const void *conf) {
    return vaei_option_number(ops->module.options, conf, "lr");
}
VAEI_INLINE double vaei_optimizer_decay(const vaei_optimizer_ops *ops, const void *conf) {
    return vaei_option_number(ops->module.options, conf, "weight_decay");
}

typedef struct vaei_schedule_ops {
    vaei_module module;
    /* Returns the factor of the learning rate at step t (from 0); each schedule contains the warm-up. */
    double (*factor)(const void *conf, int64_t t);
} vaei_schedule_ops;

typedef struct vaei_clip_ops {
    vaei_module module;
    /* Returns the factor that multiplies all gradients, from their 2-norm. */
    double (*factor)(const void *conf, double norm);
    /* Changes the gradients g[rows][columns] of one parameter w, a row for each index of its first axis and one row for a vector, when they
     * have been scaled by the factor. NULL: it does not. */
    void (*limit)(const void *conf, const vaei_kernels *k, int64_t rows, int64_t columns, const float *w, float *g);
} vaei_clip_ops;

/* Returns 1: the factor of clips that look at no norm of all gradients. */
double vaei_clip_nothing(const void *conf, double norm);

/* Decides which activations are kept until backward. */
typedef struct vaei_memory_ops {
    vaei_module module;
    int32_t recompute; /* 1: only some; backward recomputes the others */
} vaei_memory_ops;

extern const vaei_module *const vaei_optimizers[];
extern const size_t vaei_optimizers_count;
extern const vaei_module *const vaei_schedules[];
extern const size_t vaei_schedules_count;
extern const vaei_module *const vaei_clips[];
extern const size_t vaei_clips_count;
extern const vaei_module *const vaei_memories[];
extern const size_t vaei_memories_count;

#endif
