/* SPDX-License-Identifier: MIT
 * tape.h - records arithmetic in double, and estimates the error that float arithmetic may have.
 *
 * Each number is a node. A node has its value, and an estimate of the error that the same computation in float may have: the root of the
 * sum of squares of the rounding errors of each operation (2^-24 of the magnitudes of its terms), propagated by the derivatives. The error
 * of a product is that of each factor times the other factor with its error, because a factor that is 0 may not be 0 in float.
 * tape_backward() visits the nodes once, from the last to the first, and finds the gradient of one node by all others, with its error.
 * If a function has a kink that is nearer than the error, the slope of its other side is part of the error. So a formula is written once,
 * forward, and its gradient and both bounds follow from it. */
#ifndef TAPE_H
#define TAPE_H

#include <stdint.h>

typedef struct tape_node {
    double value, grad;
    double error, grad_error; /* squares */
    double grad_terms;        /* sum of the magnitudes that were added to grad */
    int64_t first;            /* its terms */
    int32_t count, kind;
    double scale; /* of a sum; the parameter of a function */
} tape_node;

#define TAPE_UNIT 5.9604644775390625e-8 /* 2^-24 */

/* a * b, or a alone where b is TAPE_ONE */
typedef struct tape_term {
    int32_t a, b;
} tape_term;

enum { TAPE_ONE = -1 };

typedef struct tape {
    tape_node *node;
    tape_term *term;
    int64_t nodes, terms, nodes_cap, terms_cap;
    int64_t terms_most; /* 0: as many as memory holds */
    int32_t full;       /* more were wanted: whatever came since is not there */
} tape;

typedef enum tape_function {
    TAPE_LEAKY, /* x above zero, parameter times x below */
    TAPE_ELU,
    TAPE_SILU,
    TAPE_GELU,
    TAPE_SOFTPLUS,
    TAPE_TANH,
    TAPE_SIGMOID,
    TAPE_LEAST, /* no less than the parameter */
    TAPE_MOST,  /* no more than the parameter */
    TAPE_ABS,
    TAPE_EXP,
    TAPE_LOG,
    TAPE_LOG_SINHC,    /* ln(sinh(x) / x) */
    TAPE_LANGEVIN,     /* its slope, coth(x) - 1/x */
    TAPE_INVERSE,      /* 1 / x */
    TAPE_INVERSE_ROOT, /* 1 / sqrt(x + parameter) */
    TAPE_FUNCTIONS
} tape_function;

void tape_clear(tape *t); /* keeps the memory */
void tape_free(tape *t);

int32_t tape_leaf(tape *t, double value);
/* A sum is begun, gets its terms, and is ended: scale times the sum of a * b. */
void tape_sum_begin(tape *t);
void tape_sum_add(tape *t, int32_t a, int32_t b);
int32_t tape_sum_end(tape *t, double scale);
int32_t tape_add(tape *t, int32_t a, int32_t b);
int32_t tape_multiply(tape *t, int32_t a, int32_t b);
int32_t tape_scale(tape *t, double by, int32_t a);
/* As a sum is ended: the first of the largest. */
int32_t tape_largest_end(tape *t);
int32_t tape_apply(tape *t, tape_function f, double parameter, int32_t x);

void tape_backward(tape *t, int32_t of);

#endif
