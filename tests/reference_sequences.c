/* SPDX-License-Identifier: MIT
 * reference_sequences.c - has one formula for each layer over sequences; reference_layers.c has those of the other layers. */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- convolutions ------------------------------------------------------------------------------------------------- */

typedef struct line {
    int64_t T, made, kernel, stride, dilation, before, groups, C, O;
} line;

static line read_line(const reference_layer *l, const reference_values *x, int32_t paints) {
    int64_t pad[4];
    line a = {.T = x->shape.d[0],
              .kernel = reference_int(l, "kernel"),
              .stride = reference_int(l, "stride"),
              .dilation = reference_int(l, "dilation"),
              .groups = reference_int(l, "groups"),
              .C = x->shape.d[1],
              .O = reference_int(l, "out")};
    const int32_t given = reference_sizes(l, "pad", 4, pad);
    const int64_t reach = (a.kernel - 1) * a.dilation + 1, both = given ? pad[0] + pad[2] : 0;
    if (paints) a.made = given ? (a.T - 1) * a.stride + reach + reference_int(l, "output_pad") - both : a.T * a.stride;
    else a.made = given ? (a.T + both - reach) / a.stride + 1 : (a.T + a.stride - 1) / a.stride;
    const int64_t missing = paints ? reach - a.stride : (a.made - 1) * a.stride + reach - a.T;
    a.before = given ? pad[0] : missing > 0 ? missing / 2 : 0;
    return a;
}

/* The step that tap k of output o sees; -1: none. */
static int64_t step_of(const line *a, int32_t paints, int64_t o, int64_t k) {
    int64_t i = paints ? o + a->before - k * a->dilation : o * a->stride + k * a->dilation - a->before;
    if (i < 0) return -1;
    if (paints && i % a->stride != 0) return -1;
    if (paints) i /= a->stride;
    return i < a->T ? i : -1;
}

static reference_values convolve(reference *r, const reference_layer *l, reference_values x, int32_t paints) {
    const line a = read_line(l, &x, paints);
    const vaei_shape shape = {2, {a.made, a.O, 0, 0}};
    const reference_values y = reference_new(r, x.n, &shape);
    const int64_t cg = a.C / a.groups, og = a.O / a.groups;
    const int32_t w = reference_weight(r, l), b = reference_param(r, l->path, "bias");
    for (int64_t i = 0; i < x.n * a.made * a.O; i++) {
        const int64_t o = i % a.O, t = i / a.O % a.made, n = i / a.O / a.made;
        tape_sum_begin(&r->t);
        for (int64_t k = 0; k < a.kernel; k++) {
            const int64_t from = step_of(&a, paints, t, k);
            for (int64_t c = o / og * cg; c < (o / og + 1) * cg && from >= 0; c++) {
                const int64_t at = paints ? (c * og + o % og) * a.kernel + k : (o * cg + c % cg) * a.kernel + k;
                tape_sum_add(&r->t, x.at[(n * a.T + from) * a.C + c], w + (int32_t)at);
            }
        }
        if (b >= 0) tape_sum_add(&r->t, b + (int32_t)o, TAPE_ONE);
        y.at[i] = tape_sum_end(&r->t, 1);
    }
    return y;
}

static reference_values conv1d(reference *r, const reference_layer *l, reference_values x) {
    return convolve(r, l, x, 0);
}

static reference_values deconv1d(reference *r, const reference_layer *l, reference_values x) {
    return convolve(r, l, x, 1);
}

/* ---- recurrent cells ---------------------------------------------------------------------------------------------- */

enum { UNITS_MOST = 256 };

/* One direction of one layer. */
typedef struct cell {
    int32_t w[4]; /* weight_ih, weight_hh, bias_ih, bias_hh */
    int64_t C, H;
    int32_t zero;
} cell;

/* The share of x, or of the state before, in gate number `row`. */
static int32_t share(reference *r, const cell *c, int32_t of_state, int64_t row, const int32_t *x) {
    const int64_t count = of_state ? c->H : c->C;
    tape_sum_begin(&r->t);
    for (int64_t i = 0; i < count; i++) tape_sum_add(&r->t, x[i], c->w[of_state] + (int32_t)(row * count + i));
    tape_sum_add(&r->t, c->w[2 + of_state] + (int32_t)row, TAPE_ONE);
    return tape_sum_end(&r->t, 1);
}

static int32_t gate(reference *r, const cell *c, int64_t row, const int32_t *x, const int32_t *h, tape_function f) {
    return tape_apply(&r->t, f, 0, tape_add(&r->t, share(r, c, 0, row, x), share(r, c, 1, row, h)));
}

static int32_t gru_unit(reference *r, const cell *c, int64_t i, const int32_t *x, const int32_t *h, int32_t *memory) {
    const int32_t reset = gate(r, c, i, x, h, TAPE_SIGMOID), z = gate(r, c, c->H + i, x, h, TAPE_SIGMOID);
    const int32_t past = tape_multiply(&r->t, reset, share(r, c, 1, 2 * c->H + i, h));
    const int32_t n = tape_apply(&r->t, TAPE_TANH, 0, tape_add(&r->t, share(r, c, 0, 2 * c->H + i, x), past));
    const int32_t other = tape_add(&r->t, tape_leaf(&r->t, 1), tape_scale(&r->t, -1, z));
    (void)memory;
    return tape_add(&r->t, tape_multiply(&r->t, other, n), tape_multiply(&r->t, z, h[i]));
}

static int32_t lstm_unit(reference *r, const cell *c, int64_t i, const int32_t *x, const int32_t *h, int32_t *memory) {
    const int32_t in = gate(r, c, i, x, h, TAPE_SIGMOID), forget = gate(r, c, c->H + i, x, h, TAPE_SIGMOID);
    const int32_t g = gate(r, c, 2 * c->H + i, x, h, TAPE_TANH), out = gate(r, c, 3 * c->H + i, x, h, TAPE_SIGMOID);
    *memory = tape_add(&r->t, tape_multiply(&r->t, forget, *memory), tape_multiply(&r->t, in, g));
    return tape_multiply(&r->t, out, tape_apply(&r->t, TAPE_TANH, 0, *memory));
}

typedef int32_t (*unit_function)(reference *r, const cell *c, int64_t i, const int32_t *x, const int32_t *h, int32_t *memory);

/* Steps of example n, to the channels of y that are the direction's. */
static void go(reference *r, const cell *c, unit_function unit, reference_values x, int64_t n, int32_t back, reference_values y) {
    const int64_t T = x.shape.d[0], width = y.shape.d[1], offset = back ? c->H : 0;
    int32_t h[UNITS_MOST], memory[UNITS_MOST];
    for (int64_t i = 0; i < c->H; i++) h[i] = memory[i] = c->zero;
    for (int64_t s = 0; s < T; s++) {
        const int64_t row = n * T + (back ? T - 1 - s : s);
        int32_t *const to = y.at + row * width + offset;
        for (int64_t i = 0; i < c->H; i++) to[i] = unit(r, c, i, x.at + row * c->C, h, &memory[i]);
        memcpy(h, to, (size_t)c->H * sizeof(*h));
    }
}

static reference_values recurrent(reference *r, const reference_layer *l, reference_values x, unit_function unit) {
    static const char *const names[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const int64_t H = reference_int(l, "out"), layers = reference_int(l, "layers");
    const int32_t directions = strcmp(reference_word(l, "bidirectional"), "true") == 0 ? 2 : 1, zero = tape_leaf(&r->t, 0);
    if (H > UNITS_MOST) r->gave_up = "so many units";
    for (int64_t i = 0; i < layers && !r->gave_up; i++) {
        const vaei_shape shape = {2, {x.shape.d[0], directions * H, 0, 0}};
        const reference_values y = reference_new(r, x.n, &shape);
        for (int32_t d = 0; d < directions; d++) {
            cell c = {.C = x.shape.d[1], .H = H, .zero = zero};
            char name[64];
            for (int32_t w = 0; w < 4; w++) {
                (void)snprintf(name, sizeof(name), "%s_l%d%s", names[w], (int)i, d ? "_reverse" : "");
                c.w[w] = reference_param(r, l->path, name);
            }
            for (int64_t n = 0; n < x.n; n++) go(r, &c, unit, x, n, d, y);
        }
        x = y;
    }
    return x;
}

static reference_values gru(reference *r, const reference_layer *l, reference_values x) {
    return recurrent(r, l, x, gru_unit);
}

static reference_values lstm(reference *r, const reference_layer *l, reference_values x) {
    return recurrent(r, l, x, lstm_unit);
}

/* ---- steps -------------------------------------------------------------------------------------------------------- */

static reference_values last(reference *r, const reference_layer *l, reference_values x) {
    const int64_t T = x.shape.d[0], C = x.shape.d[1];
    const int64_t of_last = strcmp(reference_word(l, "bidirectional"), "true") == 0 ? C / 2 : C;
    const vaei_shape shape = {1, {C, 0, 0, 0}};
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * C; i++) y.at[i] = x.at[(i / C * T + (i % C < of_last ? T - 1 : 0)) * C + i % C];
    return y;
}

static reference_values spread(reference *r, const reference_layer *l, reference_values x) {
    const int64_t T = reference_int(l, "steps"), C = x.shape.d[0];
    const vaei_shape shape = {2, {T, C, 0, 0}};
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * T * C; i++) y.at[i] = x.at[i / (T * C) * C + i % C];
    return y;
}

/* x is not moved: a token has no derivative. */
static reference_values embedding(reference *r, const reference_layer *l, reference_values x) {
    const int64_t D = reference_int(l, "dim"), places = x.n * vaei_shape_size(&x.shape);
    const int32_t w = reference_param(r, l->path, "weight");
    vaei_shape shape = x.shape;
    shape.d[shape.n++] = D;
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < places * D; i++) y.at[i] = w + (int32_t)((int64_t)r->t.node[x.at[i / D]].value * D + i % D);
    return y;
}

static reference_values positions(reference *r, const reference_layer *l, reference_values x) {
    const int64_t T = x.shape.d[0], C = x.shape.d[1];
    const int32_t w = reference_param(r, l->path, "weight");
    const reference_values y = reference_new(r, x.n, &x.shape);
    for (int64_t i = 0; i < x.n * T * C; i++) {
        const int64_t at = i % (T * C), c = at % C;
        const double angle = (double)(at / C) * pow(10000, -(double)(c / 2 * 2) / (double)C);
        y.at[i] = tape_add(&r->t, x.at[i], w >= 0 ? w + (int32_t)at : tape_leaf(&r->t, c % 2 ? cos(angle) : sin(angle)));
    }
    return y;
}

reference_formula reference_find_sequence(const char *layer) {
    static const struct {
        const char *name;
        reference_formula formula;
    } formulas[] = {
        {"conv1d", conv1d},       {"deconv1d", deconv1d},   {"gru", gru}, {"lstm", lstm}, {"last", last}, {"spread", spread},
        {"positions", positions}, {"embedding", embedding},
    };
    for (size_t i = 0; i < VAEI_COUNT(formulas); i++)
        if (strcmp(formulas[i].name, layer) == 0) return formulas[i].formula;
    return NULL;
}
