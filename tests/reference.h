/* SPDX-License-Identifier: MIT
 * reference.h - runs any model in double without optimisation; the library's numbers are compared with its results.
 *
 * It reads the model's canonical text and its parameters by name, and follows the documentation: no fusion, nothing in place, no folded
 * norm, no Winograd, no blocks; each layer is written once as its formula (reference_layers.c). The tape provides the gradients and the
 * bounds of errors. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <vae/vae.h>

#include "base/option.h"
#include "tape.h"

/* n examples of one shape; each value is a node. */
typedef struct reference_values {
    int64_t n;
    vaei_shape shape;
    int32_t *at; /* [n][size] */
} reference_values;

/* A latent: its posterior, and its prior; at NULL: none, or N(0, I). */
typedef struct reference_level {
    reference_values mean, logvar, prior_mean, prior_logvar;
} reference_level;

/* Where the decoder's latents take z from. */
enum { REFERENCE_DRAWN, REFERENCE_MEANS, REFERENCE_GIVEN };

enum { REFERENCE_LEVELS = 16 };

typedef struct reference {
    tape t;
    const vae_model_t *model;
    vaei_heap heap;
    vaei_arena arena;
    vaei_document document;
    int32_t *param; /* first node of each parameter */
    int64_t n_params;
    int32_t training;
    const int32_t *label;   /* [n] what the examples bring besides x, or NULL */
    const float *condition; /* [n][of_condition] */
    int64_t of_condition;
    reference_level level[REFERENCE_LEVELS]; /* so far */
    int32_t n_levels;
    struct {
        const char *name;
        reference_values x;
    } tap[REFERENCE_LEVELS];
    int32_t n_taps;
    int32_t from;             /* REFERENCE_ */
    const float *numbers;     /* [n][all_values]: the noise of all latents, or z */
    int64_t all_values, next; /* where the next latent's begin in a row */
    const char *gave_up;      /* why there is no reference: "no formula of layer x"; NULL: there is one */
} reference;

/* A layer with its place in the text. */
typedef struct reference_layer {
    const vaei_node *node;
    const char *path;
} reference_layer;

typedef reference_values (*reference_formula)(reference *r, const reference_layer *l, reference_values x);

void reference_open(reference *r, const vae_model_t *model);
void reference_close(reference *r);
/* Forgets all but the model; parameters become leaves. Gives up beyond most_work multiplications. */
void reference_start(reference *r, int32_t training, int64_t most_work);
/* Leaves of given numbers */
reference_values reference_input(reference *r, int64_t n, const vaei_shape *shape, const float *x);
reference_values reference_section(reference *r, const char *section, reference_values x);
reference_values reference_stack(reference *r, const vaei_pipeline *pipeline, const char *path, reference_values x);
/* Level 0 from what the encoder gives: its mean and clamped logvar; 0 if this latent has no formula here. */
int32_t reference_posterior(reference *r, reference_values h);
/* z of level 0; numbers[n][Z] as `from` says, Z of all latents together. The decoder's latents then take their share. */
reference_values reference_first_z(reference *r, int64_t n, const vaei_shape *shape, int32_t from, const float *numbers, int64_t Z);
/* The next level's z from its posterior, or as given. */
reference_values reference_z(reference *r, const reference_level *v);
reference_values reference_mean(reference *r, reference_values theta); /* of the likelihood */
/* The loss of a training pass with weight beta of the rates; -1 without a formula. */
int32_t reference_loss(reference *r, reference_values theta, const float *x, double beta, double free_bits);
/* weight[dim][C] and bias[dim] of `path` for each row of C values of h; then a variance's clamped logarithm. */
reference_values reference_head(reference *r, const char *path, reference_values h, int64_t dim);
reference_values reference_logvar(reference *r, const char *path, reference_values h, int64_t dim);

/* Options by name, as the text has them. */
int64_t reference_int(const reference_layer *l, const char *key);
double reference_float(const reference_layer *l, const char *key);
const char *reference_word(const reference_layer *l, const char *key);
/* "3", "3x5", "0x1x0x1": to out[count]; 0 for "same" */
int32_t reference_sizes(const reference_layer *l, const char *key, int32_t count, int64_t *out);
/* First node of a parameter "path.name", -1 if there is none. */
int32_t reference_param(const reference *r, const char *path, const char *name);
reference_values reference_new(reference *r, int64_t n, const vaei_shape *shape);
/* The first node of the layer's weight, which may be another layer's. */
int32_t reference_weight(const reference *r, const reference_layer *l);
reference_formula reference_find(const char *layer);
reference_formula reference_find_sequence(const char *layer); /* of those in reference_sequences.c */

#endif
