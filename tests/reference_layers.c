/* SPDX-License-Identifier: MIT
 * reference_layers.c - has one formula for each layer, as in the documentation: loops over every output and every term. */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t size_of(const reference_values *x) {
    return vaei_shape_size(&x->shape);
}

static int64_t channels_of(const reference_values *x) {
    return x->shape.d[x->shape.n - 1];
}

static vaei_shape image(int64_t h, int64_t w, int64_t c) {
    return (vaei_shape){3, {h, w, c, 0}};
}

/* ---- products ----------------------------------------------------------------------------------------------------- */

int32_t reference_weight(const reference *r, const reference_layer *l) {
    const char *const tie = reference_word(l, "tie");
    char path[256];
    (void)snprintf(path, sizeof(path), "%s", *tie ? tie : l->path);
    const size_t length = strlen(path);
    if (*tie && strcmp(path + length - 2, ".T") == 0) path[length - 2] = '\0';
    return reference_param(r, path, "weight");
}

/* A linear layer's weight is stored as [in][out]: its tie says so, or else the sizes of the owner's do. */
static int32_t is_transposed(const reference *r, const reference_layer *l, int64_t out) {
    const char *const tie = reference_word(l, "tie");
    const vae_tensor_t *t;
    char name[256];
    int64_t index;
    if (!*tie) return 0;
    (void)snprintf(name, sizeof(name), "%s.weight", tie);
    if (vae_model_param_find(r->model, name, &index) != VAE_OK) return 1; /* a layer's place and T */
    if (vae_model_param(r->model, index, &t, NULL) != VAE_OK) abort();
    return vae_tensor_shape(t)[0] != out;
}

/* Rows of C numbers to rows of `out`. */
static void rows_times(reference *r, int64_t rows, int64_t C, int64_t out, const int32_t *x, int32_t w, int32_t transposed, int32_t b,
                       int32_t *y) {
    for (int64_t i = 0; i < rows * out; i++) {
        tape_sum_begin(&r->t);
        for (int64_t c = 0; c < C; c++)
            tape_sum_add(&r->t, x[i / out * C + c], w + (int32_t)(transposed ? c * out + i % out : i % out * C + c));
        if (b >= 0) tape_sum_add(&r->t, b + (int32_t)(i % out), TAPE_ONE);
        y[i] = tape_sum_end(&r->t, 1);
    }
}

static reference_values linear(reference *r, const reference_layer *l, reference_values x) {
    vaei_shape shape = x.shape;
    const int64_t in = shape.d[shape.n - 1], out = reference_int(l, "out");
    shape.d[shape.n - 1] = out;
    const reference_values y = reference_new(r, x.n, &shape);
    rows_times(r, x.n * size_of(&x) / in, in, out, x.at, reference_weight(r, l), is_transposed(r, l, out),
               reference_param(r, l->path, "bias"), y.at);
    return y;
}

enum { ZEROS, CIRCULAR, REFLECT };

static int32_t padding_mode(const char *word) {
    return strcmp(word, "circular") == 0 ? CIRCULAR : strcmp(word, "reflect") == 0 ? REFLECT : ZEROS;
}

/* One axis of a window that slides. */
typedef struct axis {
    int64_t size, made, kernel, stride, dilation, before;
    int32_t padding;
} axis;

static void read_axes(const reference_layer *l, const vaei_shape *in, axis a[2]) {
    int64_t kernel[2], stride[2], dilation[2] = {1, 1}, pad[4];
    (void)reference_sizes(l, "kernel", 2, kernel);
    (void)reference_sizes(l, "stride", 2, stride);
    if (*reference_word(l, "dilation")) (void)reference_sizes(l, "dilation", 2, dilation);
    const int32_t given = reference_sizes(l, "pad", 4, pad);
    for (int32_t i = 0; i < 2; i++) {
        axis *x = &a[i];
        *x = (axis){in->d[i], 0, kernel[i], stride[i] > 0 ? stride[i] : kernel[i], dilation[i], 0, ZEROS};
        const int64_t reach = (x->kernel - 1) * x->dilation + 1;
        if (given) {
            x->made = (x->size + pad[2 * i] + pad[2 * i + 1] - reach) / x->stride + 1;
            x->before = pad[2 * i];
        } else {
            x->made = (x->size + x->stride - 1) / x->stride;
            const int64_t missing = (x->made - 1) * x->stride + reach - x->size;
            x->before = missing > 0 ? missing / 2 : 0;
        }
    }
}

/* The pixel that tap k of window o sees; -1: none. */
static int64_t seen(const axis *a, int64_t o, int64_t k) {
    const int64_t i = o * a->stride + k * a->dilation - a->before;
    if (i >= 0 && i < a->size) return i;
    if (a->padding == CIRCULAR) return i < 0 ? i + a->size : i - a->size;
    if (a->padding == REFLECT) return i < 0 ? -i : 2 * (a->size - 1) - i;
    return -1;
}

static reference_values conv2d(reference *r, const reference_layer *l, reference_values x) {
    axis a[2];
    const int64_t groups = reference_int(l, "groups"), C = channels_of(&x), O = reference_int(l, "out"), cg = C / groups;
    const int32_t w = reference_weight(r, l), b = reference_param(r, l->path, "bias");
    read_axes(l, &x.shape, a);
    a[0].padding = padding_mode(reference_word(l, "pad_mode"));
    a[1].padding = strcmp(reference_word(l, "pad_mode_x"), "pad_mode") == 0 ? a[0].padding : padding_mode(reference_word(l, "pad_mode_x"));
    const vaei_shape shape = image(a[0].made, a[1].made, O);
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * size_of(&y); i++) {
        const int64_t o = i % O, ox = i / O % a[1].made, oy = i / O / a[1].made % a[0].made, n = i / size_of(&y);
        tape_sum_begin(&r->t);
        for (int64_t tap = 0; tap < a[0].kernel * a[1].kernel; tap++) {
            const int64_t iy = seen(&a[0], oy, tap / a[1].kernel), ix = seen(&a[1], ox, tap % a[1].kernel);
            for (int64_t c = 0; c < cg && iy >= 0 && ix >= 0; c++)
                tape_sum_add(&r->t, x.at[((n * a[0].size + iy) * a[1].size + ix) * C + o / (O / groups) * cg + c],
                             w + (int32_t)((o * cg + c) * a[0].kernel * a[1].kernel + tap));
        }
        if (b >= 0) tape_sum_add(&r->t, b + (int32_t)o, TAPE_ONE);
        y.at[i] = tape_sum_end(&r->t, 1);
    }
    return y;
}

static void read_painted(const reference_layer *l, const vaei_shape *in, axis a[2]) {
    int64_t kernel[2], stride[2], dilation[2], pad[4], more[2];
    (void)reference_sizes(l, "kernel", 2, kernel);
    (void)reference_sizes(l, "stride", 2, stride);
    (void)reference_sizes(l, "dilation", 2, dilation);
    (void)reference_sizes(l, "output_pad", 2, more);
    const int32_t given = reference_sizes(l, "pad", 4, pad);
    for (int32_t i = 0; i < 2; i++) {
        const int64_t reach = (kernel[i] - 1) * dilation[i] + 1;
        a[i] = (axis){in->d[i], 0, kernel[i], stride[i], dilation[i], 0, ZEROS};
        if (given) {
            a[i].made = (in->d[i] - 1) * stride[i] + reach + more[i] - pad[2 * i] - pad[2 * i + 1];
            a[i].before = pad[2 * i];
        } else {
            a[i].made = in->d[i] * stride[i];
            a[i].before = reach > stride[i] ? (reach - stride[i]) / 2 : 0;
        }
    }
}

/* The pixel that paints o with tap k; -1: none. */
static int64_t painter(const axis *a, int64_t o, int64_t k) {
    const int64_t i = o + a->before - k * a->dilation;
    return i < 0 || i % a->stride != 0 || i / a->stride >= a->size ? -1 : i / a->stride;
}

static reference_values deconv2d(reference *r, const reference_layer *l, reference_values x) {
    axis a[2];
    const int64_t groups = reference_int(l, "groups"), C = channels_of(&x), O = reference_int(l, "out");
    const int64_t cg = C / groups, og = O / groups;
    const int32_t w = reference_weight(r, l), b = reference_param(r, l->path, "bias");
    read_painted(l, &x.shape, a);
    const vaei_shape shape = image(a[0].made, a[1].made, O);
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * size_of(&y); i++) {
        const int64_t o = i % O, ox = i / O % a[1].made, oy = i / O / a[1].made % a[0].made, n = i / size_of(&y);
        tape_sum_begin(&r->t);
        for (int64_t tap = 0; tap < a[0].kernel * a[1].kernel; tap++) {
            const int64_t iy = painter(&a[0], oy, tap / a[1].kernel), ix = painter(&a[1], ox, tap % a[1].kernel);
            for (int64_t c = o / og * cg; c < (o / og + 1) * cg && iy >= 0 && ix >= 0; c++)
                tape_sum_add(&r->t, x.at[((n * a[0].size + iy) * a[1].size + ix) * C + c],
                             w + (int32_t)((c * og + o % og) * a[0].kernel * a[1].kernel + tap));
        }
        if (b >= 0) tape_sum_add(&r->t, b + (int32_t)o, TAPE_ONE);
        y.at[i] = tape_sum_end(&r->t, 1);
    }
    return y;
}

/* ---- norms -------------------------------------------------------------------------------------------------------- */

/* Minus the mean, and one over the root of variance plus eps, of some nodes */
static void statistics(reference *r, int64_t count, const int32_t *x, double eps, int32_t *minus_mean, int32_t *inverse) {
    tape_sum_begin(&r->t);
    for (int64_t i = 0; i < count; i++) tape_sum_add(&r->t, x[i], TAPE_ONE);
    *minus_mean = tape_sum_end(&r->t, -1.0 / (double)count);
    int32_t *off = vaei_arena_array(&r->arena, (size_t)count, sizeof(*off));
    if (!off) abort();
    for (int64_t i = 0; i < count; i++) off[i] = tape_add(&r->t, x[i], *minus_mean);
    tape_sum_begin(&r->t);
    for (int64_t i = 0; i < count; i++) tape_sum_add(&r->t, off[i], off[i]);
    *inverse = tape_apply(&r->t, TAPE_INVERSE_ROOT, eps, tape_sum_end(&r->t, 1.0 / (double)count));
}

static int32_t normal(reference *r, int32_t x, int32_t minus_mean, int32_t inverse, int32_t w, int32_t b) {
    const int32_t u = tape_multiply(&r->t, tape_add(&r->t, x, minus_mean), inverse);
    return tape_add(&r->t, tape_multiply(&r->t, u, w), b);
}

typedef int64_t (*set_function)(const reference_values *x, int64_t i, int64_t groups);

/* The places of all values, set after set; those of set s end where start[s + 1] says. */
static int64_t *sorted(reference *r, const reference_values *x, int64_t sets, set_function set_of, int64_t groups, int64_t *start) {
    const int64_t count = x->n * size_of(x);
    int64_t *place = vaei_arena_array(&r->arena, (size_t)count + 1, sizeof(*place));
    if (!place) abort();
    for (int64_t i = 0; i < count; i++) start[set_of(x, i, groups) + 2]++;
    for (int64_t s = 0; s < sets; s++) start[s + 2] += start[s + 1];
    for (int64_t i = 0; i < count; i++) place[start[set_of(x, i, groups) + 1]++] = i;
    return place;
}

/* Values are in one set where set_of says the same number, 0..sets-1. */
static reference_values normalise(reference *r, const reference_layer *l, reference_values x, int64_t sets, set_function set_of,
                                  int64_t groups) {
    const int64_t count = x.n * size_of(&x), C = channels_of(&x);
    const int32_t w = reference_param(r, l->path, "weight"), b = reference_param(r, l->path, "bias");
    const reference_values y = reference_new(r, x.n, &x.shape);
    int64_t *start = vaei_arena_array(&r->arena, (size_t)sets + 2, sizeof(*start));
    int32_t *members = vaei_arena_array(&r->arena, (size_t)count + 1, sizeof(*members));
    if (!start || !members) abort();
    const int64_t *const place = sorted(r, &x, sets, set_of, groups, start);
    for (int64_t set = 0; set < sets; set++) {
        int32_t minus_mean, inverse;
        for (int64_t i = start[set]; i < start[set + 1]; i++) members[i] = x.at[place[i]];
        statistics(r, start[set + 1] - start[set], members + start[set], reference_float(l, "eps"), &minus_mean, &inverse);
        for (int64_t i = start[set]; i < start[set + 1]; i++) {
            const int32_t c = (int32_t)(place[i] % C);
            y.at[place[i]] = normal(r, members[i], minus_mean, inverse, w + c, b + c);
        }
    }
    return y;
}

static int64_t by_channel(const reference_values *x, int64_t i, int64_t groups) {
    (void)groups;
    return i % channels_of(x);
}

static int64_t by_group(const reference_values *x, int64_t i, int64_t groups) {
    const int64_t C = channels_of(x);
    return i / size_of(x) * groups + i % C / (C / groups);
}

static int64_t by_row(const reference_values *x, int64_t i, int64_t groups) {
    (void)groups;
    return i / channels_of(x);
}

static reference_values batchnorm(reference *r, const reference_layer *l, reference_values x) {
    const int64_t C = channels_of(&x);
    if (r->training) return normalise(r, l, x, C, by_channel, 0);
    const int32_t w = reference_param(r, l->path, "weight"), b = reference_param(r, l->path, "bias");
    const int32_t mean = reference_param(r, l->path, "running_mean"), var = reference_param(r, l->path, "running_var");
    const reference_values y = reference_new(r, x.n, &x.shape);
    for (int64_t i = 0; i < x.n * size_of(&x); i++) {
        const int32_t c = (int32_t)(i % C), inverse = tape_apply(&r->t, TAPE_INVERSE_ROOT, reference_float(l, "eps"), var + c);
        y.at[i] = normal(r, x.at[i], tape_scale(&r->t, -1, mean + c), inverse, w + c, b + c);
    }
    return y;
}

static reference_values groupnorm(reference *r, const reference_layer *l, reference_values x) {
    const int64_t groups = reference_int(l, "groups");
    return normalise(r, l, x, x.n * groups, by_group, groups);
}

static reference_values layernorm(reference *r, const reference_layer *l, reference_values x) {
    return normalise(r, l, x, x.n * size_of(&x) / channels_of(&x), by_row, 0);
}

static reference_values rmsnorm(reference *r, const reference_layer *l, reference_values x) {
    const int64_t C = channels_of(&x), rows = x.n * size_of(&x) / C;
    const int32_t w = reference_param(r, l->path, "weight"), b = reference_param(r, l->path, "bias");
    const reference_values y = reference_new(r, x.n, &x.shape);
    for (int64_t i = 0; i < rows; i++) {
        const int32_t *const row = x.at + i * C;
        int32_t squares = tape_multiply(&r->t, row[0], row[0]);
        for (int64_t c = 1; c < C; c++) squares = tape_add(&r->t, squares, tape_multiply(&r->t, row[c], row[c]));
        const int32_t inverse =
            tape_apply(&r->t, TAPE_INVERSE_ROOT, reference_float(l, "eps"), tape_scale(&r->t, 1.0 / (double)C, squares));
        for (int32_t c = 0; c < C; c++) {
            const int32_t scaled = tape_multiply(&r->t, tape_multiply(&r->t, row[c], inverse), w + c);
            y.at[i * C + c] = b < 0 ? scaled : tape_add(&r->t, scaled, b + c);
        }
    }
    return y;
}

/* ---- the same values elsewhere ------------------------------------------------------------------------------------ */

/* As PyTorch holds them, channels first, cut anew. */
static reference_values recut(reference *r, reference_values x, const vaei_shape *shape) {
    const int64_t size = size_of(&x), C = channels_of(&x), P = size / C, D = shape->d[shape->n - 1], Q = size / D;
    const reference_values y = reference_new(r, x.n, shape);
    for (int64_t i = 0; i < x.n * size; i++) {
        const int64_t first = i % size % D * Q + i % size / D; /* channels first */
        y.at[i] = x.at[i / size * size + first % P * C + first / P];
    }
    return y;
}

static reference_values flatten(reference *r, const reference_layer *l, reference_values x) {
    const vaei_shape shape = {1, {size_of(&x), 0, 0, 0}};
    (void)l;
    return recut(r, x, &shape);
}

static reference_values reshape(reference *r, const reference_layer *l, reference_values x) {
    vaei_shape shape = {0};
    shape.n = vaei_sizes_split(reference_word(l, "shape"), 4, shape.d);
    return recut(r, x, &shape);
}

static reference_values upsample(reference *r, const reference_layer *l, reference_values x) {
    int64_t f[2];
    (void)reference_sizes(l, "factor", 2, f);
    const int64_t w = x.shape.d[1], C = channels_of(&x);
    const vaei_shape shape = image(x.shape.d[0] * f[0], w * f[1], C);
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * size_of(&y); i++) {
        const int64_t ox = i / C % shape.d[1], row = i / C / shape.d[1];
        y.at[i] = x.at[(row / f[0] * w + ox / f[1]) * C + i % C];
    }
    return y;
}

/* fine[h f][w f][c] and coarse[h][w][c f f]; shuffle: to the fine one */
static reference_values shuffle(reference *r, int64_t f, reference_values x, int32_t to_fine) {
    const int64_t c = to_fine ? channels_of(&x) / (f * f) : channels_of(&x);
    const int64_t h = to_fine ? x.shape.d[0] : x.shape.d[0] / f, w = to_fine ? x.shape.d[1] : x.shape.d[1] / f;
    const vaei_shape shape = to_fine ? image(h * f, w * f, c) : image(h, w, c * f * f);
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * size_of(&y); i++) { /* of the fine one */
        const int64_t fx = i / c % (w * f), fy = i / c / (w * f);
        const int64_t coarse = ((fy / f * w + fx / f) * c + i % c) * f * f + fy % f * f + fx % f;
        y.at[to_fine ? i : coarse] = x.at[to_fine ? coarse : i];
    }
    return y;
}

static reference_values pixel_shuffle(reference *r, const reference_layer *l, reference_values x) {
    return shuffle(r, reference_int(l, "factor"), x, 1);
}

static reference_values pixel_unshuffle(reference *r, const reference_layer *l, reference_values x) {
    return shuffle(r, reference_int(l, "factor"), x, 0);
}

/* ---- windows ------------------------------------------------------------------------------------------------------ */

static reference_values pooled(reference *r, const reference_layer *l, reference_values x, int32_t largest) {
    axis a[2];
    const int64_t C = channels_of(&x);
    read_axes(l, &x.shape, a);
    const vaei_shape shape = image(a[0].made, a[1].made, C);
    const reference_values y = reference_new(r, x.n, &shape);
    for (int64_t i = 0; i < x.n * size_of(&y); i++) {
        const int64_t ox = i / C % a[1].made, oy = i / C / a[1].made % a[0].made, n = i / size_of(&y);
        tape_sum_begin(&r->t);
        for (int64_t tap = 0; tap < a[0].kernel * a[1].kernel; tap++) {
            const int64_t iy = seen(&a[0], oy, tap / a[1].kernel), ix = seen(&a[1], ox, tap % a[1].kernel);
            if (iy >= 0 && ix >= 0) tape_sum_add(&r->t, x.at[((n * a[0].size + iy) * a[1].size + ix) * C + i % C], TAPE_ONE);
        }
        y.at[i] = largest ? tape_largest_end(&r->t) : tape_sum_end(&r->t, 1.0 / (double)(a[0].kernel * a[1].kernel));
    }
    return y;
}

static reference_values avgpool(reference *r, const reference_layer *l, reference_values x) {
    return pooled(r, l, x, 0);
}

static reference_values maxpool(reference *r, const reference_layer *l, reference_values x) {
    return pooled(r, l, x, 1);
}

/* ---- attention ---------------------------------------------------------------------------------------------------- */

static reference_values projected(reference *r, const reference_layer *l, const char *weight, const char *bias, reference_values x) {
    const int64_t C = channels_of(&x);
    const reference_values y = reference_new(r, x.n, &x.shape);
    rows_times(r, x.n * size_of(&x) / C, C, C, x.at, reference_param(r, l->path, weight), 0, reference_param(r, l->path, bias), y.at);
    return y;
}

static reference_values attention(reference *r, const reference_layer *l, reference_values x) {
    const int64_t C = channels_of(&x), T = size_of(&x) / C, heads = reference_int(l, "heads"), d = C / heads;
    const int32_t causal = strcmp(reference_word(l, "causal"), "true") == 0;
    const reference_values q = projected(r, l, "to_q.weight", "to_q.bias", x), k = projected(r, l, "to_k.weight", "to_k.bias", x),
                           v = projected(r, l, "to_v.weight", "to_v.bias", x), o = reference_new(r, x.n, &x.shape);
    int32_t *p = vaei_arena_array(&r->arena, (size_t)T, sizeof(*p));
    if (!p) abort();
    for (int64_t i = 0; i < x.n * T * heads; i++) {
        const int64_t h = i % heads, query = i / heads, from = query / T * T, count = causal ? query % T + 1 : T;
        for (int64_t s = 0; s < count; s++) {
            tape_sum_begin(&r->t);
            for (int64_t c = h * d; c < (h + 1) * d; c++) tape_sum_add(&r->t, q.at[query * C + c], k.at[(from + s) * C + c]);
            p[s] = tape_apply(&r->t, TAPE_EXP, 0, tape_sum_end(&r->t, 1 / sqrt((double)d)));
        }
        tape_sum_begin(&r->t);
        for (int64_t s = 0; s < count; s++) tape_sum_add(&r->t, p[s], TAPE_ONE);
        const int32_t inverse = tape_apply(&r->t, TAPE_INVERSE, 0, tape_sum_end(&r->t, 1));
        for (int64_t c = h * d; c < (h + 1) * d; c++) {
            tape_sum_begin(&r->t);
            for (int64_t s = 0; s < count; s++) tape_sum_add(&r->t, p[s], v.at[(from + s) * C + c]);
            o.at[query * C + c] = tape_multiply(&r->t, tape_sum_end(&r->t, 1), inverse);
        }
    }
    return projected(r, l, "to_out.0.weight", "to_out.0.bias", o);
}

/* ---- a way around, and single values ------------------------------------------------------------------------------ */

static reference_values residual(reference *r, const reference_layer *l, reference_values x) {
    char path[512];
    (void)snprintf(path, sizeof(path), "%s.body", l->path);
    const reference_values body = reference_stack(r, l->node->body, path, x);
    (void)snprintf(path, sizeof(path), "%s.shortcut", l->path);
    const reference_values other = l->node->body->next ? reference_stack(r, l->node->body->next, path, x) : x;
    if (r->gave_up) return x;
    const reference_values y = reference_new(r, x.n, &body.shape);
    for (int64_t i = 0; i < x.n * size_of(&body); i++) y.at[i] = tape_add(&r->t, body.at[i], other.at[i]);
    return y;
}

/* ---- conditions --------------------------------------------------------------------------------------------------- */

/* e of example n: the embedding of its class, or one-hot of `classes`, and its own values. Returns how many. */
static int64_t condition_of(reference *r, int64_t n, int32_t embedding, int64_t size, int32_t *e) {
    for (int64_t j = 0; j < size; j++)
        e[j] = embedding >= 0 ? embedding + (int32_t)(r->label[n] * size + j) : tape_leaf(&r->t, r->label[n] == j);
    for (int64_t j = 0; j < r->of_condition; j++) e[size + j] = tape_leaf(&r->t, (double)r->condition[n * r->of_condition + j]);
    return size + r->of_condition;
}

static int32_t times(reference *r, int64_t E, const int32_t *e, int32_t row) {
    tape_sum_begin(&r->t);
    for (int64_t j = 0; j < E; j++) tape_sum_add(&r->t, e[j], row + (int32_t)j);
    return tape_sum_end(&r->t, 1);
}

static reference_values condition(reference *r, const reference_layer *l, reference_values x) {
    const int32_t concat = strcmp(reference_word(l, "mode"), "concat") == 0, embedding = reference_param(r, l->path, "embedding.weight");
    const int32_t scale = reference_param(r, l->path, "scale.weight"), shift = reference_param(r, l->path, "shift.weight");
    const int64_t C = channels_of(&x), P = size_of(&x) / C, classes = r->label ? vae_model_class_count(r->model) : 0;
    const int64_t size = classes == 0 ? 0 : concat ? classes : reference_int(l, "dim"), wide = concat ? C + size + r->of_condition : C;
    int32_t *e = vaei_arena_array(&r->arena, (size_t)(size + r->of_condition) + 1, sizeof(*e));
    vaei_shape shape = x.shape;
    shape.d[shape.n - 1] = wide;
    const reference_values y = reference_new(r, x.n, &shape);
    if (!e) abort();
    if (r->training && reference_float(l, "drop") > 0) r->gave_up = "drop of condition";
    for (int64_t n = 0; n < x.n; n++) {
        const int64_t E = condition_of(r, n, embedding, size, e);
        for (int64_t c = 0; c < wide; c++) {
            const int32_t t = concat ? -1 : times(r, E, e, shift + (int32_t)(c * E));
            const int32_t s = scale < 0 ? -1 : tape_add(&r->t, tape_leaf(&r->t, 1), times(r, E, e, scale + (int32_t)(c * E)));
            for (int64_t p = n * P; p < (n + 1) * P; p++) {
                const int32_t in = c < C ? x.at[p * C + c] : e[c - C], by = s < 0 ? in : tape_multiply(&r->t, in, s);
                y.at[p * wide + c] = concat ? in : tape_add(&r->t, by, t);
            }
        }
    }
    return y;
}

/* Random only in training, where the library alone knows what it dropped. */
static reference_values dropout(reference *r, const reference_layer *l, reference_values x) {
    if (r->training && reference_float(l, "p") > 0) r->gave_up = "dropout";
    return x;
}

static reference_values corrupt(reference *r, const reference_layer *l, reference_values x) {
    if (r->training && reference_float(l, "amount") > 0) r->gave_up = "corrupt";
    return x;
}

static reference_values mapped(reference *r, reference_values x, tape_function f, double parameter) {
    const reference_values y = reference_new(r, x.n, &x.shape);
    for (int64_t i = 0; i < x.n * size_of(&x); i++) y.at[i] = tape_apply(&r->t, f, parameter, x.at[i]);
    return y;
}

#define MAPPED(name, function, parameter)                                                            \
    static reference_values name##_map(reference *r, const reference_layer *l, reference_values x) { \
        (void)l;                                                                                     \
        return mapped(r, x, function, parameter);                                                    \
    }
MAPPED(relu, TAPE_LEAKY, 0)
MAPPED(leaky_relu, TAPE_LEAKY, reference_float(l, "slope"))
MAPPED(elu, TAPE_ELU, reference_float(l, "alpha"))
MAPPED(silu, TAPE_SILU, 0)
MAPPED(gelu, TAPE_GELU, 0)
MAPPED(softplus, TAPE_SOFTPLUS, 0)
MAPPED(tanh, TAPE_TANH, 0)
MAPPED(sigmoid, TAPE_SIGMOID, 0)

static reference_values hardtanh(reference *r, const reference_layer *l, reference_values x) {
    return mapped(r, mapped(r, x, TAPE_LEAST, reference_float(l, "min")), TAPE_MOST, reference_float(l, "max"));
}

static reference_values rescale(reference *r, const reference_layer *l, reference_values x) {
    const reference_values y = reference_new(r, x.n, &x.shape);
    const int32_t factor = tape_leaf(&r->t, reference_float(l, "factor")), offset = tape_leaf(&r->t, reference_float(l, "offset"));
    for (int64_t i = 0; i < x.n * size_of(&x); i++) y.at[i] = tape_add(&r->t, tape_multiply(&r->t, factor, x.at[i]), offset);
    return y;
}

/* ---- hierarchies --------------------------------------------------------------------------------------------------- */

static reference_values tap(reference *r, const reference_layer *l, reference_values x) {
    if (r->n_taps == REFERENCE_LEVELS) abort();
    r->tap[r->n_taps].name = l->node->attrs->value;
    r->tap[r->n_taps++].x = x;
    return x;
}

/* Rows of a beside rows of b. */
static reference_values beside(reference *r, reference_values a, reference_values b) {
    const int64_t A = channels_of(&a), B = channels_of(&b);
    vaei_shape shape = a.shape;
    shape.d[shape.n - 1] = A + B;
    const reference_values y = reference_new(r, a.n, &shape);
    for (int64_t i = 0; i < a.n * size_of(&y); i++) {
        const int64_t row = i / (A + B), c = i % (A + B);
        y.at[i] = c < A ? a.at[row * A + c] : b.at[row * B + c - A];
    }
    return y;
}

static reference_values latent(reference *r, const reference_layer *l, reference_values s) {
    char path[4][600];
    static const char *const heads[4] = {"mean", "logvar", "prior.mean", "prior.logvar"};
    const int64_t dim = reference_int(l, "dim");
    const reference_values *kept = NULL;
    if (r->n_levels == REFERENCE_LEVELS) abort();
    reference_level *const v = &r->level[r->n_levels++];
    for (int32_t i = 0; i < 4; i++) (void)snprintf(path[i], sizeof(path[i]), "%s.%s", l->path, heads[i]);
    for (int32_t i = 0; i < r->n_taps; i++)
        if (strcmp(r->tap[i].name, reference_word(l, "from")) == 0) kept = &r->tap[i].x;
    memset(v, 0, sizeof(*v));
    v->mean.n = s.n;
    v->mean.shape = s.shape;
    v->mean.shape.d[s.shape.n - 1] = dim;
    if (r->from != REFERENCE_GIVEN) {
        const reference_values both = beside(r, s, *kept);
        v->mean = reference_head(r, path[0], both, dim);
        v->logvar = reference_logvar(r, path[1], both, dim);
        v->prior_mean = reference_head(r, path[2], s, dim);
        v->prior_logvar = reference_logvar(r, path[3], s, dim);
    }
    return beside(r, s, reference_z(r, v));
}

reference_formula reference_find(const char *layer) {
    static const struct {
        const char *name;
        reference_formula formula;
    } formulas[] = {
        {"linear", linear},
        {"tap", tap},
        {"latent", latent},
        {"conv2d", conv2d},
        {"deconv2d", deconv2d},
        {"batchnorm", batchnorm},
        {"groupnorm", groupnorm},
        {"layernorm", layernorm},
        {"rmsnorm", rmsnorm},
        {"dropout", dropout},
        {"corrupt", corrupt},
        {"condition", condition},
        {"flatten", flatten},
        {"reshape", reshape},
        {"upsample", upsample},
        {"avgpool", avgpool},
        {"maxpool", maxpool},
        {"attention", attention},
        {"residual", residual},
        {"pixel_shuffle", pixel_shuffle},
        {"relu", relu_map},
        {"leaky_relu", leaky_relu_map},
        {"pixel_unshuffle", pixel_unshuffle},
        {"elu", elu_map},
        {"silu", silu_map},
        {"gelu", gelu_map},
        {"softplus", softplus_map},
        {"tanh", tanh_map},
        {"sigmoid", sigmoid_map},
        {"hardtanh", hardtanh},
        {"rescale", rescale},
    };
    for (size_t i = 0; i < VAEI_COUNT(formulas); i++)
        if (strcmp(formulas[i].name, layer) == 0) return formulas[i].formula;
    return reference_find_sequence(layer);
}
