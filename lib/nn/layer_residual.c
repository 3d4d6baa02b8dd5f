/* SPDX-License-Identifier: MIT
 * layer_residual.c - a stack whose input, or the output of a shortcut, is added to its output
 *
 *       residual { body }                  y = body(x) + x
 *       residual { body } { shortcut }     y = body(x) + shortcut(x)          dx = body^T dy + shortcut^T dy
 *
 *   Body and shortcut must have the same output shape. Parameters: <path>.body.<i>.weight, <path>.shortcut.<i>.weight.
 *
 *   He, Zhang, Ren, Sun 2015 (arXiv:1512.03385). */
#include "nn/ranges.h"
#include "nn/stack.h"

enum { BODY, SHORTCUT };

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    static const char *const names[VAEI_LAYER_BODIES] = {"body", "shortcut"};
    const vaei_pipeline *p = node->body;
    char made[96], wanted[96];
    if (!p) return vaei_fail(VAE_E_SPEC, "residual: wants layers in braces");
    for (int32_t i = 0; p; i++, p = p->next) {
        if (i == VAEI_LAYER_BODIES) return vaei_fail(VAE_E_SPEC, "%s residual: more than a body and a shortcut in braces", l->path);
        const char *path = vaei_arena_format(b->arena, "%s.%s", l->path, names[i]);
        if (!path) return VAE_E_NOMEM;
        VAEI_TRY(vaei_stack_build(&l->body[i], b, p, path, in));
    }
    *out = l->body[BODY]->out;
    const vaei_shape *other = l->body[SHORTCUT] ? &l->body[SHORTCUT]->out : in;
    if (!vaei_shape_equal(out, other))
        return vaei_fail(VAE_E_SHAPE, "%s residual: the body makes %s, the %s %s", l->path, vaei_shape_text(out, made),
                         l->body[SHORTCUT] ? "shortcut makes" : "input is", vaei_shape_text(other, wanted));
    return VAE_OK;
}

/* The range of a sum. */
static void range(const vaei_layer *l, vaei_interval *values) {
    vaei_interval body = *values, other = *values;
    (void)vaei_stack_range(l->body[BODY], &body);
    if (l->body[SHORTCUT]) (void)vaei_stack_range(l->body[SHORTCUT], &other);
    *values = (vaei_interval){body.lo + other.lo, body.hi + other.hi};
}

static vae_status_t expand(vaei_layer *l, vaei_expansion *e, int32_t in, int32_t *out) {
    int32_t body, side = in;
    VAEI_TRY(vaei_expand_stack(e, l->body[BODY], in, &body));
    if (l->body[SHORTCUT]) VAEI_TRY(vaei_expand_stack(e, l->body[SHORTCUT], in, &side));
    return vaei_expand_layer(e, l, body, side, out);
}

typedef struct job {
    const vaei_run *r;
    const vaei_epilogue *epilogue;
    const float *a, *b; /* y = a + b; either may be y */
    float *y;
} job;

static void add(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t count = end - begin;
    if (j->a != j->y) memcpy(j->y + begin, j->a + begin, (size_t)count * sizeof(float));
    j->r->k->add(count, j->b + begin, j->y + begin);
    if (j->epilogue) j->epilogue->apply(j->epilogue->arg, j->r->k, count, j->y + begin);
}

/* The step's own work: x is the output of the body, m->add that of the other branch. */
static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = {r, vaei_layer_epilogue(l, r->training), m->add == y ? y : x, m->add == y ? x : m->add, y};
    vaei_parallel_ranges(r->pool, vaei_layer_values(l, r, m), 1, add, &j);
}

const vaei_layer_ops vaei_layer_residual = {
    .module = {"residual", "adds its input, or the output of a shortcut, to the output of its layers",
               "residual { conv2d out=4 kernel=3 pad=1 | tanh } { conv2d out=4 kernel=1 }\n"
               "residual { layernorm | tanh }\n"
               "residual { } { sigmoid }\n"
               "residual { tanh } { batchnorm }",
               "He et al. 2015 (arXiv:1512.03385)", 0, NULL},
    .flags = VAEI_LAYER_SUMS | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .forward = forward,
    .range = range,
    .expand = expand,
    .band = vaei_band_same,
};
