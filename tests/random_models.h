/* SPDX-License-Identifier: MIT
 * random_models.h - random models, and the tests that every one of them must pass. docs/testing.md describes how to run them.
 *
 *   random_text.c     a text over the registries                                  random_shrink.c  the least text that still fails
 *   random_options.c  a module with options from its table                        random_census.c  what the texts have had so far
 *   random_checks.c   memory, bits, save and load                                 random_run.c     one model with all that it gives
 *   random_sizes.c    pictures of another size
 *   random_numbers.c  numbers and gradients beside reference.h                    random_models.c  the program */
#ifndef RANDOM_MODELS_H
#define RANDOM_MODELS_H

#include <vae/vae.h>

#include "base/module.h"

enum { RANDOM_TEXT_MAX = 16384, RANDOM_MESSAGE_MAX = 700, RANDOM_MEMORY_MAX = 256 };

/* One model with its training, and how it is used. */
typedef struct random_case {
    uint64_t seed; /* of parameters and data */
    int64_t n, max_batch;
    char model[RANDOM_TEXT_MAX], training[1024];
} random_case;

/* What happened to a case, and what was looked at. */
typedef struct random_report {
    int32_t failed, refused;
    int32_t numbers, gradients, splits, resumed; /* 1: that was compared */
    int32_t lengths;                             /* 1: it ran with sequences of unlike lengths */
    double worst;                                /* of all errors, in bounds */
    char message[RANDOM_MESSAGE_MAX];
    char missing[64]; /* what has no formula in the reference */
} random_report;

typedef struct random_dice {
    uint64_t state;
} random_dice;

static inline uint64_t random_next(random_dice *d) {
    uint64_t z = d->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
static inline int64_t random_range(random_dice *d, int64_t low, int64_t high) {
    return low + (int64_t)(random_next(d) % (uint64_t)(high - low + 1));
}
static inline int32_t random_chance(random_dice *d, int32_t percent) {
    return random_range(d, 0, 99) < percent;
}
static inline double random_unit(random_dice *d) {
    return (double)(random_next(d) >> 11) / 9007199254740992.0;
}

void random_case_make(random_case *c, uint64_t seed);
/* The module with some of its options, small ones for an input of shape `in`. */
void random_module(random_dice *d, const vaei_module *m, const vaei_shape *in, vaei_writer *w);
/* A section `memory` that is not the default, with which a case runs beside the one without it. */
void random_memory(const random_case *c, char out[RANDOM_MEMORY_MAX]);

/* Counts the case's modules and options. */
void random_census_add(const random_case *c);
/* Prints how many models each module was in; returns how many were in none without a reason. */
int64_t random_census_show(void);

/* A context whose larger blocks end at a page that nobody may touch, and are looked at when they are given back. */
vae_ctx_t *random_ctx(int32_t threads, int32_t isa);
/* NULL with the message in the report: refused, or failed. Parameters are moved away from 0 and 1. */
vae_model_t *random_model(const random_case *c, vae_ctx_t *ctx, random_report *out);
float *random_floats(int64_t count); /* ends at a page that nobody may touch; never freed: a case has a process of its own */
int32_t random_fail(random_report *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Fails the report unless the call gave VAE_OK; a run that met numbers too large for float has nothing more to say. */
#define RANDOM_TRY(out, call)                                                                                            \
    do {                                                                                                                 \
        const vae_status_t status_ = (call);                                                                             \
        if (status_ != VAE_OK) return random_fail(out, "%s: %s: %s", #call, vae_status_name(status_), vae_last_error()); \
    } while (0)

/* The examples of a case, in the range that its likelihood takes. */
float *random_examples(const random_case *c, const vae_model_t *m);

/* Puts into the batch what the model's condition wants of its examples, which are those of the case from number `first` on. */
void random_bring(const random_case *c, const vae_model_t *m, int64_t first, vae_batch_t *batch);

void random_check(const random_case *c, random_report *out);         /* everything */
int32_t random_check_size(const random_case *c, random_report *out); /* the model for pictures of another size */
int32_t random_check_numbers(const random_case *c, random_report *out);

/* What a model gives, by name: the same however it is run. */
typedef struct random_result {
    const char *name[64];
    const void *data[64];
    size_t bytes[64];
    int32_t count;
} random_result;

typedef struct random_variant {
    const char *name;
    int32_t threads, isa;
    int64_t max_batch, part; /* of sessions; examples of a call */
    const char *memory;      /* a section for the training, or "" */
} random_variant;

/* Sessions, then some steps of training. */
int32_t random_run(const random_case *c, const random_variant *v, random_result *r, random_report *out);
int32_t random_resume(const random_case *c, random_report *out);

/* Runs the checks in a process of its own. */
void random_isolated(const random_case *c, random_report *out);
/* Makes c smaller as long as it fails. */
void random_shrink(random_case *c, random_report *out);

vae_status_t random_trainer(vae_trainer_t **t, vae_model_t *m, const char *training, int64_t n);

#endif
