/* SPDX-License-Identifier: MIT
 * tape.c - has the nodes, their values, and the backward pass. */
#define _DEFAULT_SOURCE /* M_PI */
#include "tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REACH 16.0 /* standard deviations within which a kink counts */

enum { LEAF, SUM, LARGEST, FUNCTION };

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

static void *grown(void *old, int64_t *cap, int64_t wanted, size_t size) {
    if (wanted <= *cap) return old;
    *cap = wanted > 2 * *cap ? wanted : 2 * *cap;
    void *p = realloc(old, (size_t)*cap * size);
    if (!p) abort();
    return p;
}

void tape_clear(tape *t) {
    t->nodes = t->terms = 0;
    t->full = 0;
}

void tape_free(tape *t) {
    free(t->node);
    free(t->term);
    memset(t, 0, sizeof(*t));
}

static int32_t add_node(tape *t, tape_node node) {
    if (t->full) return 0;
    t->node = grown(t->node, &t->nodes_cap, t->nodes + 1, sizeof(*t->node));
    t->node[t->nodes] = node;
    return (int32_t)t->nodes++;
}

/* A sum that is open has its terms behind those of the last node, also if leaves come between. */
static int64_t first_term(const tape *t) {
    return t->nodes == 0 ? 0 : t->node[t->nodes - 1].first + t->node[t->nodes - 1].count;
}

int32_t tape_leaf(tape *t, double value) {
    return add_node(t, (tape_node){.value = value, .kind = LEAF, .first = first_term(t)});
}

void tape_sum_begin(tape *t) {
    t->terms = first_term(t);
}

void tape_sum_add(tape *t, int32_t a, int32_t b) {
    if (t->terms_most > 0 && t->terms >= t->terms_most) t->full = 1;
    if (t->full) return;
    t->term = grown(t->term, &t->terms_cap, t->terms + 1, sizeof(*t->term));
    t->term[t->terms++] = (tape_term){a, b};
}

static tape_node with_terms(const tape *t, int32_t kind) {
    const int64_t first = first_term(t);
    return (tape_node){.kind = kind, .first = first, .count = (int32_t)(t->terms - first)};
}

static double square(double x) {
    return x * x;
}

/* Errors are squares. */
static double error_of_product(double a, double a_error, double b, double b_error) {
    return square(b) * a_error + square(a) * b_error + a_error * b_error;
}

int32_t tape_sum_end(tape *t, double scale) {
    tape_node n = with_terms(t, SUM);
    double magnitude = 0;
    n.scale = scale;
    for (int64_t i = n.first; i < n.first + n.count; i++) {
        const tape_node *a = &t->node[t->term[i].a];
        const tape_node one = {.value = 1}, *b = t->term[i].b == TAPE_ONE ? &one : &t->node[t->term[i].b];
        const double product = a->value * b->value;
        n.value += product;
        magnitude += fabs(product);
        n.error += error_of_product(a->value, a->error, b->value, b->error);
    }
    n.value *= scale;
    n.error = square(scale) * (n.error + square(TAPE_UNIT * magnitude));
    return add_node(t, n);
}

int32_t tape_add(tape *t, int32_t a, int32_t b) {
    tape_sum_begin(t);
    tape_sum_add(t, a, TAPE_ONE);
    tape_sum_add(t, b, TAPE_ONE);
    return tape_sum_end(t, 1);
}

int32_t tape_multiply(tape *t, int32_t a, int32_t b) {
    tape_sum_begin(t);
    tape_sum_add(t, a, b);
    return tape_sum_end(t, 1);
}

int32_t tape_scale(tape *t, double by, int32_t a) {
    tape_sum_begin(t);
    tape_sum_add(t, a, TAPE_ONE);
    return tape_sum_end(t, by);
}

int32_t tape_largest_end(tape *t) {
    tape_node n = with_terms(t, LARGEST);
    n.value = -HUGE_VAL;
    for (int64_t i = n.first; i < n.first + n.count; i++) {
        const tape_node *a = &t->node[t->term[i].a];
        if (a->value > n.value) n.value = a->value;
        if (a->error > n.error) n.error = a->error;
    }
    return add_node(t, n);
}

/* ---- functions ---------------------------------------------------------------------------------------------------- */

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* ln(sinh(x) / x), its slope and its curvature: by series where the differences cancel */
static double log_sinhc(double x) {
    const double y = fabs(x), z = x * x;
    if (y < 0.3) return z * (1.0 / 6 - z * (1.0 / 180 - z * (1.0 / 2835 - z * (1.0 / 37800 - z / 467775))));
    return y + log1p(-exp(-2 * y)) - log(2 * y);
}

static double langevin(double x) {
    const double z = x * x;
    if (fabs(x) < 0.3) return x * (1.0 / 3 - z * (1.0 / 45 - z * (2.0 / 945 - z * (1.0 / 4725 - z * 2 / 93555))));
    return 1 / tanh(x) - 1 / x;
}

static double langevin_slope(double x) {
    const double z = x * x, s = sinh(x);
    if (fabs(x) < 0.3) return 1.0 / 3 - z * (1.0 / 15 - z * (2.0 / 189 - z * (1.0 / 675 - z * 2 / 10395)));
    return 1 / z - 1 / (s * s);
}

static double value_of(tape_function f, double a, double x) {
    switch (f) {
    case TAPE_LEAKY: return x > 0 ? x : a * x;
    case TAPE_ELU: return x > 0 ? x : a * expm1(x);
    case TAPE_SILU: return x * logistic(x);
    case TAPE_GELU: return 0.5 * x * erfc(-x * M_SQRT1_2);
    case TAPE_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case TAPE_TANH: return tanh(x);
    case TAPE_SIGMOID: return logistic(x);
    case TAPE_LEAST: return x < a ? a : x;
    case TAPE_MOST: return x > a ? a : x;
    case TAPE_ABS: return fabs(x);
    case TAPE_EXP: return exp(x);
    case TAPE_LOG: return log(x);
    case TAPE_LOG_SINHC: return log_sinhc(x);
    case TAPE_LANGEVIN: return langevin(x);
    case TAPE_INVERSE: return 1 / x;
    case TAPE_INVERSE_ROOT: return 1 / sqrt(x + a);
    default: return NAN;
    }
}

static double slope_of(tape_function f, double a, double x) {
    const double s = logistic(x);
    switch (f) {
    case TAPE_LEAKY: return x > 0 ? 1 : a;
    case TAPE_ELU: return x > 0 ? 1 : a * exp(x);
    case TAPE_SILU: return s * (1 + x * (1 - s));
    case TAPE_GELU: return 0.5 * erfc(-x * M_SQRT1_2) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
    case TAPE_SOFTPLUS: return s;
    case TAPE_TANH: return 1 - square(tanh(x));
    case TAPE_SIGMOID: return s * (1 - s);
    case TAPE_LEAST: return x > a ? 1 : 0;
    case TAPE_MOST: return x < a ? 1 : 0;
    case TAPE_ABS: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case TAPE_EXP: return exp(x);
    case TAPE_LOG: return 1 / x;
    case TAPE_LOG_SINHC: return langevin(x);
    case TAPE_LANGEVIN: return langevin_slope(x);
    case TAPE_INVERSE: return -1 / (x * x);
    case TAPE_INVERSE_ROOT: return -0.5 * pow(x + a, -1.5);
    default: return NAN;
    }
}

/* How far the slope may be off, where x is as far off as its error says. */
static double slope_change(const tape_node *n, const tape_node *x) {
    const tape_function f = (tape_function)n->kind - FUNCTION;
    double reach = REACH * sqrt(x->error);
    if ((f == TAPE_LOG || f == TAPE_INVERSE || f == TAPE_INVERSE_ROOT) && reach > 0.5 * (x->value + n->scale))
        reach = 0.5 * (x->value + n->scale);
    const double here = slope_of(f, n->scale, x->value);
    const double less = fabs(slope_of(f, n->scale, x->value - reach) - here);
    const double more = fabs(slope_of(f, n->scale, x->value + reach) - here);
    return less > more ? less : more;
}

int32_t tape_apply(tape *t, tape_function f, double parameter, int32_t x) {
    tape_sum_begin(t);
    tape_sum_add(t, x, TAPE_ONE);
    tape_node n = with_terms(t, FUNCTION + (int32_t)f);
    n.scale = parameter;
    n.value = value_of(f, parameter, t->node[x].value);
    const double slope = fabs(slope_of(f, parameter, t->node[x].value)) + slope_change(&n, &t->node[x]);
    const double rounded = f == TAPE_LEAST || f == TAPE_MOST || f == TAPE_ABS || f == TAPE_LEAKY ? 1 : 4;
    n.error = square(slope) * t->node[x].error + square(rounded * TAPE_UNIT * n.value);
    return add_node(t, n);
}

/* ---- the way back ------------------------------------------------------------------------------------------------- */

static void add_grad(tape_node *to, double grad, double error) {
    to->grad += grad;
    to->grad_error += error;
    to->grad_terms += fabs(grad);
}

static void sum_backward(tape *t, const tape_node *n) {
    const double g = n->scale * n->grad, ge = square(n->scale) * n->grad_error;
    for (int64_t i = n->first; i < n->first + n->count; i++) {
        tape_node *a = &t->node[t->term[i].a];
        if (t->term[i].b == TAPE_ONE) {
            add_grad(a, g, ge);
            continue;
        }
        tape_node *b = &t->node[t->term[i].b];
        const double to_a = g * b->value, to_b = g * a->value;
        add_grad(a, to_a, error_of_product(g, ge, b->value, b->error) + square(TAPE_UNIT * to_a));
        add_grad(b, to_b, error_of_product(g, ge, a->value, a->error) + square(TAPE_UNIT * to_b));
    }
}

/* Whoever may be the largest in float may get the gradient. */
static void largest_backward(tape *t, const tape_node *n) {
    int32_t given = 0, near = 0;
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int64_t i = n->first; i < n->first + n->count; i++) {
            tape_node *a = &t->node[t->term[i].a];
            const int32_t is_near = n->value - a->value <= REACH * sqrt(a->error + n->error);
            if (pass == 0) {
                near += is_near;
            } else if (!given && a->value == n->value) {
                add_grad(a, n->grad, n->grad_error + (near > 1 ? square(n->grad) : 0));
                given = 1;
            } else if (is_near) {
                a->grad_error += square(n->grad) + n->grad_error;
            }
        }
    }
}

/* How far a slope is off that is made from the rounded value: 1 - y y, y (1 - y), y + alpha. Near its end a value in float tells little
 * of what is left to it. */
static double slope_of_rounded(const tape_node *n, const tape_node *x) {
    const tape_function f = (tape_function)n->kind - FUNCTION;
    const double rounded = 4 * TAPE_UNIT * fabs(n->value);
    return f == TAPE_TANH                     ? 2 * fabs(n->value) * rounded
           : f == TAPE_SIGMOID                ? fabs(1 - 2 * n->value) * rounded
           : f == TAPE_ELU && !(x->value > 0) ? rounded
                                              : 0;
}

static void function_backward(tape *t, const tape_node *n) {
    tape_node *x = &t->node[t->term[n->first].a];
    const double slope = slope_of((tape_function)n->kind - FUNCTION, n->scale, x->value);
    const double change = slope_change(n, x); /* within REACH; the whole of it meets the error of the gradient */
    const double off = slope_of_rounded(n, x);
    add_grad(x, slope * n->grad,
             (square(slope) + square(change) + square(off)) * n->grad_error + square(change / REACH * n->grad) + square(off * n->grad) +
                 square(4 * TAPE_UNIT * slope * n->grad));
}

void tape_backward(tape *t, int32_t of) {
    for (int64_t i = 0; i < t->nodes; i++) t->node[i].grad = t->node[i].grad_error = t->node[i].grad_terms = 0;
    t->node[of].grad = 1;
    for (int64_t i = of; i >= 0; i--) {
        tape_node *n = &t->node[i];
        n->grad_error += square(TAPE_UNIT * n->grad_terms);
        if (n->grad == 0 && n->grad_error == 0) continue;
        if (n->kind == SUM) sum_backward(t, n);
        else if (n->kind == LARGEST) largest_backward(t, n);
        else if (n->kind >= FUNCTION) function_backward(t, n);
    }
}
